//! What each operation on a chunk or a range must answer, and what it does to the lists.

use core::cmp::Reverse;
use std::collections::BTreeMap;

use geoheap_chunk_heap::{
    ChunkError, ChunkId, ChunkState, Held, Lifetime, OpenError, Owner, RangeError, RangeKey,
    RangeState,
};
use geoheap_suballoc::{ByteLen, ByteRange};

use super::shadow::{Chunk, Shadow};
use crate::verdict::granted;

impl Shadow {
    /// A chunk opens under an id that no other has (H6).
    pub(super) fn judge_open(
        &mut self,
        asked: (ByteLen, Lifetime, bool, u8),
        outcome: Result<ChunkId, OpenError>,
    ) {
        let (capacity, lifetime, dedicated, class) = asked;
        let (min, max) = (self.config.unit_bytes, ByteLen::new(self.block_max()));
        let mut reasons = Vec::new();
        if capacity < min {
            reasons.push(OpenError::TooSmall { capacity, min });
        }
        if capacity > self.config.buffer_bytes_max || self.floor(capacity) > max.get() {
            reasons.push(OpenError::TooLarge { capacity, max });
        }
        let Some(id) = granted("H6", &asked, outcome, &reasons) else {
            return;
        };
        let chunk = Chunk {
            capacity: self.floor(capacity),
            lifetime,
            dedicated,
            class: self.class(class),
            state: ChunkState::Opening,
            empty_since: None,
            keys: BTreeMap::new(),
        };
        let old = self.chunks.insert(id.get(), chunk);
        assert!(old.is_none(), "H6: the id {id} is used before it is gone");
    }

    /// Why a chunk is not where an operation starts from.
    fn chunk_refusal(&self, id: ChunkId, from: &[ChunkState]) -> Option<ChunkError> {
        match self.chunks.get(&id.get()) {
            None => Some(ChunkError::NoChunk { chunk: id }),
            Some(chunk) if from.contains(&chunk.state) => None,
            Some(chunk) => Some(ChunkError::WrongState {
                chunk: id,
                state: chunk.state,
            }),
        }
    }

    fn judge_change(
        &mut self,
        id: ChunkId,
        (from, to): (&[ChunkState], ChunkState),
        outcome: Result<(), ChunkError>,
    ) {
        let reason = self.chunk_refusal(id, from);
        granted("H5", &(id, to), outcome, reason.as_slice());
        let tick = self.tick;
        if let Some(chunk) = self.chunks.get_mut(&id.get())
            && reason.is_none()
        {
            let was_idle = chunk.is_idle();
            chunk.state = to;
            if chunk.is_idle() != was_idle {
                chunk.empty_since = chunk.is_idle().then_some(tick);
            }
        }
    }

    pub(super) fn judge_ready(&mut self, id: ChunkId, outcome: Result<(), ChunkError>) {
        self.judge_change(id, (&[ChunkState::Opening], ChunkState::Ready), outcome);
    }

    pub(super) fn judge_draining(
        &mut self,
        id: ChunkId,
        draining: bool,
        outcome: Result<(), ChunkError>,
    ) {
        let to = if draining {
            ChunkState::Draining
        } else {
            ChunkState::Ready
        };
        let from = [ChunkState::Ready, ChunkState::Draining];
        self.judge_change(id, (&from, to), outcome);
    }

    /// The ranges of a failed chunk come back in address order. Returns their keys.
    pub(super) fn judge_failed(
        &mut self,
        id: ChunkId,
        outcome: Result<Vec<(RangeKey, Owner)>, ChunkError>,
    ) -> Vec<RangeKey> {
        let reason = self.chunk_refusal(id, &[ChunkState::Opening]);
        let Some(dropped) = granted("H5", &id, outcome, reason.as_slice()) else {
            return Vec::new();
        };
        let chunk = self.chunks.remove(&id.get());
        let keys: Vec<_> = chunk.into_iter().flat_map(|chunk| chunk.keys).collect();
        let mut owner = |key| self.ranges.remove(key).map(|range| (*key, range.owner));
        let expected: Vec<_> = keys.iter().filter_map(|(_, key)| owner(key)).collect();
        assert_eq!(dropped, expected, "H2: what chunk {id} held");
        keys.into_iter().map(|(_, key)| key).collect()
    }

    pub(super) fn judge_gone(&mut self, id: ChunkId, outcome: Result<(), ChunkError>) {
        let reason = self.chunk_refusal(id, &[ChunkState::Closing]);
        if granted("H6", &id, outcome, reason.as_slice()).is_some() {
            self.chunks.remove(&id.get());
        }
    }

    /// H6, and which empty chunks stay.
    pub(super) fn judge_close(&mut self, tick: u64, pressure: bool, closed: &[ChunkId]) {
        let mut expected = self.close(tick, pressure);
        expected.sort_by_key(|id| Reverse(*id));
        assert_eq!(closed, expected, "H6: what closes at {tick}");
    }

