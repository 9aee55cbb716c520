//! Plays one script to several allocators, a turn to each in turn, and takes their times.

use std::time::Instant;

use crate::meter::Account;
use crate::peers::Allocator;
use crate::replay::{Op, Player, Script};

/// An allocator of any type that takes part.
pub trait Entrant {
    /// The name in the tables.
    fn name(&self) -> &'static str;
    /// As [`Allocator::prepare`] and [`Player::make_slots`].
    fn prepare(&mut self, slots: usize);
    /// As [`Player::play`].
    fn play(&mut self, ops: &[Op]) -> usize;
    /// As [`Player::live_bytes`].
    fn live_bytes(&self, lens: &[u64]) -> u64;
    /// As [`Player::fill`].
    fn fill(&mut self, ops: &[Op]) -> u64;
}

impl<A: Allocator> Entrant for Player<A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn prepare(&mut self, slots: usize) {
        self.allocator.prepare();
        self.make_slots(slots);
    }

    fn play(&mut self, ops: &[Op]) -> usize {
        Self::play(self, ops)
    }

    fn live_bytes(&self, lens: &[u64]) -> u64 {
        Self::live_bytes(self, lens)
    }

    fn fill(&mut self, ops: &[Op]) -> u64 {
        Self::fill(self, ops)
    }
}

/// Makes an entrant for a script, without slots; `None` where it cannot take part.
pub type Enter = fn(&Script) -> Option<Box<dyn Entrant>>;

/// The function that enters the allocator `A`.
pub fn enter<A: Allocator + 'static>(script: &Script) -> Option<Box<dyn Entrant>> {
    Player::<A>::without_slots(&script.setup).map(|player| Box::new(player) as Box<dyn Entrant>)
}

/// What one allocator did with one script.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The allocator's name.
    pub name: &'static str,
    /// Nanoseconds for each operation, the harness included: the median of the turns.
    pub ns_per_op: f64,
    /// The share of the timed allocations that failed.
    pub failed_share: f64,
    /// Bytes that were live, by the share of the capacity, when the first allocation failed.
    pub first_failure_fill: Option<f64>,
    /// The most bytes that its books took.
    pub metadata_bytes: u64,
}

struct Playing {
    entrant: Box<dyn Entrant>,
    account: Account,
    ns: Vec<f64>,
    failed: usize,
}

/// Plays the script to each. The outcomes are in the order of `entrants`, without those that
/// cannot take part.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn run(script: &Script, entrants: &[Enter]) -> Vec<Outcome> {
    let mut playing: Vec<Playing> = entrants
        .iter()
        .filter_map(|&at| start(script, at))
        .collect();
    for turn in &script.turns {
        for one in &mut playing {
            let start = Instant::now();
            one.failed += one.account.book(|| one.entrant.play(turn));
            let ns = start.elapsed().as_secs_f64() * 1e9;
            one.ns.push(ns / turn.len() as f64);
        }
    }
    let allocs = script.turns.iter().flatten().filter(|op| op.len > 0);
    let allocs = allocs.count();
    let lens = lens(script);
    let outcome = |mut one: Playing| {
        let filled = (!script.fill.is_empty()).then(|| {
            let live = one.entrant.live_bytes(&lens);
            let added = one.account.book(|| one.entrant.fill(&script.fill));
            (live + added) as f64 / script.setup.capacity as f64
        });
        Outcome {
            name: one.entrant.name(),
            ns_per_op: median(&mut one.ns),
            failed_share: one.failed as f64 / allocs.max(1) as f64,
            first_failure_fill: filled,
            metadata_bytes: one.account.peak_bytes(),
        }
    };
    playing.into_iter().map(outcome).collect()
}

fn start(script: &Script, enter: Enter) -> Option<Playing> {
    let mut account = Account::default();
    let mut entrant = account.book(|| enter(script))?;
    // What the harness remembers is none of the allocator's books.
    entrant.prepare(script.slots);
    account.book(|| entrant.play(&script.warm_up));
    Some(Playing {
        entrant,
        account,
        ns: Vec::new(),
        failed: 0,
    })
}

/// The length that each slot has at the end, before the fill; 0 where it was freed.
fn lens(script: &Script) -> Vec<u64> {
    let mut lens = vec![0; script.slots];
    for op in script.warm_up.iter().chain(script.turns.iter().flatten()) {
        lens[op.slot as usize] = op.len.into();
    }
    lens
}

/// The middle value; 0 of none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{Null, Offset, Ours};
    use crate::workload::churn::Churn;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&mut []).to_bits(), 0_f64.to_bits());
        assert_eq!(median(&mut [3.0, 1.0, 2.0]).to_bits(), 2_f64.to_bits());
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 9.0]).to_bits(), 3_f64.to_bits());
    }

    #[test]
    fn a_fill_is_a_share_of_the_space() {
        let script = Churn::C.script(1, 80);
        let outcomes = run(&script, &[enter::<Null>, enter::<Ours>, enter::<Offset>]);
        let fill = |at: usize| outcomes[at].first_failure_fill.expect("it is filled");
        // What never fails takes the whole script, which is a little more than the space.
        assert!((1.0..1.01).contains(&fill(0)), "{}", fill(0));
        assert!((0.9..=1.0).contains(&fill(1)), "{}", fill(1));
        assert!((0.5..=1.0).contains(&fill(2)), "{}", fill(2));
        assert!(
            outcomes.iter().all(|one| one.ns_per_op > 0.0),
            "{outcomes:?}"
        );
    }
}
