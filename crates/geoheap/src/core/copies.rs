//! The copies of a tick, which the backend gets in the order of addresses: neighbours in a chunk
//! become one copy.

use geoheap_chunk_heap::ChunkId;
use geoheap_suballoc::ByteOffset;

use crate::config::WORD_BYTES;
use crate::core::event::Effect;

/// Copies until they are sorted; empty between two ticks, and kept for its room.
#[derive(Debug, Default)]
pub(super) struct TickCopies {
    /// `None` once they are given out.
    effects: Vec<Option<Effect>>,
    /// Where each of them goes, chunk before word, and its place among them: a few bytes, so that
    /// sorting moves little.
    order: Vec<(u64, u32)>,
}

impl TickCopies {
    /// Adds a copy to `offset` of `chunk`.
    pub(super) fn push(&mut self, chunk: ChunkId, offset: ByteOffset, effect: Effect) {
        let word = u32::try_from(offset.get() / WORD_BYTES).expect("no buffer has so many words");
        let nth = u32::try_from(self.effects.len()).expect("a tick has so few copies");
        let place = u64::from(chunk.get()) << u32::BITS | u64::from(word);
        self.order.push((place, nth));
        self.effects.push(Some(effect));
    }

    /// Gives all of them out, in order.
    pub(super) fn drain_into(&mut self, out: &mut Vec<Effect>) {
        self.order.sort_unstable();
        out.reserve(self.order.len());
        for (_, nth) in self.order.drain(..) {
            if let Some(effect) = self.effects[nth as usize].take() {
                out.push(effect);
            }
        }
        self.effects.clear();
    }

    /// What a planted bug does: the last of several is not made.
    pub(super) fn forget_last(&mut self) {
        if self.order.len() > 1 {
            self.order.pop();
        }
    }
}
