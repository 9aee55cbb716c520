// The placement: for each class of runs of one priority and length, the free runs are filled from
// the lowest on. One workgroup, as each class needs to know what those before have left. A dispatch
// takes some steps and leaves the others to the next: one that lasts long is ended by watchdogs,
// and by drivers that count the rounds of its loops.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> runs: array<vec2<u32>>;
// The longest run of each chunk of runs, and behind them that of each chunk of chunks.
@group(0) @binding(4) var<storage, read_write> chunks: array<u32>;
// What was given: the first rank, the first unit, the units of each, how many.
@group(0) @binding(5) var<storage, read_write> segments: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read_write> state: State;

const CHUNK: u32 = 64u;
// Runs that one invocation looks at in a step.
const RUNS_EACH: u32 = 8u;
// Where the maxima of chunks of chunks begin.
const SUPERS: u32 = 32769u;

// What all invocations go by. Only the first changes it, between barriers.
struct Sweep {
    // Of the sorted runs: the first that is not dealt with, and how many can be placed.
    rank: u32,
    placeable: u32,
    key: u32,
    class_end: u32,
    // The next chunk to look at, and the runs of this class that have their place.
    cursor: u32,
    placed: u32,
    segments: u32,
    runs: u32,
    steps: u32,
}

var<workgroup> sweep: Sweep;
var<workgroup> first_super: atomic<u32>;
var<workgroup> listed: array<u32, 32>;
var<workgroup> listed_len: u32;
var<workgroup> listed_max: array<atomic<u32>, 32>;
var<workgroup> super_max: array<atomic<u32>, 8>;

