//! Meshes that come and go, frame by frame.

use std::ops::Range;

use super::Mesh;
use crate::random::Random;
use crate::trace::{self, Event, TraceError};
use crate::workload::churn::Churn;
use crate::workload::real::Recorded;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A mesh comes, under a number that no live mesh has.
    Add(u32, Mesh),
    /// The mesh of this number goes.
    Remove(u32),
    /// A frame ends.
    Frame,
}

/// What happens to a heap.
#[derive(Clone, Debug)]
pub struct Script {
    /// As in the tables.
    pub name: String,
    /// In this order.
    pub steps: Vec<Step>,
    /// The frames in which the heap is in its usual state.
    pub steady: Range<usize>,
    /// The frames in which it has long been smaller than it was; none in a trace.
    pub shrunk: Range<usize>,
}

/// A data set that fills, churns, shrinks to a tenth, and turns over five times at that size.
#[derive(Clone, Copy, Debug)]
pub struct MeshChurn {
    /// As in the tables.
    pub name: &'static str,
    /// Whose lengths the meshes have, vertices and indices together.
    pub lens: Churn,
    /// Bytes of the full data set.
    pub live_bytes: u64,
}

/// Meshes that go in a frame while the data set fills, churns or shrinks.
const STEPS_PER_FRAME: usize = 16;
/// Frames in which the small data set is replaced once: four seconds.
const TURNOVER_FRAMES: usize = 240;
/// Position, normal and texture coordinates, and what else vertices often have.
const STRIDES: [u32; 4] = [24, 32, 36, 48];
/// Six indices of 2 bytes for each vertex, as a closed surface of triangles has.
const INDEX_BYTES_PER_VERTEX: u32 = 12;

impl MeshChurn {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self {
            name: "heap-churn-a",
            lens: Churn::A,
            live_bytes: 870 << 20,
        },
        Self {
            name: "heap-churn-b",
            lens: Churn::B,
            live_bytes: 870 << 20,
        },
        Self {
            name: "heap-churn-c",
            lens: Churn::C,
            live_bytes: 64 << 20,
        },
    ];

    /// The script of one seed. In each of the `steps` of the churn a random mesh goes, and others
    /// come until as many bytes are live as before.
    pub fn script(&self, seed: u64, steps: usize) -> Script {
        let mut writer = Writer {
            churn: *self,
            random: Random::new(seed),
            steps: Vec::new(),
            live: Vec::new(),
            live_bytes: 0,
            next_id: 0,
            frames: 0,
        };
        while writer.live_bytes < self.live_bytes {
            writer.add();
            if writer.live.len().is_multiple_of(STEPS_PER_FRAME) {
                writer.frame();
            }
        }
        let filled = writer.frames;
        for step in 1..=steps {
            writer.remove();
            writer.fill(self.live_bytes);
            if step.is_multiple_of(STEPS_PER_FRAME) {
                writer.frame();
            }
        }
        let churned = writer.frames;
        let size = self.live_bytes / 10;
        while writer.live_bytes > size {
            writer.remove();
            if writer.live.len().is_multiple_of(STEPS_PER_FRAME) {
                writer.frame();
            }
        }
        let mut last = 0..0;
        for _ in 0..5 {
            last.start = writer.frames;
            writer.turn_over(size);
            last.end = writer.frames;
        }
        Script {
            name: self.name.to_owned(),
            steps: writer.steps,
            steady: filled + (churned - filled) / 10..churned,
            shrunk: last,
        }
    }
}

/// Writes the script of a churn.
struct Writer {
    churn: MeshChurn,
    random: Random,
    steps: Vec<Step>,
    live: Vec<(u32, u64)>,
    live_bytes: u64,
    next_id: u32,
    frames: usize,
}

