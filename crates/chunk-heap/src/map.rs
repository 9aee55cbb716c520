//! The heap as a picture of characters.

use core::fmt;

use crate::chunk::{ChunkInfo, Lifetime, RangeState};
use crate::heap::ChunkHeap;

/// A picture of a heap: a line for each chunk, `width` characters for its bytes. `#` is live, `r`
/// reserved, `x` retired, `.` free; where a character stands for several ranges, the one that has
/// most of its bytes wins, and of equals the one named first here.
#[derive(Clone, Copy, Debug)]
pub struct HeapMap<'a> {
    heap: &'a ChunkHeap,
    width: u32,
}

impl ChunkHeap {
    /// The heap as a picture of `width` characters a chunk.
    pub fn map(&self, width: u32) -> HeapMap<'_> {
        HeapMap {
            heap: self,
            width: width.max(1),
        }
    }
}

impl fmt::Display for HeapMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.heap.chunks() {
            let lifetime = match chunk.lifetime {
                Lifetime::Dynamic => "dynamic",
                Lifetime::LongLived => "long-lived",
            };
            let sort = if chunk.dedicated { " dedicated" } else { "" };
            let bar = self.bar(&chunk);
            let (id, capacity, free, state) = (chunk.id, chunk.capacity, chunk.free, chunk.state);
            writeln!(
                f,
                "{id:>3} |{bar}| {free} of {capacity} free, {lifetime}{sort} {state:?}"
            )?;
        }
        Ok(())
    }
}

impl HeapMap<'_> {
    fn bar(&self, chunk: &ChunkInfo) -> String {
        let capacity = u128::from(chunk.capacity.get());
        let edge = |cell: u32| u128::from(cell) * capacity / u128::from(self.width);
        // Bytes of each sort in each cell, in the order in which equals win.
        let mut cells = vec![[0_u128; 3]; self.width as usize];
        for range in self.heap.ranges(chunk.id) {
            let start = u128::from(range.range.start.get());
            let end = u128::from(range.range.end().get());
            let sort = match range.state {
                RangeState::Live => 0,
                RangeState::Reserved => 1,
                RangeState::Retired => 2,
            };
            let first = start * u128::from(self.width) / capacity;
            for (cell, bytes) in (0..self.width).zip(&mut cells).skip(first as usize) {
                let (from, to) = (edge(cell).max(start), edge(cell + 1).min(end));
                if edge(cell) >= end {
                    break;
                }
                bytes[sort] += to.saturating_sub(from);
            }
        }
        let cells = (0..self.width).zip(&cells);
        cells
            .map(|(cell, bytes)| sign(bytes, edge(cell + 1) - edge(cell)))
            .collect()
    }
}

fn sign(bytes: &[u128; 3], whole: u128) -> char {
    let taken: u128 = bytes.iter().sum();
    let mut best = ('.', whole.saturating_sub(taken));
    for (sign, &bytes) in ['x', 'r', '#']
        .into_iter()
        .zip([&bytes[2], &bytes[1], &bytes[0]])
    {
        if bytes > 0 && bytes >= best.1 {
            best = (sign, bytes);
        }
    }
    best.0
}
