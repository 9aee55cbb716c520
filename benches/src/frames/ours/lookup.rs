//! Lookups through the engine's tickets.

use std::fmt;
use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use geoheap::{FrameSource, FrameTicket, Handle, VirtualBuffer};

use crate::frames::place::{Key, Place, digest};
use crate::frames::tables::{Frame, Seat};

/// A thread that begins frames.
pub struct EngineSeat {
    frames: FrameSource<VirtualBuffer>,
    handles: Vec<Handle>,
}

impl fmt::Debug for EngineSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineSeat").finish_non_exhaustive()
    }
}

impl EngineSeat {
    /// A seat that looks nothing up yet.
    pub fn new(frames: FrameSource<VirtualBuffer>) -> Self {
        Self {
            frames,
            handles: Vec::new(),
        }
    }
}

impl Seat for EngineSeat {
    fn prepare(&mut self, keys: Vec<Key>) {
        self.handles = keys.into_iter().map(Key::handle).collect();
    }

    fn frame(&mut self, range: Range<usize>) -> Frame {
        let start = Instant::now();
        let ticket = black_box(self.frames.begin_frame());
        let begin = start.elapsed();
        let handles = &self.handles[range];
        let found = ticket.lookups().each(handles);
        let found = found.filter_map(geoheap::Lookup::resident);
        let digest = found.fold(0, |sum: u64, block| {
            sum.wrapping_add(digest(block.chunk().get(), block.offset().get()))
        });
        Frame { begin, digest }
    }
}

/// Where the blocks lie in the ticket's version, at their indices.
#[expect(
    clippy::cast_possible_truncation,
    reason = "chunks are below 2^32 bytes"
)]
pub fn places(ticket: &FrameTicket<VirtualBuffer>, keys: &[Key]) -> Vec<Place> {
    let slots = keys.iter().map(|key| key.index as usize + 1).max();
    let mut places = vec![Place::default(); slots.unwrap_or(0)];
    for key in keys {
        let block = ticket.get(key.handle()).resident();
        let block = block.expect("what was flushed and fits is resident");
        let draw = block.draw().expect("it has vertices");
        places[key.index as usize] = Place {
            generation: key.generation,
            state: 1,
            chunk: block.chunk().get(),
            offset_words: (block.offset().get() / 4) as u32,
            len_words: (block.len().get() / 4) as u32,
            base_vertex: draw.base_vertex,
            first: draw.first,
            count: draw.count,
        };
    }
    places
}
