//! The panel over a real heap on a virtual GPU, moved by synthetic input: what is clicked happens
//! in the heap, and what happens in the heap is shown.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use egui::accesskit::{Role, Toggled};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use geoheap::{
    BlockDesc, ByteLen, Config, GeometryManager, Handle, HeapDump, Lifetime, Lookup, PartData,
    Source, Threading, VirtualConfig, VirtualGpu,
};
use geoheap_egui::{ColourBy, Command, HeapPanel};

/// A heap, its panel, and whether the panel's window is open.
struct World {
    manager: GeometryManager<VirtualGpu>,
    panel: HeapPanel,
    open: bool,
}

impl World {
    fn new(panel: HeapPanel) -> Self {
        let config = Config {
            budget_bytes: ByteLen::from_mib(1),
            chunk_bytes: ByteLen::from_kib(64),
            long_lived_chunk_bytes: ByteLen::from_kib(64),
            staging_bytes: ByteLen::from_kib(128),
            staging_buffer_bytes: ByteLen::from_kib(32),
            // Only a click gives chunks back.
            keep_empty_ticks: 1_000_000,
            threading: Threading::CallerDriven,
            ..Config::default()
        };
        let (gpu, _control) = VirtualGpu::new(&VirtualConfig {
            staging: geoheap::StagingConfig {
                buffer_bytes: config.staging_buffer_bytes,
                ..geoheap::StagingConfig::default()
            },
            ..VirtualConfig::default()
        });
        let manager = GeometryManager::with_backend(gpu, config).expect("valid settings");
        Self {
            manager,
            panel,
            open: true,
        }
    }

    fn add(&mut self, label: &str, bytes: usize, lifetime: Lifetime) -> Handle {
        let block = BlockDesc::new()
            .part(PartData::vertex(vec![7_u8; bytes], 16))
            .source(Source::Retained)
            .lifetime(lifetime)
            .label(label);
        let handle = self.manager.client().add(block);
        let handle = handle.expect("the heap has room");
        self.settle();
        handle
    }

    /// Ticks until what was sent is done.
    fn settle(&mut self) {
        for _ in 0..12 {
            self.manager.poll();
        }
    }

    fn is_evicted(&self, handle: Handle) -> bool {
        let ticket = self.manager.begin_frame();
        let evicted = matches!(ticket.get(handle), Lookup::Evicted);
        // Dropped unfinished: nobody learns that it was asked for.
        drop(ticket);
        evicted
    }
}

/// The handle that a dump names so.
fn named(name: &str) -> Handle {
    let name: geoheap_heap_dump::HandleName = name.parse().expect("a handle's name");
    Handle::from_bits(name.to_bits())
}

type Panel = Harness<'static, World>;

/// The panel in its window, over a heap that `fill` made.
fn harness(panel: HeapPanel, fill: impl FnOnce(&mut World)) -> Panel {
    let mut world = World::new(panel);
    fill(&mut world);
    let mut harness = Harness::builder().with_size([900.0, 800.0]).build_ui_state(
        |ui, world: &mut World| {
            let client = world.manager.client();
            let World { panel, open, .. } = world;
            panel.window(ui.ctx(), open, &client);
        },
        world,
    );
    follow(&mut harness);
    harness
}

/// Lets the heap tick and the panel look until it shows how things are now: some seconds of the
/// panel's time, which goes on by a quarter of a second each step.
fn follow(harness: &mut Panel) {
    for _ in 0..16 {
        harness.state_mut().manager.poll();
        harness.step();
    }
}

fn click(harness: &mut Panel, label: &str) {
    harness.get_by_label(label).click();
    harness.step();
    follow(harness);
}

/// Two blocks that may leave and one that may not.
fn three_blocks(world: &mut World) {
    world.add("terrain", 20 << 10, Lifetime::Dynamic);
    world.add("house", 10 << 10, Lifetime::Dynamic);
    world.add("letters", 8 << 10, Lifetime::LongLived);
}

/// Where on the screen a byte of a chunk is shown, counting chunks by their rows.
fn on_map(harness: &Panel, row: usize, share: f32) -> egui::Pos2 {
    let map = harness.get_by_label_contains("Heap map of").rect();
    // The names stand before the bars; with so few chunks a row has its full height.
    let (names, pitch) = (74.0, 26.0);
    #[expect(clippy::cast_precision_loss, reason = "two or three rows")]
    let y = map.top() + pitch * (row as f32 + 0.5);
    egui::pos2(map.left() + names + (map.width() - names) * share, y)
}

fn click_at(harness: &mut Panel, pos: egui::Pos2) {
    harness.hover_at(pos);
    harness.step();
    for pressed in [true, false] {
        harness.event(egui::Event::PointerButton {
            pos,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: egui::Modifiers::default(),
        });
        harness.step();
    }
    harness.step();
}

