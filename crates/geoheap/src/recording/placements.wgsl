// Where blocks lie, as geoheap keeps it on the GPU. One entry for each slot of a handle.

struct Placement {
    // The generation of the handle that has the slot: compare it with the handle's own.
    generation: u32,
    // 0 vacant, 1 pending, 2 resident, 3 evicted, 4 lost, 5 failed.
    state: u32,
    // The chunk, whose buffer the frame's ticket knows.
    chunk: u32,
    // Start in the chunk and length, in bytes.
    offset: u32,
    len: u32,
    // 0 nothing to draw, 1 without indices, 2 indices of 16 bits, 3 of 32 bits.
    format: u32,
    // The first draw, addressed from the chunk's start.
    base_vertex: i32,
    first: u32,
    count: u32,
    // The block's parts: so many entries of the table of parts from there on.
    parts_first: u32,
    parts_count: u32,
}

struct Part {
    // The part's id.
    index: u32,
    generation: u32,
    kind: u32,
    // Start in the block and length, in bytes.
    offset: u32,
    len: u32,
    // Bytes from one element to the next, 0 if it has none.
    stride: u32,
}

const PLACEMENT_RESIDENT: u32 = 2u;
