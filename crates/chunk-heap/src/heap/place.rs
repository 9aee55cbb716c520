//! Where a range goes.

use geoheap_suballoc::{Align, AllocError, Allocation, ByteLen, ByteOffset, Space};
use smallvec::SmallVec;

use super::ChunkHeap;
use crate::chunk::{ALIGN_MAX, Chunk, ChunkId, Entry, Lifetime, Owner, RangeKey, RangeState};
use crate::error::{PlaceError, ReserveError};
use crate::pool::{PoolKey, Stock};

/// A range as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Bytes; rounded up to the heap's unit.
    pub len: ByteLen,
    /// What its start must be a multiple of, counted from the start of its chunk: the block's
    /// alignment.
    pub align: Align,
    /// Which chunks it may go to.
    pub lifetime: Lifetime,
    /// Kept with it.
    pub owner: Owner,
    /// Blocks of different classes do not share a chunk if the heap is split by class (say, by
    /// the kind of a block's first part); without meaning otherwise.
    pub class: u8,
}

/// A dedicated chunk that is empty is used for another block if it is longer than needed by at
/// most this share of what is needed: a quarter.
const DEDICATED_SLACK: u64 = 4;

/// In how many chunks a range is tried at most whose largest free room may or may not hold it,
/// depending on where that room starts. Such a try looks at all free ranges when it fails.
const TRIES_MAX: usize = 2;

impl ChunkHeap {
    /// Places a range: in the densest ready chunk that has room, else in an empty one, else in one
    /// that is still opening; never in a draining or closing chunk, nor in `exclude` (the chunk
    /// that a block is moved out of; an id without a chunk excludes none). A block above the
    /// configured length gets a chunk for itself: the tightest empty dedicated one that is not much
    /// too long, opening or not, else a new one.
    ///
    /// # Errors
    /// [`ReserveError::NeedsChunk`] says which chunk to open when none has room; the other
    /// variants are final. Nothing is changed then.
    pub fn reserve(
        &mut self,
        request: &Request,
        exclude: Option<ChunkId>,
    ) -> Result<RangeKey, ReserveError> {
        let len = self.check(request)?;
        let exclude = exclude.map(ChunkId::get);
        let placed = if self.config.is_dedicated(len, request.lifetime) {
            self.place_dedicated(request, len, exclude)
        } else {
            self.place_shared(request, len, exclude)
        };
        let (chunk, placed) = placed.ok_or(self.needed_chunk(request, len))?;
        Ok(self.enter(chunk, placed, request))
    }

    /// As [`Self::reserve`], but among others whatever the range's length: where there is no memory
    /// for a dedicated buffer, and a shared chunk has room.
    ///
    /// # Errors
    /// As for [`Self::reserve`].
    pub fn reserve_shared(
        &mut self,
        request: &Request,
        exclude: Option<ChunkId>,
    ) -> Result<RangeKey, ReserveError> {
        let len = self.check(request)?;
        let placed = self.place_shared(request, len, exclude.map(ChunkId::get));
        let (chunk, placed) = placed.ok_or(self.needed_chunk(request, len))?;
        Ok(self.enter(chunk, placed, request))
    }

    /// The length in whole units, if the request is one that the heap can serve.
    fn check(&self, request: &Request) -> Result<ByteLen, ReserveError> {
        if request.len == ByteLen::ZERO {
            return Err(ReserveError::ZeroSize);
        }
        if request.align.get() > ALIGN_MAX {
            let align = request.align;
            return Err(ReserveError::AlignmentTooLarge {
                align,
                max: ALIGN_MAX,
            });
        }
        let (len, max) = (self.config.ceil(request.len), self.config.block_max());
        if len > max {
            return Err(ReserveError::TooLarge {
                requested: len,
                max,
            });
        }
        Ok(len)
    }

    /// Which chunk to open for a range of `len` bytes.
    fn needed_chunk(&self, request: &Request, len: ByteLen) -> ReserveError {
        let lifetime = request.lifetime;
        let dedicated = self.config.is_dedicated(len, lifetime);
        let capacity = if dedicated {
            self.config.dedicated_capacity(len)
        } else {
            self.config.capacity(lifetime)
        };
        ReserveError::NeedsChunk {
            capacity,
            lifetime,
            dedicated,
        }
    }

