//! Meshes bricks on the GPU: the field, the sizes, requests for the heap, vertices and indices.
//!
//! All kernels of a frame go over all its bricks. Where a vertex or a quad goes follows from sums,
//! never from who came first, so that each device makes the same bytes of the same brick.

use bytemuck::{Pod, Zeroable, bytes_of, cast_slice};
use geoheap::wgpu;
use geoheap_gpu_bitset::Request;
use glam::IVec3;
use wgpu::util::{BufferInitDescriptor, DeviceExt as _};
use wgpu::{Buffer, BufferUsages};

use crate::content::elevation::Elevation;
use crate::gpu_terrain::kernel::Kernel;
use crate::gpu_terrain::lattice::{Job, SAMPLES, SIDE};
use crate::gpu_terrain::props;

/// Bricks that one frame may mesh.
pub const JOBS_MAX: u32 = 16;
/// Requests that they lead to at most: ground and props of each.
pub const REQUESTS_MAX: u32 = 2 * JOBS_MAX;
/// Words of the vertices and of the indices that one frame makes: some forty kilobytes a brick
/// are usual, and the largest that there can be fits alone.
const VERTEX_WORDS: u32 = 1 << 20;
const INDEX_WORDS: u32 = 1 << 19;
/// Workgroups that go over the samples of a brick.
const BLOCKS: u32 = 154;
/// Props of a brick, and bytes of what is known of each.
const SPOTS_BYTES: u64 = 256 * 32;

const COMMON: &str = include_str!("shaders/common.wgsl");
const NOISE: &str = include_str!("shaders/noise.wgsl");
const SCAN: &str = include_str!("shaders/scan.wgsl");
const CELLS: &str = include_str!("shaders/cells.wgsl");
const COLOUR: &str = include_str!("shaders/colour.wgsl");
const FIELD: &str = include_str!("shaders/field.wgsl");
const COUNT: &str = include_str!("shaders/count.wgsl");
const SHAPES: &str = include_str!("shaders/shapes.wgsl");
const PROPS: &str = include_str!("shaders/props.wgsl");
const REQUESTS: &str = include_str!("shaders/requests.wgsl");
const MESH: &str = include_str!("shaders/mesh.wgsl");
const PROPS_MESH: &str = include_str!("shaders/props_mesh.wgsl");

/// As in `common.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    width: u32,
    height: u32,
    seed: u32,
    jobs: u32,
    anchor: [i32; 4],
    vertex_words: u32,
    index_words: u32,
    reserved: [u32; 2],
}

/// What bricks are made of.
#[derive(Clone, Copy, Debug)]
pub struct Land<'a> {
    /// The heights.
    pub elevation: &'a Elevation,
    /// Of everything that is not real.
    pub seed: u32,
    /// The brick that positions are relative to, so that they keep their precision.
    pub anchor: IVec3,
}

/// Kernels and buffers that make meshes.
#[derive(Debug)]
pub struct Mesher {
    params: Params,
    buffers: Buffers,
    kernels: Kernels,
}

#[derive(Debug)]
struct Buffers {
    params: Buffer,
    jobs: Buffer,
    elevation: Buffer,
    columns: Buffer,
    field: Buffer,
    blocks: Buffer,
    totals: Buffer,
    shapes: Buffer,
    props_totals: Buffer,
    spots: Buffer,
    rooms: Buffer,
    requests: Buffer,
    request_count: Buffer,
    bricks: Buffer,
    vertex_of: Buffer,
    vertices: Buffer,
    indices: Buffer,
}

#[derive(Debug)]
struct Kernels {
    heights: Kernel,
    samples: Kernel,
    count: Kernel,
    sum_up: Kernel,
    scatter: Kernel,
    requests: Kernel,
    vertices: Kernel,
    quads: Kernel,
    props: Kernel,
}

