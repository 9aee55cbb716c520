// What the ground looks like: by altitude, slope and moisture, as `content/tile/ground.rs` has it
// in more detail.

const WATERLESS: vec3<f32> = vec3(0.70, 0.62, 0.46);
const STEPPE: vec3<f32> = vec3(0.57, 0.56, 0.33);
const MEADOW: vec3<f32> = vec3(0.38, 0.49, 0.24);
const FOREST: vec3<f32> = vec3(0.22, 0.34, 0.19);
const ROCK: vec3<f32> = vec3(0.48, 0.45, 0.42);
const DARK_ROCK: vec3<f32> = vec3(0.34, 0.32, 0.31);
const CAVE: vec3<f32> = vec3(0.29, 0.23, 0.19);
const SNOW: vec3<f32> = vec3(0.93, 0.95, 0.97);

fn moisture(at: vec2<f32>) -> f32 {
    return gradient2(at / 1300.0, params.seed ^ 0x0A0Au)
        + 0.4 * gradient2(at / 500.0, params.seed ^ 0x0A0Bu);
}

// Real metres above sea level, with borders frayed.
fn altitude(at: vec3<f32>) -> f32 {
    return at.y / 0.3 + gradient2(at.xz / 42.0, params.seed ^ 0x0B0Bu) * 140.0;
}

// How much of the ground is under trees, 0 to 1.
fn forest(at: vec3<f32>, up: f32) -> f32 {
    let metres = altitude(at);
    let belt = smoothstep(1300.0, 1600.0, metres) * (1.0 - smoothstep(3000.0, 3350.0, metres));
    return belt * smoothstep(-0.25, 0.2, moisture(at.xz)) * smoothstep(0.72, 0.86, up);
}

// In sRGB, 0 to 1.
fn ground_colour(at: vec3<f32>, normal: vec3<f32>, column: vec2<f32>) -> vec3<f32> {
    let metres = altitude(at);
    let wet = moisture(at.xz);
    let low = 1.0 - smoothstep(900.0, 1900.0, metres + wet * 400.0);
    let dry = smoothstep(0.25, -0.35, wet);
    var colour = mix(MEADOW, STEPPE, max(low, 0.55 * dry));
    colour = mix(colour, WATERLESS, low * dry);
    colour = mix(colour, mix(STEPPE, ROCK, 0.55), smoothstep(3100.0, 3700.0, metres));
    colour = mix(colour, FOREST, 0.8 * forest(at, normal.y));
    let stripes = gradient2(vec2(at.y / 9.0, (at.x + at.z) / 160.0), params.seed ^ 0x57u);
    let rock = mix(ROCK, DARK_ROCK, 0.5 + 0.5 * stripes);
    colour = mix(colour, rock, smoothstep(0.80, 0.62, normal.y));
    let snow = smoothstep(3800.0, 4200.0, metres) * smoothstep(0.5, 0.75, normal.y);
    colour = mix(colour, SNOW, snow);
    // Below the sky's reach nothing grows.
    colour = mix(colour, CAVE, smoothstep(14.0, 30.0, column.x - at.y));
    let cell = vec2<i32>(floor(at.xz / SPACING_M));
    return colour * (0.94 + 0.12 * unit(hash2(cell.x, cell.y, params.seed)));
}
