// Seeded noise: what `content/noise.rs` has, and the same in space.

fn mixed(hash: u32) -> u32 {
    var h = hash;
    h = (h ^ (h >> 16u)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13u)) * 0xC2B2AE35u;
    return h ^ (h >> 16u);
}

fn hash2(x: i32, y: i32, seed: u32) -> u32 {
    return mixed((u32(x) * 0x9E3779B1u) ^ (u32(y) * 0x85EBCA77u) ^ (seed * 0xC2B2AE3Du));
}

fn hash3(x: i32, y: i32, z: i32, seed: u32) -> u32 {
    return hash2(x, y, seed ^ (u32(z) * 0x27D4EB2Fu));
}

fn unit(hash: u32) -> f32 {
    return f32(hash >> 8u) * (1.0 / 16777216.0);
}

fn fade(t: vec3<f32>) -> vec3<f32> {
    return t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
}

// One of eight directions of about unit length.
fn slope2(hash: u32, to: vec2<f32>) -> f32 {
    var across = array<vec2<f32>, 8>(
        vec2(1.0, 0.0), vec2(0.707, 0.707), vec2(0.0, 1.0), vec2(-0.707, 0.707),
        vec2(-1.0, 0.0), vec2(-0.707, -0.707), vec2(0.0, -1.0), vec2(0.707, -0.707),
    );
    return dot(across[hash >> 29u], to);
}

fn gradient2(place: vec2<f32>, seed: u32) -> f32 {
    let whole = floor(place);
    let d = place - whole;
    let i = vec2<i32>(whole);
    let t = fade(vec3(d, 0.0)).xy;
    let top = mix(
        slope2(hash2(i.x, i.y, seed), d),
        slope2(hash2(i.x + 1, i.y, seed), d - vec2(1.0, 0.0)),
        t.x,
    );
    let bottom = mix(
        slope2(hash2(i.x, i.y + 1, seed), d - vec2(0.0, 1.0)),
        slope2(hash2(i.x + 1, i.y + 1, seed), d - vec2(1.0, 1.0)),
        t.x,
    );
    return mix(top, bottom, t.y) * 1.5;
}

// One of the twelve directions to the edges of a cube, four of them twice (Perlin 2002).
fn slope3(hash: u32, to: vec3<f32>) -> f32 {
    let h = hash >> 28u;
    let u = select(to.y, to.x, h < 8u);
    let v = select(select(to.z, to.x, h == 12u || h == 14u), to.y, h < 4u);
    return select(-u, u, (h & 1u) == 0u) + select(-v, v, (h & 2u) == 0u);
}

// About -1 to 1.
fn gradient3(place: vec3<f32>, seed: u32) -> f32 {
    let whole = floor(place);
    let d = place - whole;
    let i = vec3<i32>(whole);
    let t = fade(d);
    var layers = array<f32, 2>();
    for (var z = 0; z < 2; z++) {
        var rows = array<f32, 2>();
        for (var y = 0; y < 2; y++) {
            let to = d - vec3(0.0, f32(y), f32(z));
            rows[y] = mix(
                slope3(hash3(i.x, i.y + y, i.z + z, seed), to),
                slope3(hash3(i.x + 1, i.y + y, i.z + z, seed), to - vec3(1.0, 0.0, 0.0)),
                t.x,
            );
        }
        layers[z] = mix(rows[0], rows[1], t.y);
    }
    return mix(layers[0], layers[1], t.z);
}
