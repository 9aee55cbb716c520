//! Streaming under a budget: recorded flights and made-up mixes, at five budgets.

use geoheap_residency::PolicyKind;
use geoheap_trace::TraceError;

use crate::residency::cache::{Cache, Score, play};
use crate::residency::caches::{Belady, Ours, five};
use crate::residency::world::World;
use crate::residency::{engine, mixes, recorded};
use crate::table::{Row, Table};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Budgets, in parts of a hundred of the peak.
    pub percents: &'static [u64],
    /// The mixes'.
    pub mixes: mixes::Extent,
    /// Frames of a recorded flight.
    pub recorded_frames: usize,
}

impl Extent {
    /// What figures are quoted from.
    pub const FULL: Self = Self {
        percents: &[3, 5, 7, 10, 25],
        mixes: mixes::Extent {
            entries: 4_000,
            frames: 3_000,
        },
        recorded_frames: usize::MAX,
    };
    /// Whether all of it works.
    pub const QUICK: Self = Self {
        percents: &[10],
        mixes: mixes::Extent {
            entries: 400,
            frames: 300,
        },
        recorded_frames: 200,
    };
}

/// The peer that stands for whichever of the five streamed the least.
pub const BEST_OF_FIVE: &str = "best-of-five";

/// A recorded flight that says what it draws: its name in the tables, its name there and back, and
/// its file.
type Flight = (&'static str, &'static str, &'static str);

/// A game's flight, and that of the demo, in which nothing had to leave.
const FLIGHTS: [Flight; 2] = [
    (
        "luanti-v7",
        "luanti-v7-back",
        "data/luanti_v7_flight.trace.gz",
    ),
    ("demo", "demo-back", "data/geoheap_demo_flight.trace.gz"),
];

/// Recorded flights, forth and also there and back.
///
/// # Errors
/// [`TraceError`] when one cannot be read.
pub fn flights(table: &mut Table, extent: &Extent) -> Result<(), TraceError> {
    for (name, back, file) in FLIGHTS {
        let mut flight = recorded::read(name, file)?;
        if flight.frames.len() > extent.recorded_frames {
            flight.frames.truncate(extent.recorded_frames);
            flight = World::new(name, flight.entries, flight.frames);
        }
        let optima = compare(table, &flight, extent);
        beside(table, &flight, extent, &optima);
        compare(table, &flight.there_and_back(back), extent);
    }
    Ok(())
}

/// Made-up mixes.
pub fn mixes(table: &mut Table, extent: &Extent) {
    for world in mixes::all(extent.mixes) {
        compare(table, &world, extent);
    }
}

/// All policies' figures. Returns the optimum at each budget.
fn compare(table: &mut Table, world: &World, extent: &Extent) -> Vec<Score> {
    let mut optima = Vec::new();
    for &percent in extent.percents {
        let workload = format!("{}@{percent}%", world.name);
        let budget_bytes = world.share(percent);
        let game =
            |mut cache: Box<dyn Cache>| (cache.name(), play(world, budget_bytes, &mut *cache));
        let (_, ours) = game(Box::new(Ours::new(PolicyKind::HitDensity)));
        let mut push = |peer, score: &Score| {
            for (metric, ours, value) in [
                (
                    "bytes_streamed",
                    as_f64(ours.bytes_streamed),
                    as_f64(score.bytes_streamed),
                ),
                ("hit_rate", ours.hit_rate(), score.hit_rate()),
            ] {
                table.push(Row::new(&workload, metric, ours, peer, value));
            }
        };
        let (name, optimum) = game(Box::new(Belady::new(world)));
        push(name, &optimum);
        optima.push(optimum);
        let mut best: Option<Score> = None;
        for peer in five(budget_bytes) {
            let (name, score) = game(peer);
            push(name, &score);
            if best.is_none_or(|best| score.bytes_streamed < best.bytes_streamed) {
                best = Some(score);
            }
        }
        if let Some(best) = best {
            push(BEST_OF_FIVE, &best);
        }
    }
    optima
}

/// The whole engine's figures, against the same optima.
fn beside(table: &mut Table, world: &World, extent: &Extent, optima: &[Score]) {
    for (&percent, optimum) in extent.percents.iter().zip(optima) {
        let workload = format!("{}@{percent}%", world.name);
        let engine = engine::play(world, world.share(percent));
        for (metric, ours, value) in [
            (
                "engine_bytes_streamed",
                as_f64(engine.bytes_streamed),
                as_f64(optimum.bytes_streamed),
            ),
            ("engine_hit_rate", engine.hit_rate(), optimum.hit_rate()),
        ] {
            table.push(Row::new(&workload, metric, ours, "belady", value));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
const fn as_f64(bytes: u64) -> f64 {
    bytes as f64
}
