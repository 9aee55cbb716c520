//! The heap: chunks that open, fill, drain and close, and the ranges in them.

mod close;
mod lifetime;
mod place;
mod validate;

use core::hint::black_box;
use std::collections::{BTreeMap, BTreeSet};

use geoheap_suballoc::{ByteLen, ByteRange, Space};
use slotmap::SlotMap;

use crate::chunk::{
    Chunk, ChunkId, ChunkInfo, ChunkState, Entry, Lifetime, Owner, RangeInfo, RangeKey, RangeState,
};
use crate::config::{ConfigError, HeapConfig};
use crate::error::{ChunkError, OpenError, RangeError};
use crate::figures::HeapFigures;
use crate::pool::{Pool, PoolKey};

pub use self::lifetime::LifetimeChange;
pub use self::place::Request;

/// Chunks, the ranges in them, and which chunk the next range goes to. See the crate's head.
#[derive(Clone, Debug)]
pub struct ChunkHeap {
    config: HeapConfig,
    /// By chunk id; `None` where the id is free.
    chunks: Vec<Option<Chunk>>,
    free_ids: BTreeSet<u32>,
    ranges: SlotMap<RangeKey, Entry>,
    pools: BTreeMap<PoolKey, Pool>,
    /// Chunks that are ready or draining and have no range: what `close_empty` looks at.
    idle: BTreeSet<u32>,
    /// Dedicated chunks that are open and have no range, by capacity.
    idle_dedicated: BTreeSet<(ByteLen, u32)>,
    figures: HeapFigures,
    /// The latest tick that was told.
    tick: u64,
}

