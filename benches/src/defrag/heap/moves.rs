//! Plans carried out: places held, copies made, blocks committed.

use std::cmp::Reverse;
use std::time::Instant;

use geoheap::DefragConfig;
use geoheap_chunk_heap::{ChunkId, ChunkState, Lifetime, RangeState, Request};
use geoheap_defrag::{Caps, ChunkUse, Goal, Move, Plan, Reason, Stopped, plan_from};
use geoheap_suballoc::ByteLen;

use super::{Heap, Queued, Victim};
use crate::defrag::source::{HeapSource, is_planned};

/// A plan is made so often, and the shortest time counts: others have a part in the longer ones.
const PLAN_TURNS: usize = 3;

impl Heap {
    /// Plans and moves. Whether there is nothing more to do.
    pub(super) fn compact(&mut self, defrag: &DefragConfig, caps: &Caps, requested: bool) -> bool {
        let mut caps = *caps;
        self.carry_on(&mut caps);
        let has_begun = self.victim.is_none_or(|victim| victim.is_proven);
        if (has_begun && !self.queue.is_empty()) || caps.bytes.is_zero() || caps.moves == 0 {
            return false;
        }
        let due = self.tick.is_multiple_of(defrag.every_ticks);
        let small = self.chunks.figures().chunks() <= self.chunks.config().small_heap_chunks;
        let reason = match (requested || self.victim.is_some(), due && !small) {
            (true, _) => Some(Reason::Requested),
            (false, true) => self.trigger(defrag),
            (false, false) => None,
        };
        let Some(reason) = reason else {
            return true;
        };
        let mut goal = Goal::new(reason);
        goal.unit = self.chunks.config().unit_bytes;
        if requested {
            goal.price_max_fraction = 1.0;
        }
        let plan = self.plan(&caps, &goal);
        self.follow(&plan);
        self.carry_on(&mut caps);
        plan.victim.is_none()
    }

    fn trigger(&self, defrag: &DefragConfig) -> Option<Reason> {
        let chunks = self.chunks.chunks().filter(is_planned);
        defrag.triggers.check_uses(chunks.map(|info| ChunkUse {
            id: info.id.get(),
            capacity: info.capacity,
            live: info.live + info.reserved,
            free: info.free,
            has_fixed: false,
        }))
    }

    fn plan(&mut self, caps: &Caps, goal: &Goal) -> Plan {
        let source = HeapSource {
            heap: &self.chunks,
            blocks: &self.blocks,
        };
        let victim = self.victim.map(|victim| victim.chunk);
        let mut shortest = f64::INFINITY;
        let mut made = None;
        for _ in 0..PLAN_TURNS {
            let start = Instant::now();
            made = plan_from(&source, caps, goal, victim).ok();
            shortest = shortest.min(start.elapsed().as_secs_f64() * 1e6);
        }
        self.tally.plan_us.push(shortest);
        made.expect("a heap contradicts itself in nothing")
    }

    /// Live bytes and ranges of the chunk that has the fewest and nothing that must stay: of all,
    /// and of those that can be emptied for all that is known ([`fit`]). The one that is the
    /// `victim` counts in any case.
    fn emptiest(&self, victim: u32) -> [(u64, u64); 2] {
        let chunks = self.chunks.chunks().filter(is_planned);
        let of_chunk = chunks.filter_map(|info| {
            let mut lens = Vec::new();
            for range in self.chunks.ranges(info.id) {
                let id = usize::try_from(range.owner.0).ok()?;
                let block = self.blocks.get(id).and_then(Option::as_ref);
                match (range.state, block) {
                    (RangeState::Retired, _) => {}
                    (RangeState::Live, Some(block)) if !block.is_fixed => {
                        lens.push(range.range.len.get());
                    }
                    _ => return None,
                }
            }
            lens.sort_unstable_by_key(|len| Reverse(*len));
            (!lens.is_empty()).then(|| (lens.iter().sum::<u64>(), info.id, lens))
        });
        let mut emptiest_first: Vec<(u64, ChunkId, Vec<u64>)> = of_chunk.collect();
        emptiest_first.sort_unstable();
        let bytes_and_count = |one: &(u64, ChunkId, Vec<u64>)| (one.0, one.2.len() as u64);
        let can_be_emptied = |one: &&(u64, ChunkId, Vec<u64>)| {
            one.1.get() == victim || fit(&one.2, &self.rooms_without(one.1))
        };
        [
            emptiest_first.first(),
            emptiest_first.iter().find(can_be_emptied),
        ]
        .map(|one| one.map(bytes_and_count).unwrap_or_default())
    }

    /// Lengths of the free rooms of all chunks in use but one.
    fn rooms_without(&self, victim: ChunkId) -> Vec<u64> {
        let mut rooms = Vec::new();
        let chunks = self.chunks.chunks().filter(is_planned);
        for info in chunks.filter(|info| info.range_count > 0 && info.id != victim) {
            let mut free_from = 0;
            for place in self.chunks.places(info.id) {
                rooms.push(place.start.get() - free_from);
                free_from = place.end().get();
            }
            rooms.push(info.capacity.get() - free_from);
        }
        rooms
    }

