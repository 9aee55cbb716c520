//! When chunks are given back, and when one is made ahead of need.

use core::cmp::Reverse;

use geoheap_suballoc::ByteLen;

use super::ChunkHeap;
use crate::chunk::{ChunkId, ChunkState, Lifetime};
use crate::error::ChunkError;

/// A spare stays while the other chunks have less room than this times `spare_below_bytes`: more
/// than the bound below which one is wanted, so that what comes and goes around it does not make
/// and drop buffers.
const SPARE_SLACK: u64 = 2;

impl ChunkHeap {
    /// Closes chunks that are empty and not worth keeping, and appends their ids to `out`, highest
    /// first: the caller gives their buffers back, and says [`Self::chunk_gone`] when the device
    /// has them.
    ///
    /// A draining chunk is closed as soon as it is empty; others after `keep_empty_ticks`, or at
    /// once under `pressure`. Of the shared dynamic ones `spare_chunks` stay for as long as the
    /// heap is not small, there is no pressure, and the others have less room than twice
    /// `spare_below_bytes`: those that became empty last, of equals those of the lowest ids. `tick`
    /// is the caller's count; a chunk is empty since the latest tick that was told before it became
    /// so.
    pub fn close_empty(&mut self, tick: u64, pressure: bool, out: &mut Vec<ChunkId>) {
        self.tick = self.tick.max(tick);
        let before = out.len();
        for index in self.closing_order() {
            if self.is_due(index, pressure) {
                self.change(index, |chunk| {
                    assert!(chunk.is_empty(), "H6: only an empty chunk closes");
                    chunk.state = ChunkState::Closing;
                });
                out.push(ChunkId::new(index));
            }
        }
        out[before..].sort_unstable_by_key(|&id| Reverse(id));
    }

    /// Idle chunks in the order in which they close: draining ones, which close in any case, and
    /// then by how long they are empty, of equals the highest id. With that order it does not
    /// matter whether ticks are told one by one or in a jump.
    fn closing_order(&self) -> Vec<u32> {
        let mut idle: Vec<u32> = self.idle.iter().copied().collect();
        idle.sort_unstable_by_key(|&index| {
            let chunk = self.at(index);
            let stays_open = chunk.state != ChunkState::Draining;
            (stays_open, chunk.empty_since, Reverse(index))
        });
        idle
    }

    fn is_due(&self, index: u32, pressure: bool) -> bool {
        let chunk = self.at(index);
        if pressure || chunk.state == ChunkState::Draining {
            return true;
        }
        if chunk.is_spare() && self.figures.spare_chunks <= self.spares_to_keep() {
            return false;
        }
        let since = chunk.empty_since.unwrap_or(self.tick);
        self.ticks_left(since) == 0
    }

    /// For how long a chunk that is empty since a tick is kept from now on.
    pub(crate) fn ticks_left(&self, empty_since: u64) -> u64 {
        let waited = self.tick - empty_since;
        self.config.keep_empty_ticks.saturating_sub(waited)
    }

    fn spares_to_keep(&self) -> u32 {
        self.spares_of(self.figures.dynamic.chunks)
    }

    /// Empty chunks that a heap of so many dynamic ones keeps: a small one none, nor one with much
    /// room in the others.
    fn spares_of(&self, dynamic_chunks: u32) -> u32 {
        let small = dynamic_chunks <= self.config.small_heap_chunks;
        let others = self.figures.placeable_bytes - self.figures.spare_bytes;
        let enough = self
            .config
            .spare_below_bytes
            .get()
            .saturating_mul(SPARE_SLACK);
        if small || others.get() >= enough {
            0
        } else {
            self.config.spare_chunks
        }
    }

    /// The empty chunks that stay, if nothing comes in between: the others close first.
    pub(crate) fn spares_that_stay(&self) -> Vec<ChunkId> {
        let (mut chunks, mut left) = (self.figures.dynamic.chunks, self.figures.spare_chunks);
        let mut stay = Vec::new();
        for index in self.closing_order() {
            let chunk = self.at(index);
            if chunk.state == ChunkState::Draining {
                // It closes at the next occasion, and is none of the heap's chunks from then on.
                let shared = !chunk.dedicated && chunk.lifetime == Lifetime::Dynamic;
                chunks -= u32::from(shared);
            } else if chunk.is_spare() {
                if left <= self.spares_of(chunks) {
                    stay.push(ChunkId::new(index));
                } else {
                    (chunks, left) = (chunks - 1, left - 1);
                }
            }
        }
        stay
    }

    /// The device has the buffer of a closing chunk back: its id is free for another chunk.
    ///
    /// # Errors
    /// [`ChunkError`] when there is no such chunk or it is not closing.
    pub fn chunk_gone(&mut self, id: ChunkId) -> Result<(), ChunkError> {
        self.expect_state(id, &[ChunkState::Closing])?;
        self.drop_chunk(id.get());
        Ok(())
    }

    /// Whether a chunk should be opened ahead of need, so that no placement waits for its buffer:
    /// the heap is not small, has fewer spares than configured, and its shared dynamic chunks have
    /// less room than `spare_below_bytes`. Says which capacity and lifetime to open.
    pub fn wants_spare(&self) -> Option<(ByteLen, Lifetime)> {
        let short = self.figures.placeable_bytes < self.config.spare_below_bytes;
        let wanted = short && self.figures.spare_chunks < self.spares_to_keep();
        wanted.then(|| (self.config.capacity(Lifetime::Dynamic), Lifetime::Dynamic))
    }
}
