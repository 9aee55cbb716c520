// From ranks to requests: each run's place, each object's slot, and what is to be copied.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> segments: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> state: State;
@group(0) @binding(5) var<storage, read_write> outcomes: array<vec4<u32>>;

var<workgroup> by_status: array<atomic<u32>, 4>;
var<workgroup> missing: array<atomic<u32>, 2>;

fn place_of(rank: u32) -> u32 {
    var low = 0u;
    var high = state.segments;
    while low < high {
        let middle = (low + high) / 2u;
        if segments[middle].x <= rank {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    if low == 0u {
        return NONE;
    }
    let segment = segments[low - 1u];
    let index = rank - segment.x;
    return select(NONE, segment.y + index * segment.z, index < segment.w);
}

// One invocation for each rank.
@compute @workgroup_size(WG)
fn resolve(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    if tid < 4u {
        atomicStore(&by_status[tid], 0u);
    }
    if tid < 2u {
        atomicStore(&missing[tid], 0u);
    }
    workgroupBarrier();
    let rank = id.x;
    if rank < runs_asked(params, counts[1]) {
        let run = order[rank];
        var outcome = outcomes[run];
        var status = outcome.x & 15u;
        if status == OK {
            outcome.y = place_of(rank);
            status = select(OK, NO_SPACE, outcome.y == NONE);
            outcome.x |= status;
            outcomes[run] = outcome;
        }
        atomicAdd(&by_status[status], 1u);
        if status == NO_SPACE {
            atomicAdd(&missing[0], outcome.z & 0xffffu);
            atomicAdd(&missing[1], outcome.z >> 16u);
        }
    }
    workgroupBarrier();
    if tid == 0u {
        atomicAdd(&state.ok, atomicLoad(&by_status[OK]));
        atomicAdd(&state.no_space, atomicLoad(&by_status[NO_SPACE]));
        atomicAdd(&state.zero, atomicLoad(&by_status[ZERO]));
        atomicAdd(&state.invalid, atomicLoad(&by_status[INVALID]));
        atomicAdd(&state.missing_low, atomicLoad(&missing[0]));
        atomicAdd(&state.missing_high, atomicLoad(&missing[1]));
    }
}
