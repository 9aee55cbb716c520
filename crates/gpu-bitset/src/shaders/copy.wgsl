// The bytes: from where they were made to where they stay. One workgroup for each tile of 16 KiB.

@group(0) @binding(0) var<uniform> params: Params;
// The stream, in the first word.
@group(0) @binding(1) var<uniform> copied: vec4<u32>;
@group(0) @binding(2) var<storage, read> tiles: array<u32>;
@group(0) @binding(3) var<storage, read> requests: array<Request>;
@group(0) @binding(4) var<storage, read> outcomes: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> source: array<vec4<u32>>;
//{buffers}

const VECTORS: u32 = TILE_BYTES / 16u;

// What a workgroup copies, all in vectors of 16 bytes but `bytes`.
struct Work {
    buffer: u32,
    to: u32,
    from_vector: u32,
    vectors: u32,
    bytes: u32,
}

var<workgroup> work: Work;

fn blocks() -> u32 {
    return (params.requests_max + WG - 1u) / WG;
}

fn work_of(tile: u32, stream: u32) -> Work {
    let total = tiles[params.streams * (params.requests_max + blocks()) + stream];
    if tile >= total {
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
    let index = low - 1u;
    let run = outcomes[index * runs_each(params) + select(0u, stream, params.separate == 1u)];
    let begin = (tile - tiles[first + index]) * VECTORS;
    let bytes = requests[index].bytes[stream];
    let stride = params.units_per_buffer + 1u;
    let to = run.y % stride * (params.unit_bytes[stream] / 16u) + begin;
    let from_vector = requests[index].source_offsets[stream] / 16u + begin;
    let vectors = min((bytes + 15u) / 16u - begin, VECTORS);
    return Work(run.y / stride, to, from_vector, vectors, bytes - begin * 16u);
}

// The words of the last vector that belong to the object; the rest becomes zero.
fn cut(vector: vec4<u32>, bytes: u32) -> vec4<u32> {
    let word = vec4(0u, 4u, 8u, 12u);
    return select(vec4(0u), vector, word < vec4(bytes));
}

@compute @workgroup_size(WG)
fn copy(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    if tid == 0u {
        work = work_of(group.y * ROW + group.x, copied.x);
    }
    let now = workgroupUniformLoad(&work);
    for (var vector = tid; vector < now.vectors; vector += WG) {
        let bytes = cut(source[now.from_vector + vector], now.bytes - vector * 16u);
        let to = now.to + vector;
        //{store}
    }
}
