// One request in one dispatch of one workgroup: found, claimed and entered at once.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> requests: array<Request>;
@group(0) @binding(3) var<storage, read_write> bits: array<u32>;
@group(0) @binding(4) var<storage, read_write> slots: array<Slot>;
@group(0) @binding(5) var<storage, read_write> state: State;
@group(0) @binding(6) var<storage, read_write> outcomes: array<vec4<u32>>;
// As in `enter.wgsl`, of one request.
@group(0) @binding(7) var<storage, read_write> tiles: array<u32>;
@group(0) @binding(8) var<storage, read_write> copies: array<vec4<u32>>;

// What one invocation knows of its share of the words.
struct Share {
    // Free runs that end in it, and the longest, where that begins, and the longest but that.
    runs: u32,
    longest: u32,
    longest_at: u32,
    second: u32,
    // The first run that is long enough, or none, and its length.
    found: u32,
    found_units: u32,
    // Free units at its end that may go on in the next share, and where they begin.
    open: u32,
    // Whether all of it is free.
    is_open: bool,
}

var<workgroup> wanted: vec4<u32>;
var<workgroup> lowest: atomic<u32>;
var<workgroup> runs_left: atomic<u32>;
var<workgroup> longest_left: atomic<u32>;
var<workgroup> mixed_in: atomic<u32>;
// Free units at the end of each share, and whether all of it is free.
var<workgroup> ends: array<vec2<u32>, 256>;

// Status, deciding stream, units and generation of the request.
fn judge(request: Request) -> vec4<u32> {
    var generation = 0u;
    var is_free = false;
    if request.slot < params.slots {
        generation = slots[request.slot].generation;
        is_free = (slots[request.slot].flags & LIVE) == 0u;
    }
    let longest = longest_stream(params, request);
    let accepted = is_free && accepts(params, request);
    let status = select(select(OK, ZERO, longest.x == 0u), INVALID, !accepted);
    return vec4(status, longest.y, longest.x, generation);
}

fn ended(share: ptr<function, Share>, start: u32, units: u32, needed: u32) {
    if units == 0u {
        return;
    }
    (*share).runs += 1u;
    if units >= needed && start < (*share).found {
        (*share).found = start;
        (*share).found_units = units;
    }
    if units > (*share).longest {
        (*share).second = (*share).longest;
        (*share).longest = units;
        (*share).longest_at = start;
    } else {
        (*share).second = max((*share).second, units);
    }
}

// Reads the share's words. Its first run may have begun before it: that is left to the caller,
// who is told its length up to the first unit in use.
fn read_share(first: u32, end: u32, needed: u32, lead: ptr<function, u32>) -> Share {
    var share = Share(0u, 0u, NONE, 0u, NONE, 0u, 0u, true);
    var open = 0u;
    for (var word = first; word < end; word++) {
        let used = bits[word];
        if used == 0u {
            open += 32u;
            continue;
        }
        var at = 0u;
        while at < 32u {
            let rest = used >> at;
            let free = select(countTrailingZeros(rest), 32u - at, rest == 0u);
            open += free;
            at += free;
            if at < 32u {
                let taken = min(countTrailingZeros(~(used >> at)), 32u - at);
                if share.is_open {
                    *lead = open;
                    share.is_open = false;
                } else {
                    ended(&share, word * 32u + at - open, open, needed);
                }
                open = 0u;
                at += taken;
            }
        }
    }
    share.open = open;
    return share;
}

// The free units that end right before each share.
fn carry(tid: u32, share: Share) -> u32 {
    ends[tid] = vec2(share.open, select(0u, 1u, share.is_open));
    workgroupBarrier();
    for (var step = 1u; step < WG; step <<= 1u) {
        var now = ends[tid];
        if tid >= step && now.y == 1u {
            let before = ends[tid - step];
            now = vec2(before.x + now.x, before.y);
        }
        workgroupBarrier();
        ends[tid] = now;
        workgroupBarrier();
    }
    var before = 0u;
    if tid > 0u {
        before = ends[tid - 1u].x;
    }
    return before;
}

fn claim(tid: u32, start: u32, units: u32) {
    let last = (start + units - 1u) / 32u;
    for (var word = start / 32u + tid; word <= last; word += WG) {
        let before = bits[word];
        let after = before | mask_of(word, start, start + units);
        bits[word] = after;
        atomicXor(&mixed_in, mixed(before, word) ^ mixed(after, word));
    }
}

