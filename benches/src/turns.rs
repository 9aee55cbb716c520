//! Short turns side by side, and what is made of them.
//!
//! On a shared machine a second is never like the next. So everyone gets a short turn, one after
//! the other, again and again, each time beginning with another, and now forwards and now
//! backwards, so that nobody always follows the same; a ratio is taken within a round, and the
//! median of the rounds' ratios is what counts.

use crate::measure::median;
use crate::table::{Row, Table};

/// Values of all rounds, for each who took part.
#[derive(Clone, Debug, Default)]
pub struct Turns(Vec<Vec<f64>>);

impl Turns {
    /// Plays `rounds` rounds of a turn for each of `count`; `play` gets who and in which round, and
    /// returns a value, NaN for who cannot take part.
    pub fn take(rounds: usize, count: usize, mut play: impl FnMut(usize, usize) -> f64) -> Self {
        let mut values = vec![Vec::with_capacity(rounds); count];
        for round in 0..rounds {
            for nth in 0..count {
                let is_forward = (round / count).is_multiple_of(2);
                let step = if is_forward { nth } else { count - nth };
                let who = (round + step) % count;
                values[who].push(play(who, round));
            }
        }
        Self(values)
    }

    /// One value for each round.
    pub fn of(&self, who: usize) -> &[f64] {
        &self.0[who]
    }

    /// The median of one's values.
    pub fn median(&self, who: usize) -> f64 {
        median(&mut self.0[who].clone())
    }

    /// The median over the rounds of one's value by another's in the same round.
    pub fn ratio(&self, who: usize, other: usize) -> f64 {
        let rounds = self.0[who].iter().zip(&self.0[other]);
        median(&mut rounds.map(|(one, other)| one / other).collect::<Vec<_>>())
    }

    /// Adds the rows of ours, which is the first, against all others.
    pub fn rows(
        &self,
        table: &mut Table,
        workload: &str,
        metric: &'static str,
        peers: &[&'static str],
    ) {
        for (who, peer) in (1..).zip(peers) {
            table.push(self.row(workload, metric, who, peer));
        }
    }

    /// The row of ours, which is the first, against another.
    pub fn row(&self, workload: &str, metric: &'static str, who: usize, peer: &'static str) -> Row {
        Row::of_rounds(workload, metric, self.median(0), peer, self.ratio(0, who))
    }
}

/// The value that `share` of the sorted values do not exceed; NaN of none.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are far below 2^53 and shares between 0 and 1"
)]
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(rank.saturating_sub(1).min(last))
        .copied()
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_has_a_turn_in_each_round_and_begins_in_turn() {
        let mut order = vec![Vec::new(); 6];
        let turns = Turns::take(6, 3, |who, round| {
            order[round].push(who);
            f64::from(u8::try_from(who * 10 + round).expect("small"))
        });
        let forwards = [[0, 1, 2], [1, 2, 0], [2, 0, 1]];
        let backwards = [[0, 2, 1], [1, 0, 2], [2, 1, 0]];
        assert_eq!(order, [forwards, backwards].concat());
        assert_eq!(turns.of(2), [20.0, 21.0, 22.0, 23.0, 24.0, 25.0]);
    }

    #[test]
    fn a_disturbed_round_does_not_count() {
        // The second round is slow for all, the fourth for the peer alone.
        let values = [
            [10.0, 90.0, 11.0, 10.0, 12.0],
            [20.0, 180.0, 22.0, 500.0, 24.0],
        ];
        let turns = Turns::take(5, 2, |who, round| values[who][round]);
        assert!((turns.ratio(0, 1) - 0.5).abs() < 1e-9);
        assert!((turns.median(0) - 11.0).abs() < 1e-9);
        let row = turns.row("w", "ns", 1, "peer");
        assert_eq!(
            (row.ours, row.peer_value, row.ratio),
            (11.0, 22.0, Some(0.5))
        );
    }

    #[test]
    fn who_cannot_take_part_has_no_value() {
        let turns = Turns::take(3, 2, |who, _| if who == 0 { 1.0 } else { f64::NAN });
        let row = turns.row("w", "ns", 1, "peer");
        assert!(row.peer_value.is_nan() && row.ratio.is_none());
        let json = serde_json::to_value(&row).expect("a row is JSON");
        assert!(json["peer_value"].is_null() && json["ratio"].is_null());
        assert_eq!(json["ours"], 1.0);
    }

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let sorted: Vec<f64> = (1..=1_000).map(f64::from).collect();
        let of = |share| percentile(&sorted, share).to_bits();
        assert_eq!(of(0.5), 500_f64.to_bits());
        assert_eq!(of(0.99), 990_f64.to_bits());
        assert_eq!(of(0.999), 999_f64.to_bits());
        assert_eq!(of(1.0), 1_000_f64.to_bits());
        assert_eq!(of(0.0), 1_f64.to_bits());
        assert!(percentile(&[], 0.5).is_nan());
    }
}
