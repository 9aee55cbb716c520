//! Recording a frame: each render thread writes its own encoder with its own pass, for whatever
//! solid items it claims.
//!
//! A pass of its own clears before them, and in one after them the sky and the user interface are
//! drawn.

use std::ops::Range;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use geoheap::{ChunkId, FrameTicket, IndexFormat, Scene, wgpu};
use glam::Vec3;

use super::device::Gpu;
use super::instances::{INSTANCE_BYTES, Instance, InstanceBuffer};
use super::overlay::Overlay;
use super::pipelines::{FRAME_UNIFORM_BYTES, Pipelines};
use super::targets::depth_view;
use crate::cli::PictureSize;
use crate::content::camera::Camera;
use crate::draw_list::FramePlan;
use crate::gpu_terrain::Terrain;
use crate::resolve::{Found, Resolved, resolve, watch};

/// Over the landscape, whose coarsest tiles reach as far as the eye.
const HAZE: Haze = Haze {
    per_m: 1.0 / 9_000.0,
    falloff_per_m: 1.0 / 1_400.0,
};
/// Over the terrain that the GPU makes: it hides where that ends.
const TERRAIN_HAZE: Haze = Haze {
    per_m: 1.0 / 2_200.0,
    falloff_per_m: 1.0 / 9_000.0,
};
/// Where the sun stands, from the ground; not of unit length.
const SUN: Vec3 = Vec3::new(-0.58, 0.50, 0.42);

/// How soon things fade into the distance.
#[derive(Clone, Copy, Debug)]
struct Haze {
    /// Per metre at sea level.
    per_m: f32,
    /// How fast it thins with height, per metre.
    falloff_per_m: f32,
}

/// What a pass leaves.
#[derive(Debug)]
pub struct Recorded<C> {
    /// Commands to submit, if the backend has any.
    pub commands: Option<C>,
    /// What the lookups found.
    pub found: Found,
}

/// The frame's uniform block, as `common.wgsl` lays it out.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct FrameUniform {
    view_projection: [f32; 16],
    forward: [f32; 4],
    right: [f32; 4],
    up: [f32; 4],
    eye: [f32; 4],
    sun: [f32; 4],
    picture: [f32; 4],
}

const _: () = assert!(
    size_of::<FrameUniform>() as u64 == FRAME_UNIFORM_BYTES,
    "the uniform block has the size that the shaders expect"
);

impl FrameUniform {
    fn new(camera: &Camera, size: PictureSize, haze: Haze) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a picture has at most 8192 pixels a side"
        )]
        let (width, height) = (size.width as f32, size.height as f32);
        let aspect = width / height;
        let half = (camera.fov_y * 0.5).tan();
        let (forward, right) = (camera.forward(), camera.right());
        let up = right.cross(forward);
        let four = |v: Vec3| [v.x, v.y, v.z, 0.0];
        Self {
            view_projection: camera.relative_view_projection(aspect).to_cols_array(),
            forward: four(forward),
            right: four(right * half * aspect),
            up: four(up * half),
            eye: four(camera.position),
            sun: four(SUN.normalize()),
            picture: [width, height, haze.per_m, haze.falloff_per_m],
        }
    }
}

/// All that outlives a frame on the drawing side.
#[derive(Debug)]
pub struct Renderer {
    gpu: Gpu,
    pipelines: Arc<Pipelines>,
    instances: InstanceBuffer,
    uniform: wgpu::Buffer,
    frame_group: wgpu::BindGroup,
    depth: wgpu::TextureView,
    size: PictureSize,
    /// The heap view, shown over the picture while it has one.
    pub overlay: Overlay,
    /// The terrain that the GPU makes, drawn before all else if there is one.
    pub terrain: Option<Terrain>,
    terrain_instance: wgpu::Buffer,
}

