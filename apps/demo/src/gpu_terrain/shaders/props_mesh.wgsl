// The props' mesh: each shape in its place.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> jobs: array<Job>;
@group(0) @binding(2) var<storage, read> shapes: array<u32>;
@group(0) @binding(3) var<storage, read> rooms: array<Room>;
@group(0) @binding(4) var<storage, read> spots: array<Spot>;
@group(0) @binding(5) var<storage, read_write> vertices: array<u32>;
@group(0) @binding(6) var<storage, read_write> indices: array<u32>;

fn turned(v: vec3<f32>, cosine: f32, sine: f32) -> vec3<f32> {
    return vec3(v.x * cosine - v.z * sine, v.y, v.x * sine + v.z * cosine);
}

fn word_as_float(word: u32) -> f32 {
    return bitcast<f32>(shapes[word]);
}

// One workgroup for each brick, one invocation for each of its spots.
@compute @workgroup_size(256)
fn place_props(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    let spot = spots[group.x * SPOTS + tid];
    let room = rooms[group.x];
    if spot.at.w <= 0.0 || room.props_vertices == NONE {
        return;
    }
    let shape = shape_of(spot.shape);
    let angle = unit(mixed(spot.hash ^ 5u)) * 6.2831853;
    let cosine = cos(angle);
    let sine = sin(angle);
    let light = 0.8 + 0.4 * unit(mixed(spot.hash ^ 6u));
    let anchor = vec3<f32>(params.anchor.xyz * i32(CELLS)) * SPACING_M;
    let foot = spot.at.xyz - anchor;
    for (var number = 0u; number < shape.vertices; number++) {
        let from_word = shape.first_vertex + number * VERTEX_WORDS;
        let local = vec3(
            word_as_float(from_word), word_as_float(from_word + 1u), word_as_float(from_word + 2u),
        );
        let at = foot + turned(local, cosine, sine) * spot.at.w;
        let normal = turned(unpack4x8snorm(shapes[from_word + 3u]).xyz, cosine, sine);
        let colour = unpack4x8unorm(shapes[from_word + 4u]).xyz * light;
        let word = room.props_vertices + (spot.vertex + number) * VERTEX_WORDS;
        vertices[word] = bitcast<u32>(at.x);
        vertices[word + 1u] = bitcast<u32>(at.y);
        vertices[word + 2u] = bitcast<u32>(at.z);
        vertices[word + 3u] = pack4x8snorm(vec4(normal, 0.0));
        vertices[word + 4u] = pack4x8unorm(vec4(colour, 1.0));
    }
    for (var number = 0u; number < shape.index_words; number++) {
        // Two indices in a word; both stay below 2^16.
        let base = spot.vertex | (spot.vertex << 16u);
        let word = room.props_indices + spot.index_word + number;
        indices[word] = shapes[shape.first_index + number] + base;
    }
}
