//! What our crates are held to, each against a peer in the same run.

/// A table of bars, by what is bounded: `metric, peer, bound => workloads;`.
macro_rules! bars {
    ($($metric:expr, $peer:expr, $bound:expr => $($workload:expr),+;)+) => {
        &[$($(super::Bar {
            workload: $workload,
            metric: $metric,
            peer: $peer,
            bound: $bound,
        }),+),+]
    };
}

pub mod defrag;
pub mod engine;
pub mod frames;
pub mod gpu_bitset;
pub mod residency;
pub mod suballoc;

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
    /// Ours by the peer's is at least this.
    RatioAtLeast(f64),
    /// Ours is at most so far below the peer's.
    AtMostBelow(f64),
    /// Ours is at most this.
    AtMost(f64),
    /// Ours is at least this.
    AtLeast(f64),
}

/// Prints each bar with the value that it is held against, and returns how many are missed. A bar
/// without a row is missed in a table that is to be whole, and left out otherwise.
pub fn judge(table: &Table, bars: &[Bar], is_whole: bool) -> usize {
    let mut missed = 0;
    for bar in bars {
        let row = table.rows().iter().find(|row| {
            (row.workload.as_str(), row.metric, row.peer) == (bar.workload, bar.metric, bar.peer)
        });
        let Some(row) = row else {
            if is_whole {
                missed += 1;
                println!(
                    "MISSED {:<27} {:<20} {:<20} no row",
                    bar.workload, bar.metric, bar.peer
                );
            }
            continue;
        };
        let ratio = row.ratio.unwrap_or(f64::INFINITY);
        let (is_met, text) = match bar.bound {
            Bound::RatioAtMost(most) => (ratio <= most, format!("{ratio:.3} of at most {most}")),
            Bound::RatioAtLeast(least) => {
                let ratio = row.ratio.unwrap_or(0.0);
                (ratio >= least, format!("{ratio:.3} of at least {least}"))
            }
            Bound::AtMostBelow(most) => (
                row.ours >= row.peer_value - most,
                format!("{:.4} against {:.4} - {most}", row.ours, row.peer_value),
            ),
            Bound::AtMost(most) => (row.ours <= most, format!("{:.4} of {most}", row.ours)),
            Bound::AtLeast(least) => (
                row.ours >= least,
                format!("{:.4} of at least {least}", row.ours),
            ),
        };
        missed += usize::from(!is_met);
        let verdict = if is_met { "met   " } else { "MISSED" };
        println!(
            "{verdict} {:<27} {:<20} {:<20} {text}",
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
        let check = |bound, ours, value, missed| {
            let bars = [Bar {
                workload: "w",
                metric: "m",
                peer: "peer",
                bound,
            }];
            let mut table = Table::default();
            table.push(Row::new("w", "m", ours, "peer", value));
            assert_eq!(
                judge(&table, &bars, true),
                missed,
                "{bound:?} {ours} {value}"
            );
        };
        check(Bound::RatioAtMost(0.7), 0.7, 1.0, 0);
        check(Bound::RatioAtMost(0.7), 0.71, 1.0, 1);
        check(Bound::RatioAtMost(0.7), 0.5, f64::NAN, 1);
        check(Bound::RatioAtLeast(0.9), 0.9, 1.0, 0);
        check(Bound::RatioAtLeast(0.9), 0.89, 1.0, 1);
        check(Bound::RatioAtLeast(0.9), 2.0, f64::NAN, 1);
        check(Bound::AtMostBelow(0.001), 0.9, 0.9, 0);
        check(Bound::AtMostBelow(0.001), 0.898, 0.9, 1);
        check(Bound::AtMost(0.2), 0.2, 0.1, 0);
        check(Bound::AtMost(0.2), 0.21, 0.5, 1);
        check(Bound::AtMost(0.2), f64::NAN, 0.5, 1);
        check(Bound::AtLeast(1.4), 1.4, 9.0, 0);
        check(Bound::AtLeast(1.4), 1.39, 1.0, 1);
        check(Bound::AtLeast(1.4), f64::NAN, 1.0, 1);
    }

    #[test]
    fn a_bar_without_a_row_is_missed_in_a_whole_table_only() {
        for bars in [
            suballoc::ALL,
            frames::ALL,
            engine::ALL,
            defrag::ALL,
            gpu_bitset::ALL,
            residency::FLIGHTS,
            residency::MIXES,
        ] {
            assert_eq!(judge(&Table::default(), bars, false), 0);
            assert_eq!(
                judge(&Table::default(), bars, true),
                bars.len(),
                "no row at all"
            );
        }
        let mut table = Table::default();
        table.push(Row::new("churn-a", "ns_per_op", 9.0, "another", 1.0));
        assert_eq!(judge(&table, suballoc::ALL, false), 0);
    }
}