impl Renderer {
    /// Makes pipelines and textures for pictures of `format` and `size`.
    pub fn new(gpu: &Gpu, format: wgpu::TextureFormat, size: PictureSize) -> Self {
        let device = &gpu.device;
        let pipelines = Pipelines::new(device, format);
        let uniform = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("frame"),
            size: FRAME_UNIFORM_BYTES,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let frame_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("frame"),
            layout: &pipelines.frame_layout,
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: uniform.as_entire_binding(),
            }],
        });
        Self {
            instances: InstanceBuffer::new(device),
            depth: depth_view(device, size),
            overlay: Overlay::new(device, &pipelines.overlay_layout),
            terrain: None,
            terrain_instance: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("terrain's instance"),
                size: INSTANCE_BYTES,
                usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            pipelines: Arc::new(pipelines),
            gpu: gpu.clone(),
            uniform,
            frame_group,
            size,
        }
    }

    /// Draws pictures of another size from now on.
    pub fn resize(&mut self, size: PictureSize) {
        if size != self.size {
            self.depth = depth_view(&self.gpu.device, size);
            self.size = size;
        }
    }

    /// Width over height.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a picture has at most 8192 pixels a side"
    )]
    pub fn aspect(&self) -> f32 {
        self.size.width as f32 / self.size.height as f32
    }

    /// Writes what is the same for the whole frame, and hands out what the render threads need;
    /// and the commands that come before theirs.
    pub fn begin(
        &mut self,
        plan: Arc<FramePlan>,
        camera: &Camera,
        into: &wgpu::TextureView,
    ) -> (FrameJob, wgpu::CommandBuffer) {
        let haze = if self.terrain.is_some() {
            TERRAIN_HAZE
        } else {
            HAZE
        };
        let uniform = FrameUniform::new(camera, self.size, haze);
        self.gpu
            .queue
            .write_buffer(&self.uniform, 0, bytemuck::bytes_of(&uniform));
        let Gpu { device, queue, .. } = &self.gpu;
        let job = FrameJob {
            device: device.clone(),
            pipelines: Arc::clone(&self.pipelines),
            instances: self.instances.fill(device, queue, &plan, camera.position),
            frame_group: self.frame_group.clone(),
            overlay: self.overlay.group().cloned(),
            colour: into.clone(),
            depth: self.depth.clone(),
            plan,
        };
        let first = self.clear(&job, camera);
        (job, first)
    }

    /// Commands that clear the picture and draw the terrain.
    fn clear(&mut self, job: &FrameJob, camera: &Camera) -> wgpu::CommandBuffer {
        let mut encoder = job.encoder("clear");
        let frustum = camera.frustum(self.aspect());
        if let Some(terrain) = &mut self.terrain {
            terrain.frame(&mut encoder, camera, &frustum);
            let instance = Instance::at(terrain.anchor_m() - camera.position);
            let queue = &self.gpu.queue;
            queue.write_buffer(&self.terrain_instance, 0, bytemuck::bytes_of(&instance));
        }
        let mut pass = job.begin_pass(&mut encoder, Part::First);
        if let Some(terrain) = &self.terrain {
            pass.set_bind_group(0, &self.frame_group, &[]);
            pass.set_pipeline(&self.pipelines.lit);
            pass.set_vertex_buffer(1, self.terrain_instance.slice(..));
            terrain.draw(&mut pass);
        }
        drop(pass);
        encoder.finish()
    }
}

/// One frame's recording: shared by the render threads.
#[derive(Debug)]
pub struct FrameJob {
    device: wgpu::Device,
    pipelines: Arc<Pipelines>,
    instances: wgpu::Buffer,
    frame_group: wgpu::BindGroup,
    overlay: Option<wgpu::BindGroup>,
    colour: wgpu::TextureView,
    depth: wgpu::TextureView,
    plan: Arc<FramePlan>,
}

impl FrameJob {
    /// Records what comes after the solid items: sky, user interface, and the heap view.
    pub fn finish(&self, ticket: &FrameTicket<wgpu::Buffer>) -> Recorded<wgpu::CommandBuffer> {
        let mut found = Found::default();
        watch(ticket, &self.plan, &mut found);
        let flat = resolve(ticket, &self.plan, &self.plan.flat, false, &mut found);
        let mut encoder = self.encoder("sky and interface");
        {
            let mut pass = self.begin_pass(&mut encoder, Part::Last);
            pass.set_bind_group(0, &self.frame_group, &[]);
            pass.set_pipeline(&self.pipelines.sky);
            pass.draw(0..3, 0..1);
            pass.set_pipeline(&self.pipelines.flat);
            pass.set_vertex_buffer(1, self.instances.slice(..));
            draw_all(&mut pass, &mut None, &flat);
            if let Some(overlay) = &self.overlay {
                pass.set_pipeline(&self.pipelines.overlay);
                pass.set_bind_group(1, overlay, &[]);
                pass.draw(0..4, 0..1);
            }
        }
        ticket.in_flight().attach(&encoder);
        Recorded {
            commands: Some(encoder.finish()),
            found,
        }
    }

