//! Moves, from the place that is held for them to the commit.
//!
//! A move is one GPU copy in a tick's submit and one entry of the next version: the old place stays
//! named until then, so no frame ever misses the block (R8). A block longer than what is left of a
//! tick goes on in the next one. A move ends without effect if the block went, was pinned, or got
//! other contents since it began.

use geoheap_chunk_heap::{ChunkId, Lifetime, Owner, RangeKey, Request as RangeRequest};
use geoheap_defrag::{Caps, Move};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::config::{WORD_BYTES, whole_words};
use crate::core::event::{Effect, Retired};
use crate::core::transfer::without_retired_rooms;
use crate::core::{Core, sure};
use crate::handle::Handle;

/// A move whose place is reserved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    handle: Handle,
    from: RangeKey,
    to: RangeKey,
    /// Contents when the first piece was copied.
    revision: u64,
    /// Bytes that are copied.
    done: u64,
    /// Of them, those of which it is known that they are submitted.
    safe: u64,
}

/// A move that is copied but not yet committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub(in crate::core) handle: Handle,
    from: RangeKey,
    to: RangeKey,
    /// Contents that were copied.
    revision: u64,
}

/// One copy of a move.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: ChunkId,
    from_offset: ByteOffset,
    to: ChunkId,
    to_offset: ByteOffset,
    len: ByteLen,
}

impl Piece {
    fn effect(self) -> Effect {
        Effect::Copy {
            from: self.from,
            from_offset: self.from_offset,
            to: self.to,
            to_offset: self.to_offset,
            len: self.len,
        }
    }
}

impl Core {
    /// Whether a place is held for what lies in this range.
    pub(super) fn is_held(&self, from: RangeKey) -> bool {
        self.compaction.held_from.contains(&from)
    }

    /// Bytes of the places that are held for dynamic blocks, which have another still.
    pub(in crate::core) fn held_for_moves(&self) -> ByteLen {
        let held = self.compaction.held.iter().map(|held| held.to);
        let moved = self.compaction.moves.iter().map(|moved| moved.to);
        let lens = held.chain(moved).filter_map(|to| {
            let info = self.heap.range(to)?;
            let home = self.heap.chunk(info.chunk)?;
            (home.lifetime == Lifetime::Dynamic).then_some(info.range.len)
        });
        lens.sum()
    }

