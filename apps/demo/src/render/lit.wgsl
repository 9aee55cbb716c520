// Everything solid: ground, buildings, trees, models, stand-ins. One sun, light from the sky,
// and haze that thickens with distance and thins with height.

struct Vertex {
    @location(0) position: vec3<f32>,
    @location(1) normal: vec4<f32>,
    @location(2) colour: vec4<f32>,
    // Of the instance: place relative to the eye, size along the three axes, turn about the
    // vertical axis (sine, cosine), and a colour to multiply with.
    @location(3) place: vec3<f32>,
    @location(4) size: vec3<f32>,
    @location(5) turn: vec2<f32>,
    @location(6) tint: vec4<f32>,
}

struct Varyings {
    @builtin(position) clip: vec4<f32>,
    @location(0) to_point: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) colour: vec3<f32>,
}

fn turned(v: vec3<f32>, turn: vec2<f32>) -> vec3<f32> {
    return vec3(turn.y * v.x + turn.x * v.z, v.y, turn.y * v.z - turn.x * v.x);
}

@vertex
fn vertex(in: Vertex) -> Varyings {
    let to_point = turned(in.position * in.size, in.turn) + in.place;
    var out: Varyings;
    out.clip = frame.view_projection * vec4(to_point, 1.0);
    out.to_point = to_point;
    out.normal = turned(in.normal.xyz / max(in.size, vec3(1e-4)), in.turn);
    out.colour = linear_of(in.colour.rgb) * linear_of(in.tint.rgb);
    return out;
}

@fragment
fn fragment(in: Varyings) -> @location(0) vec4<f32> {
    let normal = normalize(in.normal);
    let distance_m = length(in.to_point);
    let ray = in.to_point / max(distance_m, 1e-3);
    let sun = frame.sun.xyz;
    let direct = max(dot(normal, sun), 0.0);
    // Slopes that face away from the sun still get light back from the ground around them.
    let bounce = max(dot(normal, normalize(vec3(-sun.x, 0.15, -sun.z))), 0.0);
    let sky = 0.5 + 0.5 * normal.y;
    let light = SUN_LIGHT * direct
        + mix(GROUND_LIGHT, SKY_LIGHT, sky)
        + vec3(0.10, 0.085, 0.07) * bounce;
    let lit = in.colour * light;
    let thickness = haze_thickness(distance_m, ray.y);
    let seen = mix(sky_colour(ray, 0.0), lit, exp(-thickness * HAZE_TINT));
    return vec4(shown(seen), 1.0);
}
