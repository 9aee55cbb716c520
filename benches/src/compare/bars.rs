//! What our crates are held to, each against a peer in the same run.

use crate::table::Table;

/// A bound on the ratio or on our value in a row.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    workload: &'static str,
    metric: &'static str,
    peer: &'static str,
    bound: Bound,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    /// Ours by the peer's is at most this.
    RatioAtMost(f64),
    /// Ours is at most so far below the peer's.
    AtMostBelow(f64),
    /// Ours is at most this.
    AtMost(f64),
}

const fn bar(
    workload: &'static str,
    metric: &'static str,
    peer: &'static str,
    bound: Bound,
) -> Bar {
    Bar {
        workload,
        metric,
        peer,
        bound,
    }
}

const NS: &str = "ns_per_op";
const FILL: &str = "first_failure_fill";
const OFFSET: &str = "offset-allocator";
const VMA: &str = "vma";
const RANGES: &str = "range-alloc";

/// All of them.
pub const ALL: [Bar; 20] = [
    bar("churn-a", NS, OFFSET, Bound::RatioAtMost(0.7)),
    bar("churn-b", NS, OFFSET, Bound::RatioAtMost(0.3)),
    bar("churn-c", NS, OFFSET, Bound::RatioAtMost(0.7)),
    bar("vma-empty-forward", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-empty-backward", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-empty-random", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-filled-forward", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-filled-backward", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-filled-random", NS, OFFSET, Bound::RatioAtMost(1.0)),
    bar("vma-align-1", NS, OFFSET, Bound::RatioAtMost(1.0)),
    // With an alignment, only VMA does the same: the others are given longer ranges instead.
    bar("vma-align-16", NS, VMA, Bound::RatioAtMost(1.0)),
    bar("vma-align-64", NS, VMA, Bound::RatioAtMost(1.0)),
    bar("vma-align-256", NS, VMA, Bound::RatioAtMost(0.5)),
    bar("churn-a", FILL, RANGES, Bound::AtMostBelow(0.001)),
    bar("churn-b", FILL, RANGES, Bound::AtMostBelow(0.001)),
    bar("churn-c", FILL, RANGES, Bound::AtMostBelow(0.003)),
    bar("fail-90", "failed_share", OFFSET, Bound::AtMost(0.008)),
    bar("fail-95", "failed_share", OFFSET, Bound::AtMost(0.20)),
    bar("many-sweep", "cost_growth", OFFSET, Bound::AtMost(2.0)),
    bar("many-random", "cost_growth", OFFSET, Bound::AtMost(2.0)),
];

/// Prints each bar with the value that it is held against, and returns how many are missed. A bar
/// without a row is missed in a table that is to be whole, and left out otherwise.
pub fn judge(table: &Table, is_whole: bool) -> usize {
    let mut missed = 0;
    for bar in &ALL {
        let row = table.rows().iter().find(|row| {
            (row.workload.as_str(), row.metric, row.peer) == (bar.workload, bar.metric, bar.peer)
        });
        let Some(row) = row else {
            if is_whole {
                missed += 1;
                println!(
                    "MISSED {:<20} {:<20} {:<18} no row",
                    bar.workload, bar.metric, bar.peer
                );
            }
            continue;
        };
        let ratio = row.ratio.unwrap_or(f64::INFINITY);
        let (is_met, text) = match bar.bound {
            Bound::RatioAtMost(most) => (ratio <= most, format!("{ratio:.3} of at most {most}")),
            Bound::AtMostBelow(most) => (
                row.ours >= row.peer_value - most,
                format!("{:.4} against {:.4} - {most}", row.ours, row.peer_value),
            ),
            Bound::AtMost(most) => (row.ours <= most, format!("{:.4} of {most}", row.ours)),
        };
        missed += usize::from(!is_met);
        let verdict = if is_met { "met   " } else { "MISSED" };
        println!(
            "{verdict} {:<20} {:<20} {:<18} {text}",
            bar.workload, bar.metric, bar.peer
        );
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Row;

    #[test]
    fn a_bar_is_met_at_its_bound_and_missed_beyond() {
        let judged = |workload, metric, ours, peer, value| {
            let mut table = Table::default();
            table.push(Row::new(workload, metric, ours, peer, value));
            judge(&table, false)
        };
        assert_eq!(judged("churn-a", NS, 0.7, OFFSET, 1.0), 0);
        assert_eq!(judged("churn-a", NS, 0.71, OFFSET, 1.0), 1);
        assert_eq!(judged("churn-b", FILL, 0.9, RANGES, 0.9), 0);
        assert_eq!(judged("churn-b", FILL, 0.898, RANGES, 0.9), 1);
        assert_eq!(judged("fail-95", "failed_share", 0.2, OFFSET, 0.1), 0);
        assert_eq!(judged("fail-95", "failed_share", 0.21, OFFSET, 0.5), 1);
        assert_eq!(judged("churn-a", NS, 9.0, "another", 1.0), 0);
        assert_eq!(judge(&Table::default(), false), 0);
        assert_eq!(judge(&Table::default(), true), ALL.len(), "no row at all");
    }
}
