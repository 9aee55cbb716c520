//! The oracle of a heap: its chunks and ranges in lists, summed up anew for each question.

use std::collections::BTreeMap;

use geoheap_chunk_heap::{
    ChunkHeap, ChunkId, ChunkInfo, ChunkState, HeapConfig, Lifetime, Owner, PoolFigures, RangeInfo,
    RangeKey, RangeState, Request,
};
use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

/// A range as the oracle keeps it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) chunk: u32,
    pub(super) place: ByteRange,
    pub(super) state: RangeState,
    pub(super) owner: Owner,
    pub(super) align: Align,
}

/// A chunk as the oracle keeps it.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) capacity: u64,
    pub(super) lifetime: Lifetime,
    pub(super) dedicated: bool,
    pub(super) class: u8,
    pub(super) state: ChunkState,
    pub(super) empty_since: Option<u64>,
    /// The ranges in it by start.
    pub(super) keys: BTreeMap<ByteOffset, RangeKey>,
}

impl Chunk {
    /// Whether new ranges may go there.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, ChunkState::Opening | ChunkState::Ready)
    }

    /// Whether it is a shared chunk of dynamic blocks.
    pub(super) fn is_plain(&self) -> bool {
        !self.dedicated && self.lifetime == Lifetime::Dynamic
    }

    pub(super) fn is_spare(&self) -> bool {
        self.is_plain() && self.is_open() && self.keys.is_empty()
    }

    /// Whether its buffer is there and it holds nothing.
    pub(super) fn is_idle(&self) -> bool {
        let there = matches!(self.state, ChunkState::Ready | ChunkState::Draining);
        there && self.keys.is_empty()
    }
}

/// What a heap must hold.
#[derive(Clone, Debug)]
pub(super) struct Shadow {
    pub(super) config: HeapConfig,
    pub(super) chunks: BTreeMap<u32, Chunk>,
    pub(super) ranges: BTreeMap<RangeKey, Range>,
    pub(super) tick: u64,
}

impl Shadow {
    pub(super) const fn new(config: HeapConfig) -> Self {
        Self {
            config,
            chunks: BTreeMap::new(),
            ranges: BTreeMap::new(),
            tick: 0,
        }
    }

    pub(super) const fn config(&self) -> &HeapConfig {
        &self.config
    }

    pub(super) const fn tick(&self) -> u64 {
        self.tick
    }

    pub(super) fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    pub(super) fn chunk_ids(&self) -> impl Iterator<Item = u32> {
        self.chunks.keys().copied()
    }

    pub(super) fn state(&self, key: RangeKey) -> Option<RangeState> {
        self.ranges.get(&key).map(|range| range.state)
    }

    /// The class that counts.
    pub(super) fn class(&self, class: u8) -> u8 {
        if self.config.split_by_kind { class } else { 0 }
    }

    /// `len` rounded up to whole units.
    pub(super) fn ceil(&self, len: ByteLen) -> u128 {
        u128::from(len.get()).next_multiple_of(u128::from(self.config.unit_bytes.get()))
    }

    /// `len` rounded down to whole units.
    pub(super) fn floor(&self, len: ByteLen) -> u64 {
        len.get() - len.get() % self.config.unit_bytes.get()
    }

    /// The free ranges of a chunk, as start and end.
    pub(super) fn gaps(&self, chunk: &Chunk) -> Vec<(u64, u64)> {
        let (mut gaps, mut at) = (Vec::new(), 0);
        let end = ByteRange::new(ByteOffset::new(chunk.capacity), ByteLen::ZERO);
        let ranges = chunk.keys.values().map(|key| self.ranges[key].place);
        for range in ranges.chain([end]) {
            if range.start.get() > at {
                gaps.push((at, range.start.get()));
            }
            at = range.end().get();
        }
        gaps
    }

    pub(super) fn largest(&self, chunk: &Chunk) -> u64 {
        let gaps = self.gaps(chunk).into_iter();
        gaps.map(|(start, end)| end - start).max().unwrap_or(0)
    }

    /// Keeps a range that was just reserved: in whole units (H3), where it is free (R6), under a
    /// key that leads to it and is no other's (H2).
    pub(super) fn enter(&mut self, key: RangeKey, request: &Request, info: Option<RangeInfo>) {
        let Some(info) = info else {
            panic!("H2: {key:?} was given out and leads nowhere");
        };
        let id = info.chunk.get();
        assert!(self.chunks.contains_key(&id), "H2: there is no chunk {id}");
        let class = self.class(request.class);
        let gaps = self.gaps(&self.chunks[&id]);
        let range = Range {
            chunk: id,
            place: info.range,
            state: RangeState::Reserved,
            owner: request.owner,
            align: request.align,
        };
        assert_eq!(info, range.info(key), "H2: what was asked for");
        let (start, end) = (info.range.start, info.range.end());
        assert_eq!(
            u128::from(info.range.len.get()),
            self.ceil(request.len),
            "H3: whole units"
        );
        let unit = self.config.unit_bytes.get();
        assert!(
            request.align.divides(start) && start.get().is_multiple_of(unit),
            "H3: {info:?}"
        );
        let hole = gaps
            .iter()
            .find(|gap| gap.0 <= start.get() && end.get() <= gap.1);
        assert!(hole.is_some(), "R6: {info:?} is not free: {gaps:?}");
        let old = self.ranges.insert(key, range);
        assert!(old.is_none(), "H2: {key:?} leads to two ranges");
        if let Some(chunk) = self.chunks.get_mut(&id) {
            chunk.class = class;
            chunk.keys.insert(start, key);
            chunk.empty_since = None;
        }
    }

