// Free runs: counted, written in the order of their addresses, and the longest of each chunk.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> bits: array<u32>;
@group(0) @binding(2) var<storage, read_write> tiles: array<u32>;
@group(0) @binding(3) var<storage, read_write> runs: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> chunks: array<u32>;
@group(0) @binding(5) var<storage, read_write> state: State;

fn ends_of(word: u32, free: u32) -> u32 {
    let after = free_of(word + 1u) & 1u;
    return free & ~((free >> 1u) | (after << 31u));
}

// One invocation for four words.
@compute @workgroup_size(WG)
fn runs_count(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32 /*{builtins}*/,
) {
    //{subgroup}
    scan(tid, vec2(starts_in_share(id.x), 0u));
    let total = scan_total().x;
    if tid == 0u {
        tiles[group.x] = total;
    }
}

// The same invocations; the tiles before are added up by each workgroup for itself.
@compute @workgroup_size(WG)
fn runs_emit(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32 /*{builtins}*/,
) {
    //{subgroup}
    let before = starts_before(tid, group.x, id.x);
    var rank = before.x;
    let all = before.y;
    if tid == 0u && (group.x + 1u) * WG * WORDS_EACH >= params.words {
        state.runs = all;
    }
    for (var each = 0u; each < WORDS_EACH; each++) {
        let word = id.x * WORDS_EACH + each;
        let free = free_of(word);
        var starts = starts_of(word, free);
        var ends = ends_of(word, free);
        // A run that came in over the edge has its start counted, but not its end.
        var ended = rank;
        if word > 0u && (free & ~starts & 1u) != 0u {
            ended -= 1u;
        }
        for (; starts != 0u; starts &= starts - 1u) {
            runs[rank].x = word * 32u + countTrailingZeros(starts);
            rank += 1u;
        }
        for (; ends != 0u; ends &= ends - 1u) {
            runs[ended].y = word * 32u + countTrailingZeros(ends) + 1u;
            ended += 1u;
        }
    }
}

const CHUNK: u32 = 64u;

const CHUNK_GROUPS: u32 = 64u;

var<workgroup> longest: array<atomic<u32>, 4>;
var<workgroup> count_of_free: u32;

// Some workgroups go through all runs together.
@compute @workgroup_size(WG)
fn chunk_max(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    if tid == 0u {
        count_of_free = state.runs;
    }
    let count = workgroupUniformLoad(&count_of_free);
    let each = WG / CHUNK;
    for (var first = group.x * each; first * CHUNK < count; first += CHUNK_GROUPS * each) {
        if tid < each {
            atomicStore(&longest[tid], 0u);
        }
        workgroupBarrier();
        let run = first * CHUNK + tid;
        if run < count {
            atomicMax(&longest[tid / CHUNK], runs[run].y - runs[run].x);
        }
        workgroupBarrier();
        if tid < each {
            chunks[first + tid] = atomicLoad(&longest[tid]);
        }
        workgroupBarrier();
    }
}
