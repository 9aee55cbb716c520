use super::*;
use crate::content::elevation::Elevation;
use crate::content::mesh::{Indices, MeshData};
use crate::content::scene::built_in as scene;
use crate::content::scene::{ObjectBytes, ObjectId, Scene};
use std::collections::BTreeMap;

const fn tile(level: u8, x: u32, y: u32) -> TileId {
    TileId { level, x, y }
}

#[test]
fn sizes_are_known_before_a_mesh_is_made() {
    let check = |id: TileId, wide: bool| {
        let mesh = scene()
            .build(ObjectId::Tile(id), 0)
            .expect("a tile of the world");
        assert_eq!(
            Some(ObjectBytes::of(&mesh)),
            scene().bytes(ObjectId::Tile(id)),
            "{id}"
        );
        assert_eq!(
            matches!(mesh.indices, Indices::U32(_)),
            wide,
            "width of indices of {id}"
        );
        mesh.validate();
        let bounds = scene().tile_bounds(id);
        let surface = &mesh.vertices[..(quads(id.level) + 1).pow(2)];
        for vertex in surface {
            let y = vertex.position[1];
            assert!(
                (bounds.min.y..bounds.max.y).contains(&y),
                "{y} of {id} within {bounds:?}"
            );
        }
    };
    check(tile(0, 60, 36), true);
    check(tile(1, 28, 20), false);
    check(tile(7, 0, 0), false);
    assert_eq!(scene().top_level(), 7, "1024 samples in tiles of 8");
    assert_eq!(
        scene().build(ObjectId::Tile(tile(0, 128, 0)), 0),
        None,
        "beyond the world"
    );
    assert_eq!(
        scene().build(ObjectId::Tile(tile(8, 0, 0)), 0),
        None,
        "beyond the levels"
    );
}

#[test]
fn a_tile_depends_on_its_name_the_seed_and_the_revision_alone() {
    let id = tile(2, 14, 9);
    let again = Scene::new(scene().elevation().clone(), 7);
    let first = build(scene(), id, 3);
    assert_eq!(
        first,
        build(&again, id, 3),
        "the same from another scene of the same seed"
    );
    let other = Scene::new(Elevation::built_in(8).expect("the asset is whole"), 8);
    assert_ne!(first, build(&other, id, 3), "another seed");
    let untouched = build(scene(), id, 0);
    assert_ne!(first, untouched, "another revision");
    assert_eq!(
        first.total_bytes(),
        untouched.total_bytes(),
        "a revision keeps the size"
    );
}

/// The heights along an edge of a tile's surface.
fn edge(mesh: &MeshData, quads: usize, at: impl Fn(usize) -> usize) -> Vec<u32> {
    (0..=quads)
        .map(|i| mesh.vertices[at(i)].position[1].to_bits())
        .collect()
}

#[test]
fn neighbours_share_their_edge_to_the_last_bit_whatever_their_revisions() {
    let n = quads(1);
    for revision in [0, 1, 9] {
        let here = build(scene(), tile(1, 29, 16), revision);
        let east = build(scene(), tile(1, 30, 16), 0);
        let south = build(scene(), tile(1, 29, 17), 0);
        let side = n + 1;
        let mine = edge(&here, n, |i| i * side + n);
        assert_eq!(
            mine,
            edge(&east, n, |i| i * side),
            "east, revision {revision}"
        );
        let mine = edge(&here, n, |i| n * side + i);
        assert_eq!(mine, edge(&south, n, |i| i), "south, revision {revision}");
    }
}

