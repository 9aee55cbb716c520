// What lies over the picture: the user interface's meshes, in pixels from the upper left corner.

struct Vertex {
    @location(0) position: vec3<f32>,
    @location(1) normal: vec4<f32>,
    @location(2) colour: vec4<f32>,
    @location(3) place: vec3<f32>,
    @location(4) size: vec3<f32>,
    @location(5) turn: vec2<f32>,
    @location(6) tint: vec4<f32>,
}

struct Varyings {
    @builtin(position) clip: vec4<f32>,
    @location(0) colour: vec4<f32>,
}

@vertex
fn vertex(in: Vertex) -> Varyings {
    let turned = vec2(
        in.turn.y * in.position.x - in.turn.x * in.position.y,
        in.turn.x * in.position.x + in.turn.y * in.position.y,
    );
    let at = turned * in.size.xy + in.place.xy;
    let scaled = at / frame.picture.xy * 2.0 - 1.0;
    var out: Varyings;
    out.clip = vec4(scaled.x, -scaled.y, 0.0, 1.0);
    out.colour = in.colour * in.tint;
    return out;
}

@fragment
fn fragment(in: Varyings) -> @location(0) vec4<f32> {
    return vec4(linear_of(in.colour.rgb), in.colour.a);
}
