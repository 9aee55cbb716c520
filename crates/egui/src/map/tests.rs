use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use geoheap_heap_dump::{HeapDump, LifetimeDump, RangeStateDump};

use super::*;
use crate::colours;
use crate::heap::tests::{block, chunk, dump, large, range};

/// A map in a test's window, and what was clicked last.
struct World {
    heap: Heap,
    heap_number: u64,
    view: MapView,
    clicked: Option<Clicked>,
    selected: Option<usize>,
}

fn harness(dump: HeapDump, height: f32) -> Harness<'static, World> {
    scaled(dump, height, 1.0)
}

/// As [`harness`], on a screen with so many pixels for each point.
fn scaled(dump: HeapDump, height: f32, pixels_per_point: f32) -> Harness<'static, World> {
    let world = World {
        heap: Heap::new(dump),
        heap_number: 1,
        view: MapView::default(),
        clicked: None,
        selected: None,
    };
    Harness::builder()
        .with_size(vec2(660.0, height))
        .with_pixels_per_point(pixels_per_point)
        .build_ui_state(
            |ui, world: &mut World| {
                let blocks = &world.heap.dump().blocks;
                let selected = world
                    .selected
                    .and_then(|nth| world.heap.place_of(&blocks[nth]));
                let shown = Shown {
                    heap: &world.heap,
                    heap_number: world.heap_number,
                    selected,
                };
                if let Some(clicked) = world.view.show(ui, shown) {
                    world.clicked = Some(clicked);
                }
            },
            world,
        )
}

/// Two chunks: a block at the left and a retired range at the right; all of a long-lived one.
fn two_chunks() -> HeapDump {
    let first = vec![
        range(0, 400, RangeStateDump::Live, Some("1v1")),
        range(800, 200, RangeStateDump::Retired, None),
    ];
    let mut second = chunk(1, vec![range(0, 500, RangeStateDump::Live, Some("2v1"))]);
    second.lifetime = LifetimeDump::LongLived;
    let mut pinned = block("2v1", 1, 0);
    pinned.pins = 1;
    pinned.lifetime = LifetimeDump::LongLived;
    dump(
        vec![chunk(0, first), second],
        vec![block("1v1", 0, 0), pinned],
    )
}

/// A place in the bar of a chunk, as a share of its width.
fn place(harness: &Harness<'_, World>, nth: usize, share: f32) -> Pos2 {
    let key = &harness.state().view.drawn.as_ref().expect("it was drawn").0;
    let bar = key.rows.bar(nth).translate(key.corner.to_vec2());
    pos2(bar.left() + bar.width() * share, bar.center().y)
}

fn click(harness: &mut Harness<'_, World>, nth: usize, share: f32) -> Option<Clicked> {
    harness.state_mut().clicked = None;
    let pos = place(harness, nth, share);
    harness.hover_at(pos);
    harness.run();
    for pressed in [true, false] {
        harness.event(egui::Event::PointerButton {
            pos,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: egui::Modifiers::default(),
        });
        harness.run();
    }
    harness.state().clicked
}

#[test]
fn what_is_under_the_pointer_is_said() {
    let mut harness = harness(two_chunks(), 400.0);
    for (nth, share, title) in [
        (0, 0.2, "block 1v1"),
        (0, 0.9, "retired"),
        (0, 0.6, "free, chunk 0"),
        (1, 0.25, "block 2v1"),
        (1, 0.75, "free, chunk 1"),
    ] {
        let pos = place(&harness, nth, share);
        harness.hover_at(pos);
        harness.run();
        assert!(
            harness.query_by_label(title).is_some(),
            "{title} at {share} of chunk {nth}"
        );
    }
    harness.hover_at(pos2(650.0, 390.0));
    harness.run();
    assert!(
        harness.query_by_label_contains("chunk 1").is_none(),
        "nothing is there"
    );
}

#[test]
fn scaled_screens_show_the_same() {
    for scale in [1.25, 2.0, 3.0] {
        let mut harness = scaled(two_chunks(), 400.0, scale);
        assert_eq!(
            click(&mut harness, 0, 0.39),
            Some(Clicked::Block(0)),
            "at {scale}"
        );
        assert_eq!(
            click(&mut harness, 0, 0.41),
            Some(Clicked::Ground),
            "at {scale}"
        );
        let (key, mesh) = harness.state().view.drawn.as_ref().expect("it was drawn");
        for vertex in &mesh.vertices {
            let pixels = vertex.pos.x * scale;
            assert!(
                (pixels - pixels.round()).abs() < 0.01,
                "{pixels} at {scale}, {key:?}"
            );
        }
    }
}

