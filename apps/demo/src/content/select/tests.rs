use super::*;
use crate::content::camera::default_flight;
use crate::content::scene::built_in as scene;
use glam::Vec3;

const MIB: u64 = 1 << 20;

#[test]
fn the_default_flight_outgrows_a_gibibyte_and_shrinks_again() {
    // Every fourth of the 600 frames: the figures hardly depend on the step.
    let flight = default_flight(scene(), 600);
    let figures = FlightFigures::of(scene(), SelectConfig::default(), &flight, 150);
    let (frame, peak) = figures.peak_alive();
    assert!(peak * 10 >= 11 * 1024 * MIB, "a peak of {} MiB", peak / MIB);
    assert!(
        (30..115).contains(&frame),
        "in the middle of the flight, at {frame} of 150"
    );
    let last = &figures.alive_bytes[135..];
    let rest = last.iter().max().copied().unwrap_or(u64::MAX);
    assert!(rest * 4 < peak, "{} MiB in the last tenth", rest / MIB);
    let mut drawn = figures.drawn_bytes.clone();
    drawn.sort_unstable();
    assert!(
        drawn[149] < 32 * MIB,
        "at most {} MiB are drawn",
        drawn[149] / MIB
    );
    assert!(
        (10 * MIB..25 * MIB).contains(&drawn[75]),
        "commonly {} MiB",
        drawn[75] / MIB
    );
    // At about 180 ns for each vertex of 44 bytes with its indices, this is 10 s of one core.
    assert!(
        figures.generated_bytes < 2700 * MIB,
        "{} MiB",
        figures.generated_bytes / MIB
    );
    assert!(
        figures.drawn_objects.iter().all(|&n| n < 150),
        "{:?}",
        figures.drawn_objects
    );
}

/// The cameras that the next tests look through.
fn cameras() -> Vec<Camera> {
    let flight = default_flight(scene(), 600);
    (0u8..12)
        .map(|i| flight.camera_at(f32::from(i) / 11.0))
        .collect()
}

fn tiles(ids: &[ObjectId]) -> Vec<TileId> {
    ids.iter()
        .filter_map(|id| match id {
            ObjectId::Tile(tile) => Some(*tile),
            ObjectId::Grove(..) => None,
        })
        .collect()
}

fn covers(above: TileId, below: TileId) -> bool {
    let Some(up) = above.level.checked_sub(below.level) else {
        return false;
    };
    (below.x >> up, below.y >> up) == (above.x, above.y)
}

#[test]
fn drawn_tiles_do_not_overlap_and_all_that_is_drawn_is_wanted_first() {
    let mut selector = Selector::new(SelectConfig::default());
    for camera in cameras() {
        let selection = selector.update(scene(), &camera);
        let drawn = tiles(&selection.draw);
        for (i, a) in drawn.iter().enumerate() {
            for b in &drawn[i + 1..] {
                assert!(!covers(*a, *b) && !covers(*b, *a), "{a} and {b} overlap");
            }
        }
        let first: BTreeSet<ObjectId> = selection.wanted[..selection.draw.len()]
            .iter()
            .map(|w| w.id)
            .collect();
        assert_eq!(
            first,
            selection.draw.iter().copied().collect(),
            "drawn before all else"
        );
        for tile in &drawn {
            let parent = (tile.level < scene().top_level()).then(|| ObjectId::Tile(tile.parent()));
            assert!(
                parent.is_none_or(|p| selector.is_alive(p)),
                "the parent of {tile} is there"
            );
        }
        let sorted = selection
            .wanted
            .is_sorted_by(|a, b| a.priority >= b.priority);
        assert!(sorted, "most important first");
    }
}

#[test]
fn what_is_seen_straight_below_is_drawn() {
    let mut selector = Selector::new(SelectConfig::default());
    for mut camera in cameras() {
        camera.pitch = -1.4;
        let selection = selector.update(scene(), &camera);
        let Vec3 { x, z, .. } = camera.position;
        let under = |t: &TileId| {
            let (o, s) = (t.origin(), t.side_m());
            (o.x..o.x + s).contains(&x) && (o.z..o.z + s).contains(&z)
        };
        let count = tiles(&selection.draw).into_iter().filter(under).count();
        assert_eq!(count, 1, "one tile below {}", camera.position);
    }
}

#[test]
fn discards_are_what_was_alive_and_is_not_any_more() {
    let mut selector = Selector::new(SelectConfig::default());
    let mut alive: BTreeSet<ObjectId> = BTreeSet::new();
    let mut gone = 0;
    for camera in cameras() {
        let selection = selector.update(scene(), &camera);
        for id in &selection.discard {
            assert!(alive.remove(id), "{id} was alive");
        }
        gone += selection.discard.len();
        let wanted: BTreeSet<ObjectId> = selection.wanted.iter().map(|w| w.id).collect();
        assert!(alive.is_subset(&wanted), "nothing else went");
        alive = wanted;
    }
    assert!(gone > 500, "{gone} objects went over the flight");
}

