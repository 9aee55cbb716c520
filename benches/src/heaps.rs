//! Heaps of meshes that grow and shrink: ours in chunks, and a model of Bevy's in slabs.
//!
//! Both get the same meshes in the same frames ([`Script`]). No GPU is there: a heap counts the
//! bytes of the buffers it would hold. Bytes are live that are a mesh's contents; what a heap holds
//! beside them is rounding, fragmentation, slack for growth, and what older frames may still read.
//!
//! What only one of them does is left as it is: ours keeps a range for three frames after its mesh
//! went, and an empty chunk for 120; the slabs give a range away at once, since Bevy relies on the
//! order of one queue. Ours plays without defragmentation and without a budget, by placement alone.
//!
//! ```
//! use geoheap_benches::heaps::{BevySlabs, Chunked, Mesh, MeshHeap};
//!
//! let mesh = Mesh { vertex_bytes: 36_000, stride: 36, index_bytes: 9_000, index_width: 2 };
//! let (mut ours, mut slabs) = (Chunked::default(), BevySlabs::default());
//! ours.add(0, &mesh);
//! slabs.add(0, &mesh);
//! slabs.frame();
//! assert_eq!(ours.figures().held_bytes, (16 << 20) - 4096, "one chunk");
//! assert_eq!(slabs.figures().buffers_held, 2, "a slab of vertices and one of indices");
//! ```

mod bevy;
mod chunked;
mod script;

use std::ops::Range;

use crate::table::{Row, Table};
use crate::trace::TraceError;
use crate::workload::real::Recorded;

pub use self::bevy::BevySlabs;
pub use self::chunked::Chunked;
pub use self::script::{MeshChurn, Script, Step};

/// A mesh's vertices and indices, in bytes; both are whole elements, and neither is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mesh {
    /// Bytes of vertices.
    pub vertex_bytes: u32,
    /// Bytes of one vertex.
    pub stride: u32,
    /// Bytes of indices.
    pub index_bytes: u32,
    /// Bytes of one index: 2 or 4.
    pub index_width: u32,
}

impl Mesh {
    /// Bytes of both parts.
    pub fn bytes(&self) -> u64 {
        u64::from(self.vertex_bytes) + u64::from(self.index_bytes)
    }
}

/// What a heap holds, and what it did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bytes of its buffers.
    pub held_bytes: u64,
    /// Bytes of the contents of its meshes.
    pub live_bytes: u64,
    /// Count of its buffers.
    pub buffers_held: usize,
    /// Count of the buffers it ever made.
    pub buffers_made: u64,
    /// Bytes it copied from one buffer to another to grow.
    pub copied_bytes: u64,
}

/// Where a part of a mesh lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The buffer's number.
    pub buffer: u32,
    /// First byte in it.
    pub start: u64,
    /// Bytes of contents.
    pub len: u64,
    /// Bytes of one element; the start is a multiple of it.
    pub stride: u32,
    /// Bytes of the buffer.
    pub buffer_bytes: u64,
}

/// A heap of meshes.
pub trait MeshHeap: Default {
    /// The name in the tables.
    const NAME: &'static str;

    /// Adds a mesh under a number that no live mesh has.
    fn add(&mut self, id: u32, mesh: &Mesh);

    /// Removes a mesh that is there.
    fn remove(&mut self, id: u32);

    /// Ends a frame. A heap may put off its work till then.
    fn frame(&mut self);

    /// How things stand after a frame.
    fn figures(&self) -> Figures;

    /// Where the parts of all live meshes lie after a frame, in any order.
    fn spans(&self) -> Vec<Span>;
}

/// What one heap did with one script, or the mean of several.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Bytes held for each live byte, the mean over the frames of [`Script::steady`].
    pub held_per_live: f64,
    /// The same over those of [`Script::shrunk`].
    pub held_per_live_shrunk: f64,
    /// The share of the most bytes held that is not held in the end.
    pub returned_share: f64,
    /// Bytes copied to grow, by bytes of meshes that were added.
    pub copied_per_added: f64,
    /// Buffers that were made.
    pub buffers_made: f64,
}

