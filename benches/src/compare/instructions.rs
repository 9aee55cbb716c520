//! Instructions for each operation, which no other program on the machine can change.
//!
//! Valgrind's callgrind counts the instructions of a whole process. The same workload is counted
//! with few and with more steps: what is the same in both, such as the first fill, cancels out.
//! The harness is counted like an allocator, and taken off.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::measure::{self, Enter, enter};
use crate::peers::{self, Allocator};
use crate::table::{Row, Table};
use crate::workload::churn::Churn;

/// Few steps, and more.
const STEPS: [usize; 2] = [10_000, 50_000];

/// Each peer by its name, as [`play`] knows it: the harness, then ours, then the others.
const ENTRANTS: [(&str, Enter); 4] = [
    (peers::Null::NAME, enter::<peers::Null>),
    (peers::Ours::NAME, enter::<peers::Ours>),
    (peers::Offset::NAME, enter::<peers::Offset>),
    #[cfg(feature = "vma")]
    (peers::Vma::NAME, enter::<peers::Vma>),
    #[cfg(not(feature = "vma"))]
    (peers::Tlsf::NAME, enter::<peers::Tlsf>),
];

/// Plays so many steps of a churn to one peer: what a counted process does. False where one of
/// the names is unknown.
pub fn play(workload: &str, peer: &str, steps: usize) -> bool {
    let churn = Churn::ALL.iter().find(|churn| churn.name == workload);
    let entrant = ENTRANTS.iter().find(|(name, _)| *name == peer);
    let (Some(churn), Some(&(_, enter))) = (churn, entrant) else {
        return false;
    };
    let mut script = churn.script(1, steps);
    script.fill.clear();
    measure::run(&script, &[enter]);
    true
}

/// Counts the churns A, B and C for each peer with `program`, which must [`play`] when it is
/// called with `play WORKLOAD PEER STEPS`. Nothing happens where there is no valgrind.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn count(table: &mut Table, program: &Path) {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("no valgrind here: instructions are not counted");
        return;
    }
    for churn in [Churn::A, Churn::B, Churn::C] {
        let per_op = |peer: &str| {
            let [few, more] = STEPS.map(|steps| collected(program, churn.name, peer, steps));
            // A step is a free and, on the average, an allocation.
            let ops = 2 * (STEPS[1] - STEPS[0]);
            Some((more? as f64 - few? as f64) / ops as f64)
        };
        let [harness, ours, peers @ ..] = ENTRANTS.map(|(name, _)| (name, per_op(name)));
        for (peer, theirs) in peers {
            if let (Some(harness), Some(ours), Some(theirs)) = (harness.1, ours.1, theirs) {
                let metric = "instructions_per_op";
                let (ours, theirs) = (ours - harness, theirs - harness);
                table.push(Row::new(churn.name, metric, ours, peer, theirs));
            }
        }
    }
}

/// The instructions of one process.
fn collected(program: &Path, workload: &str, peer: &str, steps: usize) -> Option<u64> {
    let steps = steps.to_string();
    let args: [&OsStr; 4] = [
        "play".as_ref(),
        workload.as_ref(),
        peer.as_ref(),
        steps.as_ref(),
    ];
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(args)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}