impl Mesher {
    /// A mesher for a heap of so many slots.
    pub fn new(device: &wgpu::Device, land: &Land<'_>, slots: u32) -> Self {
        let count = |count: usize| u32::try_from(count).expect("a few thousand samples");
        let params = Params {
            width: count(land.elevation.width()),
            height: count(land.elevation.height()),
            seed: land.seed,
            jobs: 0,
            anchor: land.anchor.extend(0).to_array(),
            vertex_words: VERTEX_WORDS,
            index_words: INDEX_WORDS,
            reserved: [0; 2],
        };
        let buffers = Buffers::new(device, land.elevation, slots);
        Self {
            kernels: Kernels::new(device, &buffers),
            params,
            buffers,
        }
    }

    /// Records the making of the meshes of `jobs`, at most [`JOBS_MAX`], and of the requests for
    /// them, in the jobs' order, the ground's before the props'. One submission may do so once.
    pub fn record(
        &mut self,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
        jobs: &[Job],
    ) {
        let jobs_count = u32::try_from(jobs.len()).expect("a few");
        assert!(jobs_count <= JOBS_MAX, "{jobs_count} of {JOBS_MAX} bricks");
        self.params.jobs = jobs_count;
        queue.write_buffer(&self.buffers.params, 0, bytes_of(&self.params));
        queue.write_buffer(&self.buffers.jobs, 0, cast_slice(jobs));
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("terrain: mesh"),
            timestamp_writes: None,
        });
        let columns = u32::try_from(SIDE * SIDE).expect("a few");
        let Kernels {
            heights,
            samples,
            count,
            sum_up,
            scatter,
            requests,
            vertices,
            quads,
            props,
        } = &self.kernels;
        heights.dispatch(&mut pass, columns.div_ceil(64), jobs_count);
        samples.dispatch(&mut pass, BLOCKS, jobs_count);
        count.dispatch(&mut pass, BLOCKS, jobs_count);
        sum_up.dispatch(&mut pass, jobs_count, 1);
        scatter.dispatch(&mut pass, jobs_count, 1);
        requests.dispatch(&mut pass, 1, 1);
        vertices.dispatch(&mut pass, BLOCKS, jobs_count);
        quads.dispatch(&mut pass, BLOCKS, jobs_count);
        props.dispatch(&mut pass, jobs_count, 1);
    }

    /// The requests that the last record made.
    pub fn requests(&self) -> &Buffer {
        &self.buffers.requests
    }

    /// How many they are, a `u32`.
    pub fn request_count(&self) -> &Buffer {
        &self.buffers.request_count
    }

    /// Where vertices are made.
    pub fn vertices(&self) -> &Buffer {
        &self.buffers.vertices
    }

    /// Where indices are made.
    pub fn indices(&self) -> &Buffer {
        &self.buffers.indices
    }

    /// For each slot the brick that it was asked for last, and 1 for props or 0 for ground.
    pub fn bricks(&self) -> &Buffer {
        &self.buffers.bricks
    }

    /// The samples of each of the last jobs: [`SAMPLES`] each, `f32`, x first, then y, then z.
    pub fn field(&self) -> &Buffer {
        &self.buffers.field
    }
}

impl Buffers {
    fn new(device: &wgpu::Device, elevation: &Elevation, slots: u32) -> Self {
        let make = |name: &str, bytes: u64, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(&format!("terrain: {name}")),
                size: bytes,
                usage,
                mapped_at_creation: false,
            })
        };
        let room = |name: &str, bytes: u64| {
            make(name, bytes, BufferUsages::STORAGE | BufferUsages::COPY_SRC)
        };
        let filled = |name: &str, words: &[u32]| {
            device.create_buffer_init(&BufferInitDescriptor {
                label: Some(&format!("terrain: {name}")),
                contents: cast_slice(words),
                usage: BufferUsages::STORAGE,
            })
        };
        let jobs = u64::from(JOBS_MAX);
        let samples = SAMPLES as u64 * 4;
        let given = BufferUsages::COPY_DST;
        Self {
            params: make(
                "params",
                size_of::<Params>() as u64,
                given | BufferUsages::UNIFORM,
            ),
            jobs: make(
                "jobs",
                jobs * size_of::<Job>() as u64,
                given | BufferUsages::STORAGE,
            ),
            elevation: filled("elevation", &packed(elevation)),
            columns: room("columns", jobs * (SIDE * SIDE) as u64 * 8),
            field: room("field", jobs * samples),
            blocks: room("blocks", jobs * u64::from(BLOCKS) * 8),
            totals: room("totals", jobs * 8),
            shapes: filled("shapes", &props::words()),
            props_totals: room("totals of props", jobs * 8),
            spots: room("spots", jobs * SPOTS_BYTES),
            rooms: room("rooms", jobs * 16),
            requests: room(
                "requests",
                u64::from(REQUESTS_MAX) * size_of::<Request>() as u64,
            ),
            request_count: room("request count", 16),
            bricks: room("bricks", u64::from(slots) * 16),
            vertex_of: room("vertices of cells", jobs * samples),
            vertices: room("vertices", u64::from(VERTEX_WORDS) * 4),
            indices: room("indices", u64::from(INDEX_WORDS) * 4),
        }
    }
}