impl ChunkHeap {
    /// A heap without a chunk.
    ///
    /// # Errors
    /// [`ConfigError`] when the configuration's fields do not go together.
    pub fn new(config: HeapConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            chunks: Vec::new(),
            free_ids: BTreeSet::new(),
            ranges: SlotMap::with_key(),
            pools: BTreeMap::new(),
            idle: BTreeSet::new(),
            idle_dedicated: BTreeSet::new(),
            figures: HeapFigures::default(),
            tick: 0,
        })
    }

    /// Makes room in the books for `count` ranges more, so that a caller who knows how many there
    /// will be pays for no more.
    pub fn reserve_ranges(&mut self, count: usize) {
        self.ranges.reserve(count);
    }

    /// What the heap was set up with.
    pub fn config(&self) -> &HeapConfig {
        &self.config
    }

    /// Makes the bookkeeping of a chunk whose buffer the caller is about to create. Ranges can be
    /// reserved in it at once; they can be committed after [`Self::chunk_ready`]. The capacity is
    /// rounded down to whole units. `class` counts where the heap is split by class.
    ///
    /// # Errors
    /// [`OpenError`] when the capacity is out of range.
    pub fn open_chunk(
        &mut self,
        capacity: ByteLen,
        lifetime: Lifetime,
        dedicated: bool,
        class: u8,
    ) -> Result<ChunkId, OpenError> {
        let (unit, max) = (self.config.unit_bytes, self.config.block_max());
        if capacity < unit {
            return Err(OpenError::TooSmall {
                capacity,
                min: unit,
            });
        }
        let Some(space) = self.space_for(capacity) else {
            return Err(OpenError::TooLarge { capacity, max });
        };
        let class = if self.config.split_by_kind { class } else { 0 };
        let chunk = Chunk::new(space, lifetime, dedicated, class);
        let index = self.take_id()?;
        self.figures.add(&chunk);
        self.chunks[index as usize] = Some(chunk);
        self.refile(index);
        Ok(ChunkId::new(index))
    }

    fn space_for(&self, capacity: ByteLen) -> Option<Space> {
        let whole = self.config.floor(capacity);
        let within = capacity <= self.config.buffer_bytes_max && whole <= self.config.block_max();
        within.then(|| Space::new(whole, self.config.unit_bytes).ok())?
    }

    fn take_id(&mut self) -> Result<u32, OpenError> {
        if let Some(index) = self.free_ids.pop_first() {
            return Ok(index);
        }
        let index = u32::try_from(self.chunks.len())
            .ok()
            .filter(|&index| index < u32::MAX);
        let index = index.ok_or(OpenError::TooManyChunks { max: u32::MAX })?;
        self.chunks.push(None);
        Ok(index)
    }

    /// The buffer of an opening chunk is there.
    ///
    /// # Errors
    /// [`ChunkError`] when there is no such chunk or it is not opening.
    pub fn chunk_ready(&mut self, id: ChunkId) -> Result<(), ChunkError> {
        self.expect_state(id, &[ChunkState::Opening])?;
        self.change(id.get(), |chunk| chunk.state = ChunkState::Ready);
        Ok(())
    }

    /// The buffer of an opening chunk could not be made: drops the chunk and the ranges that were
    /// reserved in it, which are handed back in address order. Their keys are stale from now on;
    /// no buffer ever had the id, so it is free at once.
    ///
    /// # Errors
    /// [`ChunkError`] when there is no such chunk or it is not opening.
    pub fn chunk_failed(&mut self, id: ChunkId) -> Result<Vec<(RangeKey, Owner)>, ChunkError> {
        let chunk = self.expect_state(id, &[ChunkState::Opening])?;
        let keys: Vec<RangeKey> = chunk.keys().collect();
        let entries = keys.into_iter().map(|key| (key, self.ranges.remove(key)));
        let dropped = entries
            .filter_map(|(key, entry)| Some((key, entry?.owner)))
            .collect();
        self.drop_chunk(id.get());
        Ok(dropped)
    }

    /// Keeps new ranges out of a ready chunk, so that it can be evacuated, or lets them in again.
    /// A draining chunk that is empty is closed by the next [`Self::close_empty`].
    ///
    /// # Errors
    /// [`ChunkError`] when there is no such chunk or it is opening or closing.
    pub fn set_draining(&mut self, id: ChunkId, draining: bool) -> Result<(), ChunkError> {
        self.expect_state(id, &[ChunkState::Ready, ChunkState::Draining])?;
        let state = if draining {
            ChunkState::Draining
        } else {
            ChunkState::Ready
        };
        self.change(id.get(), |chunk| chunk.state = state);
        Ok(())
    }

    /// The bytes of a reserved range are where they belong; the next version names it.
    ///
    /// # Errors
    /// [`RangeError`] when the range is not reserved, or its chunk's buffer is still being made.
    pub fn commit(&mut self, key: RangeKey) -> Result<(), RangeError> {
        let entry = self.expect_range(key, RangeState::Reserved)?;
        if self.at(entry.chunk).state == ChunkState::Opening {
            return Err(RangeError::ChunkOpening {
                chunk: ChunkId::new(entry.chunk),
            });
        }
        self.set_state(key, entry, RangeState::Live);
        Ok(())
    }

    /// The next version no longer names a live range (R2); older ones may.
    ///
    /// # Errors
    /// [`RangeError`] when the range is not live.
    pub fn retire(&mut self, key: RangeKey) -> Result<(), RangeError> {
        let entry = self.expect_range(key, RangeState::Live)?;
        self.set_state(key, entry, RangeState::Retired);
        Ok(())
    }

    /// No version reads a retired range any more (R3): frees it.
    ///
    /// # Errors
    /// [`RangeError`] when the range is not retired.
    pub fn release(&mut self, key: RangeKey) -> Result<ByteRange, RangeError> {
        let entry = self.expect_range(key, RangeState::Retired)?;
        Ok(self.free(key, entry))
    }

    /// Frees a reserved range that no version ever named.
    ///
    /// # Errors
    /// [`RangeError`] when the range is not reserved.
    pub fn cancel(&mut self, key: RangeKey) -> Result<ByteRange, RangeError> {
        let entry = self.expect_range(key, RangeState::Reserved)?;
        Ok(self.free(key, entry))
    }

    /// Keeps another owner with a range.
    ///
    /// # Errors
    /// [`RangeError::Stale`] when there is no such range.
    pub fn set_owner(&mut self, key: RangeKey, owner: Owner) -> Result<(), RangeError> {
        let entry = self.ranges.get_mut(key).ok_or(RangeError::Stale { key })?;
        entry.owner = owner;
        Ok(())
    }

    /// What is known of a range.
    pub fn range(&self, key: RangeKey) -> Option<RangeInfo> {
        let entry = self.ranges.get(key)?;
        entry.info(key, self.at(entry.chunk))
    }

    /// Looks at what is known of ranges, all of them side by side, and changes nothing: whoever
    /// goes on with one after the other then waits for no memory. Best with a few dozens.
    pub fn look_ahead(&self, keys: &[RangeKey]) {
        // Twice over the same keys: all entries are on their way before the first node is.
        for key in keys {
            black_box(self.ranges.get(*key).map(|entry| entry.chunk));
        }
        for entry in keys.iter().filter_map(|key| self.ranges.get(*key)) {
            if let Some(chunk) = self.get(ChunkId::new(entry.chunk)) {
                chunk.space.look_at(entry.id);
            }
        }
    }

    /// What is known of a chunk.
    pub fn chunk(&self, id: ChunkId) -> Option<ChunkInfo> {
        self.get(id).map(|chunk| chunk.info(id))
    }

    /// All chunks, closing ones included, by ascending id.
    pub fn chunks(&self) -> impl Iterator<Item = ChunkInfo> {
        let ids = (0..).map(ChunkId::new);
        ids.zip(&self.chunks)
            .filter_map(|(id, chunk)| Some(chunk.as_ref()?.info(id)))
    }

    /// The ranges of a chunk, in address order; none where there is no such chunk.
    pub fn ranges(&self, id: ChunkId) -> impl Iterator<Item = RangeInfo> {
        let keys = self.get(id).into_iter().flat_map(Chunk::keys);
        keys.filter_map(|key| self.range(key))
    }

    /// Where the ranges of a chunk lie, whatever their state, in address order; nothing if there
    /// is no such chunk. Cheaper than [`Self::ranges`], as no range is looked up.
    pub fn places(&self, id: ChunkId) -> impl Iterator<Item = ByteRange> {
        self.get(id).into_iter().flat_map(Chunk::places)
    }

    /// Sums over the heap, in O(1).
    pub fn figures(&self) -> HeapFigures {
        HeapFigures {
            ranges: self.ranges.len(),
            ..self.figures
        }
    }

    fn get(&self, id: ChunkId) -> Option<&Chunk> {
        self.chunks.get(id.index())?.as_ref()
    }

    /// A chunk that the heap itself named.
    fn at(&self, index: u32) -> &Chunk {
        self.get(ChunkId::new(index))
            .expect("H2: what the heap refers to is there")
    }

    fn expect_state(&self, id: ChunkId, states: &[ChunkState]) -> Result<&Chunk, ChunkError> {
        let chunk = self.get(id).ok_or(ChunkError::NoChunk { chunk: id })?;
        if states.contains(&chunk.state) {
            Ok(chunk)
        } else {
            Err(ChunkError::WrongState {
                chunk: id,
                state: chunk.state,
            })
        }
    }

    fn expect_range(&self, key: RangeKey, needed: RangeState) -> Result<Entry, RangeError> {
        let entry = *self.ranges.get(key).ok_or(RangeError::Stale { key })?;
        if entry.state != needed {
            return Err(RangeError::WrongState {
                state: entry.state,
                needed,
            });
        }
        Ok(entry)
    }

    fn set_state(&mut self, key: RangeKey, entry: Entry, state: RangeState) {
        let len = self.config.unit_bytes * u64::from(entry.units);
        self.ranges[key].state = state;
        let chunk = self
            .chunks
            .get_mut(entry.chunk as usize)
            .and_then(Option::as_mut);
        let chunk = chunk.expect("H2: what the heap refers to is there");
        // What is free stays as it is, so the chunk stays filed where it is.
        *chunk.bytes.of(entry.state) -= len;
        *chunk.bytes.of(state) += len;
        self.figures.pass(chunk, len, entry.state, state);
    }

    fn free(&mut self, key: RangeKey, entry: Entry) -> ByteRange {
        self.ranges.remove(key);
        self.change(entry.chunk, |chunk| {
            let range = chunk
                .space
                .free(entry.id)
                .expect("H2: a range has its place");
            *chunk.bytes.of(entry.state) -= range.len;
            chunk.ranges -= 1;
            range
        })
    }

    /// Changes one chunk, and with it the figures and where it is filed.
    fn change<R>(&mut self, index: u32, change: impl FnOnce(&mut Chunk) -> R) -> R {
        let chunk = self.chunks.get_mut(index as usize).and_then(Option::as_mut);
        let chunk = chunk.expect("H2: what the heap refers to is there");
        self.figures.subtract(chunk);
        let result = change(chunk);
        chunk.assert_conserved();
        chunk.largest = chunk.space.largest_free();
        self.figures.add(chunk);
        self.refile(index);
        result
    }

    /// Files a chunk where it belongs now (H4).
    fn refile(&mut self, index: u32) {
        let chunk = self.chunks.get_mut(index as usize).and_then(Option::as_mut);
        let chunk = chunk.expect("H2: what the heap refers to is there");
        let place = chunk.place_now();
        if place != chunk.place {
            if let Some(old) = chunk.place
                && let Some(pool) = self.pools.get_mut(&old.key)
            {
                pool.remove(old, index);
            }
            if let Some(new) = place {
                self.pools.entry(new.key).or_default().insert(new, index);
            }
            chunk.place = place;
        }
        if chunk.is_idle() != chunk.empty_since.is_some() {
            if chunk.is_idle() {
                chunk.empty_since = Some(self.tick);
                self.idle.insert(index);
            } else {
                chunk.empty_since = None;
                self.idle.remove(&index);
            }
        }
        if chunk.dedicated {
            let filed = (chunk.capacity(), index);
            if chunk.is_open() && chunk.is_empty() {
                self.idle_dedicated.insert(filed);
            } else {
                self.idle_dedicated.remove(&filed);
            }
        }
    }

    /// Forgets a chunk whose ranges are gone; its id is free.
    fn drop_chunk(&mut self, index: u32) {
        let Some(chunk) = self.chunks.get_mut(index as usize).and_then(Option::take) else {
            return;
        };
        self.figures.subtract(&chunk);
        if let Some(place) = chunk.place
            && let Some(pool) = self.pools.get_mut(&place.key)
        {
            pool.remove(place, index);
        }
        self.idle.remove(&index);
        self.idle_dedicated.remove(&(chunk.capacity(), index));
        self.free_ids.insert(index);
    }
}

#[cfg(test)]
mod tests;
