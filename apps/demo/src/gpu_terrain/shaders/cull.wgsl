// Which slots may be seen: those whose brick lies in the view.

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var<storage, read> bricks: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read_write> seen: array<u32>;

struct View {
    // Half spaces relative to the eye; those inside have `dot(normal, place) + w >= 0`.
    planes: array<vec4<f32>, 5>,
    // The eye in world metres; w is unused.
    eye: vec4<f32>,
}

// What stands on a brick's highest ground reaches so far above it.
const PROP_HEIGHT_M: f32 = 24.0;

// One invocation for each slot.
@compute @workgroup_size(64)
fn cull(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= arrayLength(&seen) {
        return;
    }
    let side_m = f32(CELLS) * SPACING_M;
    let low = vec3<f32>(bricks[id.x].xyz) * side_m - SPACING_M - view.eye.xyz;
    let high = low + side_m + SPACING_M + vec3(SPACING_M, PROP_HEIGHT_M, SPACING_M);
    var inside = true;
    for (var plane = 0u; plane < 5u; plane++) {
        let normal = view.planes[plane].xyz;
        let farthest = select(low, high, normal >= vec3(0.0));
        inside = inside && dot(normal, farthest) + view.planes[plane].w >= 0.0;
    }
    seen[id.x] = select(0u, 1u, inside);
}
