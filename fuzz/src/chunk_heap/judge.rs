//! What each operation of a heap must answer, and what it does to the lists.

use geoheap_chunk_heap::{
    ChunkError, ChunkId, ChunkState, Lifetime, OpenError, Owner, PlaceError, RangeError, RangeInfo,
    RangeKey, RangeState, Request, ReserveError,
};
use geoheap_suballoc::{ByteLen, ByteOffset, ByteRange};

use super::shadow::{Chunk, Shadow};
use crate::verdict::granted;

/// The greatest alignment of a range.
const ALIGN_MAX: u64 = u32::MAX as u64;

/// How early a chunk is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stock {
    InUse,
    Empty,
    Opening,
}

impl Shadow {
    /// The longest block.
    fn block_max(&self) -> u64 {
        let counted = self.config.unit_bytes.get() * u64::from(u32::MAX);
        self.floor(self.config.buffer_bytes_max.min(ByteLen::new(counted)))
    }

    /// Whether the block gets a chunk for itself.
    fn is_dedicated(&self, request: &Request) -> bool {
        let half = ByteLen::new(self.config.long_lived_chunk_bytes.get() / 2);
        let above = self.config.dedicated_above_bytes;
        request.len
            > match request.lifetime {
                Lifetime::Dynamic => above,
                Lifetime::LongLived => above.min(half),
            }
    }

    /// The chunk to open for the block.
    fn needed(&self, request: &Request) -> ReserveError {
        let dedicated = self.is_dedicated(request);
        let lifetime = request.lifetime;
        let granule = self.config.dedicated_granule_bytes.get();
        let capacity = match (dedicated, lifetime) {
            (true, _) => {
                let granules =
                    u128::from(self.ceil_u64(request.len)).next_multiple_of(granule.into());
                let rounded = ByteLen::new(u64::try_from(granules).unwrap_or(u64::MAX));
                self.ceil_u64(rounded).min(self.block_max())
            }
            (false, Lifetime::Dynamic) => self.floor(self.config.chunk_bytes),
            (false, Lifetime::LongLived) => self.floor(self.config.long_lived_chunk_bytes),
        };
        ReserveError::NeedsChunk {
            capacity: ByteLen::new(capacity),
            lifetime,
            dedicated,
        }
    }

    fn ceil_u64(&self, len: ByteLen) -> u64 {
        u64::try_from(self.ceil(len)).unwrap_or_else(|_| self.floor(ByteLen::new(u64::MAX)))
    }

    /// Why the block can never be reserved.
    fn final_refusals(&self, request: &Request) -> Vec<ReserveError> {
        let mut reasons = Vec::new();
        if request.len == ByteLen::ZERO {
            reasons.push(ReserveError::ZeroSize);
        }
        if request.align.get() > ALIGN_MAX {
            let (align, max) = (request.align, ALIGN_MAX);
            reasons.push(ReserveError::AlignmentTooLarge { align, max });
        }
        let (requested, max) = (self.ceil_u64(request.len), self.block_max());
        if requested > max {
            let (requested, max) = (ByteLen::new(requested), ByteLen::new(max));
            reasons.push(ReserveError::TooLarge { requested, max });
        }
        reasons
    }

    /// Which stock a chunk belongs to for the request; `None` where it may not go there.
    fn stock(&self, request: &Request, id: u32, exclude: Option<ChunkId>) -> Option<Stock> {
        let chunk = &self.chunks[&id];
        let (empty, dedicated) = (chunk.keys.is_empty(), self.is_dedicated(request));
        let excluded = exclude == Some(ChunkId::new(id));
        let strange = chunk.class != self.class(request.class) && !empty;
        let wrong = chunk.lifetime != request.lifetime || chunk.dedicated != dedicated;
        if excluded || wrong || strange || !chunk.is_open() || (dedicated && !empty) {
            return None;
        }
        Some(match chunk.state {
            _ if dedicated => Stock::InUse,
            ChunkState::Opening => Stock::Opening,
            _ if empty => Stock::Empty,
            _ => Stock::InUse,
        })
    }

    /// Whether a chunk holds the block wherever its largest free range starts.
    fn is_sure(&self, request: &Request, chunk: &Chunk) -> bool {
        let len = self.ceil_u64(request.len);
        if self.is_dedicated(request) {
            let ReserveError::NeedsChunk { capacity, .. } = self.needed(request) else {
                return false;
            };
            return (len..=capacity.get()).contains(&chunk.capacity);
        }
        let unit = self.config.unit_bytes.get();
        let step = geoheap_suballoc::Align::new(unit).and_then(|unit| unit.lcm(request.align));
        let padding = step.map_or(u64::MAX, |step| step.get() - unit);
        self.largest(chunk) >= len.saturating_add(padding)
    }

    /// The first stock that has room for sure.
    fn sure_stock(&self, request: &Request, exclude: Option<ChunkId>) -> Option<Stock> {
        let sure = self
            .chunks
            .iter()
            .filter(|(_, chunk)| self.is_sure(request, chunk));
        sure.filter_map(|(id, _)| self.stock(request, *id, exclude))
            .min()
    }

