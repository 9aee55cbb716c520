//! `geoheap-suballoc` against other allocators of ranges.

use super::{Extent, everyone, mean, rows};
use crate::measure::{self, Enter, enter};
use crate::peers::{self, Allocator};
use crate::replay::Script;
use crate::table::{Row, Table};
use crate::trace::TraceError;
use crate::workload::churn::Churn;
use crate::workload::failures::Failures;
use crate::workload::real::{Recorded, capacity_needed};
use crate::workload::{many, patterns};

/// Churns at a steady fill, and then to the first failure.
pub fn churns(table: &mut Table, extent: &Extent) {
    for churn in &Churn::ALL {
        let large = churn.capacity > Churn::C.capacity;
        let seeds = if large {
            extent.seeds / 5
        } else {
            extent.seeds
        };
        let runs: Vec<_> = (1..=seeds.max(1))
            .map(|seed| measure::run(&churn.script(seed, extent.steps), &everyone()))
            .collect();
        rows(table, churn.name, &runs);
    }
}

/// Allocations that fail at a high fill.
pub fn failures(table: &mut Table, extent: &Extent) {
    const SEEDS: u64 = 5;
    for workload in &Failures::ALL {
        let steps = extent.failure_steps;
        let shares = [
            share::<peers::Ours>(workload, SEEDS, steps),
            share::<peers::Offset>(workload, SEEDS, steps),
            #[cfg(feature = "vma")]
            share::<peers::Vma>(workload, SEEDS, steps),
            #[cfg(feature = "vma")]
            share::<peers::VmaFast>(workload, SEEDS, steps),
            share::<peers::Tlsf>(workload, SEEDS, steps),
            share::<peers::Ranges>(workload, SEEDS, steps),
        ];
        let [(_, ours), peers @ ..] = shares;
        for (peer, theirs) in peers {
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                table.push(Row::new(workload.name, "failed_share", ours, peer, theirs));
            }
        }
    }
}

fn share<A: Allocator>(
    workload: &Failures,
    seeds: u64,
    steps: usize,
) -> (&'static str, Option<f64>) {
    let shares = (1..=seeds).filter_map(|seed| workload.failed_share::<A>(seed, steps));
    (A::NAME, mean(&shares.collect::<Vec<_>>()))
}

/// The patterns that the peers measure themselves with.
pub fn known_patterns(table: &mut Table, extent: &Extent) {
    for mut script in patterns::all(1) {
        for turn in &mut script.turns {
            turn.truncate(extent.turn_ops);
        }
        rows(table, &script.name, &[measure::run(&script, &everyone())]);
    }
}

/// A small and a large heap.
pub fn many_ranges(table: &mut Table, extent: &Extent) {
    let entrants: Vec<Enter> = vec![
        enter::<peers::Null>,
        enter::<peers::Ours>,
        enter::<peers::Offset>,
        #[cfg(feature = "vma")]
        enter::<peers::Vma>,
        enter::<peers::Records>,
    ];
    for order in [many::Order::Sweep, many::Order::Random] {
        let runs = extent.many.map(|live| {
            let script = many::script(live, order, 1);
            let outcomes = measure::run(&script, &entrants);
            rows(table, &script.name, std::slice::from_ref(&outcomes));
            outcomes
        });
        let [small, large] = &runs;
        let net = |run: &[measure::Outcome], at: usize| {
            run.get(at).map(|one| one.ns_per_op - run[0].ns_per_op)
        };
        let growth = |at| Some(net(large, at)? / net(small, at)?);
        let workload = order.name();
        for (at, peer) in small.iter().enumerate().skip(2) {
            if let (Some(ours), Some(theirs)) = (growth(1), growth(at)) {
                table.push(Row::new(workload, "cost_growth", ours, peer.name, theirs));
            }
        }
    }
}

/// Recorded traces: their time, and the smallest space that they fit.
///
/// # Errors
/// [`TraceError`] when a trace cannot be read.
pub fn traces(table: &mut Table, extent: &Extent) -> Result<(), TraceError> {
    for recorded in &Recorded::ALL {
        let mut script = recorded.script()?;
        for turn in &mut script.turns {
            turn.truncate(extent.turn_ops);
        }
        rows(table, &script.name, &[measure::run(&script, &everyone())]);
        tightness(table, &script);
    }
    Ok(())
}

/// The smallest space that a script fits.
#[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
pub fn tightness(table: &mut Table, script: &Script) {
    let Some(ours) = capacity_needed::<peers::Ours>(script) else {
        return;
    };
    let theirs = [
        needed::<peers::Offset>(script),
        #[cfg(feature = "vma")]
        needed::<peers::Vma>(script),
        needed::<peers::Tlsf>(script),
        needed::<peers::Ranges>(script),
    ];
    for (peer, theirs) in theirs {
        if let Some(theirs) = theirs {
            let (ours, theirs) = (ours as f64, theirs as f64);
            let row = Row::new(&script.name, "capacity_needed", ours, peer, theirs);
            table.push(row);
        }
    }
}

fn needed<A: Allocator>(script: &Script) -> (&'static str, Option<u64>) {
    (A::NAME, capacity_needed::<A>(script))
}