    /// Closes what is to close at a tick: draining chunks first, then those that are empty for
    /// longest, of equals the highest id, each seen after those before it closed.
    fn close(&mut self, tick: u64, pressure: bool) -> Vec<ChunkId> {
        self.tick = self.tick.max(tick);
        let mut closed = Vec::new();
        let mut order: Vec<u32> = self.chunks.keys().copied().collect();
        order.sort_by_key(|id| {
            let chunk = &self.chunks[id];
            let draining = chunk.state == ChunkState::Draining;
            (!draining, chunk.empty_since, Reverse(*id))
        });
        for id in order {
            let plain = |chunk: &&Chunk| chunk.state != ChunkState::Closing && chunk.is_plain();
            let dynamic = self.chunks.values().filter(plain).count();
            let spares = self.chunks.values().filter(|chunk| chunk.is_spare());
            let spares = spares.count();
            let keep = self.spares_to_keep(u32::try_from(dynamic).unwrap_or(u32::MAX));
            let (tick, ticks) = (self.tick, self.config.keep_empty_ticks);
            let Some(chunk) = self.chunks.get_mut(&id).filter(|chunk| chunk.is_idle()) else {
                continue;
            };
            let old = chunk.empty_since.is_some_and(|since| tick - since >= ticks);
            let kept = chunk.is_spare() && spares <= keep as usize;
            if pressure || chunk.state == ChunkState::Draining || (old && !kept) {
                chunk.state = ChunkState::Closing;
                chunk.empty_since = None;
                closed.push(ChunkId::new(id));
            }
        }
        closed
    }

    /// Why each chunk is held: an empty one is closed at the first tick at which a copy of these
    /// lists would close it, or else is a spare.
    pub(super) fn held(&self) -> BTreeMap<u32, Held> {
        let mut held: BTreeMap<u32, Held> = BTreeMap::new();
        for (id, chunk) in &self.chunks {
            let mut ranges = chunk.keys.values().map(|key| &self.ranges[key]);
            let reason = match chunk.state {
                ChunkState::Opening => Held::Opening,
                ChunkState::Draining => Held::Draining,
                ChunkState::Closing => Held::Closing,
                ChunkState::Ready if chunk.keys.is_empty() => Held::Spare,
                ChunkState::Ready if ranges.all(|range| range.state == RangeState::Retired) => {
                    Held::Retired
                }
                ChunkState::Ready => Held::InUse,
            };
            held.insert(*id, reason);
        }
        for ticks in (0..=self.config.keep_empty_ticks).rev() {
            for id in self.clone().close(self.tick + ticks, false) {
                if self.chunks[&id.get()].state == ChunkState::Ready {
                    held.insert(id.get(), Held::Empty { ticks });
                }
            }
        }
        held
    }

    /// Why a range is not where an operation starts from.
    fn range_refusals(&self, key: RangeKey, needed: RangeState) -> Vec<RangeError> {
        let mut reasons = Vec::new();
        match self.state(key) {
            None => reasons.push(RangeError::Stale { key }),
            Some(state) if state != needed => {
                reasons.push(RangeError::WrongState { state, needed });
            }
            Some(_) => {}
        }
        reasons
    }

    pub(super) fn judge_commit(&mut self, key: RangeKey, outcome: Result<(), RangeError>) {
        let mut reasons = self.range_refusals(key, RangeState::Reserved);
        let range = self.ranges.get_mut(&key);
        if let Some(range) = &range
            && self.chunks[&range.chunk].state == ChunkState::Opening
        {
            let chunk = ChunkId::new(range.chunk);
            reasons.push(RangeError::ChunkOpening { chunk });
        }
        if granted("H5", &key, outcome, &reasons).is_some()
            && let Some(range) = range
        {
            range.state = RangeState::Live;
        }
    }

    pub(super) fn judge_retire(&mut self, key: RangeKey, outcome: Result<(), RangeError>) {
        let reasons = self.range_refusals(key, RangeState::Live);
        if granted("H2", &key, outcome, &reasons).is_some()
            && let Some(range) = self.ranges.get_mut(&key)
        {
            range.state = RangeState::Retired;
        }
    }

    /// Whether it was freed.
    pub(super) fn judge_freed(
        &mut self,
        key: RangeKey,
        from: RangeState,
        outcome: Result<ByteRange, RangeError>,
    ) -> bool {
        let reasons = self.range_refusals(key, from);
        let Some(freed) = granted("H2", &key, outcome, &reasons) else {
            return false;
        };
        let range = self.ranges.get(&key).map(|range| range.place);
        assert_eq!(Some(freed), range, "R6: what {key:?} named");
        self.leave(key);
        true
    }

    pub(super) fn judge_owner(
        &mut self,
        key: RangeKey,
        owner: Owner,
        outcome: Result<(), RangeError>,
    ) {
        let stale = self.state(key).is_none();
        let reason = stale.then_some(RangeError::Stale { key });
        granted("H2", &key, outcome, reason.as_slice());
        if let Some(range) = self.ranges.get_mut(&key) {
            range.owner = owner;
        }
    }
}
