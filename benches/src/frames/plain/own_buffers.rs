//! A vertex buffer and an index buffer for each mesh: what most programs do.

use geoheap::wgpu::{Buffer, BufferUsages, IndexFormat, RenderPass};

use super::{Meshes, share_of};
use crate::frames::canvas::Canvas;
use crate::frames::scene::Scene;

#[derive(Debug)]
struct Mesh {
    vertices: Buffer,
    indices: Buffer,
    format: IndexFormat,
    count: u32,
}

/// Meshes in the order in which they are drawn.
#[derive(Debug)]
pub struct OwnBuffers(Vec<Mesh>);

impl Meshes for OwnBuffers {
    const NAME: &'static str = "plain-own-buffers";

    fn new(canvas: &Canvas, scene: &Scene) -> Self {
        let mesh = |at: &u32| {
            let mesh = &scene.meshes[*at as usize];
            Mesh {
                vertices: canvas.buffer(&mesh.vertices, BufferUsages::VERTEX),
                indices: canvas.buffer(&mesh.indices, BufferUsages::INDEX),
                format: if mesh.is_wide {
                    IndexFormat::Uint32
                } else {
                    IndexFormat::Uint16
                },
                count: mesh.index_count,
            }
        };
        Self(scene.order.iter().map(mesh).collect())
    }

    fn draw(&self, pass: &mut RenderPass<'_>, share: usize, shares: usize) {
        for mesh in &self.0[share_of(self.0.len(), share, shares)] {
            pass.set_vertex_buffer(0, mesh.vertices.slice(..));
            pass.set_index_buffer(mesh.indices.slice(..), mesh.format);
            pass.draw_indexed(0..mesh.count, 0, 0..1);
        }
    }
}