    fn follow(&mut self, plan: &Plan) {
        if plan.victim != self.victim.map(|victim| victim.chunk) {
            self.spare_victim();
            if let Some(chunk) = plan.victim {
                let [(strict_bytes, _), (bound_bytes, bound_moves)] = self.emptiest(chunk);
                self.drain(chunk, true);
                self.victim = Some(Victim {
                    chunk,
                    bound_bytes,
                    bound_moves,
                    strict_bytes,
                    is_proven: false,
                });
            }
        }
        if let Some(victim) = &mut self.victim {
            victim.is_proven = plan.forecast.is_proven;
        }
        for one in plan.moves.iter().chain(&plan.later) {
            self.enqueue(one);
        }
        if matches!(plan.stopped, Stopped::NothingWorthIt | Stopped::NoRoom) {
            self.spare_victim();
        }
    }

    fn spare_victim(&mut self) {
        if let Some(victim) = self.victim.take() {
            self.drain(victim.chunk, false);
        }
        for queued in std::mem::take(&mut self.queue) {
            self.chunks.cancel(queued.key).expect("it is reserved");
            let block = self.blocks[queued.id as usize].as_mut();
            block.expect("a move ends with its block").is_moving = false;
        }
    }

    fn drain(&mut self, chunk: u32, draining: bool) {
        let id = ChunkId::new(chunk);
        let open = self
            .chunks
            .chunk(id)
            .is_some_and(|info| matches!(info.state, ChunkState::Ready | ChunkState::Draining));
        if open {
            self.chunks.set_draining(id, draining).expect("it is open");
        }
    }

    fn enqueue(&mut self, one: &Move) {
        let id = u32::try_from(one.key).expect("keys are numbers of blocks");
        let block = self.blocks[id as usize].as_mut();
        let block = block.expect("the plan moves blocks that live");
        let info = self.chunks.range(block.place).expect("it is live");
        let request = Request {
            len: info.range.len,
            align: info.align,
            lifetime: Lifetime::Dynamic,
            owner: info.owner,
            class: 0,
        };
        let to = ChunkId::new(one.to_chunk);
        let key = self.chunks.reserve_at(to, one.to, &request);
        let key = key.expect("nothing came between the plan and this");
        block.is_moving = true;
        self.queue.push_back(Queued {
            id,
            from: block.at,
            key,
            to: (one.to_chunk, one.to.get()),
            len: block.len,
            done: 0,
        });
    }

    /// Moves what is in the queue, as far as the caps go; a long block in pieces.
    fn carry_on(&mut self, caps: &mut Caps) {
        if self.victim.is_some_and(|victim| !victim.is_proven) {
            return;
        }
        while let Some(mut queued) = self.queue.pop_front() {
            let piece = (queued.len - queued.done).min(caps.bytes.get());
            let has_begun = queued.done > 0;
            if piece == 0 || (caps.moves == 0 && !has_begun) {
                self.queue.push_front(queued);
                return;
            }
            let place = |at: (u32, u64)| (at.0, at.1 + queued.done);
            self.memory
                .copy(place(queued.from), place(queued.to), piece);
            caps.bytes = caps.bytes.saturating_sub(ByteLen::new(piece));
            caps.moves = caps.moves.saturating_sub(1);
            self.tally.moves += u64::from(!has_begun);
            self.tally.moved_bytes += piece;
            queued.done += piece;
            if queued.done < queued.len {
                self.queue.push_front(queued);
                return;
            }
            self.commit(&queued);
        }
    }

    fn commit(&mut self, queued: &Queued) {
        let block = self.blocks[queued.id as usize].as_mut();
        let block = block.expect("a move ends with its block");
        let before = block.clone();
        block.place = queued.key;
        block.at = queued.to;
        block.is_moving = false;
        self.chunks.commit(queued.key).expect("its chunk is ready");
        self.retire(&before);
    }
}

/// Whether ranges of these lengths, the longest first, may all fit into rooms: not so where there
/// are more of some length or above than the rooms can have, each for itself. Others may not fit
/// either; to know is to pack bins.
fn fit(longest_first: &[u64], rooms: &[u64]) -> bool {
    (1..).zip(longest_first).all(|(count, len)| {
        let held: u64 = rooms.iter().map(|room| room / len).sum();
        count <= held
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_all_rooms_does_not_fit() {
        let check = |lens: &[u64], rooms: &[u64], expected| {
            assert_eq!(fit(lens, rooms), expected, "{lens:?} into {rooms:?}");
        };
        check(&[8], &[7, 7], false);
        check(&[8], &[7, 8], true);
        check(&[8, 8], &[15, 7], false);
        check(&[8, 8], &[16], true);
        check(&[8, 3, 3], &[10, 5], true);
        check(&[8, 3, 3], &[8, 2], false);
    }
}