fn lower_bound(from_rank: u32, key: u32) -> u32 {
    var low = from_rank;
    var high = runs_asked(params, counts[1]);
    while low < high {
        let middle = (low + high) / 2u;
        if keys[middle] < key {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low;
}

// The longest run of all, from the maxima of chunks of chunks.
fn longest_run(tid: u32, supers: u32) -> u32 {
    var most = 0u;
    for (var upper = tid; upper < supers; upper += WG) {
        most = max(most, chunks[SUPERS + upper]);
    }
    return largest(tid, most);
}

// Up to WG / 8 chunks that have a run of so many units, from the cursor on; returns how many.
fn list_chunks(tid: u32, units: u32, all_chunks: u32) -> u32 {
    let cursor = workgroupUniformLoad(&sweep).cursor;
    if tid == 0u {
        atomicStore(&first_super, NONE);
    }
    workgroupBarrier();
    let supers = (all_chunks + CHUNK - 1u) / CHUNK;
    for (var upper = cursor / CHUNK + tid; upper < supers; upper += WG) {
        if chunks[SUPERS + upper] >= units {
            atomicMin(&first_super, upper);
            break;
        }
    }
    workgroupBarrier();
    let first = atomicLoad(&first_super);
    let begin = max(cursor, min(first, supers) * CHUNK);
    let chunk = begin + tid;
    var flag = 0u;
    if first != NONE && chunk < all_chunks {
        flag = select(0u, 1u, chunks[chunk] >= units);
    }
    let place = scan(tid, vec2(flag, 0u)).x;
    let found = scan_total().x;
    let most = WG / RUNS_EACH;
    if tid == 0u {
        sweep.cursor = select(begin + WG, all_chunks, first == NONE);
    }
    workgroupBarrier();
    if flag == 1u && place < most {
        listed[place] = chunk;
        atomicStore(&listed_max[place], 0u);
        if place == most - 1u {
            sweep.cursor = chunk + 1u;
        }
    }
    if tid == 0u {
        listed_len = min(found, most);
    }
    return workgroupUniformLoad(&listed_len);
}

// Fills the free runs of the listed chunks with runs of the current.
fn fill_listed(tid: u32, units: u32, list_len: u32) {
    let now = workgroupUniformLoad(&sweep);
    let wanted = now.class_end - now.rank - now.placed;
    let entry = tid * RUNS_EACH / CHUNK;
    var first = 0u;
    var end = 0u;
    if entry < list_len {
        first = listed[entry] * CHUNK + (tid * RUNS_EACH) % CHUNK;
        end = min(first + RUNS_EACH, now.runs);
    }
    var rooms = vec2(0u);
    for (var run = first; run < end; run++) {
        let room = (runs[run].y - runs[run].x) / units;
        rooms += vec2(room, select(0u, 1u, room > 0u));
    }
    var before = scan(tid, rooms);
    let total = scan_total().x;
    var longest = 0u;
    for (var run = first; run < end; run++) {
        let free = runs[run];
        let room = (free.y - free.x) / units;
        let taken = min(room, wanted - min(wanted, before.x));
        if taken > 0u {
            let rank = now.rank + now.placed + before.x;
            segments[now.segments + before.y] = vec4(rank, free.x, units, taken);
            runs[run].x = free.x + taken * units;
            // The last segment of all tells how many there are.
            if before.x + taken == min(total, wanted) {
                sweep.segments = now.segments + before.y + 1u;
            }
        }
        before += vec2(room, select(0u, 1u, room > 0u));
        longest = max(longest, free.y - free.x - taken * units);
    }
    if entry < list_len {
        atomicMax(&listed_max[entry], longest);
    }
    workgroupBarrier();
    if tid == 0u {
        sweep.placed = now.placed + min(total, wanted);
    }
    if tid < list_len {
        chunks[listed[tid]] = atomicLoad(&listed_max[tid]);
    }
    storageBarrier();
    workgroupBarrier();
}

// Brings the maxima above the listed chunks up to date.
fn raise_listed(tid: u32, list_len: u32, all_chunks: u32) {
    let low = listed[0] / CHUNK;
    let high = listed[list_len - 1u] / CHUNK;
    if tid < 8u {
        atomicStore(&super_max[tid], 0u);
    }
    workgroupBarrier();
    let end = min((high + 1u) * CHUNK, all_chunks);
    for (var chunk = low * CHUNK + tid; chunk < end; chunk += WG) {
        atomicMax(&super_max[chunk / CHUNK - low], chunks[chunk]);
    }
    workgroupBarrier();
    if tid <= high - low {
        chunks[SUPERS + low + tid] = atomicLoad(&super_max[tid]);
    }
    storageBarrier();
    workgroupBarrier();
}

// Whether the class has all its places, or no chunk is left that it has not seen.
fn class_is_done(now: Sweep, all_chunks: u32) -> bool {
    return now.placed == now.class_end - now.rank || now.cursor >= all_chunks;
}

@compute @workgroup_size(WG)
fn place(@builtin(local_invocation_index) tid: u32 /*{builtins}*/) {
    //{subgroup}
    if tid == 0u {
        sweep.rank = state.sweep_rank;
        sweep.placed = state.sweep_placed;
        sweep.cursor = state.sweep_cursor;
        sweep.segments = state.segments;
        sweep.steps = 0u;
        sweep.runs = state.runs;
        sweep.placeable = lower_bound(0u, KEY_END);
    }
    let all_chunks = (workgroupUniformLoad(&sweep).runs + CHUNK - 1u) / CHUNK;
    let supers = (all_chunks + CHUNK - 1u) / CHUNK;
    for (var upper = tid; upper < supers; upper += WG) {
        var most = 0u;
        let end = min((upper + 1u) * CHUNK, all_chunks);
        for (var chunk = upper * CHUNK; chunk < end; chunk++) {
            most = max(most, chunks[chunk]);
        }
        chunks[SUPERS + upper] = most;
    }
    storageBarrier();
    workgroupBarrier();
    loop {
        let now = workgroupUniformLoad(&sweep);
        if now.rank >= now.placeable || now.steps >= params.sweep_steps {
            break;
        }
        let most = longest_run(tid, supers);
        if tid == 0u {
            let key = keys[now.rank];
            let units = UNITS_MAX - (key & (UNITS_MAX - 1u));
            sweep.key = key;
            sweep.steps += 1u;
            if units > most {
                // No run of this priority that is longer than any free one needs a look.
                let first_short = (key & ~(UNITS_MAX - 1u)) + UNITS_MAX - most;
                sweep.class_end = lower_bound(now.rank, first_short);
                sweep.cursor = all_chunks;
            } else {
                sweep.class_end = lower_bound(now.rank, key + 1u);
            }
        }
        let units = UNITS_MAX - (workgroupUniformLoad(&sweep).key & (UNITS_MAX - 1u));
        loop {
            let current = workgroupUniformLoad(&sweep);
            if class_is_done(current, all_chunks) || current.steps >= params.sweep_steps {
                break;
            }
            let list_len = list_chunks(tid, units, all_chunks);
            if list_len > 0u {
                fill_listed(tid, units, list_len);
                raise_listed(tid, list_len, all_chunks);
            }
            if tid == 0u {
                sweep.steps += 1u;
            }
        }
        if tid == 0u && class_is_done(sweep, all_chunks) {
            sweep.rank = sweep.class_end;
            sweep.placed = 0u;
            sweep.cursor = 0u;
        }
    }
    if tid == 0u {
        state.sweep_rank = sweep.rank;
        state.sweep_placed = sweep.placed;
        state.sweep_cursor = sweep.cursor;
        state.segments = sweep.segments;
    }
}