#[test]
fn hovering_over_a_block_says_what_it_is() {
    let mut harness = harness(HeapPanel::new(), three_blocks);
    for (row, share, label) in [(0, 0.1, "terrain"), (0, 0.4, "house"), (1, 0.05, "letters")] {
        assert!(
            harness.query_by_label(label).is_none(),
            "nothing says {label} yet"
        );
        let pos = on_map(&harness, row, share);
        harness.hover_at(pos);
        harness.step();
        harness.step();
        harness.get_by_label(label);
        harness.get_by_label("handle");
        harness.get_by_label("resident");
        harness.hover_at(egui::pos2(5.0, 795.0));
        harness.step();
        harness.step();
    }
}

#[test]
fn a_selected_block_is_evicted_and_comes_back() {
    let mut harness = harness(HeapPanel::new(), three_blocks);
    let evict = |harness: &Panel| harness.get_by_label("Evict").accesskit_node().is_disabled();
    assert!(evict(&harness), "nothing is selected");
    let terrain = on_map(&harness, 0, 0.1);
    click_at(&mut harness, terrain);
    harness.get_by_label("Selected: terrain");
    let handle = harness
        .state()
        .panel
        .selected()
        .expect("it was clicked on")
        .to_owned();
    assert!(!evict(&harness), "it may leave");
    click(&mut harness, "Evict");
    let handle = named(&handle);
    assert_eq!(harness.state().manager.report().evictions, 1);
    assert!(harness.state().is_evicted(handle), "it left");
    harness.get_by_label("evicted");
    assert!(evict(&harness), "it is not there any more");

    let ticket = harness.state().manager.begin_frame();
    let _ = ticket.get(handle);
    drop(ticket.finish());
    follow(&mut harness);
    assert_eq!(
        harness.state().manager.report().stream_ins,
        1,
        "a frame wanted it"
    );
    harness.get_by_label("resident");
}

#[test]
fn what_has_to_stay_cannot_be_evicted() {
    let mut harness = harness(HeapPanel::new(), three_blocks);
    let letters = on_map(&harness, 1, 0.05);
    click_at(&mut harness, letters);
    harness.step();
    harness.get_by_label("Selected: letters");
    let button = harness.get_by_label("Evict");
    assert!(
        button.accesskit_node().is_disabled(),
        "long-lived blocks stay"
    );
    let nothing = on_map(&harness, 1, 0.9);
    click_at(&mut harness, nothing);
    assert_eq!(
        harness.state().panel.selected(),
        None,
        "a click beside it lets go"
    );
}

#[test]
fn defragment_moves_and_trim_gives_back() {
    let mut harness = harness(HeapPanel::new(), |world| {
        // Four chunks, and one block in three goes: a chunk could be spared, at a price.
        let handles: Vec<_> = (0..12)
            .map(|_| world.add("block", 20 << 10, Lifetime::Dynamic))
            .collect();
        for handle in handles.iter().skip(1).step_by(3) {
            world
                .manager
                .client()
                .remove(*handle)
                .expect("the heap runs");
        }
        world.settle();
    });
    let before = harness.state().manager.report();
    assert_eq!(before.moves, 0, "no trigger fired by itself");
    click(&mut harness, "Defragment");
    for _ in 0..8 {
        follow(&mut harness);
    }
    let after = harness.state().manager.report();
    assert!(
        after.defrag_passes > 0 && after.moves > 0,
        "a pass moved blocks"
    );
    // Two chunks more, which are kept when they are empty again.
    let world = harness.state_mut();
    let towers = [0; 6].map(|_| world.add("tower", 20 << 10, Lifetime::Dynamic));
    for tower in towers {
        let removed = world.manager.client().remove(tower);
        removed.expect("the heap runs");
    }
    world.settle();
    let emptied = harness.state().manager.report();
    click(&mut harness, "Trim");
    let trimmed = harness.state().manager.report();
    let (few, many) = (trimmed.chunks, emptied.chunks);
    assert!(few < many, "{few} chunks of {many}");
    harness.get_by_label("Giving empty chunks back");
}

#[test]
fn pause_freezes_what_is_shown() {
    let mut harness = harness(HeapPanel::new(), three_blocks);
    harness.get_by_label("3 of 3 blocks resident");
    click(&mut harness, "Pause");
    assert!(harness.state().panel.is_paused());
    harness.state_mut().add("tower", 4 << 10, Lifetime::Dynamic);
    follow(&mut harness);
    harness.get_by_label("3 of 3 blocks resident");
    let tower = on_map(&harness, 0, 0.5);
    harness.hover_at(tower);
    harness.step();
    harness.step();
    assert!(
        harness.query_by_label("tower").is_none(),
        "it is not in the picture"
    );
    click(&mut harness, "Resume");
    harness.get_by_label("4 of 4 blocks resident");
    harness.hover_at(tower);
    harness.step();
    harness.step();
    harness.get_by_label("tower");
}

