// What every kernel of the terrain knows: the lattice, what a frame is to mesh, and the records.

// Cells on a side of a brick.
const CELLS: u32 = 32u;
// Samples on a side: the first and the last are those of the neighbours, so that both mesh the
// cells between them alike.
const SIDE: u32 = 34u;
const SAMPLES: u32 = 39304u;
// World metres between two samples.
const SPACING_M: f32 = 8.0;
// Samples that a workgroup goes through, and workgroups for a brick.
const BLOCK: u32 = 256u;
const BLOCKS: u32 = 154u;
// Props that a brick may have.
const SPOTS: u32 = 256u;
const NONE: u32 = 0xffffffffu;

const WANTS_GROUND: u32 = 1u;
const WANTS_PROPS: u32 = 2u;

// Words of a vertex.
const VERTEX_WORDS: u32 = 5u;

struct Params {
    // Samples of the elevation from west to east and from north to south.
    width: u32,
    height: u32,
    seed: u32,
    // Bricks to mesh in this frame.
    jobs: u32,
    // The brick that positions are relative to; w is unused.
    anchor: vec4<i32>,
    // Words of the buffers that meshes are made in.
    vertex_words: u32,
    index_words: u32,
    reserved_0: u32,
    reserved_1: u32,
}

struct Job {
    brick: vec3<i32>,
    wants: u32,
    // The slots of the ground and of the props.
    ground_slot: u32,
    props_slot: u32,
    reserved_0: u32,
    reserved_1: u32,
}

// Where a brick's meshes are made, in words; NONE where they do not fit.
struct Room {
    ground_vertices: u32,
    ground_indices: u32,
    props_vertices: u32,
    props_indices: u32,
}

// As `geoheap_gpu_bitset::Request`.
struct Request {
    slot: u32,
    priority: u32,
    flags: u32,
    reserved: u32,
    bytes: vec4<u32>,
    source_offsets: vec4<u32>,
}

fn place_of(index: u32) -> vec3<u32> {
    return vec3(index % SIDE, index / SIDE % SIDE, index / (SIDE * SIDE));
}

fn index_of(place: vec3<u32>) -> u32 {
    return place.x + SIDE * (place.y + SIDE * place.z);
}

// The point of the world's lattice that a sample of a brick is taken at.
fn lattice_of(brick: vec3<i32>, place: vec3<u32>) -> vec3<i32> {
    return brick * i32(CELLS) + vec3<i32>(place) - 1;
}
