// What every pass knows: the heap's and the batch's numbers, and the records.

override WG: u32 = 256u;

const STREAMS_MAX: u32 = 4u;
// Workgroups in a row of a dispatch that may have more than one dimension allows.
const ROW: u32 = 32768u;
// Bytes that one workgroup copies.
const TILE_BYTES: u32 = 16384u;
const NONE: u32 = 0xffffffffu;

const OK: u32 = 0u;
const NO_SPACE: u32 = 1u;
const ZERO: u32 = 2u;
const INVALID: u32 = 3u;

const LIVE: u32 = 1u;
const VISIBLE: u32 = 2u;
// Of a request: visible from the beginning.
const SHOW: u32 = 1u;

// Words of the header.
const HEADER_NO_SPACE: u32 = 6u;
const HEADER_INVALID: u32 = 8u;

// Keys of runs to be placed are below; all others have this.
const KEY_END: u32 = 0x1000000u;
const KEY_SIZE_BITS: u32 = 22u;
const UNITS_MAX: u32 = 0x400000u;

struct Params {
    units: u32,
    words: u32,
    units_per_buffer: u32,
    slots: u32,
    streams: u32,
    // 1 where each stream has a run of its own.
    separate: u32,
    epoch: u32,
    // Units in use for ever: guards.
    guards: u32,
    // What the batch's buffers hold at most.
    frees_max: u32,
    requests_max: u32,
    // 1 where the stream is copied.
    copied: u32,
    flips_max: u32,
    // 1 where flips take place even if a request of the batch had no room.
    flip_always: u32,
    // Steps of the placement in one dispatch.
    sweep_steps: u32,
    reserved_0: u32,
    reserved_1: u32,
    unit_bytes: vec4<u32>,
    source_bytes: vec4<u32>,
}

struct Request {
    slot: u32,
    priority: u32,
    flags: u32,
    reserved: u32,
    bytes: vec4<u32>,
    source_offsets: vec4<u32>,
}

struct Slot {
    generation: u32,
    flags: u32,
    decided_by: u32,
    reserved: u32,
    offset_units: vec4<u32>,
    units: vec4<u32>,
    bytes: vec4<u32>,
}

// The first sixteen words are the header that is read back.
struct State {
    epoch: atomic<u32>,
    used_units: atomic<u32>,
    largest_run_units: atomic<u32>,
    runs_left: atomic<u32>,
    requests: atomic<u32>,
    ok: atomic<u32>,
    no_space: atomic<u32>,
    zero: atomic<u32>,
    invalid: atomic<u32>,
    freed: atomic<u32>,
    stale_frees: atomic<u32>,
    double_frees: atomic<u32>,
    top_units: atomic<u32>,
    missing_units: atomic<u32>,
    wasted_units: atomic<u32>,
    hash: atomic<u32>,
    // Free runs before the batch's requests.
    runs: u32,
    segments: u32,
    valid_frees: atomic<u32>,
    // Units missing, in two halves that cannot overflow.
    missing_low: atomic<u32>,
    missing_high: atomic<u32>,
    // Where the placement goes on with its next dispatch.
    sweep_rank: u32,
    sweep_placed: u32,
    sweep_cursor: u32,
    // Not cleared between batches: ranges to free at the beginning of the next.
    pending: atomic<u32>,
}

fn flags_of(request: Request) -> u32 {
    return LIVE | select(0u, VISIBLE, (request.flags & SHOW) != 0u);
}

fn runs_each(params: Params) -> u32 {
    return select(1u, params.streams, params.separate == 1u);
}

// The bits of a word that lie in the units from `start` to before `end`; some have to.
fn mask_of(word: u32, start: u32, end: u32) -> u32 {
    let first = word * 32u;
    let low = max(start, first) - first;
    let high = min(end, first + 32u) - first;
    let below = select((1u << (high & 31u)) - 1u, NONE, high == 32u);
    return below & ~((1u << low) - 1u);
}

// Requests of the batch, of which its buffer may hold fewer than `count` says; and their runs.
fn requests_asked(params: Params, count: u32) -> u32 {
    return min(count, params.requests_max);
}

fn runs_asked(params: Params, count: u32) -> u32 {
    return requests_asked(params, count) * runs_each(params);
}

// What is to be copied for a stream of a request, in vectors of 16 bytes but `bytes`.
struct Work {
    buffer: u32,
    to: u32,
    from_vector: u32,
    bytes: u32,
}

// Where that begins in the words of the tiles: behind the sums.
fn works_first(params: Params, blocks: u32) -> u32 {
    return params.streams * (params.requests_max + blocks + 1u);
}

fn units_of(bytes: u32, unit_bytes: u32) -> u32 {
    return select((bytes - 1u) / unit_bytes + 1u, 0u, bytes == 0u);
}

// Whether the bytes of a request lie within its sources, and each run is one that the heap could
// have.
fn accepts(params: Params, request: Request) -> bool {
    var accepted = true;
    for (var stream = 0u; stream < params.streams; stream++) {
        let bytes = request.bytes[stream];
        let offset = request.source_offsets[stream];
        let source = params.source_bytes[stream];
        let is_inside = bytes <= source && offset <= source - bytes;
        let is_aligned = (bytes & 3u) == 0u && (offset & 15u) == 0u;
        let fits = units_of(bytes, params.unit_bytes[stream]) <= params.units_per_buffer;
        accepted = accepted && (bytes == 0u || (is_inside && is_aligned && fits));
    }
    return accepted;
}

// The units of the longest stream, and the first stream that has so many.
fn longest_stream(params: Params, request: Request) -> vec2<u32> {
    var longest = vec2(0u);
    for (var stream = 0u; stream < params.streams; stream++) {
        let units = units_of(request.bytes[stream], params.unit_bytes[stream]);
        if units > longest.x {
            longest = vec2(units, stream);
        }
    }
    return longest;
}

// What one word adds to the checksum of the bits.
fn mixed(word: u32, index: u32) -> u32 {
    var mix = word ^ (index * 0x9e3779b9u);
    mix = (mix ^ (mix >> 16u)) * 0x85ebca6bu;
    mix = (mix ^ (mix >> 13u)) * 0xc2b2ae35u;
    return mix ^ (mix >> 16u);
}
