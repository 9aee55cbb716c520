//! A heap of blocks that compacts itself as the engine does.

mod moves;

use std::collections::VecDeque;

use geoheap::DefragConfig;
use geoheap_chunk_heap::{
    ChunkHeap, ChunkId, ChunkState, HeapConfig, Lifetime, Owner, RangeKey, Request, ReserveError,
};
use geoheap_defrag::{Caps, RangeState};
use geoheap_suballoc::{Align, ByteLen};

use super::memory::Memory;
use super::source::is_planned;
use crate::random::Random;

/// Frames that may still look at what a frame gave up.
const LAG_FRAMES: u64 = 3;
/// Blocks that are looked up in a frame, beside those that moved.
const LOOKED_UP: usize = 64;
/// Frames from one look at all blocks to the next.
const ALL_EVERY: u64 = 1_024;

/// A block that lives.
#[derive(Clone, Debug)]
pub struct Block {
    pub(super) place: RangeKey,
    /// Chunk and start, as the newest frame sees it.
    at: (u32, u64),
    /// Bytes of its range.
    len: u64,
    /// Bytes of contents in it.
    used: u64,
    stamp: u64,
    is_fixed: bool,
    /// A move of it is under way.
    is_moving: bool,
}

impl Block {
    /// What a plan may do with it.
    pub(super) const fn state(&self) -> RangeState {
        match (self.is_fixed, self.is_moving) {
            (true, _) => RangeState::Fixed,
            (false, true) => RangeState::Retired,
            (false, false) => RangeState::Movable,
        }
    }
}

/// What happened so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Ranges moved, and their bytes, those in vain among them.
    pub moves: u64,
    /// Bytes of them.
    pub moved_bytes: u64,
    /// Chunks that were emptied by moves and went.
    pub returned: u64,
    /// Live bytes of the chunk that was the emptiest when the emptying of each of these began, but
    /// for those that nobody can empty: they have more ranges of some length than all rooms of the
    /// others can have. As a rule such a chunk is the one that new blocks go to, since nothing else
    /// has room for them.
    pub bound_bytes: u64,
    /// Live bytes of the emptiest chunk, whether it can be emptied or not.
    pub strict_bytes: u64,
    /// Ranges in it.
    pub bound_moves: u64,
    /// Frames that did not find the contents of a block.
    pub frames_hidden: u64,
    /// Microseconds of each plan.
    pub plan_us: Vec<f64>,
    /// Chunks that went for whatever reason.
    pub closed: u64,
}

/// A chunk that is being emptied.
#[derive(Clone, Copy, Debug)]
struct Victim {
    chunk: u32,
    bound_bytes: u64,
    bound_moves: u64,
    strict_bytes: u64,
    /// All of its blocks have a place to go to: before that, none of them goes.
    is_proven: bool,
}

/// A move whose place is reserved.
#[derive(Clone, Copy, Debug)]
struct Queued {
    id: u32,
    from: (u32, u64),
    key: RangeKey,
    to: (u32, u64),
    len: u64,
    done: u64,
}

/// Where older frames look for what moved away.
#[derive(Clone, Copy, Debug)]
struct Former {
    until: u64,
    at: (u32, u64),
    len: u64,
    stamp: u64,
}

/// The heap.
#[derive(Debug)]
pub struct Heap {
    chunks: ChunkHeap,
    /// `None`: it is not compacted.
    defrag: Option<DefragConfig>,
    blocks: Vec<Option<Block>>,
    memory: Memory,
    random: Random,
    tick: u64,
    live_bytes: u64,
    stamps: u64,
    retired: VecDeque<(u64, RangeKey)>,
    closing: VecDeque<(u64, ChunkId)>,
    former: VecDeque<Former>,
    victim: Option<Victim>,
    /// Moves that have their places reserved; the first may be under way.
    queue: VecDeque<Queued>,
    /// What happened so far.
    pub tally: Tally,
}

