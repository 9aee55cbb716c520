//! Defragmentation: long churns, recorded traces, a peer's scenarios, and the time of plans.

use geoheap::DefragConfig;

use crate::defrag::churn::{self, Churn};
use crate::defrag::flight;
use crate::defrag::heap::Tally;
use crate::defrag::many::{Many, Outcome};
use crate::defrag::vma::Scenario;
use crate::heaps::Script;
use crate::measure::median;
use crate::table::{Row, Table};
use crate::trace::TraceError;
use crate::workload::real::Recorded;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Additions and removals of a churn.
    pub churn_ops: usize,
    /// Live bytes of a churn.
    pub churn_bytes: u64,
    /// Frames of a trace.
    pub frames: usize,
    /// Chunks of the large heap.
    pub chunks: usize,
}

impl Extent {
    /// What figures are quoted from.
    pub const FULL: Self = Self {
        churn_ops: 1_000_000,
        churn_bytes: 1 << 30,
        frames: usize::MAX,
        chunks: 700,
    };
    /// Whether all of it works.
    pub const QUICK: Self = Self {
        churn_ops: 20_000,
        churn_bytes: 1 << 27,
        frames: 400,
        chunks: 40,
    };
}

/// The least that moves can do: empty the emptiest chunks, of those that can be emptied.
///
/// A chunk counts if its ranges may fit into the rooms of the others, by their number and lengths.
/// In a heap that changes, the emptiest chunk of all is often the one that new blocks go to: their
/// like have no room elsewhere, or they would not be there. No planner can empty it, so that a
/// bound with it would be one for heaps whose ranges can be cut. The rows of
/// `bytes_per_chunk_returned_strict` have it nevertheless, without a bar.
pub const LOWER_BOUND: &str = "lower-bound";
/// The same heap, left alone.
pub const NO_DEFRAG: &str = "no-defrag";

/// Long churns, with moves and without.
pub fn churns(table: &mut Table, extent: &Extent) {
    for churn in Churn::ALL {
        let churn = churn.sized(extent.churn_bytes);
        let on = churn::play(&churn, extent.churn_ops, Some(DefragConfig::default()));
        let off = churn::play(&churn, extent.churn_ops, None);
        let spare = (on.overhead_with_spare, off.overhead_with_spare);
        push_held(
            table,
            churn.name,
            (on.overhead_mean, off.overhead_mean),
            spare,
        );
        push_work(table, churn.name, &on.tally);
    }
}

/// Recorded traces, with moves and without. All buffers count.
///
/// # Errors
/// [`TraceError`] when one cannot be read.
pub fn traces(table: &mut Table, extent: &Extent) -> Result<(), TraceError> {
    for recorded in Recorded::ALL {
        let script = Script::recorded(&recorded)?;
        let on = flight::play(&script, extent.frames, Some(DefragConfig::default()));
        let off = flight::play(&script, extent.frames, None);
        let all = (on.overhead_with_spare, off.overhead_with_spare);
        push_held(table, recorded.name, all, all);
        push_work(table, recorded.name, &on.tally);
    }
    Ok(())
}

/// A peer's scenarios.
pub fn scenarios(table: &mut Table) {
    for scenario in Scenario::ALL {
        push_outcome(table, scenario.name, &scenario.play());
    }
}

/// Plans for a heap of many chunks.
pub fn plans(table: &mut Table, extent: &Extent) {
    for many in [Many::PLAN_20K_700, Many::FULL] {
        let share = many.chunks / extent.chunks;
        let many = Many {
            chunks: extent.chunks,
            blocks: many.blocks / share,
            ..many
        };
        push_outcome(table, many.name, &many.play());
    }
}

fn push_held(table: &mut Table, workload: &str, counted: (f64, f64), with_spare: (f64, f64)) {
    for (metric, (on, off)) in [
        ("overhead_mean", counted),
        ("overhead_with_spare", with_spare),
    ] {
        table.push(Row::new(workload, metric, on, NO_DEFRAG, off));
    }
}

/// Rows of a heap that changes: the emptiest chunk is that at the time when a plan begins.
fn push_work(table: &mut Table, workload: &str, tally: &Tally) {
    let bound = (tally.bound_bytes, tally.bound_moves);
    push_moves(table, workload, tally, bound);
    let each = |bytes: u64| as_f64(bytes) / as_f64(tally.returned);
    let (ours, strict) = (each(tally.moved_bytes), each(tally.strict_bytes));
    table.push(Row::new(
        workload,
        "bytes_per_chunk_returned_strict",
        ours,
        LOWER_BOUND,
        strict,
    ));
    push_plans(table, workload, tally);
}

/// Rows of a heap that only moves change.
fn push_outcome(table: &mut Table, workload: &str, outcome: &Outcome) {
    push_moves(table, workload, &outcome.tally, outcome.bound());
    push_plans(table, workload, &outcome.tally);
}

fn push_moves(table: &mut Table, workload: &str, tally: &Tally, (bytes, moves): (u64, u64)) {
    let each = |bytes: u64| as_f64(bytes) / as_f64(tally.returned);
    for (metric, ours, bound) in [
        (
            "bytes_per_chunk_returned",
            each(tally.moved_bytes),
            each(bytes),
        ),
        ("moves", as_f64(tally.moves), as_f64(moves)),
    ] {
        table.push(Row::new(workload, metric, ours, LOWER_BOUND, bound));
    }
}

fn push_plans(table: &mut Table, workload: &str, tally: &Tally) {
    let mut plan_us = tally.plan_us.clone();
    let longest = plan_us.iter().copied().fold(0.0, f64::max);
    for (metric, ours) in [
        ("chunks_returned", as_f64(tally.returned)),
        ("plan_us", median(&mut plan_us)),
        ("plan_us_max", longest),
        ("frames_hidden", as_f64(tally.frames_hidden)),
    ] {
        table.push(Row::new(workload, metric, ours, NO_DEFRAG, 0.0));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
const fn as_f64(count: u64) -> f64 {
    count as f64
}
