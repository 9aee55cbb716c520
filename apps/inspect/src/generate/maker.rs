//! Makes blocks, and picks among those that live.

use geoheap_trace::{Add, BlockId, Event, Kind, Part};
use smallvec::{SmallVec, smallvec};

use super::random::Random;
use super::{Shape, Sink, Stop};

/// Bytes of a vertex, where blocks are large enough to be meshes.
const VERTEX_BYTES: u32 = 36;

/// Every so many frames a block that lives gets other contents.
const UPDATE_ONCE_IN: u64 = 8;

/// What all programs share.
#[derive(Clone, Debug)]
pub(super) struct Maker {
    pub(super) random: Random,
    pub(super) shape: Shape,
    next_id: u64,
}

impl Maker {
    pub(super) fn new(shape: &Shape) -> Self {
        Self {
            random: Random::new(shape.seed),
            shape: *shape,
            next_id: 0,
        }
    }

    /// Blocks that a frame is about.
    pub(super) fn per_frame(&self) -> usize {
        self.shape.per_frame as usize
    }

    /// Blocks that live at a time.
    pub(super) fn blocks(&self) -> usize {
        self.shape.blocks as usize
    }

    /// Bytes of a block, drawn from a stream.
    fn bytes(random: &mut Random, shape: &Shape) -> u64 {
        random.octaves(shape.size_min.get(), shape.size_max.get())
    }

    /// Meshes, unless a block may be too small for one.
    fn parts(&self, bytes: u64) -> SmallVec<[Part; 2]> {
        let smallest = u64::from(VERTEX_BYTES) + 2;
        let mesh = (self.shape.size_min.get() >= smallest)
            .then(|| Part::mesh(bytes & !1, 1, VERTEX_BYTES))
            .flatten();
        mesh.unwrap_or_else(|| smallvec![Part::new(Kind::Vertex, bytes)])
    }

    /// Adds a block of a random size.
    pub(super) fn add(&mut self, sink: &mut Sink<'_>) -> Result<u64, Stop> {
        let bytes = Self::bytes(&mut self.random, &self.shape);
        self.add_sized(bytes, sink)
    }

    /// Adds a block whose size depends on a place alone.
    pub(super) fn add_at(&mut self, place: u64, sink: &mut Sink<'_>) -> Result<u64, Stop> {
        let bytes = Self::bytes(&mut Random::new(self.shape.seed ^ place), &self.shape);
        self.add_sized(bytes, sink)
    }

    fn add_sized(&mut self, bytes: u64, sink: &mut Sink<'_>) -> Result<u64, Stop> {
        let id = self.next_id;
        sink.put(&Event::Add(Add::new(BlockId(id), self.parts(bytes))))?;
        self.next_id += 1;
        Ok(id)
    }

    /// Adds blocks until enough live, a few for each frame; whether there are enough.
    pub(super) fn fill(&mut self, live: &mut Vec<u64>, sink: &mut Sink<'_>) -> Result<bool, Stop> {
        let missing = self.blocks() - live.len();
        for _ in 0..missing.min(self.per_frame()) {
            live.push(self.add(sink)?);
        }
        Ok(live.len() == self.blocks())
    }

    /// Gives one of the blocks other contents, now and then.
    pub(super) fn update_some(&mut self, live: &[u64], sink: &mut Sink<'_>) -> Result<(), Stop> {
        if live.is_empty() || !self.random.once_in(UPDATE_ONCE_IN) {
            return Ok(());
        }
        let id = live[self.random.index(live.len())];
        self.update(id, sink)
    }

    /// Gives a block other contents, of a random size.
    pub(super) fn update(&mut self, id: u64, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let bytes = Self::bytes(&mut self.random, &self.shape);
        let parts = self.parts(bytes).iter().map(|part| part.bytes).collect();
        sink.put(&Event::Update {
            id: BlockId(id),
            parts,
            in_place: false,
        })
    }
}

/// A block is used.
pub(super) fn touch(id: u64, sink: &mut Sink<'_>) -> Result<(), Stop> {
    sink.put(&Event::Use(BlockId(id)))
}

/// A block goes.
pub(super) fn remove(id: u64, sink: &mut Sink<'_>) -> Result<(), Stop> {
    sink.put(&Event::Remove(BlockId(id)))
}
