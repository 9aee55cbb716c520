//! What the mesher makes, against the oracle.

use geoheap_demo::gpu_terrain::field::{self, Ground};
use geoheap_demo::gpu_terrain::lattice::{BRICK_M, CELLS, ColumnId, Job, SAMPLES, SIDE, SPACING_M};
use geoheap_demo::gpu_terrain::machine::{Machine, Orders};
use geoheap_demo::gpu_terrain::mesher::Land;
use geoheap_demo::render::device::Gpu;
use geoheap_gpu_bitset::Slot;
use glam::{IVec3, Vec3};

use super::oracle;
use super::rig::{self, Mesh, ivec, read, submit};

/// A foothill, the Alay's slopes, and a plain.
const PLACES: [(f32, f32); 3] = [
    (31_900.0, 10_400.0),
    (30_500.0, 14_200.0),
    (6_000.0, 2_300.0),
];

/// Columns' bricks meshed: the jobs, their fields, and the handle table after.
struct Meshed {
    gpu: Gpu,
    machine: Machine,
    anchor: IVec3,
    jobs: Vec<Job>,
}

fn meshed(place: (f32, f32)) -> Meshed {
    let gpu = rig::gpu();
    let scene = rig::scene();
    let id = ColumnId::at(Vec3::new(place.0, 0.0, place.1));
    let anchor = id.brick(1);
    let land = Land {
        elevation: scene.elevation(),
        seed: rig::SEED,
        anchor,
    };
    let mut machine = Machine::new(&gpu.device, &gpu.queue, &land, 8 << 20).expect("8 MiB");
    let bricks = field::bricks(scene.elevation(), id);
    let jobs: Vec<Job> = (0..)
        .zip(bricks)
        .map(|(number, y)| Job {
            brick: id.brick(y).to_array(),
            wants: Job::GROUND | Job::PROPS,
            ground_slot: 2 * number,
            props_slot: 2 * number + 1,
            ..Job::default()
        })
        .collect();
    let orders = Orders {
        jobs: jobs.clone(),
        ..Orders::default()
    };
    submit(&gpu, |encoder| {
        machine
            .record(encoder, &orders, None)
            .expect("a few bricks");
    });
    Meshed {
        gpu,
        machine,
        anchor,
        jobs,
    }
}

fn check_field(job: &Job, samples: &[f32], grounds: &[Ground]) {
    let origin = ivec(job.brick) * CELLS - IVec3::ONE;
    for (index, found) in samples.iter().enumerate() {
        let at = |value: usize| i32::try_from(value).expect("a few dozen");
        let (x, z) = (index % SIDE, index / (SIDE * SIDE));
        let lattice = origin + IVec3::new(at(x), at(index / SIDE % SIDE), at(z));
        let expected = field::sample(lattice, grounds[x + SIDE * z], rig::SEED);
        assert!(
            (found - expected).abs() < 0.05,
            "{found} for {expected} at {lattice}"
        );
    }
}

fn check_ground(mesh: &Mesh, net: &oracle::Net) {
    assert_eq!(
        mesh.indices, net.indices,
        "the same quads in the same order"
    );
    assert_eq!(mesh.vertices.len(), net.vertices.len(), "as many vertices");
    for (vertex, (at, normal)) in mesh.vertices.iter().zip(&net.vertices) {
        let found = Vec3::from(vertex.position);
        assert!(found.distance(*at) < 2e-3, "{found} for {at}");
        let [x, y, z, _] = vertex.normal.map(|part| f32::from(part) / 127.0);
        assert!(
            Vec3::new(x, y, z).distance(*normal) < 0.02,
            "{:?}",
            vertex.normal
        );
        assert_eq!(vertex.colour[3], 255, "opaque");
    }
}

/// Props stand on the ground: the middle of the foot is near a vertex of the ground's net.
fn check_props(mesh: &Mesh, net: &oracle::Net, origin: Vec3) {
    let used = mesh.indices.iter().max().map(|last| usize::from(*last) + 1);
    assert_eq!(
        used,
        Some(mesh.vertices.len()),
        "all vertices and no others are used"
    );
    // Shapes are made of cones of seven vertices, of which the last is the tip.
    let cones = mesh.vertices.as_chunks::<7>();
    assert!(cones.1.is_empty(), "whole cones");
    for cone in cones.0 {
        let tip = Vec3::from(cone[6].position);
        let near = |(at, _): &(Vec3, Vec3)| {
            let to = *at - tip;
            to.with_y(0.0).length() < 2.0 * SPACING_M && to.y.abs() < 40.0
        };
        assert!(net.vertices.iter().any(near), "{tip} stands on the ground");
        let local = tip - origin;
        let inside = local.cmpge(Vec3::splat(-SPACING_M)).all()
            && local.cmple(Vec3::splat(BRICK_M + 24.0)).all();
        assert!(inside, "{tip} is within what culling takes for the brick");
    }
}

