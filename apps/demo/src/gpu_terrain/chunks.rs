//! Which columns of bricks there should be: asks for those around the eye, shows each once all of
//! it is there, and frees the farthest when there is no room.
//!
//! It decides from the eye and from the results of batches alone, in their order, so that two
//! flights whose results come after as many frames decide alike.
//!
//! A column is asked for as a whole, with the order to show it in the same batch. That order counts
//! only if everything in the batch was placed; else it is given again, in a batch of its own, for
//! the columns that are whole, and what is missing of the others is asked for again, after the
//! farthest columns were freed.

mod room;
mod slots;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use geoheap_gpu_bitset::mirror::Applied;
use geoheap_gpu_bitset::{Flip, Handle, Outcome, Status};
use glam::Vec3;

use crate::gpu_terrain::lattice::{BRICK_M, ColumnId, Job};
use crate::gpu_terrain::machine::Orders;
use crate::gpu_terrain::mesher::JOBS_MAX;

use slots::Slots;

/// Columns nearer than this are wanted, in world metres.
pub const REACH_M: f32 = 2600.0;
/// Columns farther than this are let go.
const KEEP_M: f32 = REACH_M + 2.0 * BRICK_M;
/// After so many frames with room for all, more is wanted again.
const CALM_FRAMES: u32 = 24;
/// By so many metres a frame.
const GROWTH_M: f32 = 12.0;

/// What a brick consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ground,
    Props,
}

/// The state of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Not there, and not asked for.
    Missing,
    /// Asked for; the slot is taken.
    Asked { slot: u32 },
    /// There.
    Held { slot: u32, units: u32 },
    /// There is nothing of it.
    Empty,
}

/// A column that is wanted, or not freed yet.
#[derive(Debug)]
struct Column {
    low: i32,
    /// Ground and props of each brick, from the lowest.
    parts: Vec<Part>,
    /// Whether a batch that names it is on its way.
    under_way: bool,
    shown: bool,
}

impl Column {
    fn is_whole(&self) -> bool {
        let is_there = |part: &Part| matches!(part, Part::Held { .. } | Part::Empty);
        self.parts.iter().all(is_there)
    }

    fn slots(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().filter_map(|part| match part {
            Part::Asked { slot } | Part::Held { slot, .. } => Some(*slot),
            Part::Missing | Part::Empty => None,
        })
    }
}

/// What was ordered with one batch.
#[derive(Debug, Default)]
struct Plan {
    /// The slots, with the column and the part that shall be there.
    asked: BTreeMap<u32, (ColumnId, usize)>,
    /// Columns to show.
    shown: Vec<ColumnId>,
}

/// The columns.
#[derive(Debug)]
pub struct Chunks {
    columns: BTreeMap<ColumnId, Column>,
    slots: Slots,
    /// One for each batch whose results are not known.
    plans: VecDeque<Plan>,
    reach_m: f32,
    calm_frames: u32,
    /// Units that were missing in the last results.
    missing_units: u32,
    lacks_slots: bool,
}

impl Chunks {
    /// None yet, for a heap of so many slots.
    pub fn new(slots: u32) -> Self {
        Self {
            columns: BTreeMap::new(),
            slots: Slots::new(slots),
            plans: VecDeque::new(),
            reach_m: REACH_M,
            calm_frames: 0,
            missing_units: 0,
            lacks_slots: false,
        }
    }

    /// How far the columns reach that are wanted, in world metres.
    pub fn reach_m(&self) -> f32 {
        self.reach_m
    }

    /// The columns that are known to be shown.
    pub fn shown(&self) -> impl Iterator<Item = ColumnId> {
        let shown = self.columns.iter().filter(|(_, column)| column.shown);
        shown.map(|(id, _)| *id)
    }

    /// Takes in the results of the next batch.
    pub fn note(&mut self, applied: &Applied) {
        let plan = self.plans.pop_front().expect("each batch was planned");
        let header = &applied.header;
        let outcomes: BTreeMap<u32, &Outcome> = applied
            .outcomes
            .iter()
            .map(|outcome| (outcome.slot(), outcome))
            .collect();
        for (slot, (id, index)) in plan.asked {
            let column = self.columns.get_mut(&id).expect("it is under way");
            column.under_way = false;
            let outcome = outcomes.get(&slot);
            let status = outcome.map(|outcome| outcome.status());
            column.parts[index] = match (status, outcome) {
                (Some(Status::Ok), Some(outcome)) => Part::Held {
                    slot,
                    units: outcome.units,
                },
                (Some(Status::Zero), _) => Part::Empty,
                // Refused is what did not fit where meshes are made.
                _ => Part::Missing,
            };
            if !matches!(column.parts[index], Part::Held { .. }) {
                self.slots.put_back(slot);
            }
        }
        for id in plan.shown {
            let column = self.columns.get_mut(&id).expect("it is under way");
            column.under_way = false;
            column.shown = header.no_space + header.invalid == 0;
        }
        self.missing_units = self.missing_units.max(header.missing_units);
    }