/// Metres in the lower half of a word, ruggedness in the upper.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "samples come from sixteen bits, and ruggedness is 0 to 1"
)]
fn packed(elevation: &Elevation) -> Vec<u32> {
    let rows = 0..elevation.height().cast_signed();
    rows.flat_map(|row| (0..elevation.width().cast_signed()).map(move |column| (column, row)))
        .map(|(column, row)| {
            let metres = elevation.sample_m(column, row).clamp(0.0, 65535.0) as u32;
            let ruggedness = (elevation.sample_ruggedness(column, row) * 65535.0 + 0.5) as u32;
            metres | ruggedness << 16
        })
        .collect()
}

impl Kernels {
    fn new(device: &wgpu::Device, b: &Buffers) -> Self {
        let make = |entry: &str, pieces: &[&str], buffers: &[(u32, &Buffer)]| {
            Kernel::new(device, entry, pieces, buffers)
        };
        let (params, jobs) = ((0, &b.params), (1, &b.jobs));
        let field = [COMMON, NOISE, FIELD];
        let count = [COMMON, SCAN, CELLS, COUNT];
        let mesh = [COMMON, NOISE, SCAN, CELLS, COLOUR, MESH];
        let scatter = [COMMON, NOISE, SCAN, CELLS, COLOUR, SHAPES, PROPS];
        let props = [COMMON, NOISE, SHAPES, PROPS_MESH];
        let samples = (2, &b.field);
        let (columns, elevation) = ((3, &b.columns), (2, &b.elevation));
        let shapes = (4, &b.shapes);
        let made = [(2, &b.totals), (3, &b.props_totals), (4, &b.rooms)];
        let asked = [(5, &b.requests), (6, &b.request_count), (7, &b.bricks)];
        let nets = [samples, (4, &b.blocks), (5, &b.rooms), (6, &b.vertex_of)];
        let spots = [shapes, (5, &b.props_totals), (6, &b.spots)];
        let placed = [(2, &b.shapes), (3, &b.rooms), (4, &b.spots)];
        let meshes = [(5, &b.vertices), (6, &b.indices)];
        let (vertices, quads) = ((7, &b.vertices), (7, &b.indices));
        Self {
            heights: make("heights", &field, &[params, jobs, elevation, columns]),
            samples: make("samples", &field, &[params, jobs, columns, (4, &b.field)]),
            count: make("count", &count, &[(1, &b.field), (2, &b.blocks)]),
            sum_up: make("sum_up", &count, &[(2, &b.blocks), (3, &b.totals)]),
            scatter: make(
                "scatter",
                &scatter,
                &[&[params, jobs, samples, columns], &spots[..]].concat(),
            ),
            requests: make(
                "write_requests",
                &[COMMON, REQUESTS],
                &[&[params, jobs], &made[..], &asked[..]].concat(),
            ),
            vertices: make(
                "vertices",
                &mesh,
                &[&[params, jobs, columns, vertices], &nets[..]].concat(),
            ),
            quads: make("quads", &mesh, &[&nets[..], &[quads]].concat()),
            props: make(
                "place_props",
                &props,
                &[&[params], &placed[..], &meshes[..]].concat(),
            ),
        }
    }
}