#[test]
fn clicks_select_blocks() {
    let mut harness = harness(two_chunks(), 400.0);
    for (nth, share, clicked) in [
        (0, 0.2, Clicked::Block(0)),
        (1, 0.25, Clicked::Block(1)),
        (0, 0.9, Clicked::Ground),
        (1, 0.75, Clicked::Ground),
    ] {
        assert_eq!(
            click(&mut harness, nth, share),
            Some(clicked),
            "{share} of chunk {nth}"
        );
    }
}

#[test]
fn a_toggle_changes_the_colours() {
    let mut harness = harness(two_chunks(), 400.0);
    let ground = Ground::of(&egui::Visuals::dark());
    let always = [
        ground.free,
        ground.free_long_lived,
        ground.mark,
        colours::RED,
    ];
    for (by, own) in [
        (
            ColourBy::Kind,
            vec![
                colours::BLUE,
                colours::over(ground.free, colours::BLUE, 0.35),
            ],
        ),
        (ColourBy::Age, vec![colours::of_age(Some(10))]),
        (ColourBy::State, vec![colours::GREEN]),
        (ColourBy::Lifetime, vec![colours::BLUE, colours::GOLD]),
    ] {
        harness.state_mut().view.by = by;
        harness.run();
        let seen = harness.state().view.colours();
        for colour in always.iter().chain(&own) {
            assert!(
                seen.contains(&colour.to_array()),
                "{by:?} has {colour:?}: {seen:?}"
            );
        }
        let foreign = [colours::GREEN, colours::GOLD, colours::of_age(Some(10))];
        for colour in foreign.iter().filter(|colour| !own.contains(colour)) {
            assert!(
                !seen.contains(&colour.to_array()),
                "{by:?} has no {colour:?}"
            );
        }
    }
}

#[test]
fn the_theme_changes_the_ground() {
    let mut harness = harness(two_chunks(), 400.0);
    for (theme, visuals) in [
        (egui::Theme::Light, egui::Visuals::light()),
        (egui::Theme::Dark, egui::Visuals::dark()),
    ] {
        harness.ctx.set_theme(theme);
        harness.run();
        let free = Ground::of(&visuals).free.to_array();
        assert!(harness.state().view.colours().contains(&free), "{theme:?}");
    }
}

#[test]
fn the_rectangles_are_made_anew_only_when_something_changed() {
    let mut harness = harness(two_chunks(), 400.0);
    let mesh = |harness: &Harness<'_, World>| {
        let drawn = harness.state().view.drawn.as_ref();
        Arc::clone(&drawn.expect("it was drawn").1)
    };
    let before = mesh(&harness);
    harness.run();
    assert!(Arc::ptr_eq(&before, &mesh(&harness)), "nothing changed");
    harness.state_mut().heap = Heap::new(large(3, 2));
    harness.state_mut().heap_number = 2;
    harness.run();
    assert!(!Arc::ptr_eq(&before, &mesh(&harness)), "another heap");
}

/// The rectangles drawn of so many chunks with so many blocks each, in a map of 660 by 400.
fn check_bound(chunks: u32, blocks_each: u32) -> usize {
    let mut harness = harness(large(chunks, blocks_each), 400.0);
    // So that neighbours differ.
    harness.state_mut().view.by = ColourBy::Age;
    harness.run();
    let rectangles = harness.state().view.rectangles();
    // A row of the map for each 4 points of height, at most one and a half rectangles for each
    // pixel of its width, and a ground for each chunk in view.
    let most = 101 * (660 + 330) + 505;
    assert!(
        rectangles <= most,
        "E2: {rectangles} for {chunks} chunks of {blocks_each}"
    );
    rectangles
}

#[test]
fn what_is_drawn_is_bounded_by_the_pixels() {
    let blocks = check_bound(2000, 50);
    assert!(blocks > 5_000, "{blocks}: the rows in view are drawn");
    assert!(check_bound(1, 1000) > 100, "a full row");
    assert!(check_bound(1, 1) >= 2, "ground and block");
    assert_eq!(check_bound(0, 0), 0, "an empty heap has an empty map");
}

#[test]
fn the_last_of_two_thousand_chunks_is_found_by_scrolling() {
    let mut harness = harness(large(2000, 10), 400.0);
    harness.hover_at(pos2(300.0, 200.0));
    harness.run();
    harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: vec2(0.0, -100_000.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: egui::Modifiers::default(),
    });
    for _ in 0..40 {
        harness.step();
    }
    let seen = harness
        .state()
        .view
        .drawn
        .as_ref()
        .map(|(key, _)| key.seen.clone());
    assert_eq!(seen.map(|seen| seen.end), Some(2000), "scrolled to the end");
    let pos = place(&harness, 1999, 0.05);
    harness.hover_at(pos);
    harness.run();
    assert!(
        harness.query_by_label("block 19991v1").is_some(),
        "the first block of the last chunk"
    );
}
