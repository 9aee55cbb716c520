//! Recorded traces, each mesh a vertex and an index range in one space.

use std::path::Path;

use crate::peers::{Allocator, Setup};
use crate::replay::{Op, Player, Script};
use crate::trace::{self, Event, Mesh, TraceError};

/// A trace of the project's own.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    /// As in the tables.
    pub name: &'static str,
    /// Below the package's folder.
    pub file: &'static str,
    /// Bytes of a vertex: what the start of a vertex range is a multiple of, but in the few meshes
    /// that have others.
    pub stride: u32,
}

impl Recorded {
    /// All of them.
    pub const ALL: [Self; 2] = [
        Self {
            name: "trace-luanti",
            file: "data/luanti_v7_flight.trace.gz",
            stride: 36,
        },
        Self {
            name: "trace-bevy",
            file: "data/bevy_voxel_world_gebco.trace.gz",
            stride: 60,
        },
    ];

    /// Reads the trace.
    ///
    /// # Errors
    /// [`TraceError`] when it cannot be read.
    pub fn read(&self) -> Result<Vec<Event>, TraceError> {
        trace::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(self.file))
    }

    /// The trace as a script, in a space a tenth larger than what is live at most.
    ///
    /// # Errors
    /// [`TraceError`] when it cannot be read.
    pub fn script(&self) -> Result<Script, TraceError> {
        const UNIT: u64 = 4;
        let events = self.read()?;
        let mut ops = Vec::new();
        let mut sizes: Vec<(u32, u32)> = Vec::new();
        let (mut live, mut peak, mut ranges, mut ranges_peak) = (0_u64, 0, 0_u32, 0);
        for event in events {
            let (gone, come) = match event {
                Event::Add(mesh) => (None, Some(mesh)),
                Event::Replace(mesh) => (Some(mesh.id), Some(mesh)),
                Event::Remove(id) => (Some(id), None),
                Event::Frame => (None, None),
            };
            if let Some(id) = gone {
                let at = id as usize;
                let lens = core::mem::take(&mut sizes[at]);
                for (slot, len) in [(2 * id, lens.0), (2 * id + 1, lens.1)] {
                    if len > 0 {
                        live -= u64::from(len);
                        ranges -= 1;
                        ops.push(Op {
                            slot,
                            len: 0,
                            align: 1,
                        });
                    }
                }
            }
            if let Some(Mesh {
                id,
                vertex_bytes,
                index_bytes,
            }) = come
            {
                let at = id as usize;
                sizes.resize(sizes.len().max(at + 1), (0, 0));
                let lens = (vertex_bytes, index_bytes.next_multiple_of(4));
                sizes[at] = lens;
                let whole = vertex_bytes.is_multiple_of(self.stride);
                let align = if whole { self.stride } else { 4 };
                for (slot, len, align) in [(2 * id, lens.0, align), (2 * id + 1, lens.1, 4)] {
                    if len > 0 {
                        live += u64::from(len);
                        ranges += 1;
                        ops.push(Op { slot, len, align });
                    }
                }
            }
            peak = peak.max(live);
            ranges_peak = ranges_peak.max(ranges);
        }
        Ok(Script {
            name: self.name.to_owned(),
            setup: Setup {
                capacity: (peak / 10 * 11).next_multiple_of(UNIT),
                unit: UNIT,
                live_max: ranges_peak,
            },
            slots: 2 * sizes.len(),
            warm_up: Vec::new(),
            // The parts of a trace are not alike: it is timed as a whole.
            turns: vec![ops],
            fill: Vec::new(),
        })
    }
}

/// The smallest capacity in which no allocation of the script fails, in bytes, to a 1 000th of
/// the script's own capacity, by bisection: a larger space may do worse, and then it is one of
/// the capacities from which on it fits. `None` where twice the script's capacity is not enough,
/// or more than the allocator can have.
pub fn capacity_needed<A: Allocator>(script: &Script) -> Option<u64> {
    let Setup { capacity, unit, .. } = script.setup;
    let suffices = |capacity: u64| {
        let setup = Setup {
            capacity: capacity.next_multiple_of(unit),
            ..script.setup
        };
        let tried = Script {
            setup,
            slots: script.slots,
            ..Script::default()
        };
        let player = Player::<A>::new(&tried);
        player.is_some_and(|mut player| script.turns.iter().all(|turn| player.play(turn) == 0))
    };
    let (mut too_small, mut enough) = (0, capacity * 2);
    if !suffices(enough) {
        return None;
    }
    while enough - too_small > capacity / 1_000 {
        let half = too_small + (enough - too_small) / 2;
        if suffices(half) {
            enough = half;
        } else {
            too_small = half;
        }
    }
    Some(enough)
}
