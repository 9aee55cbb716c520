//! Blocks that frames look at and that find no room take that of blocks of lower priority, so that
//! where a frame needs more than there is, what is drawn is what fits by priority.
//!
//! Recency protects among equals only: what recent frames used does not leave for what they miss.
//! A claim reaches further, to whatever is of strictly lower priority. So no two blocks push each
//! other out in turn. It is met only as a whole: one stretch of a chunk becomes free that holds the
//! block, or nothing leaves. And what made way does not slip back into a part of that stretch:
//! while a claim waits for it, blocks of lower priority do not come back. A claim that finds no
//! room for all that gives up its turn, for longer each time.

use core::cmp::Reverse;
use core::ops::RangeInclusive;

use geoheap_chunk_heap::{ChunkId, ChunkState, Lifetime, RangeState};
use geoheap_residency::{EntryId, Priority};
use geoheap_suballoc::{Align, ByteLen};

use crate::core::fill::Purpose;
use crate::core::leaving::Cause;
use crate::core::record::Record;
use crate::core::{Core, entry};
use crate::handle::Handle;

/// Blocks around which a stretch is looked for, for one claim.
const SEEDS_MAX: usize = 16;
/// Ticks without room after which a block that frames look for counts as missing.
const MISSING_TICKS: u32 = 8;
/// Claims for which a stretch is looked for in one tick.
const SEARCHES_PER_TICK: usize = 4;

/// A job that found no room, and may take that of blocks below its priority.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) handle: Handle,
    pub(super) priority: u8,
}

impl Core {
    /// Jobs without a place in the order in which they try for one: those with a claim by priority,
    /// then the others in theirs. With each the priority of its claim.
    pub(super) fn in_turn(&self) -> Vec<(Handle, Option<u8>)> {
        let jobs = self.jobs.unplaced();
        let mut waiting: Vec<_> = jobs.map(|at| (at, self.claim_of(at))).collect();
        waiting.sort_by_key(|(_, claim)| Reverse(*claim));
        waiting
    }

    /// The priority with which the job of a block may take the room of others, if it may: frames
    /// look at the block and it is away, or it is pinned.
    fn claim_of(&self, handle: Handle) -> Option<u8> {
        let record = self.record(handle)?;
        let len = record.fill()?.layout.len();
        // A block with a buffer of its own needs room in the budget, not in a chunk.
        let is_shared = len <= self.heap.config().dedicated_above_bytes;
        let is_away = record.place.is_none() && record.lifetime == Lifetime::Dynamic;
        let is_looked_at = record.is_pinned() || self.is_wished_now(record);
        let claims = is_away && is_shared && is_looked_at && self.may_try(record);
        let claims = claims && self.residency.has_below(Priority::new(record.priority));
        claims.then_some(record.priority)
    }

    /// Whether recent frames looked for the block while it was away.
    pub(super) fn is_wished_now(&self, record: &Record) -> bool {
        let protect = self.config.residency.protect_frames.max(1);
        record.wished_frame() > 0 && record.wished_frame().saturating_add(protect) > self.frame
    }

    /// Bytes of blocks that recent frames looked for, that are on their way, and that found no
    /// room: they are no wishes any more, and missing all the same. For some ticks a miss says no
    /// more than that what leaves has not left yet, so it does not begin a bad time, but does not
    /// end one either.
    pub(super) fn wished_without_room(&self) -> u64 {
        let misses_min = if self.report.degraded.is_some() {
            1
        } else {
            MISSING_TICKS
        };
        let missed = |record: &&Record| {
            let fill = record.fill();
            fill.is_some_and(|fill| fill.misses >= misses_min) && record.place.is_none()
        };
        let waiting = self
            .jobs
            .unplaced()
            .filter_map(|handle| self.record(handle));
        let wished = waiting
            .filter(missed)
            .filter(|record| self.is_wished_now(record));
        wished.map(|record| record.layout.len().get()).sum()
    }

