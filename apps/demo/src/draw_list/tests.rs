use geoheap::Handle;

use super::*;
use crate::content::camera::Camera;

fn item(kind: Kind, at: Vec3, placements: Range<u32>) -> Item {
    Item {
        handle: Handle::from_bits(1 << 32 | 1),
        kind,
        bounds: Bounds {
            min: at,
            max: at + Vec3::ONE,
        },
        placements,
        stand_in: Placement::at(at + Vec3::Y * 100.0),
    }
}

/// Things ahead of a camera at the origin that looks north, and one behind.
fn list() -> Arc<DrawList> {
    let ahead = Vec3::new(0.0, 0.0, -50.0);
    Arc::new(DrawList {
        sequence: 1,
        items: vec![
            item(Kind::Ground, ahead, 0..1),
            item(Kind::Ground, -ahead, 1..2),
            item(Kind::Model, ahead, 2..5),
            item(Kind::Interface, Vec3::ZERO, 5..6),
        ],
        placements: (0_u8..6)
            .map(|x| Placement::at(Vec3::X * f32::from(x)))
            .collect(),
        ..DrawList::default()
    })
}

#[test]
fn a_plan_has_what_is_in_view_and_numbers_its_instances() {
    let plan = FramePlan::new(list(), &Camera::default().frustum(1.0));
    let items: Vec<_> = plan
        .solid
        .iter()
        .chain(&plan.flat)
        .map(|p| p.item)
        .collect();
    assert_eq!(items, [0, 2, 3], "not the one behind; the interface always");
    let firsts: Vec<_> = plan
        .solid
        .iter()
        .chain(&plan.flat)
        .map(|p| p.first_instance)
        .collect();
    assert_eq!(
        firsts,
        [0, 2, 6],
        "each item's instances and its stand-in's"
    );
    assert_eq!(plan.instance_count, 8);
    let places: Vec<f32> = plan
        .placements()
        .map(|(_, placement)| placement.at.x)
        .collect();
    assert_eq!(places, [0.0, 0.0, 2.0, 3.0, 4.0, 0.0, 5.0, 0.0]);
    assert!(
        plan.placements().nth(1).is_some_and(|(_, p)| p.at.y > 99.0),
        "the stand-in's"
    );
}
