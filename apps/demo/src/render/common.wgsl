// Shared by all pipelines: what is the same for a whole frame, and the light of the world.

struct Frame {
    // From places relative to the eye to clip space, depth reversed.
    view_projection: mat4x4<f32>,
    // Rays of the picture's centre, its right edge and its upper edge, relative to the eye.
    forward: vec4<f32>,
    right: vec4<f32>,
    up: vec4<f32>,
    // The eye in world metres; w is unused.
    eye: vec4<f32>,
    // The direction to the sun; w is unused.
    sun: vec4<f32>,
    // Width and height in pixels; haze per metre at sea level; haze falloff per metre of height.
    picture: vec4<f32>,
}

@group(0) @binding(0) var<uniform> frame: Frame;

const SUN_LIGHT = vec3<f32>(2.55, 2.22, 1.72);
const SKY_LIGHT = vec3<f32>(0.40, 0.52, 0.74);
const GROUND_LIGHT = vec3<f32>(0.17, 0.16, 0.13);
// Blue is scattered away first, so that distant things turn blue before they vanish.
const HAZE_TINT = vec3<f32>(0.82, 1.0, 1.24);

fn linear_of(encoded: vec3<f32>) -> vec3<f32> {
    return encoded * (encoded * (encoded * 0.305306011 + 0.682171111) + 0.012522878);
}

// The sky towards a direction; `sun_disc` 1 draws the sun itself, 0 only its glow.
fn sky_colour(ray: vec3<f32>, sun_disc: f32) -> vec3<f32> {
    let height = max(ray.y, 0.0);
    let zenith = vec3(0.11, 0.27, 0.62);
    let horizon = vec3(0.62, 0.76, 0.92);
    var colour = mix(horizon, zenith, 1.0 - exp(-3.4 * height));
    let towards = max(dot(ray, frame.sun.xyz), 0.0);
    let low = exp(-5.0 * height);
    colour += vec3(0.42, 0.27, 0.12) * pow(towards, 6.0) * (0.35 + 0.65 * low);
    colour += vec3(0.9, 0.7, 0.45) * pow(towards, 90.0) * 0.35;
    colour += vec3(30.0, 26.0, 20.0) * smoothstep(0.99955, 0.9998, towards) * sun_disc;
    return colour;
}

// How much haze lies between the eye and a point: its density falls exponentially with height,
// integrated along the ray.
fn haze_thickness(distance_m: f32, ray_up: f32) -> f32 {
    let falloff = frame.picture.w;
    let at_eye = frame.picture.z * exp(-falloff * max(frame.eye.y, 0.0));
    let rise = falloff * ray_up * distance_m;
    let along = select((1.0 - exp(-rise)) / rise, 1.0 - 0.5 * rise, abs(rise) < 1e-3);
    return at_eye * distance_m * clamp(along, 0.0, 60.0);
}

// From light to what a picture can show: a filmic curve with a soft shoulder (Narkowicz 2015).
fn shown(light: vec3<f32>) -> vec3<f32> {
    let x = light * 0.62;
    return clamp((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), vec3(0.0), vec3(1.0));
}