    /// Whether a block waits until one of higher priority has the room that was made for it.
    pub(super) fn yields(&self, handle: Handle, claim: Option<u8>, unmet: Option<u8>) -> bool {
        let (Some(record), Some(unmet)) = (self.record(handle), unmet) else {
            return false;
        };
        let comes_back = |purpose| purpose == Purpose::StreamIn;
        let comes_back = record.fill().is_some_and(|fill| comes_back(fill.purpose));
        let may_wait = !record.is_pinned() && record.lifetime == Lifetime::Dynamic;
        let is_below = record.priority < unmet || (record.priority == unmet && claim.is_none());
        comes_back && may_wait && is_below
    }

    /// Makes room for claims that found none, as far as `coming`, the bytes that become free
    /// anyway, do not serve them.
    pub(super) fn displace(&mut self, claims: &[Claim], coming: ByteLen) {
        let mut coming = coming;
        let mut searches = 0;
        for claim in claims {
            let Some(fill) = self.record(claim.handle).and_then(Record::fill) else {
                continue;
            };
            let (len, align) = (fill.layout.len(), fill.layout.align());
            if coming >= len {
                coming -= len;
                continue;
            }
            if fill.claims > 0 || searches == SEARCHES_PER_TICK {
                continue;
            }
            searches += 1;
            let stretch = self.stretch_for(claim, len, align);
            if stretch.is_empty() {
                continue;
            }
            self.returning.stop();
            for handle in stretch {
                self.report.displaced += 1;
                self.send_away(handle, Cause::Order);
            }
            let fill = self.own(claim.handle).fill_mut();
            fill.expect("a claim is that of a job").claims += 1;
        }
    }

    /// Who has to leave so that `len` bytes in one stretch come free for a claim; nobody if there
    /// is no such stretch. It lies around one of the blocks that may leave first.
    fn stretch_for(&self, claim: &Claim, len: ByteLen, align: Align) -> Vec<Handle> {
        let (now, priority) = (self.now(), Priority::new(claim.priority));
        let mut seeds = Vec::new();
        // No entry is smaller than a unit of the heap.
        let unit = self.heap.config().unit_bytes.get();
        let some = len.get().max(unit.saturating_mul(SEEDS_MAX as u64));
        self.residency
            .victims_below(priority, some, now, &mut seeds);
        for seed in seeds.into_iter().take(SEEDS_MAX) {
            let Some((key, info)) = self.handle_of(seed).and_then(|handle| self.home(handle))
            else {
                continue;
            };
            let is_open = info.state == ChunkState::Ready && !info.dedicated;
            if !is_open || info.class != self.class_of(claim.handle) {
                continue;
            }
            let Some(range) = self.heap.range(key) else {
                continue;
            };
            let spans = self.spans(info.id, info.capacity.get(), priority);
            let start = range.range.start.get();
            let Some(seed) = spans.iter().position(|span| span.start == start) else {
                continue;
            };
            if let Some(window) = window(&spans, seed, len.get(), align) {
                return spans[window].iter().filter_map(|span| span.block).collect();
            }
        }
        Vec::new()
    }

    fn handle_of(&self, id: EntryId) -> Option<Handle> {
        self.tenant_of(id.get())
    }

    /// A chunk from end to end, and what of it can be had for a block of `priority`.
    fn spans(&self, chunk: ChunkId, capacity: u64, priority: Priority) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut at = 0;
        for info in self.heap.ranges(chunk) {
            let (start, len) = (info.range.start.get(), info.range.len.get());
            if start > at {
                spans.push(Span::free(at, start));
            }
            at = start + len;
            let block = Handle::from_bits(info.owner.0);
            let record = self.record(block).filter(|at| at.place == Some(info.key));
            let makes_way = record.is_some_and(|record| {
                let id = entry(record.handle);
                !record.is_busy() && self.residency.makes_way(id, priority, self.now())
            });
            spans.push(match info.state {
                RangeState::Retired => Span::free(start, at),
                _ => Span {
                    block: makes_way.then_some(block),
                    is_open: makes_way,
                    ..Span::free(start, at)
                },
            });
        }
        if at < capacity {
            spans.push(Span::free(at, capacity));
        }
        spans
    }
}