// Enters the object, and what is to be copied of it.
fn enter(request: Request, judged: vec4<u32>, start: u32) {
    var slot = Slot(judged.w, flags_of(request), judged.y, 0u, vec4(0u), vec4(0u), request.bytes);
    var wasted = 0u;
    for (var stream = 0u; stream < params.streams; stream++) {
        slot.offset_units[stream] = start;
        slot.units[stream] = judged.z;
        wasted += judged.z - units_of(request.bytes[stream], params.unit_bytes[stream]);
    }
    slots[request.slot] = slot;
    atomicStore(&state.wasted_units, wasted);
    let top = max(atomicLoad(&state.top_units), start + judged.z);
    atomicStore(&state.top_units, top);
    atomicAdd(&state.used_units, judged.z);
}

fn count_tiles(request: Request, is_ok: bool, start: u32) {
    for (var stream = 0u; stream < params.streams; stream++) {
        let all = units_of(request.bytes[stream], TILE_BYTES);
        let is_copied = is_ok && ((params.copied >> stream) & 1u) == 1u;
        let count = select(0u, all, is_copied);
        tiles[stream] = 0u;
        tiles[params.streams * 2u + stream] = count;
        if is_ok {
            set_work(works_first(params, 1u), stream, work_from(request, stream, start));
        }
        copies[stream] = vec4(min(count, ROW), (count + ROW - 1u) / ROW, 1u, 0u);
    }
}

fn write_header(status: u32, asked: u32, units: u32) {
    atomicStore(&state.epoch, params.epoch);
    atomicStore(&state.requests, asked);
    atomicStore(&state.ok, select(0u, asked, status == OK));
    atomicStore(&state.no_space, select(0u, asked, status == NO_SPACE));
    atomicStore(&state.zero, select(0u, asked, status == ZERO));
    atomicStore(&state.invalid, select(0u, asked, status == INVALID));
    atomicStore(&state.freed, 0u);
    atomicStore(&state.stale_frees, 0u);
    atomicStore(&state.double_frees, 0u);
    atomicStore(&state.missing_units, select(0u, units, asked == 1u && status == NO_SPACE));
    atomicStore(&state.runs_left, atomicLoad(&runs_left));
    atomicStore(&state.largest_run_units, atomicLoad(&longest_left));
    atomicXor(&state.hash, atomicLoad(&mixed_in));
}

@compute @workgroup_size(WG)
fn single(@builtin(local_invocation_index) tid: u32) {
    let request = requests[0];
    if tid == 0u {
        wanted = judge(request);
        if counts[1] == 0u {
            wanted.x = INVALID;
        }
        atomicStore(&lowest, NONE);
        atomicStore(&runs_left, 0u);
        atomicStore(&longest_left, 0u);
        atomicStore(&mixed_in, 0u);
        atomicStore(&state.wasted_units, 0u);
    }
    let judged = workgroupUniformLoad(&wanted);
    let needed = select(NONE, judged.z, judged.x == OK);
    let each = (params.words + WG - 1u) / WG;
    let first = min(tid * each, params.words);
    let end = min(first + each, params.words);
    var lead = 0u;
    var share = read_share(first, end, needed, &lead);
    let before = carry(tid, share);
    if !share.is_open {
        ended(&share, first * 32u - before, before + lead, needed);
    }
    if tid == WG - 1u {
        let open = share.open + select(0u, before, share.is_open);
        ended(&share, end * 32u - open, open, needed);
    }
    if share.found != NONE {
        atomicMin(&lowest, share.found);
    }
    workgroupBarrier();
    let start = atomicLoad(&lowest);
    let is_ok = start != NONE;
    let status = select(judged.x, select(NO_SPACE, OK, is_ok), judged.x == OK);
    // The run it comes from is counted by whoever has found its end, now that much shorter.
    var runs = share.runs;
    var longest = share.longest;
    if is_ok && share.found == start {
        let left = share.found_units - judged.z;
        let others = select(share.longest, share.second, share.longest_at == start);
        longest = max(others, left);
        runs -= select(0u, 1u, left == 0u);
    }
    atomicAdd(&runs_left, runs);
    atomicMax(&longest_left, longest);
    workgroupBarrier();
    if is_ok {
        claim(tid, start, judged.z);
    }
    workgroupBarrier();
    if tid == 0u {
        let asked = min(counts[1], 1u);
        let word = status | (judged.y << 4u) | (request.slot << 8u);
        outcomes[0] = vec4(word, start, judged.z, judged.w);
        if is_ok {
            enter(request, judged, start);
        }
        count_tiles(request, is_ok, start);
        write_header(status, asked, judged.z);
    }
}
