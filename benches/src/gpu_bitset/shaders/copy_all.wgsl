// Objects from the source to their places, with a table of where each begins.

// Of each object: vectors of 16 bytes before it, in the source, and where it goes.
@group(0) @binding(0) var<storage, read> places: array<vec2<u32>>;
// Objects, and vectors of all.
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> permanent: array<vec4<u32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let vector = id.y * 8388352u + id.x;
    if vector >= counts[1] {
        return;
    }
    var low = 0u;
    var high = counts[0];
    while low < high {
        let middle = (low + high) / 2u;
        if places[middle].x <= vector {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    let place = places[low - 1u];
    if place.y != 0xffffffffu {
        permanent[place.y + vector - place.x] = source[vector];
    }
}