#[test]
fn toggles_say_which_is_on() {
    let mut harness = harness(HeapPanel::new(), three_blocks);
    for (name, by, legend) in [
        ("Age", ColourBy::Age, "never used"),
        ("State", ColourBy::State, "being filled"),
        ("Lifetime", ColourBy::Lifetime, "long-lived"),
        ("Kind", ColourBy::Kind, "vertex"),
    ] {
        click(&mut harness, name);
        assert_eq!(harness.state().panel.colour_by(), by, "{name}");
        harness.get_by_label(legend);
        let toggled = harness.get_by_label(name).accesskit_node().toggled();
        assert_eq!(toggled, Some(Toggled::True), "{name} is on");
    }
}

#[test]
fn the_table_sorts_and_counts_up_to_the_colon() {
    let mut harness = harness(HeapPanel::new(), |world| {
        for (label, kib) in [
            ("tree: oak", 1),
            ("tree: fir", 2),
            ("house", 20),
            ("sign", 1),
        ] {
            world.add(label, kib << 10, Lifetime::Dynamic);
        }
    });
    click(&mut harness, "Labels");
    // From top to bottom.
    let order = |harness: &Panel, labels: &[&str]| {
        let top = |label: &&str| harness.get_by_label(label).rect().top();
        let tops: Vec<_> = labels.iter().map(top).collect();
        assert!(tops.is_sorted(), "{labels:?} stand at {tops:?}");
    };
    order(&harness, &["house", "tree", "sign"]);
    click(&mut harness, "Bytes");
    order(&harness, &["sign", "tree", "house"]);
    click(&mut harness, "Blocks");
    order(&harness, &["tree", "house", "sign"]);
    click(&mut harness, "Label");
    order(&harness, &["house", "sign", "tree"]);
    assert!(
        harness.query_by_label("tree: oak").is_none(),
        "it counts with the trees"
    );
    click(&mut harness, "Whole labels");
    order(&harness, &["house", "sign", "tree: fir", "tree: oak"]);
    harness.state_mut().add("lamp", 1 << 10, Lifetime::Dynamic);
    follow(&mut harness);
    order(
        &harness,
        &["house", "lamp", "sign", "tree: fir", "tree: oak"],
    );
}

#[test]
fn a_dump_goes_to_the_program() {
    let taken: Arc<Mutex<Vec<HeapDump>>> = Arc::default();
    let hook = {
        let taken = Arc::clone(&taken);
        move |dump: &HeapDump| {
            let mut taken = taken.lock().map_err(|error| error.to_string())?;
            taken.push(dump.clone());
            if taken.len() == 1 {
                Ok("The program has it".to_owned())
            } else {
                Err("as there is one already".to_owned())
            }
        }
    };
    let mut harness = harness(HeapPanel::new().on_dump(hook), three_blocks);
    click(&mut harness, "Dump");
    harness.get_by_label("The program has it");
    click(&mut harness, "Dump");
    harness.get_by_label("No dump as there is one already");
    for _ in 0..3 {
        follow(&mut harness);
    }
    let message = harness.query_by_label_contains("No dump");
    assert!(message.is_none(), "it is not said for ever");
    let taken = taken.lock().expect("nobody panicked");
    let labels: Vec<_> = taken[0]
        .blocks
        .iter()
        .filter_map(|block| block.label.as_deref())
        .collect();
    assert_eq!(labels, ["terrain", "house", "letters"]);
}

#[test]
fn a_dump_goes_into_a_folder() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("panel-dump");
    std::fs::create_dir_all(&folder).expect("a folder under target");
    let mut harness = harness(HeapPanel::new().dump_into(&folder), three_blocks);
    click(&mut harness, "Dump");
    let path = folder.join("geoheap-heap-0.json");
    let said = format!("Wrote {}", path.display());
    harness.get_by_label(&said);
    let text = std::fs::read_to_string(&path).expect("it was written");
    let dump = HeapDump::from_json(&text).expect("it is a dump that keeps every rule");
    assert_eq!(dump.blocks.len(), 3);
    std::fs::remove_dir_all(&folder).expect("it is ours");

    click(&mut harness, "Dump");
    harness.get_by_label_contains("No dump into");
}

#[test]
fn a_closed_window_asks_nothing() {
    let mut harness = harness(HeapPanel::new(), three_blocks);
    harness.get_by_label("3 of 3 blocks resident");
    harness.state_mut().open = false;
    follow(&mut harness);
    assert!(
        harness.query_by_label_contains("blocks resident").is_none(),
        "it is gone"
    );
    harness.state_mut().add("tower", 4 << 10, Lifetime::Dynamic);
    harness.state_mut().open = true;
    follow(&mut harness);
    harness.get_by_label("4 of 4 blocks resident");
}

