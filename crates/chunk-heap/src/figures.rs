//! Sums over all chunks, kept up to date by each operation.

use geoheap_suballoc::ByteLen;

use crate::chunk::{Chunk, ChunkState, Lifetime, RangeState};

/// Sums over chunks of one sort. live + reserved + retired + free = capacity (R6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolFigures {
    /// Count.
    pub chunks: u32,
    /// Bytes of their buffers.
    pub capacity: ByteLen,
    /// Bytes of live ranges.
    pub live: ByteLen,
    /// Bytes of reserved ranges.
    pub reserved: ByteLen,
    /// Bytes of retired ranges.
    pub retired: ByteLen,
    /// Bytes in no range.
    pub free: ByteLen,
    /// Bytes of each chunk's largest free room, summed up.
    pub largest_free: ByteLen,
}

impl PoolFigures {
    fn of(&mut self, state: RangeState) -> &mut ByteLen {
        match state {
            RangeState::Live => &mut self.live,
            RangeState::Reserved => &mut self.reserved,
            RangeState::Retired => &mut self.retired,
        }
    }

    /// The share of the free bytes that is outside the largest free room of its own chunk: 0
    /// where each chunk has its free bytes in one room, or none is free, towards 1 as they are
    /// scattered. It says nothing of how the free bytes are shared out among chunks.
    pub fn fragmentation(&self) -> f64 {
        fragmentation(self.free, self.largest_free)
    }
}

/// The share of `free` bytes outside the `largest` rooms; 0 where nothing is free.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share: what is lost above 2^53 bytes is not seen in it"
)]
pub(crate) fn fragmentation(free: ByteLen, largest: ByteLen) -> f64 {
    if free == ByteLen::ZERO {
        return 0.0;
    }
    (free - largest).get() as f64 / free.get() as f64
}

/// Sums over the heap, in O(1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapFigures {
    /// Shared chunks of dynamic blocks.
    pub dynamic: PoolFigures,
    /// Shared chunks of long-lived blocks.
    pub long_lived: PoolFigures,
    /// Buffers of a single block, of either lifetime.
    pub dedicated: PoolFigures,
    /// Chunks whose buffer is to be given back.
    pub closing: PoolFigures,
    /// Chunks whose buffer is being made (counted above, too).
    pub opening_chunks: u32,
    /// Chunks that are being evacuated (counted above, too).
    pub draining_chunks: u32,
    /// Empty shared dynamic chunks, ready or opening (counted above, too).
    pub spare_chunks: u32,
    /// Bytes of those.
    pub spare_bytes: ByteLen,
    /// Free bytes of shared dynamic chunks that take placements.
    pub placeable_bytes: ByteLen,
    /// Ranges in any state.
    pub ranges: usize,
}

impl HeapFigures {
    /// Count of chunks, closing ones included.
    pub fn chunks(&self) -> u32 {
        self.all().map(|pool| pool.chunks).sum()
    }

    /// Bytes of all buffers: what is held until each is given back.
    pub fn capacity(&self) -> ByteLen {
        self.all().map(|pool| pool.capacity).sum()
    }

    /// Bytes of live ranges.
    pub fn live(&self) -> ByteLen {
        self.all().map(|pool| pool.live).sum()
    }

    /// Bytes of reserved ranges.
    pub fn reserved(&self) -> ByteLen {
        self.all().map(|pool| pool.reserved).sum()
    }

    /// Bytes of retired ranges.
    pub fn retired(&self) -> ByteLen {
        self.all().map(|pool| pool.retired).sum()
    }

    /// Bytes in no range.
    pub fn free(&self) -> ByteLen {
        self.all().map(|pool| pool.free).sum()
    }

    /// [`PoolFigures::fragmentation`] over all shared chunks. Dedicated ones hold a single block,
    /// closing ones take none; their free bytes are not counted.
    pub fn fragmentation(&self) -> f64 {
        let (a, b) = (&self.dynamic, &self.long_lived);
        fragmentation(a.free + b.free, a.largest_free + b.largest_free)
    }

    fn all(&self) -> impl Iterator<Item = &PoolFigures> {
        [
            &self.dynamic,
            &self.long_lived,
            &self.dedicated,
            &self.closing,
        ]
        .into_iter()
    }

    /// Bytes of a chunk are in another state from now on; all else of it is as it was.
    pub(crate) fn pass(&mut self, chunk: &Chunk, len: ByteLen, from: RangeState, to: RangeState) {
        let pool = self.pool_of(chunk);
        *pool.of(from) -= len;
        *pool.of(to) += len;
    }

    fn pool_of(&mut self, chunk: &Chunk) -> &mut PoolFigures {
        match (chunk.state, chunk.dedicated, chunk.lifetime) {
            (ChunkState::Closing, _, _) => &mut self.closing,
            (_, true, _) => &mut self.dedicated,
            (_, false, Lifetime::Dynamic) => &mut self.dynamic,
            (_, false, Lifetime::LongLived) => &mut self.long_lived,
        }
    }

    /// Counts a chunk as it is now in.
    pub(crate) fn add(&mut self, chunk: &Chunk) {
        let (capacity, free) = (chunk.capacity(), chunk.free());
        let pool = self.pool_of(chunk);
        pool.chunks += 1;
        pool.capacity += capacity;
        pool.live += chunk.bytes.live;
        pool.reserved += chunk.bytes.reserved;
        pool.retired += chunk.bytes.retired;
        pool.free += free;
        pool.largest_free += chunk.largest;
        self.opening_chunks += u32::from(chunk.state == ChunkState::Opening);
        self.draining_chunks += u32::from(chunk.state == ChunkState::Draining);
        if chunk.is_spare() {
            self.spare_chunks += 1;
            self.spare_bytes += capacity;
        }
        if chunk.is_open() && !chunk.dedicated && chunk.lifetime == Lifetime::Dynamic {
            self.placeable_bytes += free;
        }
    }

    /// Counts a chunk as it is now out: the exact reverse of [`Self::add`].
    pub(crate) fn subtract(&mut self, chunk: &Chunk) {
        let (capacity, free) = (chunk.capacity(), chunk.free());
        let pool = self.pool_of(chunk);
        pool.chunks -= 1;
        pool.capacity -= capacity;
        pool.live -= chunk.bytes.live;
        pool.reserved -= chunk.bytes.reserved;
        pool.retired -= chunk.bytes.retired;
        pool.free -= free;
        pool.largest_free -= chunk.largest;
        self.opening_chunks -= u32::from(chunk.state == ChunkState::Opening);
        self.draining_chunks -= u32::from(chunk.state == ChunkState::Draining);
        if chunk.is_spare() {
            self.spare_chunks -= 1;
            self.spare_bytes -= capacity;
        }
        if chunk.is_open() && !chunk.dedicated && chunk.lifetime == Lifetime::Dynamic {
            self.placeable_bytes -= free;
        }
    }
}

/// Checks a share by what it is a share of (L7, H7).
#[cfg(test)]
pub(crate) fn assert_share(found: f64, free: u64, largest: u64) {
    let float = |bytes| f64::from(u32::try_from(bytes).expect("tests have few bytes"));
    let outside = found * float(free);
    assert!(
        (outside - float(free - largest)).abs() < 1e-3,
        "{found} of {free} bytes, of which {largest} are in the largest rooms"
    );
}
