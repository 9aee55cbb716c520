//! Publishing: how long a version of scattered changes takes, by change.

use std::time::Instant;

use super::lookup::names;
use super::place::Change;
use super::tables::Entrant;
use crate::table::Table;
use crate::turns::Turns;

/// Changes of a turn at least, in as many versions as that takes.
const TURN_CHANGES: usize = 20_000;
/// Versions before the first that counts: all replicas and both tables have their memory by then.
const WARM_UP: usize = 8;

/// The rows of ours, which is the first, against all others.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn run(
    table: &mut Table,
    workload: &str,
    rounds: usize,
    versions: &[Vec<Change>],
    entrants: &mut [Box<dyn Entrant>],
) {
    let changes = versions.first().map_or(1, |version| version.len().max(1));
    let per_turn = TURN_CHANGES.div_ceil(changes).min(versions.len());
    let peers = names(entrants);
    for version in versions.iter().cycle().take(WARM_UP) {
        for entrant in &mut *entrants {
            entrant.publish(version);
        }
    }
    let turns = Turns::take(rounds, entrants.len(), |who, round| {
        let versions = versions.iter().cycle().skip(round * per_turn);
        let start = Instant::now();
        for version in versions.take(per_turn) {
            entrants[who].publish(version);
        }
        start.elapsed().as_secs_f64() * 1e9 / (per_turn * changes) as f64
    });
    turns.rows(table, workload, "ns_per_change", &peers);
}
