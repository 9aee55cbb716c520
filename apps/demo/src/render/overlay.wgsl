// A picture over the picture: the heap view.

@group(1) @binding(0) var overlay: texture_2d<f32>;
@group(1) @binding(1) var smooth_sampler: sampler;

struct Varyings {
    @builtin(position) clip: vec4<f32>,
    @location(0) at: vec2<f32>,
}

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> Varyings {
    let corner = vec2(f32(index & 1u), f32(index >> 1u));
    // At most the right 60 % and the middle 90 % of the picture, in the overlay's own shape.
    let size = vec2<f32>(textureDimensions(overlay));
    let room = frame.picture.xy * vec2(0.6, 0.9);
    let scale = min(min(room.x / size.x, room.y / size.y), 1.5);
    let used = size * scale / frame.picture.xy;
    let left = 1.0 - used.x - 0.02;
    let top = 0.5 - 0.5 * used.y;
    let at = vec2(left, top) + corner * used;
    var out: Varyings;
    out.clip = vec4(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);
    out.at = corner;
    return out;
}

@fragment
fn fragment(in: Varyings) -> @location(0) vec4<f32> {
    let texel = textureSample(overlay, smooth_sampler, in.at);
    return vec4(texel.rgb, texel.a * 0.92);
}
