// Surface nets (Gibson 1998): a vertex in each cell that the surface goes through, a quad across
// each edge that it cuts.

fn sample_of(job: u32, place: vec3<u32>) -> f32 {
    return field[job * SAMPLES + index_of(place)];
}

fn is_ground(job: u32, place: vec3<u32>) -> bool {
    return sample_of(job, place) < 0.0;
}

fn corner(place: vec3<u32>, number: u32) -> vec3<u32> {
    return place + vec3(number & 1u, (number >> 1u) & 1u, number >> 2u);
}

fn axis_of(axis: u32) -> vec3<u32> {
    return vec3(u32(axis == 0u), u32(axis == 1u), u32(axis == 2u));
}

// Whether the surface goes through the cell that begins at a sample.
fn is_cut(job: u32, place: vec3<u32>) -> bool {
    if any(place >= vec3(SIDE - 1u)) {
        return false;
    }
    var inside = 0u;
    for (var number = 0u; number < 8u; number++) {
        inside += select(0u, 1u, is_ground(job, corner(place, number)));
    }
    return inside != 0u && inside != 8u;
}

// Whether the brick has the edges that begin at a sample; all others are a neighbour's.
fn has_edges(place: vec3<u32>) -> bool {
    return all(place >= vec3(1u)) && all(place <= vec3(CELLS));
}

fn is_edge_cut(job: u32, place: vec3<u32>, axis: u32) -> bool {
    return is_ground(job, place) != is_ground(job, place + axis_of(axis));
}

// Vertices and quads of a sample.
fn counted(job: u32, index: u32) -> vec2<u32> {
    if index >= SAMPLES {
        return vec2(0u);
    }
    let place = place_of(index);
    var quads = 0u;
    if has_edges(place) {
        for (var axis = 0u; axis < 3u; axis++) {
            quads += select(0u, 1u, is_edge_cut(job, place, axis));
        }
    }
    return vec2(select(0u, 1u, is_cut(job, place)), quads);
}
