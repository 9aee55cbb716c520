use glam::Vec3;

use super::listing::{keepers, stand_in};
use super::*;
use crate::content::elevation::Elevation;
use crate::content::mesh::Bounds;
use crate::content::tile::TileId;
use crate::draw_list::Kind;

fn tile(level: u8, x: u32, y: u32) -> TileId {
    TileId { level, x, y }
}

fn check_keepers(budget_bytes: u64, expected: &[u8]) {
    let kept: Vec<u8> = keepers(tile(1, 9, 9), 7, budget_bytes)
        .map(|tile| tile.level)
        .collect();
    assert_eq!(kept, expected, "under {budget_bytes} bytes");
}

#[test]
fn a_large_budget_keeps_all_that_covers_a_tile() {
    check_keepers(64 << 20, &[2, 6, 7]);
    check_keepers(256 << 20, &[2, 3, 4, 5, 6, 7]);
    assert_eq!(
        keepers(tile(7, 0, 0), 7, 0).count(),
        0,
        "nothing covers the coarsest"
    );
}

#[test]
fn a_block_goes_only_when_no_list_in_use_names_it() {
    assert!(!may_go(7, 6), "W1: the next list names it");
    assert!(!may_go(7, 7), "W1: the list in use names it");
    assert!(may_go(7, 8), "only older lists do");
    assert!(may_go(0, 1), "no list ever did");
}

#[test]
fn half_of_the_ground_is_made_again_and_half_retained() {
    let again = (0..16)
        .filter(|i| reloads(ObjectId::Tile(tile(0, i % 4, i / 4))))
        .count();
    assert_eq!(again, 8, "both sources are in use");
}

#[test]
fn labels_tell_kinds_and_only_the_interface_and_stand_ins_live_long() {
    let keys = [
        (Key::StandInGround, Kind::StandIn, true),
        (
            Key::Interface(interface::Piece::Title),
            Kind::Interface,
            true,
        ),
        (Key::Model(3), Kind::Model, false),
        (
            Key::Streamed(ObjectId::Tile(tile(2, 1, 1))),
            Kind::Ground,
            false,
        ),
    ];
    for (key, kind, long_lived) in keys {
        let label = Arc::from(key.label());
        assert_eq!(
            crate::heap_view::kind_of(Some(&label)),
            Some(kind),
            "{label}"
        );
        assert_eq!(key.is_long_lived(), long_lived, "{label}");
    }
}

/// A gentle plain of two tiles on a side, one model, one camera.
fn plain() -> (Scene, BTreeMap<u32, Bounds>) {
    let elevation = Elevation::from_samples(33, 33, vec![300.0; 33 * 33], 1);
    let cube = Bounds {
        min: Vec3::new(-1.0, -1.0, -1.0),
        max: Vec3::ONE,
    };
    (
        Scene::new(elevation, 1),
        BTreeMap::from([(0, cube), (4, cube)]),
    )
}

#[test]
fn towns_stand_on_the_ground_and_in_the_same_place_each_time() {
    let (scene, bounds) = plain();
    let town = models::plan(&scene, tile(0, 1, 1), 10.0, &bounds);
    assert_eq!(
        town,
        models::plan(&scene, tile(0, 1, 1), 10.0, &bounds),
        "W2"
    );
    assert_ne!(
        town,
        models::plan(&scene, tile(0, 0, 1), 10.0, &bounds),
        "not all alike"
    );
    let placements: Vec<_> = town.iter().flat_map(|group| &group.placements).collect();
    assert!(placements.len() > 10, "a town: {}", placements.len());
    for placement in placements {
        let ground = scene.elevation().ground_m(placement.at.x, placement.at.z);
        // The model's foot is ten metres below its origin.
        let above = placement.at.y - 10.0 - ground;
        assert!((-1.0..=0.0).contains(&above), "{above} m above the ground");
    }
}

#[test]
fn a_stand_in_covers_its_tile() {
    let (scene, _) = plain();
    let id = tile(0, 1, 0);
    let bounds = scene.tile_bounds(id);
    let patch = stand_in(&scene, Kind::Ground, id, &bounds);
    assert_eq!(
        (patch.at.x, patch.at.z),
        (512.0, 0.0),
        "its corner is the tile's"
    );
    assert_eq!(
        (patch.size.x, patch.size.z),
        (512.0, 512.0),
        "its sides are the tile's"
    );
    assert!(
        (bounds.min.y..=bounds.max.y).contains(&patch.at.y),
        "at the tile's height"
    );
}
