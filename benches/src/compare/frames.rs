//! Frames against other ways to make them: all workloads of [`frames`](crate::frames).

use std::time::Duration;

use crate::frames::canvas::Canvas;
use crate::frames::lookup::Lookups;
use crate::frames::ours::engine::Engine;
use crate::frames::ours::ring::Ring;
use crate::frames::place::Key;
use crate::frames::record::Studio;
use crate::frames::scene::Scene;
use crate::frames::tables::{Entrant, enter};
use crate::frames::workload::Workload;
use crate::frames::{peers, publish, script, storm, upload};
use crate::table::Table;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Blocks of the three sizes of tables.
    pub blocks: [usize; 3],
    /// Lookups of a turn.
    pub turn_lookups: usize,
    /// Changes of a version, for the three workloads that publish.
    pub changes: [usize; 3],
    /// Rounds of lookups and of publishing.
    pub rounds: usize,
    /// The storm's.
    pub storm: storm::Extent,
    /// Meshes in a row of the grid that is recorded.
    pub grid_side: u32,
    /// Rounds of recording.
    pub record_rounds: usize,
    /// The uploads'.
    pub upload: upload::Extent,
}

impl Extent {
    /// What figures are quoted from.
    pub const FULL: Self = Self {
        blocks: [64 << 10, 1 << 20, 4 << 20],
        turn_lookups: 256 << 10,
        changes: [1_000, 10_000, 50_000],
        rounds: 25,
        storm: storm::Extent {
            rounds: 9,
            turn: Duration::from_millis(300),
        },
        grid_side: 100,
        record_rounds: 51,
        upload: upload::Extent {
            live_bytes: 512 << 20,
            settle: 200,
            frames: 30,
        },
    };
    /// Whether all of it works.
    pub const QUICK: Self = Self {
        blocks: [1 << 10, 4 << 10, 8 << 10],
        turn_lookups: 1 << 10,
        changes: [10, 100, 500],
        rounds: 3,
        storm: storm::Extent {
            rounds: 2,
            turn: Duration::from_millis(10),
        },
        grid_side: 10,
        record_rounds: 3,
        upload: upload::Extent {
            live_bytes: 1 << 20,
            settle: 4,
            frames: 4,
        },
    };
}

/// Versions of a script, played round and round.
const VERSIONS: usize = 32;

/// Measures the workloads that are wanted.
pub fn run(table: &mut Table, extent: &Extent, is_wanted: &dyn Fn(Workload) -> bool) {
    let [small, medium, large] = extent.blocks;
    tables(
        table,
        extent,
        small,
        is_wanted,
        &[Workload::LookupRandom64Ki],
    );
    let medium_ones = [
        Workload::LookupRandom1Mi,
        Workload::LookupSeq1Mi,
        Workload::LookupRandom1MiTwoThreads,
        Workload::Publish1k,
        Workload::Publish10k,
        Workload::Publish50k,
        Workload::Storm,
    ];
    tables(table, extent, medium, is_wanted, &medium_ones);
    tables(
        table,
        extent,
        large,
        is_wanted,
        &[Workload::LookupRandom4Mi],
    );
    recordings(table, extent, is_wanted);
    for (workload, one_in) in [
        (Workload::StaticScene, None),
        (Workload::Churn1Percent, Some(100)),
    ] {
        if is_wanted(workload) {
            upload::run(table, workload.name(), extent.upload, one_in);
        }
    }
}

/// The workloads that record, on both devices.
fn recordings(table: &mut Table, extent: &Extent, is_wanted: &dyn Fn(Workload) -> bool) {
    let on_vulkan = [
        Workload::Record10k,
        Workload::RecordTwoActors,
        Workload::RecordTwoActorsUneven,
    ];
    if on_vulkan.iter().any(|one| is_wanted(*one)) {
        if let Some(canvas) = Canvas::vulkan() {
            record_on(table, extent, canvas, is_wanted, &on_vulkan);
        } else {
            println!("there is no Vulkan driver: nothing is recorded for it");
        }
    }
    let on_noop = [Workload::Record10kNoop, Workload::RecordTwoActorsNoop];
    if on_noop.iter().any(|one| is_wanted(*one)) {
        record_on(table, extent, Canvas::noop(), is_wanted, &on_noop);
    }
}

/// The workloads that record on one device.
fn record_on(
    table: &mut Table,
    extent: &Extent,
    canvas: Canvas,
    is_wanted: &dyn Fn(Workload) -> bool,
    workloads: &[Workload],
) {
    let mut studio = Studio::new(canvas, &Scene::new(extent.grid_side));
    for workload in workloads.iter().filter(|one| is_wanted(**one)) {
        let (name, rounds) = (workload.name(), extent.record_rounds);
        match workload {
            Workload::RecordTwoActors | Workload::RecordTwoActorsNoop => {
                studio.speedup(table, name, rounds);
            }
            Workload::RecordTwoActorsUneven => studio.uneven(table, name, rounds),
            _ => studio.draws(table, name, rounds),
        }
    }
}

/// The workloads on tables of so many blocks. What publishes comes last: the engine chooses the
/// places that its blocks get then, so tables differ from there on.
fn tables(
    table: &mut Table,
    extent: &Extent,
    blocks: usize,
    is_wanted: &dyn Fn(Workload) -> bool,
    workloads: &[Workload],
) {
    let wanted: Vec<Workload> = workloads
        .iter()
        .copied()
        .filter(|one| is_wanted(*one))
        .collect();
    if wanted.is_empty() {
        return;
    }
    let engine = Engine::new(blocks);
    let (keys, places) = (engine.keys.clone(), engine.places());
    let ring = enter::<Ring>(&places);
    let peers = peers::ALL.iter().map(|enter| enter(&places));
    let mut all: Vec<Box<dyn Entrant>> = vec![Box::new(engine), ring];
    all.extend(peers);
    for workload in wanted {
        one(table, extent, workload, &keys, &mut all);
    }
}

fn one(
    table: &mut Table,
    extent: &Extent,
    workload: Workload,
    keys: &[Key],
    all: &mut [Box<dyn Entrant>],
) {
    let (name, rounds) = (workload.name(), extent.rounds);
    let random = script::shuffled(1, keys.len());
    let random = random.iter().map(|at| keys[*at as usize]);
    match workload {
        Workload::LookupSeq1Mi => {
            Lookups::new(keys.iter().copied(), extent.turn_lookups).run(table, name, rounds, all);
        }
        Workload::LookupRandom1MiTwoThreads => {
            Lookups::new(random, extent.turn_lookups).run_on_two(table, name, rounds, all);
        }
        Workload::Publish1k | Workload::Publish10k | Workload::Publish50k => {
            let [few, some, many] = extent.changes;
            let changes = match workload {
                Workload::Publish1k => few,
                Workload::Publish10k => some,
                _ => many,
            };
            let versions = script::versions(2, keys, VERSIONS, changes);
            // The engine publishes through the ring, which is what is compared here.
            publish::run(table, name, rounds, &versions, &mut all[1..]);
        }
        Workload::Storm => {
            let versions = script::versions(3, keys, VERSIONS, extent.changes[1]);
            let read: Vec<Key> = random.collect();
            storm::run(table, name, extent.storm, (&read, &versions), all);
        }
        _ => Lookups::new(random, extent.turn_lookups).run(table, name, rounds, all),
    }
}