#[test]
fn triangles_face_up_and_skirts_face_out() {
    let mesh = build(scene(), tile(3, 5, 4), 0);
    let side_m = tile(3, 5, 4).side_m();
    let indices: Vec<u32> = mesh.indices.iter().collect();
    let surface = 6 * quads(3) * quads(3);
    for (number, triangle) in indices.chunks_exact(3).enumerate() {
        let [a, b, c] = [0, 1, 2].map(|i| Vec3::from(mesh.vertices[triangle[i] as usize].position));
        let normal = (b - a).cross(c - a);
        if number * 3 < surface {
            assert!(normal.y > 0.0, "triangle {number} faces up");
        } else {
            let middle = (a + b + c) / 3.0 - Vec3::new(side_m, 0.0, side_m) * 0.5;
            let out = normal.x * middle.x + normal.z * middle.z;
            assert!(out > 0.0, "triangle {number} of the skirts faces out");
        }
    }
}

#[test]
fn skirts_hang_below_the_whole_edge() {
    let mesh = build(scene(), tile(1, 29, 16), 0);
    let side = quads(1) + 1;
    let mut below: BTreeMap<(u32, u32), f32> = BTreeMap::new();
    for vertex in &mesh.vertices[side * side..] {
        let [x, y, z] = vertex.position;
        below.insert((x.to_bits(), z.to_bits()), y);
    }
    assert_eq!(
        below.len(),
        4 * (side - 1),
        "one place for each point of the edge"
    );
    let on_edge = |i: usize| i == 0 || i == side - 1;
    for (i, vertex) in mesh.vertices[..side * side].iter().enumerate() {
        if on_edge(i % side) || on_edge(i / side) {
            let [x, y, z] = vertex.position;
            let skirt = below.get(&(x.to_bits(), z.to_bits())).copied().unwrap_or(y);
            assert!(
                y - skirt > 10.0,
                "the skirt at {x}, {z} hangs {} m",
                y - skirt
            );
        }
    }
}

#[test]
fn kinds_of_ground_lie_where_they_belong() {
    let ground = Ground {
        altitude_m: 2400.0,
        slope: 0.3,
        ruggedness: 0.5,
        moisture: 0.3,
        fray: 0.0,
    };
    let check = |what: &str, part: f32, low: f32, high: f32| {
        assert!(
            (low..=high).contains(&part),
            "{what}: {part} in {low} to {high}"
        );
    };
    check("forest in the belt", ground.forest(), 0.9, 1.0);
    check(
        "no forest on the plain",
        Ground {
            altitude_m: 500.0,
            ..ground
        }
        .forest(),
        0.0,
        0.0,
    );
    check(
        "no forest on cliffs",
        Ground {
            slope: 1.5,
            ..ground
        }
        .forest(),
        0.0,
        0.0,
    );
    check(
        "rock on cliffs",
        Ground {
            slope: 1.5,
            ..ground
        }
        .rock(),
        0.9,
        1.0,
    );
    check("no rock on slopes", ground.rock(), 0.0, 0.05);
    check("no snow in the belt", ground.snow(0.0), 0.0, 0.0);
    check("snow comes down", ground.snow(2000.0), 0.5, 1.0);
    check(
        "snow on the heights",
        Ground {
            altitude_m: 5500.0,
            ..ground
        }
        .snow(0.0),
        0.9,
        1.0,
    );
    let hollow = Ground {
        slope: 0.0,
        ruggedness: 0.0,
        moisture: 0.8,
        ..ground
    };
    check("water in wet hollows", hollow.water(), 0.9, 1.0);
    check(
        "no water on slopes",
        Ground {
            slope: 0.2,
            ..hollow
        }
        .water(),
        0.0,
        0.0,
    );
}

#[test]
fn names_go_up_and_down() {
    let id = tile(3, 5, 4);
    let children = id.children().expect("above the finest");
    assert!(children.iter().all(|c| c.parent() == id), "{children:?}");
    assert_eq!(
        children[0].origin(),
        id.origin(),
        "the first lies in the corner"
    );
    assert_eq!(tile(0, 5, 4).children(), None, "the finest has none");
    assert_eq!(
        ObjectId::Tile(id).to_string(),
        "tile 3/5/4",
        "as it is written"
    );
}
