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

/// Chunks of a stock in use that are tried where it depends on the alignment.
const TRIES_MAX: usize = 2;

/// How early a chunk is tried in its stock: the step of its used share, of 8, and the size class
/// of its largest free range, of four to an octave.
fn rank(chunk: &Chunk, free: u64, largest: u64) -> (u64, u64) {
    let step = (free * 8 / chunk.capacity).min(7);
    let octave = largest.checked_ilog2().unwrap_or(0);
    let class = if octave < 2 {
        largest
    } else {
        u64::from(octave) * 4 + largest / (1 << (octave - 2)) % 4
    };
    (step, class)
}

impl Shadow {
    /// The longest block.
    pub(super) fn block_max(&self) -> u64 {
        let counted = self.config.unit_bytes.get() * u64::from(u32::MAX);
        self.floor(self.config.buffer_bytes_max.min(ByteLen::new(counted)))
    }

    /// Whether the block gets a chunk for itself: both lengths count in whole units.
    fn is_dedicated(&self, request: &Request) -> bool {
        let half = ByteLen::new(self.config.long_lived_chunk_bytes.get() / 2);
        let above = self.config.dedicated_above_bytes;
        let above = match request.lifetime {
            Lifetime::Dynamic => above,
            Lifetime::LongLived => above.min(half),
        };
        self.ceil(request.len) > self.ceil(above)
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

    /// How long a free range must be to hold the block wherever it starts, and the step at which
    /// blocks like it start.
    fn sure_len(&self, request: &Request) -> (u64, u64) {
        let unit = self.config.unit_bytes.get();
        let step = geoheap_suballoc::Align::new(unit).and_then(|unit| unit.lcm(request.align));
        let step = step.map_or(u64::MAX, geoheap_suballoc::Align::get);
        let len = self.ceil_u64(request.len);
        (len.saturating_add(step - unit), step)
    }

    /// Whether the block fits any free range of a chunk.
    fn fits(&self, request: &Request, chunk: &Chunk) -> bool {
        let (len, (_, step)) = (self.ceil_u64(request.len), self.sure_len(request));
        self.gaps(chunk).into_iter().any(|(start, end)| {
            let start = start.checked_next_multiple_of(step);
            let own_end = start.and_then(|start| start.checked_add(len));
            own_end.is_some_and(|own_end| own_end <= end)
        })
    }

    /// The chunk that the block goes to, as the crate's head says it. For a dedicated one the
    /// tightest of those that are longer than needed by at most a quarter. Otherwise by stocks,
    /// and in each the densest step, the tightest size class and the lowest id: of those that hold
    /// it for sure, and if there is none, of those that may.
    fn expected(&self, request: &Request, exclude: Option<ChunkId>) -> Option<u32> {
        let len = self.ceil_u64(request.len);
        let ids = self.chunks.iter();
        let ranks = ids.filter_map(|(id, chunk)| {
            let stock = self.stock(request, *id, exclude)?;
            Some((
                stock,
                rank(chunk, self.free(chunk), self.largest(chunk)),
                *id,
            ))
        });
        let mut ranks: Vec<_> = ranks.collect();
        if self.is_dedicated(request) {
            let ReserveError::NeedsChunk { capacity, .. } = self.needed(request) else {
                return None;
            };
            let most = capacity.get().saturating_add(capacity.get() / 4);
            let ids = ranks.iter().map(|rank| rank.2);
            let fitting = ids.map(|id| (self.chunks[&id].capacity, id));
            let fitting = fitting.filter(|(capacity, _)| (len..=most).contains(capacity));
            return fitting.min().map(|(_, id)| id);
        }
        ranks.retain(|rank| self.largest(&self.chunks[&rank.2]) >= len);
        ranks.sort_unstable();
        let (sure, _) = self.sure_len(request);
        let tries = [
            (Stock::InUse, TRIES_MAX),
            (Stock::Empty, usize::MAX),
            (Stock::Opening, usize::MAX),
        ];
        tries.into_iter().find_map(|(stock, tries)| {
            let ids = || {
                ranks
                    .iter()
                    .filter(|rank| rank.0 == stock)
                    .map(|rank| rank.2)
            };
            let certain = ids().find(|id| self.largest(&self.chunks[id]) >= sure);
            let fits = |id: &u32| self.fits(request, &self.chunks[id]);
            certain.or_else(|| ids().take(tries).find(fits))
        })
    }

    fn free(&self, chunk: &Chunk) -> u64 {
        self.gaps(chunk)
            .into_iter()
            .map(|(start, end)| end - start)
            .sum()
    }

    /// Where a range goes, and when a chunk may be asked for: not while one has room (H5, and the
    /// order in the crate's head).
    pub(super) fn judge_reserve(
        &mut self,
        request: &Request,
        exclude: Option<ChunkId>,
        outcome: Result<RangeKey, ReserveError>,
        info: Option<RangeInfo>,
    ) {
        let asked = (request, exclude);
        let mut reasons = self.final_refusals(request);
        let expected = if reasons.is_empty() {
            self.expected(request, exclude)
        } else {
            None
        };
        if reasons.is_empty() && matches!(outcome, Err(ReserveError::NeedsChunk { .. })) {
            assert_eq!(
                expected, None,
                "H8: {asked:?} asks for a chunk and has room"
            );
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
        assert_eq!(
            chunk, expected,
            "{asked:?} went to another chunk than the best one: {:?}",
            self.chunks
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

    /// A range that shares its chunk, or is to share one, is reserved once more, in a chunk of the
    /// other lifetime; one that has a chunk for itself under both takes it along.
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
        let alone = self.is_dedicated(&request);
        let Some(chunk) = self.chunks.get_mut(&range.chunk) else {
            panic!("H2: {key:?} is in no chunk");
        };
        if chunk.lifetime == lifetime {
            assert_eq!(outcome, Ok(LifetimeChange::Same), "{asked:?}");
        } else if chunk.dedicated && alone {
            chunk.lifetime = lifetime;
            assert_eq!(outcome, Ok(LifetimeChange::InPlace), "H5: {asked:?}");
        } else {
            let moved = match outcome {
                Ok(LifetimeChange::Moves { to }) => Ok(to),
                Err(LifetimeError::Reserve(error)) => Err(error),
                other => panic!("H5: {asked:?} is to share its chunk: {other:?}"),
            };
            self.judge_reserve(&request, None, moved, info);
        }
    }
}
