// The bytes: from where they were made to where they stay. One workgroup for each tile of 16 KiB.

@group(0) @binding(0) var<uniform> params: Params;
// The stream, in the first word.
@group(0) @binding(1) var<uniform> copied: vec4<u32>;
@group(0) @binding(2) var<storage, read> tiles: array<u32>;
@group(0) @binding(3) var<storage, read> source: array<vec4<u32>>;
//{buffers}

const VECTORS: u32 = TILE_BYTES / 16u;
// Fewer invocations than in the other passes: each finds the tile for itself, which is a loop over
// few words that are the same for all, and cheaper than to wait for one of them.
const COPIERS: u32 = {copiers};

fn blocks() -> u32 {
    return (params.requests_max + WG - 1u) / WG;
}

// A tile of the stream; without bytes where there are not so many.
fn work_of(tile: u32, stream: u32) -> Work {
    let sums = params.streams * (params.requests_max + blocks());
    if tile >= tiles[sums + stream] {
        return Work();
    }
    let first = stream * params.requests_max;
    var low = 0u;
    var high = params.requests_max;
    while low < high {
        let middle = (low + high) / 2u;
        if tiles[first + middle] <= tile {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    let index = first + low - 1u;
    let begin = (tile - tiles[index]) * VECTORS;
    let at = works_first(params, blocks()) + index * 4u;
    let bytes = tiles[at + 3u] - begin * 16u;
    return Work(tiles[at], tiles[at + 1u] + begin, tiles[at + 2u] + begin, bytes);
}

// The words of the last vector that belong to the object; the rest becomes zero.
fn cut(vector: vec4<u32>, bytes: u32) -> vec4<u32> {
    let word = vec4(0u, 4u, 8u, 12u);
    return select(vec4(0u), vector, word < vec4(bytes));
}

//{copies}
@compute @workgroup_size(COPIERS)
fn copy(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    let work = work_of(group.y * ROW + group.x, copied.x);
    switch work.buffer {
        //{cases}
    }
}
