// Frees: which of them are good, and their units' bits cleared.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> frees: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> bits: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> slots: array<Slot>;
@group(0) @binding(5) var<storage, read_write> claims: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> state: State;
@group(0) @binding(7) var<storage, read> pending: array<vec2<u32>>;

fn count_of_frees() -> u32 {
    return min(counts[0], params.frees_max);
}

// One invocation for each free. Of frees of one object the first counts.
@compute @workgroup_size(WG)
fn free_claim(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x;
    if index >= count_of_frees() {
        return;
    }
    let handle = frees[index];
    var is_good = false;
    if handle.x < params.slots {
        is_good = (slots[handle.x].flags & LIVE) != 0u && slots[handle.x].generation == handle.y;
    }
    if is_good {
        atomicMin(&claims[handle.x], index);
        atomicAdd(&state.valid_frees, 1u);
    } else {
        atomicAdd(&state.stale_frees, 1u);
    }
}

fn clear(lane: u32, start: u32, units: u32) {
    if units == 0u {
        return;
    }
    let last = (start + units - 1u) / 32u;
    for (var word = start / 32u + lane; word <= last; word += 64u) {
        let mask = mask_of(word, start, start + units);
        if mask == NONE {
            atomicStore(&bits[word], 0u);
        } else {
            atomicAnd(&bits[word], ~mask);
        }
    }
}

var<workgroup> freed: Slot;
var<workgroup> is_first: u32;

// Workgroups for what half objects left behind, each of which takes every so manieth.
const LEFT_GROUPS: u32 = 256u;

// One workgroup for each free, and some for the ranges that half objects left behind.
@compute @workgroup_size(64)
fn free_release(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = group.y * ROW + group.x;
    if index >= params.frees_max {
        let all = atomicLoad(&state.pending);
        let first = index - params.frees_max;
        for (var left = first; first < LEFT_GROUPS && left < all; left += LEFT_GROUPS) {
            clear(lane, pending[left].x, pending[left].y);
        }
        return;
    }
    if lane == 0u {
        is_first = 0u;
        if index < count_of_frees() {
            let slot = frees[index].x;
            if slot < params.slots && atomicLoad(&claims[slot]) == index {
                is_first = 1u;
                freed = slots[slot];
                slots[slot] = Slot(
                    freed.generation + 1u, 0u, 0u, 0u, vec4(0u), vec4(0u), vec4(0u)
                );
                // Whoever reads it from now on is not the first either.
                atomicStore(&claims[slot], NONE);
                atomicAdd(&state.freed, 1u);
            }
        }
    }
    if workgroupUniformLoad(&is_first) == 0u {
        return;
    }
    for (var stream = 0u; stream < runs_each(params); stream++) {
        clear(lane, freed.offset_units[stream], freed.units[stream]);
    }
}
