//! A terrain under way: what there should be, frame by frame, and what came of it.

use std::collections::VecDeque;
use std::sync::Arc;

use geoheap::{OutsideLease, wgpu};
use geoheap_gpu_bitset::{HeapError, Mirror, MirrorDesc};
use glam::Vec3;
use serde::Serialize;

use crate::content::camera::{Camera, Frustum};
use crate::content::scene::Scene;
use crate::gpu_terrain::chunks::Chunks;
use crate::gpu_terrain::field;
use crate::gpu_terrain::lattice::{BRICK_M, ColumnId};
use crate::gpu_terrain::machine::{Machine, SLOTS};
use crate::gpu_terrain::mesher::Land;
use crate::gpu_terrain::units_picture::UnitsPicture;
use crate::picture::Picture;

/// Batches that may be on their way to the mirror.
const IN_FLIGHT_MAX: usize = 4;

/// When the results of a batch count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As soon as they are there; a frame waits for nothing.
    AsTheyCome,
    /// So many frames later, neither sooner nor later, so that each flight is the same.
    After(u64),
}

/// How a terrain is made.
#[derive(Clone, Debug)]
pub struct TerrainConfig {
    /// The landscape.
    pub scene: Arc<Scene>,
    /// Bytes of the heap on the GPU.
    pub heap_bytes: u64,
    /// When the CPU knows what became of a batch.
    pub pace: Pace,
    /// Frames between two looks at the unit map; `None` for no picture of it.
    pub look_every: Option<u32>,
}

/// What the heap on the GPU did, as far as the mirror knows: `gpu_alloc` in the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GpuAlloc {
    /// Batches.
    pub batches: u64,
    /// Objects that memory was asked for.
    pub requests: u64,
    /// Of them: placed.
    pub ok: u64,
    /// Of them: without room. They were asked for again.
    pub no_space: u64,
    /// Of them: empty, as bricks of nothing but air or ground are.
    pub zero: u64,
    /// Of them: refused.
    pub invalid: u64,
    /// Objects freed.
    pub freed: u64,
    /// The most batches that were recorded and whose results were not known, in any frame.
    pub mirror_lag_batches: u32,
    /// Bytes copied from where meshes are made to where they stay.
    pub copied_bytes: u64,
    /// Bytes read back for the mirror.
    pub readback_bytes: u64,
}

/// What a flight over the terrain leaves.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Counts.
    pub gpu_alloc: GpuAlloc,
    /// The unit map along the flight, if looks were taken.
    pub units: Option<Picture>,
}

/// A terrain on the GPU, with the columns around the eye.
#[derive(Debug)]
pub struct Terrain {
    device: wgpu::Device,
    queue: wgpu::Queue,
    config: TerrainConfig,
    machine: Machine,
    mirror: Mirror,
    chunks: Chunks,
    /// The frame of each batch whose results are not known.
    under_way: VecDeque<u64>,
    frame: u64,
    counts: GpuAlloc,
    units: Option<UnitsPicture>,
    anchor_m: Vec3,
    is_held: bool,
    /// The heap's part of the budget.
    lease: Option<OutsideLease>,
}

