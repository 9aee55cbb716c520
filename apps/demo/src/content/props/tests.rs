use super::*;
use crate::content::scene::built_in as scene;
use std::collections::BTreeSet;

/// Every third tile of the dense part of the world.
fn tiles() -> impl Iterator<Item = TileId> {
    (14..36)
        .step_by(3)
        .flat_map(|y| (48..64).step_by(3).map(move |x| TileId { level: 0, x, y }))
}

#[test]
fn props_are_distinct_whole_and_stand_on_their_foot() {
    let catalogue = Catalogue::new(7);
    let sizes: BTreeSet<(usize, usize)> = catalogue
        .meshes()
        .iter()
        .map(|m| (m.vertices.len(), m.indices.len()))
        .collect();
    assert!(catalogue.meshes().len() >= 36, "a few dozen");
    assert!(sizes.len() >= 20, "of {} sizes", sizes.len());
    for (index, mesh) in catalogue.meshes().iter().enumerate() {
        mesh.validate();
        let bounds = mesh.bounds;
        assert!(
            bounds.min.y < 0.0 && bounds.min.y >= -3.0,
            "prop {index} has a foot: {bounds:?}"
        );
        // The scatter makes props at most 1.6 times as large.
        assert!(bounds.max.y > 1.0, "prop {index} stands out: {bounds:?}");
        assert!(
            bounds.max.y * 1.15 < TALLEST_M,
            "prop {index} is not too tall: {bounds:?}"
        );
        for other in &catalogue.meshes()[..index] {
            assert_ne!(mesh, other, "prop {index} is like no other");
        }
    }
}

#[test]
fn groves_have_the_bytes_that_were_planned_and_stay_on_their_tile() {
    let (mut count, mut least, mut most) = ([0; 3], usize::MAX, 0);
    for tile in tiles() {
        for kind in GroveKind::ALL {
            let Some(plan) = scene().plan_grove(tile, kind) else {
                continue;
            };
            assert_eq!(
                Some(plan.clone()),
                scene().plan_grove(tile, kind),
                "the same again"
            );
            let total = plan.bytes().total();
            assert!(
                (LEAST_GROVE_BYTES..=MOST_GROVE_BYTES).contains(&total),
                "{total} bytes"
            );
            (least, most) = (least.min(total), most.max(total));
            count[kind as usize] += 1;
            if count[kind as usize] % 4 == 1 {
                let mesh = plan.build(scene());
                assert_eq!(ObjectBytes::of(&mesh), plan.bytes(), "{kind} on {tile}");
            }
            for placement in plan.placements() {
                let Vec3 { x, y, z } = placement.position;
                let inside = |v: f32| (0.0..=tile.side_m()).contains(&v);
                assert!(inside(x) && inside(z), "{kind} on {tile} at {x}, {z}");
                let origin = tile.origin();
                let ground = scene().elevation().ground_m(origin.x + x, origin.z + z);
                assert!(
                    (-1.0..=0.01).contains(&(y - ground)),
                    "{kind} stands at {y} on {ground}"
                );
                let length = placement.heading.length();
                assert!(
                    (length - 1.0).abs() < 1e-3,
                    "a direction has length 1: {length}"
                );
            }
        }
    }
    assert!(count.iter().all(|&c| c >= 3), "all kinds occur: {count:?}");
    assert!(least * 10 < most, "of many sizes: {least} to {most}");
}

#[test]
fn only_tiles_of_the_finest_level_have_groves() {
    let coarse = TileId {
        level: 1,
        x: 28,
        y: 16,
    };
    let outside = TileId {
        level: 0,
        x: 128,
        y: 0,
    };
    for kind in GroveKind::ALL {
        assert_eq!(scene().plan_grove(coarse, kind), None, "{kind} on {coarse}");
        assert_eq!(
            scene().plan_grove(outside, kind),
            None,
            "{kind} on {outside}"
        );
    }
}