    fn encoder(&self, label: &str) -> wgpu::CommandEncoder {
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some(label) };
        self.device.create_command_encoder(&descriptor)
    }

    fn begin_pass<'e>(
        &self,
        encoder: &'e mut wgpu::CommandEncoder,
        part: Part,
    ) -> wgpu::RenderPass<'e> {
        let (load_colour, load_depth) = if part == Part::First {
            (
                wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                wgpu::LoadOp::Clear(0.0),
            )
        } else {
            (wgpu::LoadOp::Load, wgpu::LoadOp::Load)
        };
        let keep_depth = if part == Part::Last {
            wgpu::StoreOp::Discard
        } else {
            wgpu::StoreOp::Store
        };
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("frame"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.colour,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: load_colour,
                    store: wgpu::StoreOp::Store,
                },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &self.depth,
                depth_ops: Some(wgpu::Operations {
                    load: load_depth,
                    store: keep_depth,
                }),
                stencil_ops: None,
            }),
            timestamp_writes: None,
            occlusion_query_set: None,
            multiview_mask: None,
        })
    }
}

/// Which of a frame's passes it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    First,
    Solid,
    Last,
}

/// A chunk that is bound, and the width of the indices that it is bound with.
type Binding = Option<(ChunkId, Option<IndexFormat>)>;

/// One render thread's pass over solid items.
#[derive(Debug)]
pub struct SolidPass {
    // Dropped first: an encoder cannot end before its pass.
    render: wgpu::RenderPass<'static>,
    encoder: wgpu::CommandEncoder,
    bound: Binding,
    found: Found,
}

/// The solid items. The ticket's version stays in use until the commands have completed or were
/// dropped.
impl Scene<wgpu::Buffer> for FrameJob {
    type Pass = SolidPass;
    type Piece = Recorded<wgpu::CommandBuffer>;

    fn items(&self) -> usize {
        self.plan.solid.len()
    }

    fn begin(&self, ticket: &FrameTicket<wgpu::Buffer>) -> SolidPass {
        let mut encoder = self.encoder("solid items");
        ticket.in_flight().attach(&encoder);
        let mut render = self.begin_pass(&mut encoder, Part::Solid).forget_lifetime();
        render.set_bind_group(0, &self.frame_group, &[]);
        render.set_pipeline(&self.pipelines.lit);
        render.set_vertex_buffer(1, self.instances.slice(..));
        SolidPass {
            render,
            encoder,
            bound: None,
            found: Found::default(),
        }
    }

    fn record(
        &self,
        pass: &mut SolidPass,
        items: Range<usize>,
        ticket: &FrameTicket<wgpu::Buffer>,
    ) {
        let run = &self.plan.solid[items];
        let draws = resolve(ticket, &self.plan, run, true, &mut pass.found);
        draw_all(&mut pass.render, &mut pass.bound, &draws);
    }

    fn end(
        &self,
        pass: SolidPass,
        _ticket: &FrameTicket<wgpu::Buffer>,
    ) -> Recorded<wgpu::CommandBuffer> {
        drop(pass.render);
        Recorded {
            commands: Some(pass.encoder.finish()),
            found: pass.found,
        }
    }
}

/// Draws in the order given; a chunk is bound where it differs from the draw before, so that
/// sorted draws bind each chunk once for each index width.
fn draw_all(
    pass: &mut wgpu::RenderPass<'_>,
    bound: &mut Binding,
    draws: &[Resolved<'_, wgpu::Buffer>],
) {
    for resolved in draws {
        let draw = &resolved.draw;
        let binding = Some((resolved.chunk, draw.index_format));
        if *bound != binding {
            pass.set_vertex_buffer(0, resolved.buffer.slice(..));
            if let Some(format) = draw.index_format {
                pass.set_index_buffer(resolved.buffer.slice(..), format.into());
            }
            *bound = binding;
        }
        draw.record(pass, resolved.instances.clone());
    }
}