#[test]
fn meshes_are_those_of_the_oracle() {
    let (mut triangles, mut cones) = (0, 0);
    for place in PLACES {
        let Meshed {
            gpu,
            machine,
            anchor,
            jobs,
        } = meshed(place);
        let id = ColumnId::at(Vec3::new(place.0, 0.0, place.1));
        let grounds = field::grounds(rig::scene().elevation(), id);
        let fields: Vec<f32> = read(&gpu, machine.mesher().field(), 0, jobs.len() * SAMPLES);
        let slots: Vec<Slot> = read(&gpu, machine.heap().slots(), 0, 2 * jobs.len());
        for ((job, samples), slots) in jobs
            .iter()
            .zip(fields.chunks(SAMPLES))
            .zip(slots.as_chunks::<2>().0)
        {
            check_field(job, samples, &grounds);
            let net = oracle::net(samples, ivec(job.brick), anchor);
            let [ground, props] = slots.map(|slot| rig::mesh(&gpu, &machine, &slot));
            check_ground(&ground, &net);
            if !props.vertices.is_empty() {
                let origin = (ivec(job.brick) - anchor).as_vec3() * BRICK_M;
                check_props(&props, &net, origin);
            }
            triangles += ground.indices.len() / 3;
            cones += props.vertices.len() / 7;
        }
        // What no brick has above and below is all air, or all ground.
        let bricks = field::bricks(rig::scene().elevation(), id);
        for (y, is_ground) in [(bricks.start - 1, true), (bricks.end, false)] {
            let origin = id.brick(y) * CELLS;
            let at = |index: usize, y| {
                let part = |value: usize| i32::try_from(value).expect("a few dozen");
                origin + IVec3::new(part(index % SIDE) - 1, y, part(index / SIDE) - 1)
            };
            for y in 0..CELLS {
                for (index, ground) in grounds.iter().enumerate() {
                    let sample = field::sample(at(index, y), *ground, rig::SEED);
                    assert_eq!(sample < 0.0, is_ground, "{}", at(index, y));
                }
            }
        }
    }
    assert!(
        triangles > 10_000,
        "there was something to compare: {triangles}"
    );
    assert!(cones > 100, "and something stood on it: {cones}");
}

/// A brick's samples on the CPU.
fn samples(id: ColumnId, y: i32) -> Vec<f32> {
    let grounds = field::grounds(rig::scene().elevation(), id);
    let origin = id.brick(y) * CELLS - IVec3::ONE;
    let sample = |index: usize| {
        let at = |value: usize| i32::try_from(value).expect("a few dozen");
        let (x, z) = (index % SIDE, index / (SIDE * SIDE));
        let lattice = origin + IVec3::new(at(x), at(index / SIDE % SIDE), at(z));
        field::sample(lattice, grounds[x + SIDE * z], rig::SEED)
    };
    (0..SAMPLES).map(sample).collect()
}

/// Such a brick has vertices and no quads: none of them may be made where the next brick's are.
#[test]
fn a_brick_that_is_cut_at_its_edge_alone_disturbs_nobody() {
    let id = ColumnId { x: 118, z: 48 };
    let (edge, next) = (3, 4);
    assert!(oracle::is_cut_at_the_edge_alone(&samples(id, edge)));
    let middle = (id.brick(edge).as_vec3() + 0.5) * BRICK_M;
    let Meshed {
        gpu,
        machine,
        anchor,
        jobs,
    } = meshed((middle.x, middle.z));
    let job = |y: i32| {
        jobs.iter()
            .position(|job| job.brick == id.brick(y).to_array())
    };
    let [edge, next] = [edge, next].map(|y| job(y).expect("it is one of the column's"));
    assert_eq!(next, edge + 1, "the next to be made");
    let slots: Vec<Slot> = read(&gpu, machine.heap().slots(), 0, 2 * jobs.len());
    assert_eq!(slots[2 * edge].flags, 0, "nothing is kept of it");
    let from = (next * SAMPLES * size_of::<f32>()) as u64;
    let field: Vec<f32> = read(&gpu, machine.mesher().field(), from, SAMPLES);
    let ground = rig::mesh(&gpu, &machine, &slots[2 * next]);
    check_ground(
        &ground,
        &oracle::net(&field, ivec(jobs[next].brick), anchor),
    );
}

/// Both bricks at a border make the same vertices there, so that no gap is seen.
#[test]
fn neighbours_meet() {
    let Meshed {
        gpu, machine, jobs, ..
    } = meshed(PLACES[1]);
    let slots: Vec<Slot> = read(&gpu, machine.heap().slots(), 0, 2 * jobs.len());
    let bits = |at: [f32; 3]| at.map(f32::to_bits);
    // Edges of triangles without another beside them, by the bits of their ends.
    let mut open = std::collections::BTreeSet::new();
    for slot in slots.iter().step_by(2) {
        let mesh = rig::mesh(&gpu, &machine, slot);
        let at = |index: u16| bits(mesh.vertices[usize::from(index)].position);
        for &[a, b, c] in mesh.indices.as_chunks::<3>().0 {
            for (from, to) in [(a, b), (b, c), (c, a)] {
                let (from, to) = (at(from), at(to));
                if !open.remove(&(to, from)) {
                    open.insert((from, to));
                }
            }
        }
    }
    // What is left lies at the column's sides, where its neighbours go on.
    let anchor = ColumnId::at(Vec3::new(PLACES[1].0, 0.0, PLACES[1].1)).brick(1);
    assert_eq!(
        jobs[0].brick[0], anchor.x,
        "positions are relative to this column"
    );
    assert!(!open.is_empty(), "a column of a landscape is not closed");
    for (from, to) in open {
        let [from, to] = [from, to].map(|at| Vec3::from(at.map(f32::from_bits)));
        let is_at_side = |at: Vec3| {
            let near = |part: f32| part <= 0.01 || part >= BRICK_M - SPACING_M - 0.01;
            near(at.x) || near(at.z)
        };
        assert!(
            is_at_side(from) && is_at_side(to),
            "a gap from {from} to {to}"
        );
    }
}