    /// Takes a range away.
    pub(super) fn leave(&mut self, key: RangeKey) {
        let tick = self.tick;
        if let Some(range) = self.ranges.remove(&key)
            && let Some(chunk) = self.chunks.get_mut(&range.chunk)
        {
            chunk.keys.remove(&range.place.start);
            chunk.empty_since = chunk.is_idle().then_some(tick);
        }
    }

    /// Bytes of a chunk's ranges in a state.
    fn bytes(&self, chunk: &Chunk, state: RangeState) -> ByteLen {
        let ranges = chunk.keys.values().map(|key| &self.ranges[key]);
        let lens = ranges
            .filter(|range| range.state == state)
            .map(|range| range.place.len);
        lens.sum()
    }

    /// The sums over the chunks that `which` picks.
    fn sum(&self, which: impl Fn(&Chunk) -> bool) -> Sums {
        let mut sums = Sums::default();
        for chunk in self.chunks.values().filter(|chunk| which(chunk)) {
            sums.chunks += 1;
            sums.capacity += ByteLen::new(chunk.capacity);
            sums.live += self.bytes(chunk, RangeState::Live);
            sums.reserved += self.bytes(chunk, RangeState::Reserved);
            sums.retired += self.bytes(chunk, RangeState::Retired);
            sums.largest_free += ByteLen::new(self.largest(chunk));
        }
        sums
    }

    /// All that is known of a chunk (R6, H1).
    fn compare_chunk(&self, chunk: &Chunk, info: &ChunkInfo) {
        let known = (info.lifetime, info.dedicated, info.class, info.state);
        let expected = (chunk.lifetime, chunk.dedicated, chunk.class, chunk.state);
        assert_eq!(known, expected, "H5: {info:?}");
        assert_eq!(info.empty_since, chunk.empty_since, "H6: {info:?}");
        assert_eq!(info.capacity.get(), chunk.capacity, "R6: {info:?}");
        let bytes = [info.live, info.reserved, info.retired];
        let states = [RangeState::Live, RangeState::Reserved, RangeState::Retired];
        assert_eq!(
            bytes,
            states.map(|state| self.bytes(chunk, state)),
            "H1: {info:?}"
        );
        let all: ByteLen = bytes.into_iter().chain([info.free]).sum();
        assert_eq!(all, info.capacity, "R6: {info:?}");
        assert_eq!(info.largest_free.get(), self.largest(chunk), "R6: {info:?}");
        assert_eq!(info.range_count as usize, chunk.keys.len(), "H1: {info:?}");
    }

    /// H7, and when a spare chunk is wanted.
    pub(super) fn compare_figures(&self, heap: &ChunkHeap) {
        let closing = |chunk: &Chunk| chunk.state == ChunkState::Closing;
        let dynamic = self.sum(|chunk| !closing(chunk) && chunk.is_plain());
        let long_lived = |chunk: &Chunk| {
            !closing(chunk) && !chunk.dedicated && chunk.lifetime == Lifetime::LongLived
        };
        let spare = self.sum(Chunk::is_spare);
        let placeable = self.sum(|chunk| chunk.is_plain() && chunk.is_open()).free();
        let figures = heap.figures();
        assert_eq!(Sums::of(&figures.dynamic), dynamic, "H7: dynamic");
        assert_eq!(
            Sums::of(&figures.long_lived),
            self.sum(long_lived),
            "H7: long-lived"
        );
        let dedicated = self.sum(|chunk| !closing(chunk) && chunk.dedicated);
        assert_eq!(Sums::of(&figures.dedicated), dedicated, "H7: dedicated");
        assert_eq!(Sums::of(&figures.closing), self.sum(closing), "H7: closing");
        assert_share(figures.fragmentation(), &[dynamic, self.sum(long_lived)]);
        let in_state = |state| self.sum(|chunk| chunk.state == state).chunks;
        let (opening, draining) = (ChunkState::Opening, ChunkState::Draining);
        assert_eq!(figures.opening_chunks, in_state(opening), "H7: opening");
        assert_eq!(figures.draining_chunks, in_state(draining), "H7: draining");
        assert_eq!(figures.spare_chunks, spare.chunks, "H7: spares");
        assert_eq!(figures.spare_bytes, spare.capacity, "H7: their bytes");
        assert_eq!(figures.placeable_bytes, placeable, "H7: placeable");
        assert_eq!(figures.ranges, self.ranges.len(), "H7: ranges");
        let all = self.sum(|_| true);
        let sums = (figures.live(), figures.reserved(), figures.retired());
        assert_eq!(sums, (all.live, all.reserved, all.retired), "R6");
        assert_eq!(figures.capacity(), all.capacity, "R6");
        assert_eq!(figures.free(), all.free(), "R6");

        let short = placeable < self.config.spare_below_bytes;
        let wanted = short && spare.chunks < self.spares_to_keep(dynamic.chunks);
        let capacity = ByteLen::new(self.floor(self.config.chunk_bytes));
        let expected = wanted.then_some((capacity, Lifetime::Dynamic));
        assert_eq!(heap.wants_spare(), expected, "a spare is wanted");
    }

