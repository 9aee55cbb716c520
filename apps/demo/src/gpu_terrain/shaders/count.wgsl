// How much each brick is: vertices and quads of each block of samples, and of all.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> field: array<f32>;
// For each block of each brick its vertices and quads; later, those of the blocks before.
@group(0) @binding(2) var<storage, read_write> blocks: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> totals: array<vec2<u32>>;

@compute @workgroup_size(256)
fn count(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    scan(tid, counted(group.y, group.x * BLOCK + tid));
    if tid == 0u {
        blocks[group.y * BLOCKS + group.x] = sums[255];
    }
}

// One workgroup for each brick.
@compute @workgroup_size(256)
fn sum_up(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    var own = vec2(0u);
    if tid < BLOCKS {
        own = blocks[group.x * BLOCKS + tid];
    }
    let before = scan(tid, own);
    if tid < BLOCKS {
        blocks[group.x * BLOCKS + tid] = before;
    }
    if tid == 0u {
        // Cells at the edge alone, whose quads are all a neighbour's, make no mesh.
        totals[group.x] = select(sums[255], vec2(0u), sums[255].y == 0u);
    }
}
