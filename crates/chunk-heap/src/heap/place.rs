//! Where a range goes.

use geoheap_suballoc::{Align, AllocError, Allocation, ByteLen, ByteOffset, Space};

use super::ChunkHeap;
use crate::chunk::{ALIGN_MAX, ChunkId, Entry, Lifetime, Owner, RangeKey, RangeState};
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

impl ChunkHeap {
    /// Places a range: in the densest ready chunk that has room, else in an empty one, else in one
    /// that is still opening; never in a draining or closing chunk, nor in `exclude` (the chunk
    /// that a block is moved out of). A block above the configured length gets a chunk for itself.
    ///
    /// # Errors
    /// [`ReserveError::NeedsChunk`] says which chunk to open when none has room; the other
    /// variants are final. Nothing is changed then.
    pub fn reserve(
        &mut self,
        request: &Request,
        exclude: Option<ChunkId>,
    ) -> Result<RangeKey, ReserveError> {
        let lifetime = request.lifetime;
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
        let exclude = exclude.map(ChunkId::get);
        let dedicated = request.len > self.config.shared_max(lifetime);
        let (placed, capacity) = if dedicated {
            let placed = self.place_dedicated(request, len, exclude);
            (placed, self.config.dedicated_capacity(len))
        } else {
            (
                self.place_shared(request, len, exclude),
                self.config.capacity(lifetime),
            )
        };
        let needs_chunk = ReserveError::NeedsChunk {
            capacity,
            lifetime,
            dedicated,
        };
        let (chunk, placed) = placed.ok_or(needs_chunk)?;
        Ok(self.enter(chunk, placed, request))
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

    /// Takes room in the best of the shared chunks.
    fn place_shared(
        &mut self,
        request: &Request,
        len: ByteLen,
        exclude: Option<u32>,
    ) -> Option<(u32, Allocation)> {
        let class = self.class_of(request);
        let Self { pools, chunks, .. } = self;
        [Stock::Class(class), Stock::Empty, Stock::Opening]
            .into_iter()
            .find_map(|stock| {
                let pool = pools.get(&PoolKey {
                    lifetime: request.lifetime,
                    stock,
                })?;
                pool.candidates(len)
                    .filter(|&at| Some(at) != exclude)
                    .find_map(|at| {
                        let chunk = chunks.get_mut(at as usize)?.as_mut()?;
                        let suits = chunk.class == class || chunk.is_empty();
                        let placed = suits.then(|| chunk.space.alloc(len, request.align).ok());
                        Some((at, placed??))
                    })
            })
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
        let state = RangeState::Reserved;
        let entry = Entry {
            owner: request.owner,
            id: placed.id,
            chunk,
            align,
            state,
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