impl Writer {
    fn add(&mut self) {
        let Churn {
            len_min, len_max, ..
        } = self.churn.lens;
        let len = self.random.log_uniform(len_min, len_max);
        let stride = STRIDES[self.random.index(STRIDES.len())];
        let len = u32::try_from(len).expect("lengths of workloads have 32 bits");
        let vertices = len / (stride + INDEX_BYTES_PER_VERTEX);
        let mesh = Mesh {
            vertex_bytes: vertices * stride,
            stride,
            index_bytes: vertices * INDEX_BYTES_PER_VERTEX,
            index_width: 2,
        };
        self.steps.push(Step::Add(self.next_id, mesh));
        self.live.push((self.next_id, mesh.bytes()));
        self.live_bytes += mesh.bytes();
        self.next_id += 1;
    }

    fn remove(&mut self) {
        let nth = self.random.index(self.live.len());
        let mesh = self.live.swap_remove(nth);
        self.gone(mesh);
    }

    fn gone(&mut self, (id, bytes): (u32, u64)) {
        self.live_bytes -= bytes;
        self.steps.push(Step::Remove(id));
    }

    fn fill(&mut self, size: u64) {
        while self.live_bytes < size {
            self.add();
        }
    }

    /// Replaces each mesh that is there now, in random order, evenly over the frames.
    fn turn_over(&mut self, size: u64) {
        let mut old = std::mem::take(&mut self.live);
        for last in (1..old.len()).rev() {
            old.swap(last, self.random.index(last + 1));
        }
        for left in (0..TURNOVER_FRAMES).rev() {
            let keep = old.len() * left / (left + 1);
            while old.len() > keep
                && let Some(mesh) = old.pop()
            {
                self.gone(mesh);
            }
            self.fill(size);
            self.frame();
        }
    }

    fn frame(&mut self) {
        self.steps.push(Step::Frame);
        self.frames += 1;
    }
}

/// What a trace does not say of its meshes.
struct Form {
    /// The bytes of a vertex are the first of these that the bytes of all vertices are a multiple
    /// of.
    strides: &'static [u32],
    index_width: u32,
}

impl Form {
    fn of(recorded: &Recorded) -> Self {
        match recorded.name {
            // The voxels' vertices have 60 bytes: position, normal, texture coordinates, color
            // and three texture numbers. The three meshes of the scene around them have fewer.
            "trace-bevy" => Self {
                strides: &[60, 48, 32],
                index_width: 4,
            },
            _ => Self {
                strides: &[36],
                index_width: 2,
            },
        }
    }

    /// `None` for a mesh that has no whole elements, or none at all.
    fn mesh(&self, mesh: &trace::Mesh) -> Option<Mesh> {
        let trace::Mesh {
            vertex_bytes,
            index_bytes,
            ..
        } = *mesh;
        let whole = |stride: &&u32| vertex_bytes.is_multiple_of(**stride);
        let is_mesh = vertex_bytes > 0 && index_bytes > 0;
        let index_width = self.index_width;
        (is_mesh && index_bytes.is_multiple_of(index_width)).then_some(Mesh {
            vertex_bytes,
            stride: *self.strides.iter().find(whole)?,
            index_bytes,
            index_width,
        })
    }
}

impl Script {
    /// A recorded trace, frame by frame.
    ///
    /// # Errors
    /// [`TraceError`] when it cannot be read; for a mesh of no whole elements, with the number of
    /// its event in place of the line.
    pub fn recorded(recorded: &Recorded) -> Result<Self, TraceError> {
        let form = Form::of(recorded);
        let (mut steps, mut frames) = (Vec::new(), 0);
        for (line, event) in (1..).zip(recorded.read()?) {
            let (gone, come) = match &event {
                Event::Add(mesh) => (None, Some(mesh)),
                Event::Replace(mesh) => (Some(mesh.id), Some(mesh)),
                Event::Remove(id) => (Some(*id), None),
                Event::Frame => {
                    steps.push(Step::Frame);
                    frames += 1;
                    (None, None)
                }
            };
            steps.extend(gone.map(Step::Remove));
            if let Some(mesh) = come {
                let text = || format!("{mesh:?}");
                let whole = form.mesh(mesh);
                let whole = whole.ok_or_else(|| TraceError::Malformed { line, text: text() })?;
                steps.push(Step::Add(mesh.id, whole));
            }
        }
        Ok(Self {
            name: format!("heap-{}", recorded.name),
            steps,
            steady: frames / 10..frames,
            shrunk: 0..0,
        })
    }
}
