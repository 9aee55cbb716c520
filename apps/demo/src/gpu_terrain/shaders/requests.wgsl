// What the heap is asked for: the sizes that were counted, and where the meshes will be made.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> jobs: array<Job>;
@group(0) @binding(2) var<storage, read> totals: array<vec2<u32>>;
// Vertices, and words of indices.
@group(0) @binding(3) var<storage, read> props_totals: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> rooms: array<Room>;
@group(0) @binding(5) var<storage, read_write> requests: array<Request>;
@group(0) @binding(6) var<storage, read_write> request_count: u32;
// The brick of each slot, and 1 for props.
@group(0) @binding(7) var<storage, read_write> bricks: array<vec4<i32>>;

// More than any source has: such a request is refused, and nothing that depends on it is shown.
const TOO_MUCH: u32 = 0xfffffff0u;

var<private> used: vec2<u32>;

// Takes words for vertices and for indices; NONE where too few are left.
fn room_for(words: vec2<u32>) -> vec2<u32> {
    let first = used;
    // Copies begin at multiples of 16 bytes.
    let end = first + (words + 3u) / 4u * 4u;
    if end.x > params.vertex_words || end.y > params.index_words {
        return vec2(NONE);
    }
    used = end;
    return first;
}

fn ask(slot: u32, words: vec2<u32>, room: vec2<u32>) {
    var bytes = words * 4u;
    var offsets = room * 4u;
    if room.x == NONE {
        bytes = vec2(TOO_MUCH);
        offsets = vec2(0u);
    }
    requests[request_count] = Request(
        slot, 0u, 0u, 0u, vec4(bytes, 0u, 0u), vec4(offsets, 0u, 0u),
    );
    request_count += 1u;
}

@compute @workgroup_size(1)
fn write_requests() {
    request_count = 0u;
    used = vec2(0u);
    for (var index = 0u; index < params.jobs; index++) {
        let job = jobs[index];
        var room = Room(NONE, NONE, NONE, NONE);
        if (job.wants & WANTS_GROUND) != 0u {
            let words = totals[index] * vec2(VERTEX_WORDS, 3u);
            let ground = room_for(words);
            // A brick that is cut at its edge alone has vertices that belong to no quad of its own.
            if words.y > 0u {
                room.ground_vertices = ground.x;
                room.ground_indices = ground.y;
            }
            ask(job.ground_slot, words, ground);
            bricks[job.ground_slot] = vec4(job.brick, 0);
        }
        if (job.wants & WANTS_PROPS) != 0u {
            let words = props_totals[index] * vec2(VERTEX_WORDS, 1u);
            let props = room_for(words);
            room.props_vertices = props.x;
            room.props_indices = props.y;
            ask(job.props_slot, words, props);
            bricks[job.props_slot] = vec4(job.brick, 1);
        }
        rooms[index] = room;
    }
}
