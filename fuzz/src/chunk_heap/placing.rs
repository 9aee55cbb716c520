//! Where a heap may put a range, and when it may ask for a chunk.

use geoheap_chunk_heap::{
    ChunkId, ChunkState, Lifetime, LifetimeChange, LifetimeError, PlaceError, RangeError,
    RangeInfo, RangeKey, RangeState, Request, ReserveError,
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
    pub(super) fn block_max(&self) -> u64 {
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

    /// The class of the chunk that a range is in.
    pub(super) fn class_of(&self, key: RangeKey) -> u8 {
        let range = self.ranges.get(&key);
        range.map_or(0, |range| self.chunks[&range.chunk].class)
    }

    /// A range that shares its chunk is reserved once more, in a chunk of the other lifetime; one
    /// that has a chunk for itself takes it along.
    pub(super) fn judge_lifetime(
        &mut self,
        key: RangeKey,
        lifetime: Lifetime,
        outcome: Result<LifetimeChange, LifetimeError>,
        info: Option<RangeInfo>,
    ) {
        let asked = (key, lifetime);
        let reason = match self.ranges.get(&key) {
            None => Some(RangeError::Stale { key }),
            Some(range) => (range.state == RangeState::Retired).then_some(RangeError::WrongState {
                state: RangeState::Retired,
                needed: RangeState::Live,
            }),
        };
        let Some(range) = self.ranges.get(&key).filter(|_| reason.is_none()) else {
            let reason = reason.map(LifetimeError::Range);
            granted("H2", &asked, outcome, reason.as_slice());
            return;
        };
        let request = Request {
            len: range.place.len,
            align: range.align,
            lifetime,
            owner: range.owner,
            class: self.class_of(key),
        };
        let Some(chunk) = self.chunks.get_mut(&range.chunk) else {
            panic!("H2: {key:?} is in no chunk");
        };
        if chunk.lifetime == lifetime {
            assert_eq!(outcome, Ok(LifetimeChange::Same), "{asked:?}");
        } else if chunk.dedicated {
            chunk.lifetime = lifetime;
            assert_eq!(outcome, Ok(LifetimeChange::InPlace), "H5: {asked:?}");
        } else {
            let moved = match outcome {
                Ok(LifetimeChange::Moves { to }) => Ok(to),
                Err(LifetimeError::Reserve(error)) => Err(error),
                other => panic!("H5: {asked:?} shares its chunk: {other:?}"),
            };
            self.judge_reserve(&request, None, moved, info);
        }
    }
}
