// The order of placement: ascending keys, of equal keys ascending indices. A stable sort.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> keys_in: array<u32>;
@group(0) @binding(3) var<storage, read> order_in: array<u32>;
@group(0) @binding(4) var<storage, read_write> keys_out: array<u32>;
@group(0) @binding(5) var<storage, read_write> order_out: array<u32>;
@group(0) @binding(6) var<storage, read_write> bins: array<u32>;
// The lowest bit of the digit, and whether it is the first.
@group(0) @binding(7) var<uniform> digit: vec4<u32>;

const DIGITS: u32 = 128u;

var<workgroup> tile: array<u32, 256>;

// For few runs: each counts those that go before it.
@compute @workgroup_size(WG)
fn sort_few(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    let run = id.x;
    let count = runs_asked(params, counts[1]);
    var key = NONE;
    if run < count {
        key = keys_in[run];
    }
    var rank = 0u;
    let runs_max = params.requests_max * runs_each(params);
    for (var first = 0u; first < runs_max; first += WG) {
        workgroupBarrier();
        tile[tid] = NONE;
        if first + tid < count {
            tile[tid] = keys_in[first + tid];
        }
        workgroupBarrier();
        for (var other = 0u; other < WG; other++) {
            let is_before = tile[other] < key || (tile[other] == key && first + other < run);
            rank += select(0u, 1u, is_before);
        }
    }
    if run < count {
        keys_out[rank] = key;
        order_out[rank] = run;
    }
}

fn digit_of(key: u32) -> u32 {
    return (key >> digit.x) & (DIGITS - 1u);
}

fn blocks() -> u32 {
    return (params.requests_max * runs_each(params) + WG - 1u) / WG;
}

var<workgroup> counted: array<atomic<u32>, DIGITS>;

// For many: one digit after the other, the lowest first (Knuth, volume 3, 5.2.5). Each block of
// runs counts its digits ...
@compute @workgroup_size(WG)
fn sort_count(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    for (var bin = tid; bin < DIGITS; bin += WG) {
        atomicStore(&counted[bin], 0u);
    }
    workgroupBarrier();
    if id.x < runs_asked(params, counts[1]) {
        atomicAdd(&counted[digit_of(keys_in[id.x])], 1u);
    }
    workgroupBarrier();
    for (var bin = tid; bin < DIGITS; bin += WG) {
        bins[bin * blocks() + group.x] = atomicLoad(&counted[bin]);
    }
}

// ... one workgroup turns the counts into where each block's digits begin ...
@compute @workgroup_size(WG)
fn sort_scan(@builtin(local_invocation_index) tid: u32 /*{builtins}*/) {
    //{subgroup}
    let all = DIGITS * blocks();
    let each = (all + WG - 1u) / WG;
    let end = min((tid + 1u) * each, all);
    var sum = 0u;
    for (var bin = tid * each; bin < end; bin++) {
        sum += bins[bin];
    }
    var before = scan(tid, vec2(sum, 0u)).x;
    for (var bin = tid * each; bin < end; bin++) {
        let count = bins[bin];
        bins[bin] = before;
        before += count;
    }
}

// ... and each block brings its runs there, in their order.
@compute @workgroup_size(WG)
fn sort_scatter(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    let is_run = id.x < runs_asked(params, counts[1]);
    var key = 0u;
    var run = id.x;
    tile[tid] = NONE;
    if is_run {
        key = keys_in[id.x];
        tile[tid] = digit_of(key);
        if digit.y == 0u {
            run = order_in[id.x];
        }
    }
    workgroupBarrier();
    if !is_run {
        return;
    }
    var rank = bins[tile[tid] * blocks() + group.x];
    for (var other = 0u; other < tid; other++) {
        rank += select(0u, 1u, tile[other] == tile[tid]);
    }
    keys_out[rank] = key;
    order_out[rank] = run;
}
