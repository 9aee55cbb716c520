// Vertices and quads of the ground, each at the place that its count gives it.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> jobs: array<Job>;
@group(0) @binding(2) var<storage, read> field: array<f32>;
@group(0) @binding(3) var<storage, read> columns: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> blocks: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read> rooms: array<Room>;
// The vertex of each cell that has one.
@group(0) @binding(6) var<storage, read_write> vertex_of: array<u32>;
// Vertices, or indices.
@group(0) @binding(7) var<storage, read_write> made: array<u32>;

// A cell's surface.
struct Net {
    // Within the cell, 0 to 1 on each side: the mean of the places where its edges are cut.
    middle: vec3<f32>,
    // From the ground into the air.
    normal: vec3<f32>,
}

fn net_of(job: u32, place: vec3<u32>) -> Net {
    var sum = vec3(0.0);
    var cuts = 0.0;
    var rise = vec3(0.0);
    for (var axis = 0u; axis < 3u; axis++) {
        let along = vec3<f32>(axis_of(axis));
        for (var number = 0u; number < 8u; number++) {
            if ((number >> axis) & 1u) == 1u {
                continue;
            }
            let from_place = corner(place, number);
            let a = sample_of(job, from_place);
            let b = sample_of(job, from_place + axis_of(axis));
            rise += along * (b - a);
            if (a < 0.0) != (b < 0.0) {
                sum += vec3<f32>(from_place - place) + along * (a / (a - b));
                cuts += 1.0;
            }
        }
    }
    return Net(sum / cuts, normalize(rise + vec3(0.0, 1e-6, 0.0)));
}

// One invocation for each sample of each brick.
@compute @workgroup_size(256)
fn vertices(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    let job = group.y;
    let index = group.x * BLOCK + tid;
    let own = counted(job, index);
    let number = blocks[job * BLOCKS + group.x].x + scan(tid, own).x;
    let room = rooms[job].ground_vertices;
    if own.x == 0u || room == NONE {
        return;
    }
    let place = place_of(index);
    let net = net_of(job, place);
    let brick = jobs[job].brick;
    let lattice = vec3<f32>(lattice_of(brick - params.anchor.xyz, place)) + net.middle;
    let at = lattice * SPACING_M;
    let world = vec3<f32>(lattice_of(brick, place)) * SPACING_M + net.middle * SPACING_M;
    let column = columns[job * SIDE * SIDE + place.x + SIDE * place.z];
    let colour = ground_colour(world, net.normal, column);
    let word = room + number * VERTEX_WORDS;
    made[word] = bitcast<u32>(at.x);
    made[word + 1u] = bitcast<u32>(at.y);
    made[word + 2u] = bitcast<u32>(at.z);
    made[word + 3u] = pack4x8snorm(vec4(net.normal, 0.0));
    made[word + 4u] = pack4x8unorm(vec4(colour, 1.0));
    vertex_of[job * SAMPLES + index] = number;
}

// The same invocations.
@compute @workgroup_size(256)
fn quads(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    let job = group.y;
    let index = group.x * BLOCK + tid;
    let own = counted(job, index);
    let number = blocks[job * BLOCKS + group.x].y + scan(tid, own).y;
    let room = rooms[job].ground_indices;
    if own.y == 0u || room == NONE {
        return;
    }
    let place = place_of(index);
    var word = room + number * 3u;
    for (var axis = 0u; axis < 3u; axis++) {
        if !is_edge_cut(job, place, axis) {
            continue;
        }
        // The four cells around the edge, counter-clockwise seen from its end.
        let u = axis_of((axis + 1u) % 3u);
        let v = axis_of((axis + 2u) % 3u);
        let first = job * SAMPLES;
        let a = vertex_of[first + index_of(place - u - v)];
        var b = vertex_of[first + index_of(place - v)];
        let c = vertex_of[first + index_of(place)];
        var d = vertex_of[first + index_of(place - u)];
        if !is_ground(job, place) {
            // Seen from the edge's beginning, where the air is.
            let other = b;
            b = d;
            d = other;
        }
        made[word] = a | (b << 16u);
        made[word + 1u] = c | (a << 16u);
        made[word + 2u] = c | (d << 16u);
        word += 3u;
    }
}
