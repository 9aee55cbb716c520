//! The heap as a whole: ranges that add up, bytes that the budget allows, free room that is
//! poisoned (C2, C6, C7).

use std::collections::BTreeMap;

use geoheap::{ByteLen, ChunkId, ChunkMap, Config, FrameTicket, HeapMap, RangeState, Report};

use crate::contents::poison_word;
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::{Gpu, Held, Traffic};

/// How much further than its caps a tick may move when nobody draws or somebody asked for it.
const CAPS_RAISED: u64 = 4;

/// More buffers of staging than a run ever has at a time.
const STAGING_BUFFERS_MAX: u64 = 64;

/// Staging has at most one part in so many of the budget.
const STAGING_SHARE: u64 = 8;

/// What has to be remembered of the heap from one tick to the next.
#[derive(Debug)]
pub(crate) struct HeapCheck {
    /// Free ranges of each chunk, start and end, as of the last look.
    free: BTreeMap<ChunkId, Vec<(u64, u64)>>,
    budget_bytes: u64,
    held_bytes: u64,
    /// Those of chunks and records.
    chunk_bytes: u64,
    outside_bytes: u64,
    /// The budget was lowered below what was held, and that was not reached yet.
    is_reaching: bool,
    staging_bytes_max: u64,
    moves: u64,
    moved_bytes: u64,
    moves_max: u64,
    /// Bytes of a chunk, which is as long as what moves at all.
    chunk_len: u64,
    move_bytes_max: u64,
    copies_max: u64,
    move_long_lived: bool,
    upload_bytes_max: u64,
    /// Ranges that were poisoned.
    poisoned: u64,
}

impl HeapCheck {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            free: BTreeMap::new(),
            budget_bytes: config.budget_bytes.get(),
            held_bytes: 0,
            chunk_bytes: 0,
            outside_bytes: 0,
            is_reaching: false,
            staging_bytes_max: config.staging_bytes.get(),
            moves: 0,
            moved_bytes: 0,
            moves_max: u64::from(config.defrag.moves) * CAPS_RAISED,
            chunk_len: config.chunk_bytes.get(),
            move_bytes_max: config.defrag.move_bytes.get() * CAPS_RAISED,
            copies_max: u64::from(config.tick_copies),
            move_long_lived: config.move_long_lived,
            upload_bytes_max: config.tick_upload_bytes.get().max(4),
            poisoned: 0,
        }
    }

    /// The device is gone with its memory.
    pub(crate) fn forget_device(&mut self) {
        self.free.clear();
        self.held_bytes = 0;
        self.chunk_bytes = 0;
        self.is_reaching = false;
    }

    /// Ranges lie in order inside their chunks, and with what is free add up to the capacity (R6).
    pub(crate) fn check_map(map: &HeapMap) -> Verdict {
        for chunk in &map.chunks {
            let mut end = 0;
            let mut sums = [0; 3];
            for range in &chunk.ranges {
                let start = range.offset.get();
                ensure(
                    start >= end && range.len > ByteLen::ZERO,
                    Check::Ranges,
                    || {
                        format!(
                            "R6: ranges of chunk {} overlap at {start}; the one before ends {end}",
                            chunk.id
                        )
                    },
                )?;
                end = start + range.len.get();
                sums[match range.state {
                    RangeState::Live => 0,
                    RangeState::Reserved => 1,
                    RangeState::Retired => 2,
                }] += range.len.get();
            }
            let capacity = chunk.capacity.get();
            ensure(end <= capacity, Check::Ranges, || {
                format!(
                    "R6: ranges of chunk {} end at {end} of {capacity}",
                    chunk.id
                )
            })?;
            let told = [chunk.live, chunk.reserved, chunk.retired].map(ByteLen::get);
            let free = capacity - sums.iter().sum::<u64>();
            ensure(
                told == sums && chunk.free.get() == free,
                Check::Ranges,
                || {
                    format!(
                        "R6: chunk {} of {capacity} bytes holds live, reserved, retired {sums:?} \
                         and says {told:?}, free {}",
                        chunk.id, chunk.free
                    )
                },
            )?;
        }
        Ok(())
    }

    /// Held bytes against the budget, and against what the device says is there (R10).
    pub(crate) fn check_report(
        &mut self,
        report: &Report,
        device: Option<ByteLen>,
        made: Held,
    ) -> Verdict {
        let (held, budget) = (report.held_bytes, report.budget_bytes);
        // What is held outside is nobody's here, and leaves so much less.
        let (outside, share) = (report.outside_bytes, budget - report.outside_bytes);
        let chunks = held - (report.staging_bytes + outside).min(held);
        let staging = self.staging_bytes_max.min(share / STAGING_SHARE);
        let is_above = chunks > share - staging || report.staging_bytes > staging;
        self.is_reaching = is_above && (self.is_reaching || budget < self.budget_bytes);
        // While a lowered budget is being reached nothing grows but staging, which passes through.
        let is_smaller = chunks <= self.chunk_bytes && outside <= self.outside_bytes;
        let is_allowed = held <= budget || (self.is_reaching && is_smaller);
        ensure(is_allowed, Check::Residency, || {
            let (before, others) = (self.held_bytes, self.chunk_bytes);
            format!(
                "R10: {held} bytes are held, {chunks} of them no staging; the budget is {budget}; \
                 a tick before {before} were, {others} of them no staging"
            )
        })?;
        ensure(made.bytes <= chunks, Check::Residency, || {
            format!("R10: {made:?} are not returned; {chunks} bytes are in the books")
        })?;
        self.held_bytes = held;
        self.chunk_bytes = chunks;
        self.outside_bytes = outside;
        self.budget_bytes = budget;
        if let Some(device) = device {
            // Each buffer is padded by a word for drivers, those of staging too.
            let most = held + 4 * (made.buffers + STAGING_BUFFERS_MAX);
            ensure(device.get() <= most, Check::Residency, || {
                format!("R10: the device holds {device} bytes, the engine knows of {held}")
            })?;
        }
        self.check_moved(report)?;
        let may_move = self.move_long_lived || report.long_lived_moves == 0;
        ensure(may_move, Check::Residency, || {
            let moves = report.long_lived_moves;
            format!("R9: {moves} moves from or to long-lived chunks, which are not to move")
        })?;
        ensure(report.hidden_uses == 0, Check::Moves, || {
            format!("R8: {} lookups found a block hidden", report.hidden_uses)
        })?;
        ensure(report.long_lived_evictions == 0, Check::Residency, || {
            format!(
                "R9: {} long-lived blocks were evicted",
                report.long_lived_evictions
            )
        })
    }

    /// Blocks are moved within the caps of a tick (R8); one that is longer takes several.
    fn check_moved(&mut self, report: &Report) -> Verdict {
        let (moves, bytes) = (
            report.moves - self.moves,
            report.moved_bytes - self.moved_bytes,
        );
        (self.moves, self.moved_bytes) = (report.moves, report.moved_bytes);
        let (moves_max, bytes_max) = (self.moves_max, self.move_bytes_max);
        ensure(
            moves <= moves_max && bytes <= bytes_max,
            Check::Moves,
            || {
                format!(
                    "{moves} moves of {bytes} bytes in one tick; at most {moves_max} of \
                     {bytes_max} are allowed"
                )
            },
        )
    }

    /// What one tick recorded is within its caps: payloads, copies inside the device for jobs, and
    /// moves. Records of draw sets have a cap of their own, so that ticks which may have some are
    /// left out.
    pub(crate) fn check_traffic(&self, traffic: Traffic, report: &Report) -> Verdict {
        let copies_max = self.copies_max + self.moves_max;
        let copy_bytes_max = self.upload_bytes_max + self.move_bytes_max.max(self.chunk_len);
        ensure(
            traffic.copies <= copies_max && traffic.copy_bytes <= copy_bytes_max,
            Check::Moves,
            || {
                format!(
                    "{traffic:?} in one tick; {copies_max} copies of {copy_bytes_max} bytes are \
                     allowed"
                )
            },
        )?;
        let has_records = report.record_bytes > 0 || report.draw_sets_waiting > 0;
        ensure(
            has_records || traffic.upload_bytes <= self.upload_bytes_max,
            Check::Moves,
            || {
                format!(
                    "{traffic:?} in one tick; uploads of {} bytes are allowed",
                    self.upload_bytes_max
                )
            },
        )
    }

    /// What became free since the last look, chunk by chunk.
    pub(crate) fn became_free(&mut self, map: &HeapMap) -> BTreeMap<ChunkId, Vec<(u64, u64)>> {
        let mut fresh = BTreeMap::new();
        let mut now = BTreeMap::new();
        for chunk in &map.chunks {
            let free = free_ranges(chunk);
            let before = self.free.get(&chunk.id).map_or(&[][..], Vec::as_slice);
            let ranges = added(before, &free);
            if !ranges.is_empty() {
                fresh.insert(chunk.id, ranges);
            }
            now.insert(chunk.id, free);
        }
        self.free = now;
        fresh
    }

    /// Fills ranges that became free, so that whoever still reads them is seen.
    pub(crate) fn poison<G: Gpu>(
        &mut self,
        fresh: &BTreeMap<ChunkId, Vec<(u64, u64)>>,
        probe: &FrameTicket<G::Buffer>,
        gpu: &G,
    ) {
        for (id, buffer) in probe.chunks() {
            for range in fresh.get(&id).into_iter().flatten() {
                self.poisoned += 1;
                gpu.poison(buffer, range.0..range.1, poison_word(self.poisoned));
            }
        }
    }
}