impl Terrain {
    /// An empty one, with positions relative to somewhere near `eye`.
    ///
    /// # Errors
    /// [`HeapError`] if the device cannot have the heap.
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        config: TerrainConfig,
        eye: Vec3,
    ) -> Result<Self, HeapError> {
        let anchor = ColumnId::at(eye).brick(0);
        let land = Land {
            elevation: config.scene.elevation(),
            seed: config.scene.seed(),
            anchor,
        };
        let machine = Machine::new(device, queue, &land, config.heap_bytes)?;
        let desc = MirrorDesc {
            in_flight_max: IN_FLIGHT_MAX,
            full_every: 0,
        };
        Ok(Self {
            mirror: Mirror::new(machine.heap(), desc),
            machine,
            chunks: Chunks::new(SLOTS),
            under_way: VecDeque::new(),
            frame: 0,
            counts: GpuAlloc::default(),
            units: config.look_every.map(UnitsPicture::new),
            anchor_m: anchor.as_vec3() * BRICK_M,
            is_held: false,
            lease: None,
            device: device.clone(),
            queue: queue.clone(),
            config,
        })
    }

    /// Keeps the heap's part of the budget for as long as the heap is there.
    pub fn keep(&mut self, lease: OutsideLease) {
        self.lease = Some(lease);
    }

    /// Records a frame: a batch if there is anything to do, and what is to be drawn.
    pub fn frame(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        camera: &Camera,
        frustum: &Frustum,
    ) {
        self.listen();
        if let Some(units) = &mut self.units {
            units.frame(self.machine.heap().shape(), &self.mirror);
        }
        if self.under_way.len() < IN_FLIGHT_MAX && !self.is_held {
            let elevation = self.config.scene.elevation();
            let mut bricks = |column| field::bricks(elevation, column);
            let orders = self.chunks.plan(camera.position, &mut bricks);
            if !orders.is_empty() {
                let recorded = self
                    .machine
                    .record(encoder, &orders, Some(&mut self.mirror));
                recorded.expect("orders stay within what the heap was made for");
                self.under_way.push_back(self.frame);
            }
        }
        self.counts.mirror_lag_batches = self
            .counts
            .mirror_lag_batches
            .max(self.mirror.lag_batches());
        self.machine.look(encoder, frustum);
        self.frame += 1;
    }

    /// Takes in the results of batches that are due.
    fn listen(&mut self) {
        let due_before = match self.config.pace {
            Pace::AsTheyCome => self.frame,
            Pace::After(frames) => (self.frame + 1).saturating_sub(frames),
        };
        while self
            .under_way
            .front()
            .is_some_and(|frame| *frame < due_before)
        {
            if self.config.pace != Pace::AsTheyCome {
                self.wait();
            }
            if !self.apply() {
                break;
            }
        }
    }

    /// Takes in the results of the next batch, if they are there.
    fn apply(&mut self) -> bool {
        let Some(applied) = self.mirror.apply_next() else {
            return false;
        };
        self.under_way.pop_front();
        let header = &applied.header;
        self.counts.batches += 1;
        self.counts.requests += u64::from(header.requests);
        self.counts.ok += u64::from(header.ok);
        self.counts.no_space += u64::from(header.no_space);
        self.counts.zero += u64::from(header.zero);
        self.counts.invalid += u64::from(header.invalid);
        self.counts.freed += u64::from(header.freed);
        self.chunks.note(&applied);
        true
    }

    fn wait(&self) {
        if let Err(error) = self.device.poll(wgpu::PollType::wait_indefinitely()) {
            tracing::warn!(%error, "the terrain's batches are not waited for");
        }
    }

    /// Waits for what was submitted, and sums the flight up.
    pub fn survey(&mut self) -> Survey {
        self.wait();
        while self.apply() {}
        self.counts.copied_bytes = self.copied_bytes();
        let read_back = self.mirror.read_back();
        self.counts.readback_bytes = read_back.batch_bytes + read_back.full_bytes;
        Survey {
            gpu_alloc: self.counts,
            units: self.units.as_ref().map(UnitsPicture::draw),
        }
    }

    fn copied_bytes(&self) -> u64 {
        let back = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("terrain: copied bytes"),
            size: 8,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let desc = wgpu::CommandEncoderDescriptor {
            label: Some("terrain: copied bytes"),
        };
        let mut encoder = self.device.create_command_encoder(&desc);
        encoder.copy_buffer_to_buffer(self.machine.copied(), 0, &back, 0, 8);
        self.queue.submit([encoder.finish()]);
        back.map_async(wgpu::MapMode::Read, .., |_| {});
        self.wait();
        match back.get_mapped_range(..) {
            Ok(view) => bytemuck::pod_read_unaligned(&view[..8]),
            // The device is gone; what it copied is not known.
            Err(_) => 0,
        }
    }

    /// Draws what was recorded last. Pipeline, bind groups and the instance are set; positions are
    /// relative to [`Terrain::anchor_m`].
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        self.machine.draw(pass);
    }

    /// What positions are relative to, in world metres.
    pub fn anchor_m(&self) -> Vec3 {
        self.anchor_m
    }

    /// The GPU's side.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Frames order nothing from now on: what there is, is what [`Terrain::machine_mut`] was told.
    pub fn hold(&mut self) {
        self.is_held = true;
    }

    /// The GPU's side, for orders of one's own.
    pub fn machine_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// The columns.
    pub fn chunks(&self) -> &Chunks {
        &self.chunks
    }

    /// What was counted so far, but for bytes.
    pub fn counts(&self) -> &GpuAlloc {
        &self.counts
    }
}
