//! Why each chunk is held, and how few chunks would do.

use std::collections::BTreeMap;

use core::fmt;

use geoheap_suballoc::ByteLen;

use crate::chunk::{ChunkInfo, ChunkState, Lifetime};
use crate::figures::HeapFigures;
use crate::heap::ChunkHeap;

/// A shared chunk is thinly used below this many per cent of its bytes.
pub const THIN_PERCENT: u64 = 20;

/// Why a chunk is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Its buffer is being made.
    Opening,
    /// Blocks are in it, or on their way.
    InUse,
    /// Only older versions name what is in it: it is empty once they are gone.
    Retired,
    /// It is empty and closed after this many further ticks, unless it is used before.
    Empty {
        /// Ticks.
        ticks: u64,
    },
    /// It is empty and stays, so that the next block finds room at once.
    Spare,
    /// It takes no new blocks, and is closed as soon as those in it are gone.
    Draining,
    /// It is empty for good; its buffer is on its way back.
    Closing,
}

/// A chunk, and why it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkReport {
    /// What is known of it.
    pub info: ChunkInfo,
    /// Why it is held.
    pub held: Held,
}

impl ChunkReport {
    /// Bytes of live and reserved ranges.
    pub fn used(&self) -> ByteLen {
        self.info.live + self.info.reserved
    }

    /// Whether blocks use it, though less than [`THIN_PERCENT`] of it: defragmentation would bring
    /// them elsewhere, and give the chunk back.
    pub fn is_thin(&self) -> bool {
        let used = u128::from(self.used().get()) * 100;
        let thin = used < u128::from(self.info.capacity.get()) * u128::from(THIN_PERCENT);
        thin && used > 0 && !self.info.dedicated
    }
}

/// A heap in numbers that explain what it holds. `Display` is a few stable lines, and one for each
/// chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeapReport {
    /// Sums over the heap.
    pub figures: HeapFigures,
    /// All chunks, by ascending id.
    pub chunks: Vec<ChunkReport>,
    /// Chunks of the configured capacities that what is live and reserved would need at least, if
    /// it were packed without gaps; each dedicated block counts one.
    pub needed_chunks: u32,
    /// Shared chunks that are thinly used ([`ChunkReport::is_thin`]).
    pub thin_chunks: u32,
    /// Bytes that are live or reserved in those.
    pub thin_bytes: ByteLen,
}

impl ChunkHeap {
    /// Why each chunk is held, as things stand, in O(chunks).
    pub fn report(&self) -> HeapReport {
        let spares = self.spares_that_stay();
        let chunks = self.chunks().map(|info| {
            let spare = spares.contains(&info.id);
            let held = if spare { Held::Spare } else { self.held(&info) };
            ChunkReport { info, held }
        });
        let chunks: Vec<ChunkReport> = chunks.collect();
        let thin = || chunks.iter().filter(|chunk| chunk.is_thin());
        HeapReport {
            figures: self.figures(),
            needed_chunks: self.needed(&chunks),
            thin_chunks: thin().map(|_| 1).sum(),
            thin_bytes: thin().map(ChunkReport::used).sum(),
            chunks,
        }
    }

    fn held(&self, info: &ChunkInfo) -> Held {
        match info.state {
            ChunkState::Opening => Held::Opening,
            ChunkState::Draining => Held::Draining,
            ChunkState::Closing => Held::Closing,
            ChunkState::Ready => match info.empty_since {
                Some(since) => Held::Empty {
                    ticks: self.ticks_left(since),
                },
                None if info.live + info.reserved == ByteLen::ZERO => Held::Retired,
                None => Held::InUse,
            },
        }
    }

    fn needed(&self, chunks: &[ChunkReport]) -> u32 {
        let mut dedicated = 0;
        let mut shared: BTreeMap<(Lifetime, u8), ByteLen> = BTreeMap::new();
        for chunk in chunks.iter().filter(|chunk| chunk.used() > ByteLen::ZERO) {
            if chunk.info.dedicated {
                dedicated += 1;
            } else {
                let sort = (chunk.info.lifetime, chunk.info.class);
                *shared.entry(sort).or_default() += chunk.used();
            }
        }
        let chunks = shared.into_iter().map(|((lifetime, _), used)| {
            let capacity = self.config().capacity(lifetime);
            used.get().div_ceil(capacity.get())
        });
        u32::try_from(chunks.sum::<u64>()).map_or(u32::MAX, |shared| shared + dedicated)
    }
}

impl fmt::Display for HeapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sums = &self.figures;
        writeln!(
            f,
            "chunks {} of {} bytes, at least {} needed for what is in use",
            sums.chunks(),
            sums.capacity(),
            self.needed_chunks
        )?;
        writeln!(
            f,
            "bytes  {} live, {} reserved, {} retired, {} free, fragmentation {:.3}",
            sums.live(),
            sums.reserved(),
            sums.retired(),
            sums.free(),
            sums.fragmentation()
        )?;
        writeln!(
            f,
            "thin   {} chunks used for less than {THIN_PERCENT} %, with {} bytes in use",
            self.thin_chunks, self.thin_bytes
        )?;
        self.chunks.iter().try_for_each(|chunk| chunk.fmt(f))
    }
}

impl fmt::Display for ChunkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.info;
        let lifetime = match info.lifetime {
            Lifetime::Dynamic => "dynamic",
            Lifetime::LongLived => "long-lived",
        };
        let sort = if info.dedicated { " dedicated" } else { "" };
        write!(f, "{:>4} {lifetime}{sort} {}: ", info.id, info.capacity)?;
        let (used, ranges) = (self.used(), info.range_count);
        match self.held {
            Held::Opening => writeln!(f, "being made, {used} reserved in {ranges} ranges"),
            Held::InUse => {
                write!(f, "in use, {} in {ranges} ranges", Percent(self))?;
                if info.retired > ByteLen::ZERO {
                    write!(f, ", {} bytes of them for older versions", info.retired)?;
                }
                writeln!(f)
            }
            Held::Retired => {
                let retired = info.retired;
                writeln!(f, "waits for older versions, {retired} in {ranges} ranges")
            }
            Held::Empty { ticks } => writeln!(f, "empty, closed in {ticks} ticks"),
            Held::Spare => writeln!(f, "empty, kept as a spare"),
            Held::Draining => writeln!(f, "draining, {} in {ranges} ranges", Percent(self)),
            Held::Closing => writeln!(f, "closing"),
        }
    }
}

/// The used share of a chunk, rounded down to a tenth of a per cent.
struct Percent<'a>(&'a ChunkReport);

impl fmt::Display for Percent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (used, capacity) = (self.0.used().get(), self.0.info.capacity.get());
        let tenths = u128::from(used) * 1000 / u128::from(capacity);
        write!(f, "{}.{} %", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests;
