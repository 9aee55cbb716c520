//! All meshes at fixed places in one buffer, which is bound once: the limit.

use geoheap::wgpu::{Buffer, BufferUsages, IndexFormat, RenderPass};

use super::{Meshes, share_of};
use crate::frames::canvas::Canvas;
use crate::frames::scene::{STRIDE, Scene};

#[derive(Clone, Copy, Debug)]
struct Draw {
    base_vertex: i32,
    first: u32,
    count: u32,
}

/// One buffer, and the draws for each width of indices.
#[derive(Debug)]
pub struct BoundOnce {
    buffer: Buffer,
    narrow: Vec<Draw>,
    wide: Vec<Draw>,
}

impl Meshes for BoundOnce {
    const NAME: &'static str = "plain-bound-once";

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "places of small meshes have 31 bits"
    )]
    fn new(canvas: &Canvas, scene: &Scene) -> Self {
        let mut bytes = Vec::new();
        let (mut narrow, mut wide) = (Vec::new(), Vec::new());
        for mesh in &scene.meshes {
            let base_vertex = bytes.len().div_ceil(STRIDE as usize);
            bytes.resize(base_vertex * STRIDE as usize, 0);
            bytes.extend(&mesh.vertices);
            // Strides are multiples of four bytes, so indices of either width are aligned here.
            let width = if mesh.is_wide { 4 } else { 2 };
            let draw = Draw {
                base_vertex: base_vertex as i32,
                first: (bytes.len() / width) as u32,
                count: mesh.index_count,
            };
            bytes.extend(&mesh.indices);
            if mesh.is_wide {
                wide.push(draw);
            } else {
                narrow.push(draw);
            }
        }
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        Self {
            buffer: canvas.buffer(&bytes, BufferUsages::VERTEX | BufferUsages::INDEX),
            narrow,
            wide,
        }
    }

    fn draw(&self, pass: &mut RenderPass<'_>, share: usize, shares: usize) {
        pass.set_vertex_buffer(0, self.buffer.slice(..));
        let all = [
            (IndexFormat::Uint16, &self.narrow),
            (IndexFormat::Uint32, &self.wide),
        ];
        for (format, draws) in all {
            pass.set_index_buffer(self.buffer.slice(..), format);
            for draw in &draws[share_of(draws.len(), share, shares)] {
                pass.draw_indexed(draw.first..draw.first + draw.count, draw.base_vertex, 0..1);
            }
        }
    }
}
