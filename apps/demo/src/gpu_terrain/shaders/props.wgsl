// What stands on the ground: trees where there is forest, rocks elsewhere, merged into one mesh
// for each brick.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> jobs: array<Job>;
@group(0) @binding(2) var<storage, read> field: array<f32>;
@group(0) @binding(3) var<storage, read> columns: array<vec2<f32>>;
// Words of the shapes: see `props.rs`.
@group(0) @binding(4) var<storage, read> shapes: array<u32>;
@group(0) @binding(5) var<storage, read_write> props_totals: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> spots: array<Spot>;

// Spots on a side of a brick, two columns of samples wide each.
const SPOTS_SIDE: u32 = 16u;

// What stands in a part of a brick: on its highest ground there, if that is not in a cave.
fn spot_at(job: u32, x: u32, z: u32) -> Spot {
    var spot = Spot();
    let brick = jobs[job].brick;
    let hash = hash3(brick.x * 16 + i32(x), brick.y, brick.z * 16 + i32(z), params.seed ^ 0x77u);
    spot.hash = hash;
    let side = vec2(1u + 2u * x + (hash & 1u), 1u + 2u * z + ((hash >> 1u) & 1u));
    let column = columns[job * SIDE * SIDE + side.x + SIDE * side.y];
    var y = CELLS;
    while y > 0u && !(is_ground(job, vec3(side.x, y, side.y))
        && !is_ground(job, vec3(side.x, y + 1u, side.y))) {
        y -= 1u;
    }
    if y == 0u {
        return spot;
    }
    let place = vec3(side.x, y, side.y);
    let below = sample_of(job, place);
    let above = sample_of(job, place + vec3(0u, 1u, 0u));
    let rise = vec3(
        sample_of(job, place + vec3(1u, 0u, 0u)) - sample_of(job, place - vec3(1u, 0u, 0u)),
        2.0 * (above - below),
        sample_of(job, place + vec3(0u, 0u, 1u)) - sample_of(job, place - vec3(0u, 0u, 1u)),
    );
    let up = normalize(rise).y;
    var at = vec3<f32>(lattice_of(brick, place)) * SPACING_M;
    at.y += below / (below - above) * SPACING_M;
    at.x += 5.0 * (unit(mixed(hash ^ 1u)) - 0.5);
    at.z += 5.0 * (unit(mixed(hash ^ 2u)) - 0.5);
    if column.x - at.y > 12.0 {
        return spot;
    }
    let chance = unit(mixed(hash ^ 3u));
    let wood = 0.75 * forest(at, up);
    let size = unit(mixed(hash ^ 4u));
    if chance < wood {
        spot.at = vec4(at, 0.7 + 0.8 * size);
        spot.shape = 0u;
    } else if chance > 0.985 - 0.06 * column.y && up > 0.5 {
        spot.at = vec4(at, 0.5 + 1.3 * size * size);
        spot.shape = 1u;
    }
    return spot;
}

// One workgroup for each brick.
@compute @workgroup_size(256)
fn scatter(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) tid: u32,
) {
    var spot = spot_at(group.x, tid % SPOTS_SIDE, tid / SPOTS_SIDE);
    let shape = shape_of(spot.shape);
    let stands = spot.at.w > 0.0;
    let before = scan(tid, select(vec2(0u), vec2(shape.vertices, shape.index_words), stands));
    spot.vertex = before.x;
    spot.index_word = before.y;
    spots[group.x * SPOTS + tid] = spot;
    if tid == 0u {
        props_totals[group.x] = sums[255];
    }
}
