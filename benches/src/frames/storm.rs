//! A storm of changes: how long it takes to begin a frame while a writer publishes all the time.
//!
//! Frames begin at their own pace, whatever the ones before took, so that a wait is seen as often
//! as it would hit a program; each looks some blocks up, and keeps its version for so long.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::lookup::names;
use super::place::{Change, Key};
use super::tables::{Entrant, Seat};
use crate::table::Table;
use crate::turns::{Turns, percentile};

/// From one version to the next.
pub const WRITE_EVERY: Duration = Duration::from_millis(2);
/// From one frame to the next.
const FRAME_EVERY: Duration = Duration::from_micros(250);
/// Lookups of a frame.
const FRAME_LOOKUPS: usize = 1_000;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Turns of each.
    pub rounds: usize,
    /// How long a turn takes.
    pub turn: Duration,
}

/// What one turn saw.
#[derive(Debug)]
struct Turn {
    /// Latencies of all frames' beginnings in nanoseconds, sorted.
    begins_ns: Vec<f64>,
    /// What the whole frames took, sorted.
    frames_ns: Vec<f64>,
    /// Versions that the writer published in a second.
    publishes_per_s: f64,
}

impl Turn {
    /// Of who cannot take part.
    const NONE: Self = Self {
        begins_ns: Vec::new(),
        frames_ns: Vec::new(),
        publishes_per_s: f64::NAN,
    };
}

/// The rows of ours, which is the first, against all others.
pub fn run(
    table: &mut Table,
    workload: &str,
    extent: Extent,
    (keys, versions): (&[Key], &[Vec<Change>]),
    entrants: &mut [Box<dyn Entrant>],
) {
    let peers = names(entrants);
    let mut seen: Vec<Vec<Turn>> = entrants.iter().map(|_| Vec::new()).collect();
    for round in 0..extent.rounds {
        for nth in 0..entrants.len() {
            let who = (round + nth) % entrants.len();
            let turn = play(&mut *entrants[who], extent.turn, keys, versions);
            seen[who].push(turn.unwrap_or(Turn::NONE));
        }
    }
    let each = |figure: &dyn Fn(&Turn) -> f64| {
        Turns::take(extent.rounds, seen.len(), |who, round| {
            figure(&seen[who][round])
        })
    };
    let begins = |share| each(&|turn| percentile(&turn.begins_ns, share));
    begins(0.5).rows(table, workload, "p50_ns", &peers);
    begins(0.99).rows(table, workload, "p99_ns", &peers);
    // A turn has too few frames for these: they are taken of all turns together.
    let all: Vec<Vec<f64>> = seen.iter().map(|turns| merged(turns)).collect();
    let rare = |share| Turns::take(1, all.len(), |who, _| percentile(&all[who], share));
    rare(0.999).rows(table, workload, "p999_ns", &peers);
    rare(1.0).rows(table, workload, "max_ns", &peers);
    // Who locks at each lookup waits there.
    let frames = each(&|turn| percentile(&turn.frames_ns, 0.99));
    frames.rows(table, workload, "frame_p99_ns", &peers);
    let rate = each(&|turn| turn.publishes_per_s);
    rate.rows(table, workload, "publishes_per_s", &peers);
}

fn merged(turns: &[Turn]) -> Vec<f64> {
    let begins = turns.iter().flat_map(|turn| &turn.begins_ns);
    let mut all: Vec<f64> = begins.copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    all
}

/// One turn; `None` where nobody may read beside the writer.
fn play(
    entrant: &mut dyn Entrant,
    length: Duration,
    keys: &[Key],
    versions: &[Vec<Change>],
) -> Option<Turn> {
    let mut seat = entrant.seat(true)?;
    seat.prepare(keys.to_vec());
    let is_over = AtomicBool::new(false);
    Some(thread::scope(|scope| {
        let writer = scope.spawn(|| write(entrant, versions, &is_over));
        let (mut begins_ns, mut frames_ns) = read(&mut *seat, keys.len(), length);
        is_over.store(true, Ordering::Relaxed);
        begins_ns.sort_unstable_by(f64::total_cmp);
        frames_ns.sort_unstable_by(f64::total_cmp);
        Turn {
            begins_ns,
            frames_ns,
            publishes_per_s: writer.join().expect("the writer does not panic"),
        }
    }))
}

/// Publishes until it is over; returns how often in a second.
fn write(entrant: &mut dyn Entrant, versions: &[Vec<Change>], is_over: &AtomicBool) -> f64 {
    let start = Instant::now();
    let (mut next, mut count) = (start, 0.0);
    for version in versions.iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        entrant.publish(version);
        count += 1.0;
        // Who is late does not catch up.
        next = (next + WRITE_EVERY).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    count / start.elapsed().as_secs_f64()
}

/// Begins frames for so long; returns what their beginnings and what all of them took, in
/// nanoseconds.
fn read(seat: &mut dyn Seat, keys: usize, length: Duration) -> (Vec<f64>, Vec<f64>) {
    let lookups = FRAME_LOOKUPS.min(keys);
    let start = Instant::now();
    let (mut next, mut at) = (start, 0);
    let (mut begins_ns, mut frames_ns) = (Vec::new(), Vec::new());
    while start.elapsed() < length {
        let begin = Instant::now();
        let frame = black_box(seat.frame(at..at + lookups));
        frames_ns.push(begin.elapsed().as_secs_f64() * 1e9);
        begins_ns.push(frame.begin.as_secs_f64() * 1e9);
        at = if at + 2 * lookups > keys {
            0
        } else {
            at + lookups
        };
        next = (next + FRAME_EVERY).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    (begins_ns, frames_ns)
}
