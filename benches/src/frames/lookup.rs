//! Lookups: how long one takes in a frame of many.

use std::ops::Range;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use super::place::Key;
use super::tables::{Entrant, Seat};
use crate::table::Table;
use crate::turns::Turns;

/// What is looked up, in which order.
#[derive(Debug)]
pub struct Lookups {
    /// Names, as often as a turn needs them.
    keys: Vec<Key>,
    /// Lookups of a turn.
    turn: usize,
}

impl Lookups {
    /// Turns of `turn` lookups over `keys`, round and round.
    pub fn new(keys: impl Iterator<Item = Key> + Clone, turn: usize) -> Self {
        let count = keys.clone().count();
        let rounds = turn.div_ceil(count);
        let keys: Vec<Key> = keys.cycle().take(rounds * count).collect();
        Self { keys, turn }
    }

    /// What a round looks up: pieces of the keys, one after the other.
    fn range(&self, round: usize) -> Range<usize> {
        let pieces = self.keys.len() / self.turn;
        let start = round % pieces * self.turn;
        start..start + self.turn
    }

    /// The rows of one thread: ours, which is the first, against all others.
    pub fn run(
        &self,
        table: &mut Table,
        workload: &str,
        rounds: usize,
        entrants: &[Box<dyn Entrant>],
    ) {
        let mut seats = self.seats(entrants);
        let mut digests = vec![None; rounds];
        let turns = Turns::take(rounds, seats.len(), |who, round| {
            let (ns, digest) = self.turn(&mut *seats[who], round, &mut || {});
            let expected = digests[round].get_or_insert(digest);
            assert_eq!(digest, *expected, "{} finds the same", entrants[who].name());
            ns
        });
        turns.rows(table, workload, "ns", &names(entrants));
    }

    /// The rows of two threads at once: the mean of what both take.
    pub fn run_on_two(
        &self,
        table: &mut Table,
        workload: &str,
        rounds: usize,
        entrants: &[Box<dyn Entrant>],
    ) {
        let (mut one, mut two) = (self.seats(entrants), self.seats(entrants));
        let turns = Turns::take(rounds, entrants.len(), |who, round| {
            let together = Barrier::new(2);
            let (first, second) = (&mut *one[who], &mut *two[who]);
            let (first, second) = thread::scope(|scope| {
                let other = scope.spawn(|| {
                    self.turn(second, round + 1, &mut || {
                        together.wait();
                    })
                });
                let first = self.turn(first, round, &mut || {
                    together.wait();
                });
                (first, other.join().expect("a reader does not panic"))
            });
            f64::midpoint(first.0, second.0)
        });
        turns.rows(table, workload, "ns", &names(entrants));
    }

    fn seats(&self, entrants: &[Box<dyn Entrant>]) -> Vec<Box<dyn Seat>> {
        let mut seats = Vec::new();
        for entrant in entrants {
            let mut seat = entrant.seat(false).expect("nobody writes");
            seat.prepare(self.keys.clone());
            seats.push(seat);
        }
        seats
    }

    /// Warms up with a part of the round before, starts with the other threads, and returns the
    /// nanoseconds of a lookup, and what was found.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    fn turn(&self, seat: &mut dyn Seat, round: usize, start: &mut dyn FnMut()) -> (f64, u64) {
        let pieces = self.keys.len() / self.turn;
        let before = self.range(round + pieces - 1);
        seat.frame(before.start..before.start + self.turn.div_ceil(4));
        start();
        let start = Instant::now();
        let frame = seat.frame(self.range(round));
        let ns = start.elapsed().as_secs_f64() * 1e9 / self.turn as f64;
        (ns, frame.digest)
    }
}

/// The names of all but the first, which is ours.
pub fn names(entrants: &[Box<dyn Entrant>]) -> Vec<&'static str> {
    entrants.iter().skip(1).map(|one| one.name()).collect()
}
