
struct Wish { slot: u32, generation: u32 }
struct DrawArgs { count: u32, instances: u32, first: u32, base_vertex: i32, first_instance: u32 }

@group(0) @binding(0) var<storage, read> placements: array<Placement>;
@group(0) @binding(1) var<storage, read> parts: array<Part>;
@group(0) @binding(2) var<storage, read> wishes: array<Wish>;
// So many draws for each chunk as there are wishes.
@group(0) @binding(3) var<storage, read_write> draws: array<DrawArgs>;

@compute @workgroup_size(64)
fn cull(@builtin(global_invocation_id) id: vec3u) {
    let wanted = arrayLength(&wishes);
    if id.x >= wanted {
        return;
    }
    let wish = wishes[id.x];
    let place = placements[wish.slot];
    let is_there = place.generation == wish.generation && place.state == PLACEMENT_RESIDENT;
    // The second part of each block holds its indices: the entry and the part must agree.
    let part = parts[place.parts_first + 1u];
    let first = (place.offset + part.offset) / part.stride;
    if !is_there || place.parts_count != 2u || first != place.first {
        return;
    }
    let chunk = place.chunk;
    if chunk * wanted + id.x < arrayLength(&draws) {
        draws[chunk * wanted + id.x] =
            DrawArgs(place.count, 1u, first, place.base_vertex, 0u);
    }
}
