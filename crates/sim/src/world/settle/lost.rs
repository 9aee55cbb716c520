//! The device goes once more when all is calm: what comes back on the next one (R5).

use std::collections::BTreeSet;

use geoheap::{Handle, Lifetime, Lookup, RangeState};

use super::{CALM_TICKS, World};
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::oracle::{Block, Kept};

/// Of what was resident so much is so again, at least: a heap that is laid out anew may have no
/// place for some of it.
const BACK_SHARE: (u64, u64) = (1, 2);

/// What there was before the device went.
#[derive(Debug, Default)]
struct Before {
    /// How many blocks with a source were resident.
    resident: u64,
    /// Those of them whose source is known to have what they need, but for very long ones.
    due: BTreeSet<Handle>,
    /// Of these, the pinned and the long-lived.
    urgent: BTreeSet<Handle>,
    evicted: u64,
    /// Pinned or long-lived blocks that were evicted.
    missed: u64,
    lost: u64,
    /// Something is neither here nor there.
    is_unclear: bool,
}

impl<G: Gpu> World<G> {
    /// Loses the device without a fault besides. What was resident comes back though nobody looks
    /// at it, what is pinned or long-lived above all, and the engine says how many blocks do.
    pub(super) fn check_loss(&mut self) -> Verdict {
        let before = self.before_loss();
        self.lose_device();
        for _ in 0..CALM_TICKS {
            self.quiet_tick()?;
            if !self.is_lost() {
                break;
            }
        }
        let told = self.restored;
        let returning = before.resident + before.missed;
        // What was evicted may have been on its way, as this look missed it.
        let is_right = told.lost_blocks == before.lost
            && told.returning_blocks >= returning
            && told.returning_blocks + told.evicted_blocks == returning + before.evicted;
        ensure(is_right || before.is_unclear, Check::Loss, || {
            format!("R5: the engine says of the next device: {told}; before the loss: {before:?}")
        })?;
        let had = self.bytes_of(&before.due);
        let (mut back, mut urgent) = (0, 0);
        for _ in 0..CALM_TICKS {
            let now = self.resident_now();
            let returned: BTreeSet<_> = before.due.intersection(&now).copied().collect();
            back = self.bytes_of(&returned);
            urgent = before.urgent.difference(&now).count();
            let is_enough = back * BACK_SHARE.1 >= had * BACK_SHARE.0;
            // What was missed before has the first choice now, and chunks of one kind each may need
            // more room than before.
            let is_other = before.missed > 0 || self.setting.config.split_by_kind;
            if is_other || (urgent == 0 && is_enough) {
                return Ok(());
            }
            self.quiet_tick()?;
        }
        let report = self.manager.report();
        ensure(false, Check::Loss, || {
            format!(
                "R5: {back} of {had} bytes came back in {CALM_TICKS} ticks, and {urgent} pinned \
                 or long-lived blocks did not; {report:?}"
            )
        })
    }

    fn before_loss(&self) -> Before {
        let mut before = Before {
            // They leave, or are lost.
            is_unclear: self.manager.report().leaving_blocks > 0,
            ..Before::default()
        };
        let ticket = self.frames.source().begin_frame();
        for block in self.oracle.alive() {
            let model = self.oracle.block(*block);
            let handle = self.handle_of(*block);
            let is_urgent = is_urgent(model);
            match ticket.get(handle) {
                Lookup::Resident(_) if model.kept.outlives_device() => {
                    before.resident += 1;
                    let is_long = model.bytes() > self.setting.config.chunk_bytes.get() / 2;
                    if model.is_certain() && !is_long {
                        before.due.insert(handle);
                    }
                    if model.is_certain() && is_urgent {
                        before.urgent.insert(handle);
                    }
                }
                Lookup::Resident(_) | Lookup::Lost => before.lost += 1,
                // What of it is at hand without the device nobody can tell.
                Lookup::Failed if matches!(model.kept, Kept::OnGpu) => before.is_unclear = true,
                Lookup::Failed if !model.kept.can_leave() => {}
                // What failed is tried again on another device.
                Lookup::Evicted | Lookup::Failed if is_urgent => before.missed += 1,
                Lookup::Evicted | Lookup::Failed => before.evicted += 1,
                _ => before.is_unclear = true,
            }
        }
        drop(ticket.finish());
        before
    }

    fn resident_now(&self) -> BTreeSet<Handle> {
        let map = self.manager.heap_map().unwrap_or_default();
        let ranges = map.chunks.iter().flat_map(|chunk| &chunk.ranges);
        let live = ranges.filter(|range| range.state == RangeState::Live);
        live.filter_map(|range| range.handle).collect()
    }

    fn bytes_of(&self, handles: &BTreeSet<Handle>) -> u64 {
        let known = handles
            .iter()
            .filter_map(|handle| self.oracle.by_handle(*handle));
        known.map(|block| self.oracle.block(block).bytes()).sum()
    }
}

fn is_urgent(model: &Block) -> bool {
    model.pins > 0 || model.lifetime == Lifetime::LongLived
}
