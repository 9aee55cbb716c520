// Requests: which of them are good, how many units they want, and their keys for the sort.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> requests: array<Request>;
@group(0) @binding(3) var<storage, read> slots: array<Slot>;
@group(0) @binding(4) var<storage, read_write> claims: array<atomic<u32>>;
@group(0) @binding(5) var<storage, read_write> state: State;
@group(0) @binding(6) var<storage, read_write> outcomes: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> keys: array<u32>;

// One invocation for each request. Of requests for one slot the first counts.
@compute @workgroup_size(WG)
fn slot_claim(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x;
    if index >= requests_asked(params, counts[1]) {
        return;
    }
    let slot = requests[index].slot;
    if slot < params.slots {
        if (slots[slot].flags & LIVE) == 0u {
            atomicMin(&claims[slot], index);
        }
    }
}

fn enter(run: u32, request: Request, generation: u32, accepted: bool, stream: u32, units: u32) {
    let status = select(select(OK, ZERO, units == 0u), INVALID, !accepted);
    let word = status | (stream << 4u) | (request.slot << 8u);
    outcomes[run] = vec4(word, NONE, units, generation);
    let priority = min(request.priority, 3u);
    let key = (priority << KEY_SIZE_BITS) | (UNITS_MAX - min(units, UNITS_MAX));
    keys[run] = select(KEY_END, key, status == OK);
}

// One invocation for each request.
@compute @workgroup_size(WG)
fn prepare(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x;
    if index == 0u {
        atomicStore(&state.pending, 0u);
    }
    if index >= requests_asked(params, counts[1]) {
        return;
    }
    let request = requests[index];
    var generation = 0u;
    var is_first = false;
    if request.slot < params.slots {
        generation = slots[request.slot].generation;
        is_first = atomicLoad(&claims[request.slot]) == index;
        if is_first {
            // Whoever reads it from now on is not the first either.
            atomicStore(&claims[request.slot], NONE);
        }
    }
    let accepted = is_first && accepts(params, request);
    if params.separate == 1u {
        for (var stream = 0u; stream < params.streams; stream++) {
            let units = units_of(request.bytes[stream], params.unit_bytes[stream]);
            let run = index * params.streams + stream;
            enter(run, request, generation, accepted, stream, units);
        }
        return;
    }
    let longest = longest_stream(params, request);
    enter(index, request, generation, accepted, longest.y, longest.x);
}
