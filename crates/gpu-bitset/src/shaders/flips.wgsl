// What is drawn from now on, and what is not any more: all of a batch at once.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
// The slot, its generation, and 1 for visible.
@group(0) @binding(2) var<storage, read> flips: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> slots: array<Slot>;
@group(0) @binding(4) var<storage, read_write> claims: array<atomic<u32>>;
@group(0) @binding(5) var<storage, read> header: array<u32>;

fn count_of_flips() -> u32 {
    let is_due = params.flip_always == 1u || header[HEADER_NO_SPACE] + header[HEADER_INVALID] == 0u;
    return select(0u, min(counts[2], params.flips_max), is_due);
}

fn is_good(flip: vec4<u32>) -> bool {
    if flip.x >= params.slots {
        return false;
    }
    return (slots[flip.x].flags & LIVE) != 0u && slots[flip.x].generation == flip.y;
}

// One invocation for each flip. Of those of one slot the first counts.
@compute @workgroup_size(WG)
fn flip_claim(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < count_of_flips() {
        let flip = flips[id.x];
        if is_good(flip) {
            atomicMin(&claims[flip.x], id.x);
        }
    }
}

@compute @workgroup_size(WG)
fn flip_apply(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < count_of_flips() {
        let flip = flips[id.x];
        // Only a good one has a claim.
        if flip.x < params.slots && atomicLoad(&claims[flip.x]) == id.x {
            slots[flip.x].flags = LIVE | select(0u, VISIBLE, flip.z == 1u);
            atomicStore(&claims[flip.x], NONE);
        }
    }
}
