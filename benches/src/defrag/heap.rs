//! A heap of blocks that compacts itself as the engine does.

use std::collections::VecDeque;
use std::time::Instant;

use geoheap::DefragConfig;
use geoheap_chunk_heap::{
    ChunkHeap, ChunkId, ChunkState, HeapConfig, Lifetime, Owner, RangeKey, RangeState as HeapState,
    Request, ReserveError,
};
use geoheap_defrag::{Caps, ChunkUse, Goal, Move, Plan, RangeState, Reason, Stopped, plan_from};
use geoheap_suballoc::{Align, ByteLen};

use super::memory::Memory;
use super::source::{HeapSource, is_planned};
use crate::random::Random;

/// Frames that may still look at what a frame gave up.
const LAG_FRAMES: u64 = 3;
/// Blocks that are looked up in a frame, beside those that moved.
const LOOKED_UP: usize = 64;
/// Frames from one look at all blocks to the next.
const ALL_EVERY: u64 = 1_024;
/// A plan is made so often, and the shortest time counts: others have a part in the longer ones.
const PLAN_TURNS: usize = 3;

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
    /// Live bytes of the chunk that was the emptiest when the emptying of each of these began.
    pub bound_bytes: u64,
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
    heap: ChunkHeap,
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
            heap: ChunkHeap::new(config).expect("the configurations here are well formed"),
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
        let mut reserved = self.heap.reserve(&request, None);
        if let Err(ReserveError::NeedsChunk {
            capacity,
            lifetime,
            dedicated,
        }) = reserved
        {
            self.open(capacity, lifetime, dedicated);
            reserved = self.heap.reserve(&request, None);
        }
        let place = reserved.expect("blocks are shorter than a buffer, and there is no budget");
        self.heap.commit(place).expect("its chunk is ready");
        let info = self.heap.range(place).expect("it was reserved");
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
            self.heap.cancel(queued.key).expect("it is reserved");
        }
        self.live_bytes -= block.used;
        self.retire(&block);
    }

    fn retire(&mut self, block: &Block) {
        self.heap.retire(block.place).expect("it is live");
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
        let id = self.heap.open_chunk(capacity, lifetime, dedicated, 0);
        let id = id.expect("the heap asked for a chunk that it can have");
        self.heap.chunk_ready(id).expect("the chunk is opening");
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
            self.heap.release(key).expect("it is retired");
        }
        while self.former.pop_front_if(|one| one.until <= now).is_some() {}
        let mut closed = Vec::new();
        self.heap.close_empty(now, false, &mut closed);
        for id in closed {
            self.tally.closed += 1;
            if let Some(victim) = self.victim.take_if(|victim| victim.chunk == id.get()) {
                self.tally.returned += 1;
                self.tally.bound_bytes += victim.bound_bytes;
                self.tally.bound_moves += victim.bound_moves;
            }
            self.closing.push_back((now + LAG_FRAMES, id));
        }
        while let Some((_, id)) = self.closing.pop_front_if(|(at, _)| *at <= now) {
            self.heap.chunk_gone(id).expect("the chunk is closing");
            self.memory.forget(id.get());
        }
        if let Some((capacity, lifetime)) = self.heap.wants_spare() {
            self.open(capacity, lifetime, false);
        }
    }

    /// Plans and moves. Whether there is nothing more to do.
    fn compact(&mut self, defrag: &DefragConfig, caps: &Caps, requested: bool) -> bool {
        let mut caps = *caps;
        self.carry_on(&mut caps);
        if !self.queue.is_empty() || caps.bytes.is_zero() || caps.moves == 0 {
            return false;
        }
        let due = self.tick.is_multiple_of(defrag.every_ticks);
        let small = self.heap.figures().chunks() <= self.heap.config().small_heap_chunks;
        let reason = match (requested || self.victim.is_some(), due && !small) {
            (true, _) => Some(Reason::Requested),
            (false, true) => self.trigger(defrag),
            (false, false) => None,
        };
        let Some(reason) = reason else {
            return true;
        };
        let mut goal = Goal::new(reason);
        goal.unit = self.heap.config().unit_bytes;
        if requested {
            goal.price_max_fraction = 1.0;
        }
        let plan = self.plan(&caps, &goal);
        self.follow(&plan);
        self.carry_on(&mut caps);
        plan.victim.is_none()
    }

    fn trigger(&self, defrag: &DefragConfig) -> Option<Reason> {
        let chunks = self.heap.chunks().filter(is_planned);
        defrag.triggers.check_uses(chunks.map(|info| ChunkUse {
            id: info.id.get(),
            capacity: info.capacity,
            live: info.live + info.reserved,
            free: info.free,
            has_fixed: false,
        }))
    }

    fn plan(&mut self, caps: &Caps, goal: &Goal) -> Plan {
        let source = HeapSource {
            heap: &self.heap,
            blocks: &self.blocks,
        };
        let victim = self.victim.map(|victim| victim.chunk);
        let mut shortest = f64::INFINITY;
        let mut made = None;
        for _ in 0..PLAN_TURNS {
            let start = Instant::now();
            made = plan_from(&source, caps, goal, victim).ok();
            shortest = shortest.min(start.elapsed().as_secs_f64() * 1e6);
        }
        self.tally.plan_us.push(shortest);
        made.expect("a heap contradicts itself in nothing")
    }

    /// Live bytes and ranges of the chunk that has the fewest and nothing that must stay.
    fn emptiest(&self) -> (u64, u64) {
        let chunks = self.heap.chunks().filter(is_planned);
        let of_chunk = chunks.filter_map(|info| {
            let (mut bytes, mut count) = (0, 0);
            for range in self.heap.ranges(info.id) {
                let id = usize::try_from(range.owner.0).ok()?;
                let block = self.blocks.get(id).and_then(Option::as_ref);
                match (range.state, block) {
                    (HeapState::Retired, _) => {}
                    (HeapState::Live, Some(block)) if !block.is_fixed => {
                        bytes += range.range.len.get();
                        count += 1;
                    }
                    _ => return None,
                }
            }
            (count > 0).then_some((bytes, count))
        });
        of_chunk.min().unwrap_or_default()
    }

    fn follow(&mut self, plan: &Plan) {
        if plan.victim != self.victim.map(|victim| victim.chunk) {
            self.spare_victim();
            if let Some(chunk) = plan.victim {
                let (bound_bytes, bound_moves) = self.emptiest();
                self.drain(chunk, true);
                self.victim = Some(Victim {
                    chunk,
                    bound_bytes,
                    bound_moves,
                });
            }
        }
        for one in plan.moves.iter().chain(&plan.later) {
            self.enqueue(one);
        }
        if matches!(plan.stopped, Stopped::NothingWorthIt | Stopped::NoRoom) {
            self.spare_victim();
        }
    }

    fn spare_victim(&mut self) {
        if let Some(victim) = self.victim.take() {
            self.drain(victim.chunk, false);
        }
    }

    fn drain(&mut self, chunk: u32, draining: bool) {
        let id = ChunkId::new(chunk);
        let open = self
            .heap
            .chunk(id)
            .is_some_and(|info| matches!(info.state, ChunkState::Ready | ChunkState::Draining));
        if open {
            self.heap.set_draining(id, draining).expect("it is open");
        }
    }

    fn enqueue(&mut self, one: &Move) {
        let id = u32::try_from(one.key).expect("keys are numbers of blocks");
        let block = self.blocks[id as usize].as_mut();
        let block = block.expect("the plan moves blocks that live");
        let info = self.heap.range(block.place).expect("it is live");
        let request = Request {
            len: info.range.len,
            align: info.align,
            lifetime: Lifetime::Dynamic,
            owner: info.owner,
            class: 0,
        };
        let to = ChunkId::new(one.to_chunk);
        let key = self.heap.reserve_at(to, one.to, &request);
        let key = key.expect("nothing came between the plan and this");
        block.is_moving = true;
        self.queue.push_back(Queued {
            id,
            from: block.at,
            key,
            to: (one.to_chunk, one.to.get()),
            len: block.len,
            done: 0,
        });
    }

    /// Moves what is in the queue, as far as the caps go; a long block in pieces.
    fn carry_on(&mut self, caps: &mut Caps) {
        while let Some(mut queued) = self.queue.pop_front() {
            let piece = (queued.len - queued.done).min(caps.bytes.get());
            let has_begun = queued.done > 0;
            if piece == 0 || (caps.moves == 0 && !has_begun) {
                self.queue.push_front(queued);
                return;
            }
            let place = |at: (u32, u64)| (at.0, at.1 + queued.done);
            self.memory
                .copy(place(queued.from), place(queued.to), piece);
            caps.bytes = caps.bytes.saturating_sub(ByteLen::new(piece));
            caps.moves = caps.moves.saturating_sub(1);
            self.tally.moves += u64::from(!has_begun);
            self.tally.moved_bytes += piece;
            queued.done += piece;
            if queued.done < queued.len {
                self.queue.push_front(queued);
                return;
            }
            self.commit(&queued);
        }
    }

    fn commit(&mut self, queued: &Queued) {
        let block = self.blocks[queued.id as usize].as_mut();
        let block = block.expect("a move ends with its block");
        let before = block.clone();
        block.place = queued.key;
        block.at = queued.to;
        block.is_moving = false;
        self.heap.commit(queued.key).expect("its chunk is ready");
        self.retire(&before);
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
        let spare = self.heap.chunks().filter(|info| info.range_count == 0);
        let spare = spare.filter(|info| info.state == ChunkState::Ready);
        let spare: u64 = spare.map(|info| info.capacity.get()).sum();
        (self.heap.figures().capacity().get(), spare)
    }

    /// Bytes of contents.
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Count of buffers.
    pub fn chunks(&self) -> usize {
        self.heap.figures().chunks() as usize
    }

    /// Live bytes and ranges of each chunk that has something and nothing that must stay, the
    /// emptiest first.
    pub fn live_of_chunks(&self) -> Vec<(u64, u64)> {
        let mut lives = Vec::new();
        for info in self.heap.chunks().filter(is_planned) {
            let owners = self.heap.ranges(info.id).map(|range| range.owner.0);
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
