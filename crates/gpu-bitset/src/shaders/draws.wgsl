// Draw records of what is visible, packed in the order of the slots, for each buffer of a heap.

@group(0) @binding(0) var<uniform> draws: Draws;
@group(0) @binding(1) var<storage, read> slots: array<Slot>;
// Not 0 for each slot that may be drawn, as far as the caller knows.
@group(0) @binding(2) var<storage, read> seen: array<u32>;
@group(0) @binding(3) var<storage, read_write> sums: array<u32>;
// Five words each.
@group(0) @binding(4) var<storage, read_write> records: array<u32>;
@group(0) @binding(5) var<storage, read_write> drawn_slots: array<u32>;
@group(0) @binding(6) var<storage, read_write> counts: array<u32>;

struct Draws {
    slots: u32,
    units_per_buffer: u32,
    vertex_stream: u32,
    index_stream: u32,
    // Vertices and indices of a unit.
    unit_vertices: u32,
    unit_indices: u32,
    index_bytes: u32,
    // 1 where the device draws from other first instances than 0.
    has_first_instance: u32,
    // 1 where `seen` counts.
    is_culled: u32,
    reserved_0: u32,
    reserved_1: u32,
    reserved_2: u32,
}

fn is_drawn(slot: u32, buffer: u32) -> bool {
    if slot >= draws.slots {
        return false;
    }
    let entry = slots[slot];
    if (entry.flags & (LIVE | VISIBLE)) != (LIVE | VISIBLE) || entry.bytes[draws.index_stream] == 0u {
        return false;
    }
    if draws.is_culled == 1u && seen[min(slot, arrayLength(&seen) - 1u)] == 0u {
        return false;
    }
    return entry.offset_units[draws.index_stream] / (draws.units_per_buffer + 1u) == buffer;
}

fn blocks() -> u32 {
    return (draws.slots + WG - 1u) / WG;
}

@compute @workgroup_size(WG)
fn draws_count(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32 /*{builtins}*/,
) {
    //{subgroup}
    scan(tid, vec2(select(0u, 1u, is_drawn(id.x, group.y)), 0u));
    let total = scan_total().x;
    if tid == 0u {
        sums[group.y * blocks() + group.x] = total;
    }
}

@compute @workgroup_size(WG)
fn draws_emit(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32 /*{builtins}*/,
) {
    //{subgroup}
    var earlier = 0u;
    for (var block = tid; block < group.x; block += WG) {
        earlier += sums[group.y * blocks() + block];
    }
    scan(tid, vec2(earlier, 0u));
    let base = scan_total().x;
    let drawn = is_drawn(id.x, group.y);
    let place = base + scan(tid, vec2(select(0u, 1u, drawn), 0u)).x;
    let all = base + scan_total().x;
    if tid == 0u && group.x == blocks() - 1u {
        counts[group.y] = all;
    }
    if drawn {
        let entry = slots[id.x];
        let stride = draws.units_per_buffer + 1u;
        let record = group.y * draws.slots + place;
        let first_vertex = entry.offset_units[draws.vertex_stream] % stride * draws.unit_vertices;
        let first_index = entry.offset_units[draws.index_stream] % stride * draws.unit_indices;
        records[record * 5u] = entry.bytes[draws.index_stream] / draws.index_bytes;
        records[record * 5u + 1u] = 1u;
        records[record * 5u + 2u] = first_index;
        records[record * 5u + 3u] = first_vertex;
        records[record * 5u + 4u] = select(0u, id.x, draws.has_first_instance == 1u);
        drawn_slots[record] = id.x;
    }
}