    /// Where a range may go, and when a chunk may be asked for: not while one has room wherever
    /// that starts (H5, and the order of stocks in the crate's head).
    pub(super) fn judge_reserve(
        &mut self,
        request: &Request,
        exclude: Option<ChunkId>,
        outcome: Result<RangeKey, ReserveError>,
        info: Option<RangeInfo>,
    ) {
        let asked = (request, exclude);
        let sure = self.sure_stock(request, exclude);
        let mut reasons = self.final_refusals(request);
        if reasons.is_empty() && matches!(outcome, Err(ReserveError::NeedsChunk { .. })) {
            assert_eq!(sure, None, "H8: {asked:?} asks for a chunk and has room");
            reasons.push(self.needed(request));
        }
        let Some(key) = granted("H8", &asked, outcome, &reasons) else {
            return;
        };
        let chunk = info.map(|info| info.chunk.get());
        let known = chunk.filter(|id| self.chunks.contains_key(id));
        let stock = known.and_then(|id| self.stock(request, id, exclude));
        assert!(
            stock.is_some(),
            "H5: {asked:?} may not go to chunk {chunk:?}: {:?}",
            self.chunks
        );
        assert!(
            sure.is_none() || stock <= sure,
            "{asked:?} went to {stock:?}, though {sure:?} had room"
        );
        self.enter(key, request, info);
    }

    /// H8: the chunk that was asked for was opened. It `counts` unless it may itself be the one
    /// that is excluded.
    pub(super) fn judge_second_reserve(
        &mut self,
        request: &Request,
        (exclude, counts): (Option<ChunkId>, bool),
        outcome: Result<RangeKey, ReserveError>,
        info: Option<RangeInfo>,
    ) {
        assert!(
            outcome.is_ok() || !counts,
            "H8: {request:?} without {exclude:?} is refused again: {outcome:?}"
        );
        self.judge_reserve(request, exclude, outcome, info);
    }

    /// A given place is had exactly if it is free, in a chunk for such blocks (H5, R6).
    pub(super) fn judge_reserve_at(
        &mut self,
        id: ChunkId,
        start: ByteOffset,
        request: &Request,
        outcome: Result<RangeKey, PlaceError>,
        info: Option<RangeInfo>,
    ) {
        let asked = (id, start, request);
        let Some(chunk) = self.chunks.get(&id.get()) else {
            let reasons = [PlaceError::NoChunk { chunk: id }];
            granted("H6", &asked, outcome, &reasons);
            return;
        };
        let reasons = self.place_refusals(id, chunk, start, request);
        let Some(key) = granted("R6", &asked, outcome, &reasons) else {
            return;
        };
        let place = info.map(|info| (info.chunk, info.range.start));
        assert_eq!(place, Some((id, start)), "the place asked for");
        self.enter(key, request, info);
    }

    fn place_refusals(
        &self,
        id: ChunkId,
        chunk: &Chunk,
        start: ByteOffset,
        request: &Request,
    ) -> Vec<PlaceError> {
        let (len, align) = (request.len, request.align);
        let mut reasons = Vec::new();
        if !chunk.is_open() {
            let state = chunk.state;
            reasons.push(PlaceError::NotOpen { chunk: id, state });
        }
        let strange = chunk.class != self.class(request.class) || chunk.dedicated;
        if chunk.lifetime != request.lifetime || (strange && !chunk.keys.is_empty()) {
            reasons.push(PlaceError::WrongChunk {
                chunk: id,
                lifetime: chunk.lifetime,
                class: chunk.class,
                dedicated: chunk.dedicated,
            });
        }
        if len == ByteLen::ZERO {
            reasons.push(PlaceError::ZeroSize);
        }
        if align.get() > ALIGN_MAX {
            let max = ALIGN_MAX;
            reasons.push(PlaceError::AlignmentTooLarge { align, max });
        }
        if !align.divides(start) || !start.get().is_multiple_of(self.config.unit_bytes.get()) {
            reasons.push(PlaceError::Misaligned { start, align });
        }
        if u128::from(start.get()) + u128::from(len.get()) > u128::from(chunk.capacity) {
            let capacity = ByteLen::new(chunk.capacity);
            reasons.push(PlaceError::OutOfBounds {
                start,
                len,
                capacity,
            });
        }
        if reasons.is_empty() {
            let requested = ByteRange::new(start, ByteLen::new(self.ceil_u64(len)));
            let mut taken = chunk.keys.values().map(|key| self.ranges[key].place);
            let taken = taken.find(|taken| taken.overlaps(&requested));
            reasons.extend(taken.map(|taken| PlaceError::Occupied { requested, taken }));
        }
        reasons
    }

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
            keys: std::collections::BTreeMap::new(),
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

    /// H6, and which empty chunks stay: highest id first, each seen after those before it closed.
    pub(super) fn judge_close(&mut self, tick: u64, pressure: bool, closed: &[ChunkId]) {
        self.tick = self.tick.max(tick);
        let mut expected = Vec::new();
        let ids: Vec<u32> = self.chunks.keys().rev().copied().collect();
        for id in ids {
            let plain = |chunk: &&Chunk| chunk.state != ChunkState::Closing && chunk.is_plain();
            let dynamic = self.chunks.values().filter(plain).count();
            let spares = self
                .chunks
                .values()
                .filter(|chunk| chunk.is_spare())
                .count();
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
                expected.push(ChunkId::new(id));
            }
        }
        assert_eq!(closed, expected, "H6: what closes at {tick}");
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