/// A run of bytes of a chunk.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u64,
    end: u64,
    /// Whether it is free, or will be once its block has left.
    is_open: bool,
    /// Who has to leave for that.
    block: Option<Handle>,
}

impl Span {
    const fn free(start: u64, end: u64) -> Self {
        Self {
            start,
            end,
            is_open: true,
            block: None,
        }
    }

    /// Bytes that leave if it is taken.
    fn cost(&self) -> u64 {
        self.block.map_or(0, |_| self.end - self.start)
    }
}

/// Of the windows of open spans around `seed` that hold `len` bytes at `align`, the one for which
/// the fewest bytes leave.
fn window(spans: &[Span], seed: usize, len: u64, align: Align) -> Option<RangeInclusive<usize>> {
    let lowest = spans[..=seed]
        .iter()
        .rposition(|span| !span.is_open)
        .map_or(0, |closed| closed + 1);
    let mut best: Option<(u64, RangeInclusive<usize>)> = None;
    for first in (lowest..=seed).rev() {
        let start = spans[first].start.checked_next_multiple_of(align.get());
        let end = start.and_then(|start| start.checked_add(len));
        let Some(end) = end else {
            break;
        };
        let open = spans[first..].iter().take_while(|span| span.is_open);
        let count = open.take_while(|span| span.end < end).count();
        let last = (first + count).max(seed);
        if !spans
            .get(last)
            .is_some_and(|span| span.is_open && span.end >= end)
        {
            continue;
        }
        let cost = spans[first..=last].iter().map(Span::cost).sum();
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, first..=last));
        }
        // Further to the left the seed is not needed any more.
        if end <= spans[seed].start {
            break;
        }
    }
    best.map(|(_, window)| window)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spans of ten bytes: `.` free, `x` to be kept, a digit one that can leave.
    #[track_caller]
    fn check(map: &str, seed: usize, len: u64, align: u64, expected: Option<&str>) {
        let spans: Vec<Span> = (0_u64..)
            .zip(map.chars())
            .map(|(nth, what)| Span {
                block: what
                    .to_digit(10)
                    .map(|digit| Handle::from_bits((1 << 32) + u64::from(digit))),
                is_open: what != 'x',
                ..Span::free(nth * 10, nth * 10 + 10)
            })
            .collect();
        let align = Align::new(align).expect("a positive number");
        let found = window(&spans, seed, len, align).map(|window| &map[window]);
        assert_eq!(found, expected, "{len} bytes in {map} around {seed}");
    }

    #[test]
    fn a_window_is_around_its_seed_and_costs_the_least() {
        check("x1x", 1, 10, 1, Some("1"));
        check("x1x", 1, 11, 1, None);
        check("x1.x", 1, 20, 1, Some("1."));
        check("x1.2x", 1, 30, 1, Some("1.2"));
        check("x.12.x", 2, 20, 1, Some(".1"));
        check("x12..x", 1, 30, 1, Some("12."));
        check("x..12x", 3, 30, 1, Some("..1"));
        check("x1x2.x", 1, 20, 1, None);
        check("x1x2.x", 3, 20, 1, Some("2."));
        check("12345", 2, 20, 1, Some("34"));
        check("12345", 4, 50, 1, Some("12345"));
        check("12345", 4, 51, 1, None);
    }

    #[test]
    fn a_window_has_room_for_the_alignment() {
        check("x12x", 1, 10, 20, Some("12"));
        check("x12x", 2, 10, 20, Some("2"));
        check("x1x", 1, 10, 20, None);
        check("x12345x", 1, 20, 16, Some("123"));
    }
}