    /// A heap of few dynamic chunks keeps no spare, nor one with much room in the others.
    pub(super) fn spares_to_keep(&self, dynamic_chunks: u32) -> u32 {
        let is_other = |chunk: &Chunk| chunk.is_plain() && chunk.is_open() && !chunk.is_spare();
        let others = self.sum(is_other).free().get();
        let enough = others >= 2 * self.config.spare_below_bytes.get();
        if enough || dynamic_chunks <= self.config.small_heap_chunks {
            0
        } else {
            self.config.spare_chunks
        }
    }

    /// Each chunk (R6, H1) and each range in it, in address order (R6, H2).
    pub(super) fn compare(&self, heap: &ChunkHeap) {
        self.compare_figures(heap);
        let ids: Vec<u32> = heap.chunks().map(|info| info.id.get()).collect();
        let expected: Vec<u32> = self.chunk_ids().collect();
        assert_eq!(ids, expected, "H6: the chunks");
        for info in heap.chunks() {
            self.compare_chunk(&self.chunks[&info.id.get()], &info);
            assert_eq!(heap.chunk(info.id), Some(info), "H1: chunk {}", info.id);
            let found: Vec<_> = heap.ranges(info.id).collect();
            let keys = self.chunks[&info.id.get()].keys.values();
            let expected: Vec<_> = keys.map(|key| self.ranges[key].info(*key)).collect();
            assert_eq!(found, expected, "R6, H2: the ranges of chunk {}", info.id);
            for range in found {
                assert_eq!(heap.range(range.key), Some(range), "H2: by its key");
            }
        }
        let held = heap.report().chunks.into_iter();
        let held = held.map(|chunk| (chunk.info.id.get(), chunk.held));
        assert_eq!(
            held.collect::<BTreeMap<_, _>>(),
            self.held(),
            "why chunks are held"
        );
    }
}

/// What pools and chunks have sums of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    chunks: u32,
    capacity: ByteLen,
    live: ByteLen,
    reserved: ByteLen,
    retired: ByteLen,
    /// Of each chunk, summed up.
    largest_free: ByteLen,
}

impl Sums {
    /// As the heap has them; what is free must be the rest (R6).
    fn of(pool: &PoolFigures) -> Self {
        let sums = Self {
            chunks: pool.chunks,
            capacity: pool.capacity,
            live: pool.live,
            reserved: pool.reserved,
            retired: pool.retired,
            largest_free: pool.largest_free,
        };
        assert_share(pool.fragmentation(), &[sums]);
        assert_eq!(pool.free, sums.free(), "R6: {pool:?}");
        sums
    }

    fn free(&self) -> ByteLen {
        self.capacity - self.live - self.reserved - self.retired
    }
}

/// H7: a fragmentation is the share of the free bytes outside the largest free ranges.
fn assert_share(found: f64, of: &[Sums]) {
    let (free, largest): (ByteLen, ByteLen) = (
        of.iter().map(Sums::free).sum(),
        of.iter().map(|sums| sums.largest_free).sum(),
    );
    let float = |bytes: ByteLen| f64::from(u32::try_from(bytes.get()).unwrap_or(u32::MAX));
    let scattered = found * float(free);
    assert!(
        (scattered - float(free - largest)).abs() < 1e-3 && (0.0..=1.0).contains(&found),
        "H7: {found} of {free} free bytes are outside the largest ranges, which have {largest}"
    );
}

impl Range {
    /// What the heap should know of it.
    pub(super) const fn info(&self, key: RangeKey) -> RangeInfo {
        RangeInfo {
            key,
            chunk: ChunkId::new(self.chunk),
            range: self.place,
            state: self.state,
            owner: self.owner,
            align: self.align,
        }
    }
}