    /// What the next batch shall do for an eye there; `bricks` says between which heights a column
    /// has something. If the orders are not empty, a batch has to be recorded, and its results to
    /// be noted.
    pub fn plan(&mut self, eye: Vec3, bricks: &mut dyn FnMut(ColumnId) -> Range<i32>) -> Orders {
        let mut orders = Orders::default();
        self.let_go_of_the_far(eye, &mut orders.frees);
        if self.missing_units > 0 || self.lacks_slots {
            self.make_room(eye, &mut orders.frees);
        } else {
            self.calm_frames += 1;
            if self.calm_frames > CALM_FRAMES {
                self.reach_m = (self.reach_m + GROWTH_M).min(REACH_M);
            }
        }
        let mut plan = Plan::default();
        self.show_whole(&mut orders.flips, &mut plan);
        if orders.flips.is_empty() {
            self.ask(eye, bricks, &mut orders, &mut plan);
        }
        if !orders.is_empty() {
            self.plans.push_back(plan);
        }
        orders
    }

    /// Shows columns that are whole and were not shown with their batch: without a request beside
    /// them that could fail again.
    fn show_whole(&mut self, flips: &mut Vec<Flip>, plan: &mut Plan) {
        for (id, column) in &mut self.columns {
            if column.is_whole() && !column.shown && !column.under_way {
                column.under_way = true;
                flips.extend(column.slots().map(|slot| show(self.slots.handle(slot))));
                plan.shown.push(*id);
            }
        }
    }

    /// Asks for the nearest columns that are not whole, as many as one frame meshes.
    fn ask(
        &mut self,
        eye: Vec3,
        bricks: &mut dyn FnMut(ColumnId) -> Range<i32>,
        orders: &mut Orders,
        plan: &mut Plan,
    ) {
        for id in around(eye, self.reach_m) {
            let column = self.columns.entry(id).or_insert_with(|| {
                let bricks = bricks(id);
                Column {
                    low: bricks.start,
                    parts: vec![Part::Missing; 2 * bricks.len()],
                    under_way: false,
                    shown: false,
                }
            });
            if column.under_way || column.is_whole() {
                continue;
            }
            let jobs = jobs_of(id, column);
            let requests: u32 = jobs.iter().map(Job::requests).sum();
            if orders.jobs.len() + jobs.len() > JOBS_MAX as usize {
                break;
            }
            if self.slots.free() < requests as usize {
                self.lacks_slots = true;
                break;
            }
            self.order(id, jobs, orders, plan);
        }
    }

    fn order(&mut self, id: ColumnId, jobs: Vec<Job>, orders: &mut Orders, plan: &mut Plan) {
        let column = self.columns.get_mut(&id).expect("the caller has found it");
        for mut job in jobs {
            let brick = (job.brick[1] - column.low).unsigned_abs() as usize;
            for (kind, wants, job_slot) in [
                (Kind::Ground, Job::GROUND, &mut job.ground_slot),
                (Kind::Props, Job::PROPS, &mut job.props_slot),
            ] {
                if job.wants & wants != 0 {
                    let slot = self.slots.take();
                    let index = 2 * brick + kind as usize;
                    *job_slot = slot;
                    column.parts[index] = Part::Asked { slot };
                    plan.asked.insert(slot, (id, index));
                }
            }
            orders.jobs.push(job);
        }
        let flips = column.slots().map(|slot| show(self.slots.handle(slot)));
        orders.flips.extend(flips);
        column.under_way = true;
        plan.shown.push(id);
    }
}

fn show(handle: Handle) -> Flip {
    Flip {
        handle,
        visible: 1,
        reserved: 0,
    }
}

/// What is missing of a column.
fn jobs_of(id: ColumnId, column: &Column) -> Vec<Job> {
    let is_missing = |part: Part, wants| if part == Part::Missing { wants } else { 0 };
    let bricks = column.parts.as_chunks::<2>().0.iter();
    let jobs = (column.low..).zip(bricks).map(|(y, &[ground, props])| Job {
        brick: id.brick(y).to_array(),
        wants: is_missing(ground, Job::GROUND) | is_missing(props, Job::PROPS),
        ..Job::default()
    });
    jobs.filter(|job| job.wants != 0).collect()
}

/// The columns nearer than `reach_m`, the nearest first.
fn around(eye: Vec3, reach_m: f32) -> Vec<ColumnId> {
    #[expect(clippy::cast_possible_truncation, reason = "some ten bricks")]
    let reach = (reach_m / BRICK_M).ceil() as i32;
    let middle = ColumnId::at(eye);
    let offsets = -reach..=reach;
    let mut near: Vec<(f32, ColumnId)> = offsets
        .clone()
        .flat_map(|dz| offsets.clone().map(move |dx| (dx, dz)))
        .map(|(dx, dz)| ColumnId {
            x: middle.x + dx,
            z: middle.z + dz,
        })
        .map(|id| (id.distance_m(eye), id))
        .filter(|(distance_m, _)| *distance_m < reach_m)
        .collect();
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests;