impl Heap {
    /// An empty heap.
    pub fn new(config: HeapConfig, defrag: Option<DefragConfig>) -> Self {
        Self {
            chunks: ChunkHeap::new(config).expect("the configurations here are well formed"),
            defrag,
            blocks: Vec::new(),
            memory: Memory::default(),
            random: Random::new(1),
            tick: 0,
            live_bytes: 0,
            stamps: 0,
            retired: VecDeque::new(),
            closing: VecDeque::new(),
            former: VecDeque::new(),
            victim: None,
            queue: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    /// Adds a block under a number that no live block has: `len` bytes, `used` of them contents.
    pub fn add(&mut self, id: u32, len: u64, used: u64, align: Align) {
        let request = Request {
            len: ByteLen::new(len),
            align,
            lifetime: Lifetime::Dynamic,
            owner: Owner(id.into()),
            class: 0,
        };
        let mut reserved = self.chunks.reserve(&request, None);
        if let Err(ReserveError::NeedsChunk {
            capacity,
            lifetime,
            dedicated,
        }) = reserved
        {
            self.open(capacity, lifetime, dedicated);
            reserved = self.chunks.reserve(&request, None);
        }
        let place = reserved.expect("blocks are shorter than a buffer, and there is no budget");
        self.chunks.commit(place).expect("its chunk is ready");
        let info = self.chunks.range(place).expect("it was reserved");
        let at = (info.chunk.get(), info.range.start.get());
        self.stamps += 1;
        self.memory.write(at.0, at.1, len, self.stamps);
        let nth = id as usize;
        if nth >= self.blocks.len() {
            self.blocks.resize(nth + 1, None);
        }
        let before = self.blocks[nth].replace(Block {
            place,
            at,
            len,
            used,
            stamp: self.stamps,
            is_fixed: false,
            is_moving: false,
        });
        assert!(before.is_none(), "block {id} was there");
        self.live_bytes += used;
    }

    /// Pins a block.
    pub fn fix(&mut self, id: u32) {
        let block = self.blocks[id as usize].as_mut();
        block.expect("the block is there").is_fixed = true;
    }

    /// Removes a block that is there.
    pub fn remove(&mut self, id: u32) {
        let block = self.blocks[id as usize].take().expect("the block is there");
        if block.is_moving {
            let at = self.queue.iter().position(|queued| queued.id == id);
            let queued = at.and_then(|at| self.queue.remove(at));
            let queued = queued.expect("a block that moves is in the queue");
            self.chunks.cancel(queued.key).expect("it is reserved");
        }
        self.live_bytes -= block.used;
        self.retire(&block);
    }

    fn retire(&mut self, block: &Block) {
        self.chunks.retire(block.place).expect("it is live");
        let until = self.tick + LAG_FRAMES;
        self.retired.push_back((until, block.place));
        self.former.push_back(Former {
            until,
            at: block.at,
            len: block.len,
            stamp: block.stamp,
        });
    }

    fn open(&mut self, capacity: ByteLen, lifetime: Lifetime, dedicated: bool) {
        let id = self.chunks.open_chunk(capacity, lifetime, dedicated, 0);
        let id = id.expect("the heap asked for a chunk that it can have");
        self.chunks.chunk_ready(id).expect("the chunk is opening");
    }

    /// Ends a frame: gives back what nobody looks at any more, and moves as much as a tick may.
    pub fn frame(&mut self) {
        self.give_back();
        if let Some(defrag) = self.defrag.clone() {
            let caps = caps(&defrag);
            self.compact(&defrag, &caps, false);
        }
        self.look();
    }

    /// The same, with a plan as if somebody had asked for it, under other caps. Whether there is
    /// more to do.
    pub fn frame_compacting(&mut self, caps: &Caps) -> bool {
        self.give_back();
        let defrag = self.defrag.clone().unwrap_or_default();
        let is_done = self.compact(&defrag, caps, true);
        self.look();
        !is_done
    }

    fn give_back(&mut self) {
        self.tick += 1;
        let now = self.tick;
        while let Some((_, key)) = self.retired.pop_front_if(|(at, _)| *at <= now) {
            self.chunks.release(key).expect("it is retired");
        }
        while self.former.pop_front_if(|one| one.until <= now).is_some() {}
        let mut closed = Vec::new();
        self.chunks.close_empty(now, false, &mut closed);
        for id in closed {
            self.tally.closed += 1;
            if let Some(victim) = self.victim.take_if(|victim| victim.chunk == id.get()) {
                self.tally.returned += 1;
                self.tally.bound_bytes += victim.bound_bytes;
                self.tally.bound_moves += victim.bound_moves;
                self.tally.strict_bytes += victim.strict_bytes;
            }
            self.closing.push_back((now + LAG_FRAMES, id));
        }
        while let Some((_, id)) = self.closing.pop_front_if(|(at, _)| *at <= now) {
            self.chunks.chunk_gone(id).expect("the chunk is closing");
            self.memory.forget(id.get());
        }
        if let Some((capacity, lifetime)) = self.chunks.wants_spare() {
            self.open(capacity, lifetime, false);
        }
    }

    /// Looks as a frame does: at what moved, at a sample of the rest, and as older frames do.
    fn look(&mut self) {
        let all = self.tick.is_multiple_of(ALL_EVERY);
        let is_there = |block: &Block| {
            let (chunk, start) = block.at;
            self.memory.has(chunk, start, block.len, block.stamp)
        };
        let mut is_whole = self.former.iter().all(|one| {
            let (chunk, start) = one.at;
            self.memory.has(chunk, start, one.len, one.stamp)
        });
        if all {
            is_whole &= self.blocks.iter().flatten().all(is_there);
        } else if !self.blocks.is_empty() {
            for _ in 0..LOOKED_UP {
                let nth = self.random.index(self.blocks.len());
                is_whole &= self.blocks[nth].as_ref().is_none_or(is_there);
            }
        }
        self.tally.frames_hidden += u64::from(!is_whole);
    }

    /// Bytes of all buffers, and those of them that are empty: spare, or to be given back.
    pub fn held_bytes(&self) -> (u64, u64) {
        let spare = self.chunks.chunks().filter(|info| info.range_count == 0);
        let spare = spare.filter(|info| info.state == ChunkState::Ready);
        let spare: u64 = spare.map(|info| info.capacity.get()).sum();
        (self.chunks.figures().capacity().get(), spare)
    }

    /// Bytes of contents.
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Count of buffers.
    pub fn chunk_count(&self) -> usize {
        self.chunks.figures().chunks() as usize
    }

    /// Live bytes and ranges of each chunk that has something and nothing that must stay, the
    /// emptiest first.
    pub fn live_of_chunks(&self) -> Vec<(u64, u64)> {
        let mut lives = Vec::new();
        for info in self.chunks.chunks().filter(is_planned) {
            let owners = self.chunks.ranges(info.id).map(|range| range.owner.0);
            let mut is_fixed = false;
            let mut count = 0;
            for owner in owners {
                let block = usize::try_from(owner).ok();
                let block = block.and_then(|at| self.blocks[at].as_ref());
                is_fixed |= block.is_some_and(|block| block.is_fixed);
                count += 1;
            }
            if !is_fixed && count > 0 {
                lives.push((info.live.get(), count));
            }
        }
        lives.sort_unstable();
        lives
    }
}

/// The engine's caps of a tick.
pub fn caps(defrag: &DefragConfig) -> Caps {
    Caps {
        bytes: defrag.move_bytes,
        moves: defrag.moves,
        steps: defrag.steps,
    }
}