    /// Places a range at a given place, as a plan demands it.
    ///
    /// # Errors
    /// [`PlaceError`] when it cannot lie there. Nothing is changed then.
    pub fn reserve_at(
        &mut self,
        id: ChunkId,
        start: ByteOffset,
        request: &Request,
    ) -> Result<RangeKey, PlaceError> {
        let (len, align) = (request.len, request.align);
        let chunk = self.get(id).ok_or(PlaceError::NoChunk { chunk: id })?;
        if !chunk.is_open() {
            return Err(PlaceError::NotOpen {
                chunk: id,
                state: chunk.state,
            });
        }
        let class_differs = self.config.split_by_kind && chunk.class != request.class;
        let shut = if chunk.is_empty() {
            false
        } else {
            class_differs || chunk.dedicated
        };
        if chunk.lifetime != request.lifetime || shut {
            return Err(PlaceError::WrongChunk {
                chunk: id,
                lifetime: chunk.lifetime,
                class: chunk.class,
                dedicated: chunk.dedicated,
            });
        }
        if align.get() > ALIGN_MAX {
            return Err(PlaceError::AlignmentTooLarge {
                align,
                max: ALIGN_MAX,
            });
        }
        if !align.divides(start) {
            return Err(PlaceError::Misaligned { start, align });
        }
        let capacity = chunk.capacity();
        let placed = self.space_mut(id.get()).alloc_at(start, len);
        let placed = placed.map_err(|error| match error {
            AllocError::ZeroSize => PlaceError::ZeroSize,
            AllocError::Misaligned { .. } => PlaceError::Misaligned { start, align },
            AllocError::Occupied { requested, live } => PlaceError::Occupied {
                requested,
                taken: live,
            },
            _ => PlaceError::OutOfBounds {
                start,
                len,
                capacity,
            },
        })?;
        Ok(self.enter(id.get(), placed, request))
    }

    /// Takes room in the best of the shared chunks: of each stock, first a chunk whose largest
    /// free room holds the range wherever that room starts, then one where this depends.
    fn place_shared(
        &mut self,
        request: &Request,
        len: ByteLen,
        exclude: Option<u32>,
    ) -> Option<(u32, Allocation)> {
        let class = self.class_of(request);
        let sure = self.sure_len(len, request.align);
        let Self { pools, chunks, .. } = self;
        let tries = [
            (Stock::Class(class), TRIES_MAX),
            (Stock::Empty, usize::MAX),
            (Stock::Opening, usize::MAX),
        ];
        tries.into_iter().find_map(|(stock, tries)| {
            let lifetime = request.lifetime;
            let pool = pools.get(&PoolKey { lifetime, stock })?;
            let suits = |at: u32, least: ByteLen| {
                let chunk = chunks.get(at as usize).and_then(Option::as_ref);
                let suits = |chunk: &Chunk| chunk.class == class || chunk.is_empty();
                let fits = |chunk: &Chunk| chunk.largest >= least;
                Some(at) != exclude && chunk.is_some_and(|chunk| suits(chunk) && fits(chunk))
            };
            let certain = pool.candidates(sure).find(|&at| suits(at, sure));
            let perhaps = || {
                pool.candidates(len)
                    .filter(|&at| suits(at, len))
                    .take(tries)
            };
            let tried: SmallVec<[u32; 4]> =
                certain.map_or_else(|| perhaps().collect(), |at| SmallVec::from_slice(&[at]));
            tried.into_iter().find_map(|at| {
                let chunk = chunks.get_mut(at as usize)?.as_mut()?;
                let placed = chunk.space.alloc(len, request.align).ok()?;
                Some((at, placed))
            })
        })
    }

    /// How long a free room must be to hold the range wherever it starts.
    fn sure_len(&self, len: ByteLen, align: Align) -> ByteLen {
        let unit = self.config.unit_bytes;
        let step = Align::new(unit.get()).and_then(|unit| align.lcm(unit));
        let padding = step.map_or(u64::MAX, |step| step.get() - unit.get());
        len.saturating_add(ByteLen::new(padding))
    }

    /// Takes room in the tightest dedicated chunk that is empty, unless that is much too long.
    fn place_dedicated(
        &mut self,
        request: &Request,
        len: ByteLen,
        exclude: Option<u32>,
    ) -> Option<(u32, Allocation)> {
        let needed = self.config.dedicated_capacity(len);
        let most = needed.saturating_add(ByteLen::new(needed.get() / DEDICATED_SLACK));
        let fitting = self
            .idle_dedicated
            .range((len, 0)..=(most, u32::MAX))
            .map(|&(_, at)| at);
        let mut fitting = fitting.filter(|&at| Some(at) != exclude);
        let at = fitting.find(|&at| self.at(at).lifetime == request.lifetime)?;
        let placed = self.space_mut(at).alloc(len, request.align);
        placed.ok().map(|placed| (at, placed))
    }

    /// Keeps a range that its chunk's space has just given out.
    fn enter(&mut self, chunk: u32, placed: Allocation, request: &Request) -> RangeKey {
        let align = u32::try_from(request.align.get()).expect("H3: alignments were checked");
        let units = placed.range.len.get() / self.config.unit_bytes.get();
        let units = u32::try_from(units).expect("H1: a chunk has at most 2^32 - 1 units");
        let entry = Entry {
            owner: request.owner,
            id: placed.id,
            chunk,
            align,
            units,
            state: RangeState::Reserved,
        };
        let key = self.ranges.insert(entry);
        let class = self.class_of(request);
        self.change(chunk, |chunk| {
            chunk.class = class;
            chunk.set_key(placed.id, key);
            chunk.bytes.reserved += placed.range.len;
            chunk.ranges += 1;
        });
        key
    }

    fn class_of(&self, request: &Request) -> u8 {
        if self.config.split_by_kind {
            request.class
        } else {
            0
        }
    }

    fn space_mut(&mut self, index: u32) -> &mut Space {
        let chunk = self.chunks.get_mut(index as usize).and_then(Option::as_mut);
        &mut chunk.expect("H2: what the heap refers to is there").space
    }
}
