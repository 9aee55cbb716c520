//! The engine's one room, beside the constructor, that speaks wgpu: what commands have to carry,
//! how a chunk is bound, and how a frame's draws are recorded with few bindings.
//!
//! | module | what it does |
//! |---|---|
//! | `multi_draw` | records a draw set, one call for each chunk |
//! | `bound` | binds what is not bound yet |
//! | `draw_list` | sorts a frame's draws by pipeline and chunk, and binds each chunk once |
//! | `placement_table`, `patch`, `part_rooms` | where blocks lie, in a buffer for shaders |
//! | `asked` | whether one of the blocks of something recorded changed since |
//! | `hand_over`, `hand_back` | objects of a heap on the GPU that become blocks, and back |
//! | `bundle` | a render bundle that says when it has to be recorded anew |

use crate::ticket::{BlockView, Draw, InFlight, IndexFormat};

mod asked;
mod bound;
mod bundle;
mod draw_list;
mod hand_back;
mod hand_over;
mod multi_draw;
mod part_rooms;
mod patch;
mod placement_table;

pub use bundle::DrawBundle;
pub use draw_list::{DrawList, Draws, Recorded, Stream};
pub use hand_back::{HandBack, HandBackError, NoObject, Returned};
pub use hand_over::{Arrived, HandOver, HandOverError};
pub use placement_table::{Patched, PlacementTable, PlacementTableError};

/// What draws can be recorded into: a [`wgpu::RenderPass`], or a [`wgpu::RenderBundleEncoder`], to
/// which buffers are lent for `'b`.
pub trait DrawEncoder<'b>: sealed::Sealed {
    /// Binds a vertex buffer at `slot`.
    fn bind_vertices(&mut self, slot: u32, slice: wgpu::BufferSlice<'b>);
    /// Binds the index buffer.
    fn bind_indices(&mut self, slice: wgpu::BufferSlice<'b>, format: wgpu::IndexFormat);
    /// Draws `instances` of `draw`, from what is bound.
    fn record(&mut self, draw: &Draw, instances: core::ops::Range<u32>);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for wgpu::RenderPass<'_> {}
    impl Sealed for wgpu::RenderBundleEncoder<'_> {}
}

/// Both encoders have the same methods, but only one of them keeps what it is lent.
macro_rules! draw_methods {
    () => {
        fn bind_vertices(&mut self, slot: u32, slice: wgpu::BufferSlice<'b>) {
            self.set_vertex_buffer(slot, slice);
        }

        fn bind_indices(&mut self, slice: wgpu::BufferSlice<'b>, format: wgpu::IndexFormat) {
            self.set_index_buffer(slice, format);
        }

        #[inline]
        fn record(&mut self, draw: &Draw, instances: core::ops::Range<u32>) {
            let range = draw.first..draw.first + draw.count;
            match draw.index_format {
                Some(_) => self.draw_indexed(range, draw.base_vertex, instances),
                None => self.draw(range, instances),
            }
        }
    };
}

impl<'b> DrawEncoder<'b> for wgpu::RenderPass<'_> {
    draw_methods!();
}

impl<'b> DrawEncoder<'b> for wgpu::RenderBundleEncoder<'b> {
    draw_methods!();
}

impl InFlight<wgpu::Buffer> {
    /// Lets the version travel with the commands of `encoder`: it is given up when they have
    /// completed, or were dropped unsubmitted, whoever submits them and however late.
    pub fn attach(&self, encoder: &wgpu::CommandEncoder) {
        let held = self.clone();
        encoder.on_submitted_work_done(move || drop(held));
    }
}

impl From<IndexFormat> for wgpu::IndexFormat {
    fn from(format: IndexFormat) -> Self {
        match format {
            IndexFormat::U16 => Self::Uint16,
            IndexFormat::U32 => Self::Uint32,
        }
    }
}

impl<'b> BlockView<'b, wgpu::Buffer> {
    /// Binds the block's whole chunk as vertex buffer `slot` and, for `format`, as index buffer.
    /// All blocks of the chunk with that format then draw without a further binding.
    pub fn bind_chunk(
        &self,
        encoder: &mut impl DrawEncoder<'b>,
        slot: u32,
        format: Option<IndexFormat>,
    ) {
        encoder.bind_vertices(slot, self.buffer().slice(..));
        if let Some(format) = format {
            encoder.bind_indices(self.buffer().slice(..), format.into());
        }
    }
}

impl Draw {
    /// Draws `instances` of it from the chunk that is bound.
    pub fn record<'b>(&self, encoder: &mut impl DrawEncoder<'b>, instances: core::ops::Range<u32>) {
        encoder.record(self, instances);
    }
}