/// What lies between a chunk's ranges: start and end of each.
pub(crate) fn free_ranges(chunk: &ChunkMap) -> Vec<(u64, u64)> {
    let mut free = Vec::new();
    let mut at = 0;
    for range in &chunk.ranges {
        if range.offset.get() > at {
            free.push((at, range.offset.get()));
        }
        at = range.offset.get() + range.len.get();
    }
    if at < chunk.capacity.get() {
        free.push((at, chunk.capacity.get()));
    }
    free
}

/// What `now` has and `before` had not; both in order, without overlap.
fn added(before: &[(u64, u64)], now: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut out = Vec::new();
    let mut old = before.iter().copied().peekable();
    for &(start, end) in now {
        let mut at = start;
        while old.next_if(|(_, old_end)| *old_end <= start).is_some() {}
        while let Some(&(old_start, old_end)) = old.peek() {
            if old_start >= end {
                break;
            }
            if old_start > at {
                out.push((at, old_start));
            }
            at = at.max(old_end);
            if old_end > end {
                break;
            }
            old.next();
        }
        if at < end {
            out.push((at, end));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &[(u64, u64)], now: &[(u64, u64)], expected: &[(u64, u64)]) {
        assert_eq!(added(before, now), expected, "{before:?} to {now:?}");
    }

    #[test]
    fn what_became_free_is_what_was_not() {
        check(&[], &[(0, 8)], &[(0, 8)]);
        check(&[(0, 8)], &[(0, 8)], &[]);
        check(&[(4, 8)], &[(0, 12)], &[(0, 4), (8, 12)]);
        check(&[(0, 2), (4, 6), (10, 12)], &[(0, 12)], &[(2, 4), (6, 10)]);
        check(&[(0, 100)], &[(8, 12)], &[]);
        check(&[(0, 8)], &[(4, 16), (20, 24)], &[(8, 16), (20, 24)]);
    }
}