#[test]
fn a_camera_that_trembles_changes_nothing() {
    let mut selector = Selector::new(SelectConfig::default());
    let camera = cameras()[5];
    let moved = Camera {
        position: camera.position + Vec3::new(3.0, 0.5, -2.0),
        ..camera
    };
    for camera in [camera, moved, camera, moved] {
        selector.update(scene(), &camera);
    }
    for camera in [camera, moved] {
        let before: Vec<ObjectId> = selector.alive.keys().copied().collect();
        let selection = selector.update(scene(), &camera);
        let after: Vec<ObjectId> = selector.alive.keys().copied().collect();
        assert_eq!(before, after, "the same objects stay alive");
        assert!(selection.discard.is_empty(), "none goes");
    }
}

#[test]
fn a_camera_that_trembles_does_not_make_tiles_flicker() {
    // What is kept does not matter here; without it the test is fast.
    let config = SelectConfig {
        keep_error_px: 3.0,
        grove_draw_m: 0.0,
        ..SelectConfig::default()
    };
    let flight = default_flight(scene(), 600);
    for step in 0u8..60 {
        let camera = flight.camera_at(f32::from(step) / 59.0);
        let moved = Camera {
            position: camera.position + Vec3::new(9.0, 2.0, -6.0),
            ..camera
        };
        let mut selector = Selector::new(config);
        for camera in [camera, moved] {
            selector.update(scene(), &camera);
        }
        let before = selector.split.clone();
        for camera in [camera, moved] {
            selector.update(scene(), &camera);
            assert_eq!(
                before, selector.split,
                "the same tiles are split at step {step}"
            );
        }
    }
}

#[test]
fn the_same_cameras_give_the_same_selection() {
    let run = || {
        let mut selector = Selector::new(SelectConfig::default());
        cameras()
            .iter()
            .map(|c| selector.update(scene(), c))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run(), "nothing but the cameras decides");
}

#[test]
fn missing_tiles_are_stood_in_for_without_overlap() {
    let selection = Selector::new(SelectConfig::default()).update(scene(), &cameras()[3]);
    let drawn = tiles(&selection.draw);
    let out = |ready: &dyn Fn(ObjectId) -> bool| cover(scene(), &selection.draw, ready);
    let objects = |ids: &[ObjectId]| {
        ids.iter()
            .map(|&id| Drawable::Object(id))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        out(&|_| true),
        objects(&selection.draw),
        "all there: as it was wanted"
    );
    let patches: Vec<Drawable> = drawn.iter().map(|&t| Drawable::Patch(t)).collect();
    assert_eq!(
        out(&|_| false),
        patches,
        "nothing there: a patch for each, and no grove"
    );

    // Only coarse tiles are there: each place is covered once by the nearest of them.
    let coarse = |id| matches!(id, ObjectId::Tile(t) if t.level >= 2);
    let stand_ins = out(&coarse);
    let ids: Vec<TileId> = stand_ins
        .iter()
        .map(|d| match d {
            Drawable::Object(ObjectId::Tile(tile)) => *tile,
            other => panic!("{other:?} is no tile"),
        })
        .collect();
    assert!(ids.iter().all(|t| t.level >= 2), "only what is there");
    for tile in &drawn {
        let above = ids.iter().filter(|&&t| covers(t, *tile)).count();
        assert_eq!(above, 1, "{tile} is covered once");
    }
}

#[test]
fn a_stand_in_takes_the_place_of_all_it_covers() {
    let selection = Selector::new(SelectConfig::default()).update(scene(), &cameras()[3]);
    let drawn = tiles(&selection.draw);
    let siblings = |t: TileId| drawn.iter().filter(move |s| s.parent() == t.parent());
    let missing = drawn.iter().copied().find(|&t| siblings(t).count() > 1);
    let missing = missing.expect("two tiles of one parent are drawn");
    let ready = |id| id != ObjectId::Tile(missing);
    let mut shown = BTreeSet::new();
    for drawable in cover(scene(), &selection.draw, ready) {
        let Drawable::Object(id) = drawable else {
            panic!("{drawable:?} although a parent is there")
        };
        assert!(shown.insert(id), "{id} is drawn once");
    }
    assert!(
        shown.contains(&ObjectId::Tile(missing.parent())),
        "the parent stands in"
    );
    for sibling in siblings(missing) {
        assert!(
            !shown.contains(&ObjectId::Tile(*sibling)),
            "{sibling} lies under its parent"
        );
    }
    let gone = siblings(missing).count();
    assert_eq!(
        shown.len(),
        selection.draw.len() - gone + 1,
        "all else is drawn as it was"
    );
}
