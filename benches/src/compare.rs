//! Comparisons: all workloads, all peers, and the bars that our crates are held to.

pub mod bars;
pub mod defrag;
pub mod engine;
pub mod frames;
pub mod gpu_bitset;
pub mod instructions;
pub mod residency;
pub mod suballoc;

use crate::measure::{Enter, Outcome, enter, median};
use crate::peers;
use crate::table::{Row, Table};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Steps of a churn.
    pub steps: usize,
    /// Seeds of a churn in a single chunk, whose fill depends much on the seed. Large spaces take
    /// a fifth of that, at least one.
    pub seeds: u64,
    /// Live ranges of the small and of the large heap.
    pub many: [usize; 2],
    /// The most operations of a turn of a pattern or a trace.
    pub turn_ops: usize,
    /// Steps of a failure count.
    pub failure_steps: usize,
}

impl Extent {
    /// What figures are quoted from.
    pub const FULL: Self = Self {
        steps: 1_000_000,
        seeds: 10,
        many: [64 << 10, 4 << 20],
        turn_ops: usize::MAX,
        failure_steps: 200_000,
    };
    /// Whether all of it works.
    pub const QUICK: Self = Self {
        steps: 400,
        seeds: 1,
        many: [256, 512],
        turn_ops: 1_000,
        failure_steps: 2_000,
    };
}

/// Everyone: the harness first, then ours, then the peers.
fn everyone() -> Vec<Enter> {
    vec![
        enter::<peers::Null>,
        enter::<peers::Ours>,
        enter::<peers::Offset>,
        #[cfg(feature = "vma")]
        enter::<peers::Vma>,
        #[cfg(feature = "vma")]
        enter::<peers::VmaFast>,
        enter::<peers::Tlsf>,
        enter::<peers::Ranges>,
    ]
}

/// One figure of each run of an allocator, into one.
fn over(runs: &[Vec<Outcome>], name: &str, figure: impl Fn(&Outcome) -> Option<f64>) -> Vec<f64> {
    let outcomes = runs.iter().flatten().filter(|one| one.name == name);
    outcomes.filter_map(figure).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The rows of a workload from its runs, the harness first in each and ours second.
#[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
fn rows(table: &mut Table, workload: &str, runs: &[Vec<Outcome>]) {
    let Some([harness, ours, peers @ ..]) = runs.first().map(Vec::as_slice) else {
        return;
    };
    let ns = |name: &str| median(&mut over(runs, name, |one| Some(one.ns_per_op)));
    let harness_ns = ns(harness.name);
    for peer in peers {
        let net = |name: &str| (ns(name) - harness_ns).max(0.0);
        let (ours_ns, peer_ns) = (net(ours.name), net(peer.name));
        table.push(Row {
            harness_ns: Some(harness_ns),
            ..Row::new(workload, "ns_per_op", ours_ns, peer.name, peer_ns)
        });
        let mut row = |metric, figure: &dyn Fn(&Outcome) -> Option<f64>| {
            let ours = mean(&over(runs, ours.name, figure));
            let theirs = mean(&over(runs, peer.name, figure));
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                table.push(Row::new(workload, metric, ours, peer.name, theirs));
            }
        };
        row("first_failure_fill", &|one| one.first_failure_fill);
        row("failed_share", &|one| Some(one.failed_share));
        // Its books lie in the memory that it hands out.
        if peer.name != <peers::Tlsf as peers::Allocator>::NAME {
            row("metadata_bytes", &|one| Some(one.metadata_bytes as f64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_is_taken_off_both_sides() {
        let outcome = |name, ns_per_op, metadata_bytes| Outcome {
            name,
            ns_per_op,
            failed_share: 0.5,
            first_failure_fill: Some(0.25),
            metadata_bytes,
        };
        let run = |ns: f64| {
            let harness = outcome("harness", 2.0, 0);
            vec![harness, outcome("ours", ns, 10), outcome("peer", 10.0, 40)]
        };
        let mut table = Table::default();
        rows(&mut table, "w", &[run(6.0), run(8.0), run(4.0)]);
        let row = |metric| {
            let row = table.rows().iter().find(|row| row.metric == metric);
            let row = row.expect("each metric has a row");
            (row.ours, row.peer_value, row.ratio, row.harness_ns)
        };
        assert_eq!(row("ns_per_op"), (4.0, 8.0, Some(0.5), Some(2.0)));
        assert_eq!(row("metadata_bytes"), (10.0, 40.0, Some(0.25), None));
        assert_eq!(row("first_failure_fill"), (0.25, 0.25, Some(1.0), None));
        assert_eq!(table.rows().len(), 4, "one row for each metric");
    }
}