#[test]
fn the_window_keeps_its_size() {
    let mut harness = harness(HeapPanel::new(), three_blocks);
    let size = |harness: &Panel| {
        harness
            .get_by_role_and_label(Role::Window, "geoheap")
            .rect()
            .size()
    };
    let before = size(&harness);
    assert!(
        before.y < 700.0 && before.x < 800.0,
        "{before}: the window leaves room"
    );
    for tab in ["Labels", "Events (0)", "Map"] {
        click(&mut harness, tab);
        assert_eq!(size(&harness), before, "with {tab}");
    }
    let terrain = on_map(&harness, 0, 0.1);
    let map = |harness: &Panel| harness.get_by_label_contains("Heap map of").rect();
    let unselected = map(&harness);
    click_at(&mut harness, terrain);
    harness.get_by_label("Selected: terrain");
    assert_eq!(
        map(&harness),
        unselected,
        "a click does not move what was clicked on"
    );
    assert_eq!(size(&harness), before, "with a selected block");
}

#[test]
fn events_are_listed() {
    let mut harness = harness(HeapPanel::new(), three_blocks);
    let client = harness.state().manager.client();
    let gone = named("77v1");
    client.remove(gone).expect("the heap runs");
    follow(&mut harness);
    let events = harness.state().manager.events();
    assert_eq!(events.len(), 1, "{events:?}");
    harness.state_mut().panel.push_event(&events[0]);
    harness.step();
    click(&mut harness, "Events (1)");
    harness.get_by_label_contains("Remove of 77v1");
}

#[test]
fn a_heap_elsewhere_is_shown_and_its_commands_are_handed_over() {
    let mut world = World::new(HeapPanel::new());
    three_blocks(&mut world);
    let mut pending = world.manager.client().heap_dump().expect("the heap runs");
    world.settle();
    let dump = pending.try_take().expect("it ticked").expect("it is alive");
    let handle = dump.blocks[1].handle.clone();
    let mut panel = HeapPanel::new();
    panel.set_report(world.manager.report(), 0.0);
    panel.set_heap(dump);
    panel.select(Some(&handle));
    drop(world);

    let mut harness = Harness::builder().with_size([900.0, 800.0]).build_ui_state(
        |ui, (panel, commands): &mut (HeapPanel, Vec<Command>)| {
            commands.extend(panel.draw(ui));
        },
        (panel, Vec::new()),
    );
    harness.get_by_label("Selected: house");
    for button in ["Defragment", "Trim", "Evict"] {
        harness.get_by_label(button).click();
        harness.run();
    }
    let expected = [
        Command::Defragment,
        Command::Trim,
        Command::Evict { handle },
    ];
    assert_eq!(harness.state().1, expected);

    harness.get_by_label("Pause").click();
    harness.run();
    let (panel, _) = harness.state_mut();
    panel.set_report(geoheap::Report::default(), 9.0);
    panel.set_heap(HeapDump::default());
    harness.run();
    harness.get_by_label("3 of 3 blocks resident");
    harness.get_by_label("Heap map of 2 chunks");
}

/// A heap of so many chunks with as many blocks in each.
fn large(chunks: u32, blocks_each: u32) -> HeapDump {
    const SIZE: u64 = 4096;
    let sizes = vec![SIZE; blocks_each as usize];
    let chunks = vec![&sizes[..]; chunks as usize];
    let mut dump = HeapDump::packed(SIZE * u64::from(blocks_each), &chunks);
    for (nth, block) in dump.blocks.iter_mut().enumerate() {
        block.label = Some(format!("block: {nth} of them"));
    }
    dump
}

#[test]
fn two_thousand_chunks_with_a_hundred_thousand_blocks_are_shown() {
    let mut panel = HeapPanel::new();
    panel.set_heap(large(2000, 50));
    let mut harness = Harness::builder().with_size([900.0, 800.0]).build_ui_state(
        |ui, panel: &mut HeapPanel| {
            panel.draw(ui);
        },
        panel,
    );
    for _ in 0..40 {
        harness.step();
    }
    harness.get_by_label("Heap map of 2000 chunks");
    for name in ["Age", "Large rows", "Labels"] {
        harness.get_by_label(name).click();
        harness.run();
    }
    let counts = harness.query_all_by_label("100 000").count();
    assert_eq!(counts, 2, "blocks and resident ones, in one line");
    harness.get_by_label("Whole labels").click();
    harness.run();
    let rows = harness.query_all_by_label_contains("block: ").count();
    assert!(
        (5..100).contains(&rows),
        "{rows}: the rows in view, and no others"
    );
}
