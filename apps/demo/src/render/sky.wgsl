// The sky behind everything: one triangle over the whole picture at the far end of the depth.

struct Varyings {
    @builtin(position) clip: vec4<f32>,
    @location(0) ray: vec3<f32>,
}

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> Varyings {
    let corner = vec2(f32((index << 1u) & 2u), f32(index & 2u)) * 2.0 - 1.0;
    var out: Varyings;
    out.clip = vec4(corner, 0.0, 1.0);
    out.ray = frame.forward.xyz + corner.x * frame.right.xyz + corner.y * frame.up.xyz;
    return out;
}

// Where the wisps of cloud are dense; a few sines are enough for so thin a layer.
fn cloud(at: vec2<f32>) -> f32 {
    let a = sin(at.x * 1.7 + sin(at.y * 1.1 + 0.4) * 1.3);
    let b = sin(at.y * 2.3 + sin(at.x * 1.9 - 0.7) * 1.6);
    let c = sin((at.x + at.y) * 4.1 + sin((at.x - at.y) * 3.7) * 1.2);
    return smoothstep(0.15, 1.5, a * b + 0.35 * c + 0.25 * a);
}

@fragment
fn fragment(in: Varyings) -> @location(0) vec4<f32> {
    let ray = normalize(in.ray);
    var light = sky_colour(ray, 1.0);
    if ray.y > 0.02 {
        let at = ray.xz / (ray.y + 0.08) * 0.9;
        let fade = smoothstep(0.02, 0.22, ray.y);
        light = mix(light, vec3(1.0, 0.97, 0.93), 0.42 * fade * cloud(at));
    }
    return vec4(shown(light), 1.0);
}
