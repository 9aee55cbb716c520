// The field: below 0 where there is ground, about its distance in metres elsewhere. `field.rs`
// says the same on the CPU.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> jobs: array<Job>;
// Metres above sea level in the lower half of a word, ruggedness in the upper.
@group(0) @binding(2) var<storage, read> elevation: array<u32>;
// Height and ruggedness of each column of samples of each brick.
@group(0) @binding(3) var<storage, read_write> columns: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> field: array<f32>;

const SAMPLE_SPACING_M: f32 = 64.0;
const VERTICAL_SCALE: f32 = 0.3;
const DETAIL_WAVELENGTH_M: f32 = 210.0;
const DETAIL_AMPLITUDE_M: f32 = 26.0;
const DETAIL_OCTAVES: u32 = 4u;
const BULGE_WAVELENGTH_M: f32 = 74.0;
const CAVE_WAVELENGTH_M: f32 = 128.0;
const CAVE_DEPTH_M: f32 = 88.0;

fn sample_at(column: i32, row: i32) -> vec2<f32> {
    let x = clamp(column, 0, i32(params.width) - 1);
    let y = clamp(row, 0, i32(params.height) - 1);
    let word = elevation[u32(y) * params.width + u32(x)];
    return vec2(f32(word & 0xffffu), f32(word >> 16u) * (1.0 / 65535.0));
}

// Catmull and Rom 1974.
fn weights(t: f32) -> vec4<f32> {
    let t2 = t * t;
    let t3 = t2 * t;
    return 0.5 * vec4(2.0 * t2 - t3 - t, 3.0 * t3 - 5.0 * t2 + 2.0, 4.0 * t2 - 3.0 * t3 + t, t3 - t2);
}

fn detail(at: vec2<f32>, ruggedness: f32) -> f32 {
    var sum = 0.0;
    var weight = 1.0;
    var place = at / DETAIL_WAVELENGTH_M;
    for (var octave = 0u; octave < DETAIL_OCTAVES; octave++) {
        let noise = gradient2(place, params.seed + octave * 31u);
        sum += mix(noise * 0.5, 1.0 - 2.0 * abs(noise), ruggedness) * weight;
        place = vec2(place.x * 0.8 - place.y * 0.6, place.x * 0.6 + place.y * 0.8) * 2.0;
        weight *= 0.5;
    }
    return sum * DETAIL_AMPLITUDE_M * (0.04 + 0.96 * ruggedness);
}

// One invocation for each column of samples of each brick.
@compute @workgroup_size(64)
fn heights(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= SIDE * SIDE {
        return;
    }
    let place = vec3(id.x % SIDE, 0u, id.x / SIDE);
    let at = vec2<f32>(lattice_of(jobs[id.y].brick, place).xz) * SPACING_M;
    let cell = floor(at / SAMPLE_SPACING_M);
    let t = at / SAMPLE_SPACING_M - cell;
    let first = vec2<i32>(cell);
    let across = weights(t.x);
    let down = weights(t.y);
    var height = 0.0;
    for (var j = 0; j < 4; j++) {
        var row = 0.0;
        for (var i = 0; i < 4; i++) {
            row += sample_at(first.x + i - 1, first.y + j - 1).x * across[i];
        }
        height += row * down[j];
    }
    let ruggedness = mix(
        mix(sample_at(first.x, first.y).y, sample_at(first.x + 1, first.y).y, t.x),
        mix(sample_at(first.x, first.y + 1).y, sample_at(first.x + 1, first.y + 1).y, t.x),
        t.y,
    );
    let ground = height * VERTICAL_SCALE + detail(at, ruggedness);
    columns[id.y * SIDE * SIDE + id.x] = vec2(ground, ruggedness);
}

// Ledges and overhangs, in metres.
fn bulge(at: vec3<f32>, ruggedness: f32) -> f32 {
    let noise = gradient3(at / BULGE_WAVELENGTH_M, params.seed ^ 0x51u);
    return noise * (2.0 + 20.0 * ruggedness);
}

// Metres into the air of a tunnel: where two noises are near 0 together, less so further down.
fn tunnel(at: vec3<f32>, depth_m: f32, ruggedness: f32) -> f32 {
    let place = at / CAVE_WAVELENGTH_M;
    let a = gradient3(place, params.seed ^ 0xA1u);
    // Not 0 where the other is, on the noise's own lattice.
    let b = gradient3(place + 0.37, params.seed ^ 0xB7u);
    let width = 0.24 * smoothstep(0.15, 0.5, ruggedness) * (1.0 - depth_m / CAVE_DEPTH_M);
    return (width - sqrt(a * a + b * b)) * 70.0 - 1.0;
}

// One invocation for each sample of each brick.
@compute @workgroup_size(256)
fn samples(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= SAMPLES {
        return;
    }
    let place = place_of(id.x);
    let at = vec3<f32>(lattice_of(jobs[id.y].brick, place)) * SPACING_M;
    let column = columns[id.y * SIDE * SIDE + place.x + SIDE * place.z];
    var distance_m = at.y - column.x;
    if distance_m > -CAVE_DEPTH_M && distance_m < 32.0 {
        let depth_m = max(-distance_m, 0.0);
        // No bulge grows out of the depth, where nobody could see what it stands on.
        distance_m += bulge(at, column.y) * (1.0 - depth_m / CAVE_DEPTH_M);
        distance_m = max(distance_m, tunnel(at, depth_m, column.y));
    }
    field[id.y * SAMPLES + id.x] = distance_m;
}