/// Plays a script to a new heap.
#[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
pub fn play<H: MeshHeap>(script: &Script) -> Outcome {
    let mut heap = H::default();
    let (mut added, mut peak) = (0, 0);
    let mut shares = Vec::new();
    for step in &script.steps {
        match step {
            Step::Add(id, mesh) => {
                heap.add(*id, mesh);
                added += mesh.bytes();
            }
            Step::Remove(id) => heap.remove(*id),
            Step::Frame => {
                heap.frame();
                let Figures {
                    held_bytes,
                    live_bytes,
                    ..
                } = heap.figures();
                peak = peak.max(held_bytes);
                shares.push((live_bytes > 0).then(|| held_bytes as f64 / live_bytes as f64));
            }
        }
    }
    let mean = |frames: &Range<usize>| {
        let shares = shares[frames.clone()].iter().flatten();
        shares.clone().sum::<f64>() / shares.count() as f64
    };
    let last = heap.figures();
    Outcome {
        held_per_live: mean(&script.steady),
        held_per_live_shrunk: mean(&script.shrunk),
        returned_share: 1.0 - last.held_bytes as f64 / peak as f64,
        copied_per_added: last.copied_bytes as f64 / added as f64,
        buffers_made: last.buffers_made as f64,
    }
}

impl Outcome {
    fn mean(outcomes: &[Self]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a handful of seeds")]
        let mean = |value: fn(&Self) -> f64| {
            outcomes.iter().map(value).sum::<f64>() / outcomes.len() as f64
        };
        Self {
            held_per_live: mean(|of| of.held_per_live),
            held_per_live_shrunk: mean(|of| of.held_per_live_shrunk),
            returned_share: mean(|of| of.returned_share),
            copied_per_added: mean(|of| of.copied_per_added),
            buffers_made: mean(|of| of.buffers_made),
        }
    }
}

/// Plays the churns, with so many steps and the mean over so many seeds, and the recorded traces
/// to both heaps, and adds what they did to the table.
///
/// # Errors
/// [`TraceError`] when a trace cannot be read.
pub fn compare(table: &mut Table, steps: usize, seeds: u64) -> Result<(), TraceError> {
    for churn in MeshChurn::ALL {
        let (mut ours, mut slabs) = (Vec::new(), Vec::new());
        for seed in 1..=seeds {
            let script = churn.script(seed, steps);
            ours.push(play::<Chunked>(&script));
            slabs.push(play::<BevySlabs>(&script));
        }
        let both = (Outcome::mean(&ours), Outcome::mean(&slabs));
        push(table, churn.name, both);
        let shrunk = format!("{}-shrunk", churn.name);
        let mut row = |metric, value: fn(&Outcome) -> f64| {
            push_one(table, &shrunk, metric, (value(&both.0), value(&both.1)));
        };
        row("held_per_live", |of| of.held_per_live_shrunk);
        row("returned_share", |of| of.returned_share);
    }
    for recorded in Recorded::ALL {
        let script = Script::recorded(&recorded)?;
        let both = (play::<Chunked>(&script), play::<BevySlabs>(&script));
        push(table, &script.name, both);
    }
    Ok(())
}

fn push(table: &mut Table, workload: &str, (ours, slabs): (Outcome, Outcome)) {
    let mut row = |metric, value: fn(&Outcome) -> f64| {
        push_one(table, workload, metric, (value(&ours), value(&slabs)));
    };
    row("held_per_live", |of| of.held_per_live);
    row("copied_per_added", |of| of.copied_per_added);
    row("buffers_made", |of| of.buffers_made);
}

fn push_one(table: &mut Table, workload: &str, metric: &'static str, (ours, slabs): (f64, f64)) {
    table.push(Row::new(workload, metric, ours, BevySlabs::NAME, slabs));
}

#[cfg(test)]
mod tests;
