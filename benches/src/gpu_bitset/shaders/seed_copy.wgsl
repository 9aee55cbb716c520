// One vector for each of always as many invocations; each writes the draw record too.

@group(0) @binding(0) var<storage, read> found: array<u32>;
@group(0) @binding(1) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> permanent: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> draw: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < found[1] {
        permanent[found[0] * 16u + id.x] = source[id.x];
    }
    draw[0] = found[1];
    draw[1] = 1u;
    draw[2] = found[0];
}
