// The bits of what was given are set, and the header is made.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> bits: array<u32>;
@group(0) @binding(2) var<storage, read> tiles: array<u32>;
@group(0) @binding(3) var<storage, read> runs: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> bits_after: array<u32>;
@group(0) @binding(5) var<storage, read_write> state: State;
@group(0) @binding(6) var<storage, read> counts: array<u32>;

var<workgroup> sums: array<atomic<u32>, 4>;
var<workgroup> tops: array<atomic<u32>, 2>;

// The free bits of the word that lie before where the run begins now.
fn taken_of(word: u32, run: u32, free_bits: u32) -> u32 {
    let start = runs[run].x;
    let first = word * 32u;
    if start <= first {
        return 0u;
    }
    return free_bits & mask_of(word, first, min(start, first + 32u));
}

// One more than the highest bit in use that is neither a guard nor past the end.
fn top_of(word: u32, used: u32) -> u32 {
    var left = used;
    for (; left != 0u; left &= ~(1u << firstLeadingBit(left))) {
        let unit = word * 32u + firstLeadingBit(left);
        let is_guard = unit % (params.units_per_buffer + 1u) == params.units_per_buffer;
        if unit < params.units && !is_guard {
            return unit + 1u;
        }
    }
    return 0u;
}

// One invocation for the same four words as in the count of the runs. The bits are read from one
// buffer and written to the other, as each word needs its neighbours as they were.
@compute @workgroup_size(WG)
fn claim(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32 /*{builtins}*/,
) {
    //{subgroup}
    if tid < 4u {
        atomicStore(&sums[tid], 0u);
    }
    if tid < 2u {
        atomicStore(&tops[tid], 0u);
    }
    var rank = starts_before(tid, group.x, id.x).x;
    for (var each = 0u; each < WORDS_EACH; each++) {
        let word = id.x * WORDS_EACH + each;
        if word >= params.words {
            break;
        }
        let free = free_of(word);
        var starts = starts_of(word, free);
        var taken = 0u;
        // The run that came in over the edge reaches up to the first bit in use.
        let lead = free & ~(free + 1u);
        if (free & 1u) != 0u && (starts & 1u) == 0u {
            taken |= taken_of(word, rank - 1u, lead);
        }
        for (; starts != 0u; starts &= starts - 1u) {
            let low = countTrailingZeros(starts);
            let from_low = free >> low;
            let length = countTrailingZeros(~from_low);
            let run_bits = select((1u << (length & 31u)) - 1u, NONE, length == 32u) << low;
            taken |= taken_of(word, rank, run_bits);
            let now = runs[rank];
            if now.y > now.x {
                atomicAdd(&sums[1], 1u);
                atomicMax(&tops[0], now.y - now.x);
            }
            rank += 1u;
        }
        let used = ~free | taken;
        bits_after[word] = used;
        atomicAdd(&sums[0], countOneBits(~used));
        atomicXor(&sums[2], mixed(used, word));
        atomicMax(&tops[1], top_of(word, used));
    }
    workgroupBarrier();
    if tid == 0u {
        atomicAdd(&state.used_units, atomicLoad(&sums[0]));
        atomicAdd(&state.runs_left, atomicLoad(&sums[1]));
        atomicXor(&state.hash, atomicLoad(&sums[2]));
        atomicMax(&state.largest_run_units, atomicLoad(&tops[0]));
        atomicMax(&state.top_units, atomicLoad(&tops[1]));
    }
}

// One invocation. Until now `used_units` counted what is free.
@compute @workgroup_size(1)
fn finish() {
    atomicStore(&state.epoch, params.epoch);
    let free = atomicLoad(&state.used_units);
    atomicStore(&state.used_units, params.units - params.guards - free);
    atomicStore(&state.requests, runs_asked(params, counts[1]));
    let valid = atomicLoad(&state.valid_frees);
    atomicStore(&state.double_frees, valid - atomicLoad(&state.freed));
    let low = atomicLoad(&state.missing_low);
    let high = atomicLoad(&state.missing_high) + (low >> 16u);
    let sum = (high << 16u) | (low & 0xffffu);
    atomicStore(&state.missing_units, select(sum, NONE, high > 0xffffu));
}
