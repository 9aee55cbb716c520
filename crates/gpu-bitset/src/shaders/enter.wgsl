// Objects: those whose runs all have their place are entered into the table, and their tiles of
// bytes to copy are counted.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> requests: array<Request>;
@group(0) @binding(3) var<storage, read> outcomes: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> state: State;
@group(0) @binding(5) var<storage, read_write> slots: array<Slot>;
@group(0) @binding(6) var<storage, read_write> pending: array<vec2<u32>>;
// For each stream of each request its tiles, later the tiles before; behind them each block's
// sum, and each stream's; behind those what is to be copied, four words for each stream of each
// request.
@group(0) @binding(7) var<storage, read_write> tiles: array<u32>;
@group(0) @binding(8) var<storage, read_write> copies: array<vec4<u32>>;

fn blocks() -> u32 {
    return (params.requests_max + WG - 1u) / WG;
}

// What half an object was granted goes back at the beginning of the next batch.
fn give_back(index: u32) {
    for (var stream = 0u; stream < params.streams; stream++) {
        let run = outcomes[index * params.streams + stream];
        if (run.x & 15u) == OK {
            pending[atomicAdd(&state.pending, 1u)] = run.yz;
        }
    }
}

fn slot_of(index: u32, request: Request) -> Slot {
    let each = runs_each(params);
    let first = outcomes[index * each];
    var slot = Slot(first.w, flags_of(request), (first.x >> 4u) & 15u, 0u, vec4(0u), vec4(0u), request.bytes);
    for (var stream = 0u; stream < params.streams; stream++) {
        let run = outcomes[index * each + select(0u, stream, each > 1u)];
        slot.offset_units[stream] = select(0u, run.y, (run.x & 15u) == OK);
        slot.units[stream] = run.z;
    }
    return slot;
}

// One invocation for each request.
@compute @workgroup_size(WG)
fn enter(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32 /*{builtins}*/,
) {
    //{subgroup}
    let index = id.x;
    var is_whole = false;
    var request = Request();
    if index < requests_asked(params, counts[1]) {
        request = requests[index];
        let each = runs_each(params);
        var some = false;
        var all = true;
        for (var run = index * each; run < (index + 1u) * each; run++) {
            let status = outcomes[run].x & 15u;
            some = some || status == OK;
            all = all && status != NO_SPACE;
        }
        is_whole = some && all;
        if is_whole {
            slots[request.slot] = slot_of(index, request);
        } else if some {
            give_back(index);
        }
    }
    for (var stream = 0u; stream < params.streams; stream++) {
        var count = 0u;
        var wasted = 0u;
        if is_whole {
            let bytes = request.bytes[stream];
            count = units_of(bytes, TILE_BYTES);
            let units = slots[request.slot].units[stream];
            wasted = units - units_of(bytes, params.unit_bytes[stream]);
            let start = slots[request.slot].offset_units[stream];
            let work = work_from(request, stream, start);
            set_work(works_first(params, blocks()), stream * params.requests_max + index, work);
        }
        scan(tid, vec2(count, wasted));
        let total = scan_total();
        if index < params.requests_max {
            tiles[stream * params.requests_max + index] = count;
        }
        if tid == 0u {
            let sums = params.streams * params.requests_max;
            tiles[sums + stream * blocks() + group.x] = total.x;
            atomicAdd(&state.wasted_units, total.y);
        }
    }
}

// The same invocations, once for each stream.
@compute @workgroup_size(WG)
fn tiles_scan(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32 /*{builtins}*/,
) {
    //{subgroup}
    let stream = group.y;
    let sums = params.streams * params.requests_max + stream * blocks();
    var earlier = 0u;
    for (var block = tid; block < group.x; block += WG) {
        earlier += tiles[sums + block];
    }
    scan(tid, vec2(earlier, 0u));
    let base = scan_total().x;
    let place = stream * params.requests_max + id.x;
    var count = 0u;
    if id.x < params.requests_max {
        count = tiles[place];
    }
    let before = base + scan(tid, vec2(count, 0u)).x;
    if id.x < params.requests_max {
        tiles[place] = before;
    }
    let all = base + scan_total().x;
    if tid == 0u && group.x == blocks() - 1u {
        tiles[params.streams * (params.requests_max + blocks()) + stream] = all;
        let is_copied = ((params.copied >> stream) & 1u) == 1u;
        let rows = select(0u, (all + ROW - 1u) / ROW, is_copied);
        copies[stream] = vec4(min(all, ROW), rows, 1u, 0u);
    }
}