    /// Reserves the place of a planned move. Whether it could be had.
    #[cfg_attr(
        not(any(geoheap_shuttle, feature = "planted-bugs")),
        expect(
            unused_variables,
            clippy::ptr_arg,
            reason = "only a planted bug copies at once"
        )
    )]
    pub(super) fn hold(&mut self, planned: &Move, out: &mut Vec<Effect>) -> bool {
        let handle = Handle::from_bits(planned.key);
        let record = self
            .record(handle)
            .expect("the plan moves blocks that live");
        let from = record
            .place
            .expect("the plan moves blocks that have a place");
        let revision = record.revision;
        let info = sure(
            self.heap
                .range(from)
                .ok_or("a place is a range of the heap"),
        );
        // Not the block's own lifetime and class: one that waits to leave for a chunk of another
        // lifetime is moved among those like the chunk that it lies in.
        let to_chunk = ChunkId::new(planned.to_chunk);
        let of = if is_planted!(LifetimesMixed) {
            to_chunk
        } else {
            info.chunk
        };
        let home = sure(self.heap.chunk(of).ok_or("a range is in a chunk"));
        let tight = planned.closes_gaps.then(|| self.tight_layout(record));
        let tight = tight.flatten();
        let request = RangeRequest {
            len: info.range.len,
            align: tight.as_ref().map_or(info.align, |tight| tight.align()),
            lifetime: home.lifetime,
            owner: Owner(handle.to_bits()),
            class: home.class,
        };
        let Ok(to) = self.heap.reserve_at(to_chunk, planned.to, &request) else {
            return false;
        };
        #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
        if is_planted!(MovedOverRetired) {
            self.copy_over_retired(to_chunk, &info, out);
        }
        if let Some(tight) = tight {
            self.close_gaps(handle, tight, to);
            return true;
        }
        self.compaction.held_from.insert(from);
        self.compaction.held.push_back(Held {
            handle,
            from,
            to,
            revision,
            done: 0,
            safe: 0,
        });
        true
    }

    /// Copies what has a place held for it, in order, as far as the caps go.
    pub(super) fn carry_on(&mut self, caps: &mut Caps, out: &mut Vec<Effect>) {
        if self.compaction.victim.is_some() && !self.compaction.is_proven {
            return;
        }
        let mut copies = Vec::new();
        while let Some(mut held) = self.compaction.held.front().copied() {
            let left = whole_words(caps.bytes.get());
            if left == 0 || caps.moves == 0 {
                break;
            }
            self.compaction.held.pop_front();
            if held.done == 0 {
                let record = self.record(held.handle);
                held.revision = record.map_or(0, |record| record.revision);
            }
            if !self.is_as_it_was(held.handle, held.from, held.revision) {
                self.compaction.held_from.remove(&held.from);
                sure(self.heap.cancel(held.to));
                continue;
            }
            let len = self.own(held.handle).layout.len().get();
            let piece = left.min(len - held.done);
            copies.push(self.piece(&held, piece, len));
            self.report.moved_bytes += piece;
            caps.bytes = caps.bytes.saturating_sub(ByteLen::new(piece));
            held.done += piece;
            if held.done < len {
                self.compaction.held.push_front(held);
                break;
            }
            caps.moves -= 1;
            self.compaction.moves.push(Moved {
                handle: held.handle,
                from: held.from,
                to: held.to,
                revision: held.revision,
            });
        }
        // Neighbours that move together become one copy.
        copies.sort_unstable_by_key(|one| (one.from, one.from_offset));
        let joins = |pair: &[Piece]| {
            let (one, next) = (&pair[0], &pair[1]);
            let ends = (one.from_offset + one.len, one.to_offset + one.len);
            (one.from, one.to) == (next.from, next.to) && ends == (next.from_offset, next.to_offset)
        };
        let joined = copies.windows(2).filter(|pair| joins(pair)).count();
        self.report.move_copies += (copies.len() - joined) as u64;
        out.extend(copies.into_iter().map(Piece::effect));
    }

    fn piece(&self, held: &Held, piece: u64, len: u64) -> Piece {
        let from = sure(self.heap.range(held.from).ok_or("a place is a range"));
        let to = sure(self.heap.range(held.to).ok_or("a held place is a range"));
        let is_last = held.done + piece == len;
        let is_long = held.done > 0;
        let mut is_cut = is_planted!(MoveCutShort);
        if is_long && is_planted!(PieceForgotten) {
            is_cut = true;
        }
        let copied = if is_last && is_cut {
            piece.saturating_sub(WORD_BYTES)
        } else {
            piece
        };
        let done = ByteLen::new(held.done);
        Piece {
            from: from.chunk,
            from_offset: from.range.start + done,
            to: to.chunk,
            to_offset: to.range.start + done,
            len: ByteLen::new(copied),
        }
    }

    /// Whether a block still is where a move found it, with the same contents, and may move.
    fn is_as_it_was(&self, handle: Handle, from: RangeKey, revision: u64) -> bool {
        self.record(handle).is_some_and(|record| {
            record.place == Some(from) && record.revision == revision && record.is_movable()
        })
    }

    /// Gives the places up that are held.
    pub(super) fn let_go(&mut self) {
        for held in core::mem::take(&mut self.compaction.held) {
            self.compaction.held_from.remove(&held.from);
            sure(self.heap.cancel(held.to));
        }
    }

    /// What a move copied is not known to have arrived.
    pub(crate) fn cancel_move(&mut self, moved: Moved) {
        sure(self.heap.cancel(moved.to));
    }

    /// The copies of this tick are submitted, or none of them is known to be (R1).
    pub(crate) fn moves_submitted(&mut self, ok: bool) {
        for held in &mut self.compaction.held {
            if ok {
                held.safe = held.done;
            } else {
                held.done = held.safe;
            }
        }
    }

    /// Moves that a planted bug commits late are no more than those of one tick.
    pub(super) fn waits_for_planted_move(&self) -> bool {
        let waits = !self.compaction.moves.is_empty();
        if is_planted!(HiddenWhileMoving) {
            return waits;
        }
        waits && is_planted!(MoveUnchecked)
    }

    /// Moves whose copies are submitted.
    pub(crate) fn moves_to_commit(&mut self) -> Vec<Moved> {
        let is_early = !self.tick.is_multiple_of(4);
        if is_early && is_planted!(MoveUnchecked) {
            return Vec::new();
        }
        #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
        if is_early && is_planted!(HiddenWhileMoving) {
            self.hide_moving();
            return Vec::new();
        }
        for moved in &self.compaction.moves {
            self.compaction.held_from.remove(&moved.from);
        }
        core::mem::take(&mut self.compaction.moves)
    }

    /// The copy is submitted: the block's next version names the new place, if the block and its
    /// contents are still those that were copied (R8).
    pub(crate) fn commit_move(&mut self, moved: Moved) {
        let is_blind = is_planted!(MoveUnchecked);
        let still = self.record(moved.handle).is_some_and(|record| {
            let is_same = record.revision == moved.revision || is_blind;
            record.place == Some(moved.from) && is_same
        });
        if !still {
            sure(self.heap.cancel(moved.to));
            return;
        }
        sure(self.heap.commit(moved.to));
        sure(self.heap.retire(moved.from));
        self.pending.retired.push(Retired::Range(moved.from));
        let record = self.own(moved.handle);
        record.place = Some(moved.to);
        without_retired_rooms(&mut record.layout);
        let long_lived = [moved.from, moved.to].iter().any(|place| {
            let chunk = self.heap.range(*place).map(|info| info.chunk);
            let chunk = chunk.and_then(|chunk| self.heap.chunk(chunk));
            chunk.is_some_and(|chunk| chunk.lifetime == Lifetime::LongLived)
        });
        self.report.moves += 1;
        self.report.long_lived_moves += u64::from(long_lived);
        self.queue_moved(moved.handle);
    }
}
