//! Making room: the farthest columns go, and what was freed is not wanted again at once.

use geoheap_gpu_bitset::Handle;
use glam::Vec3;

use super::{Chunks, Column, KEEP_M, Part};
use crate::gpu_terrain::lattice::ColumnId;
use crate::gpu_terrain::machine::FREES_MAX;

/// Room is made for a part more than was missing, as it comes in pieces.
const SPARE: u32 = 4;
/// The least that is wanted, whatever the heap says.
const REACH_MIN_M: f32 = 300.0;

impl Chunks {
    /// Frees columns that nobody wants any more, however much room there is.
    pub(super) fn let_go_of_the_far(&mut self, eye: Vec3, frees: &mut Vec<Handle>) {
        let far: Vec<ColumnId> = self
            .columns
            .iter()
            .filter(|(id, column)| !column.under_way && id.distance_m(eye) > KEEP_M)
            .map(|(id, _)| *id)
            .collect();
        for id in far {
            if !self.free(id, frees) {
                break;
            }
        }
    }

    /// Frees the farthest columns until what was missing would fit.
    pub(super) fn make_room(&mut self, eye: Vec3, frees: &mut Vec<Handle>) {
        let missing = self.missing_units + self.missing_units / SPARE;
        self.missing_units = 0;
        self.lacks_slots = false;
        self.calm_frames = 0;
        let waits = self.columns.iter().filter(|(_, column)| !column.is_whole());
        let waits = waits.map(|(id, _)| id.distance_m(eye));
        let nearest_m = waits.fold(f32::INFINITY, f32::min);
        let mut far: Vec<(f32, ColumnId)> = self
            .columns
            .iter()
            .filter(|(_, column)| !column.under_way && held_units(column) > 0)
            .map(|(id, _)| (id.distance_m(eye), *id))
            .collect();
        far.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        let mut freed = 0;
        for (distance_m, id) in far {
            // Who is nearer than all that wait stays.
            if freed > missing || distance_m < nearest_m {
                break;
            }
            let units = held_units(&self.columns[&id]);
            if !self.free(id, frees) {
                break;
            }
            freed += units;
            self.reach_m = distance_m.min(self.reach_m);
        }
        if freed <= missing {
            // Even so not all of what waits has room: the farthest of it is given up.
            self.reach_m = self.reach_m.min(nearest_m);
        }
        self.reach_m = self.reach_m.max(REACH_MIN_M);
    }

    /// Frees a column, unless the batch has no place for so many frees.
    fn free(&mut self, id: ColumnId, frees: &mut Vec<Handle>) -> bool {
        let held = self.columns[&id].slots().count();
        if frees.len() + held > FREES_MAX as usize {
            return false;
        }
        let column = self.columns.remove(&id).expect("the caller has found it");
        debug_assert!(!column.under_way, "its parts are known");
        frees.extend(column.slots().map(|slot| self.slots.release(slot)));
        true
    }
}

fn held_units(column: &Column) -> u32 {
    let held = column.parts.iter().map(|part| match part {
        Part::Held { units, .. } => *units,
        _ => 0,
    });
    held.sum()
}
