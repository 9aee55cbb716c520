//! A failing run made smaller while it still fails.

use crate::fault::FaultClass;
use crate::finding::Finding;
use crate::options::{Faults, Options};
use crate::outcome::{Outcome, run};

/// What shrinking came to.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest failing run that was found.
    pub outcome: Outcome,
    /// Runs that it took.
    pub runs: u32,
}

/// Makes the run of `failed` smaller: fewer ticks, fewer classes of faults, fewer actors, as long
/// as the same check fails. Takes at most `runs_max` runs.
///
/// It goes through the reductions again and again until none of them helps, as delta debugging does
/// (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002), but over
/// options instead of input, since a run is made of its seed.
pub fn shrink(failed: &Outcome, runs_max: u32) -> Shrunk {
    let mut best = failed.clone();
    let mut runs = 0;
    let Some(finding) = &failed.finding else {
        return Shrunk {
            outcome: best,
            runs,
        };
    };
    let check = finding.check;
    let mut improved = true;
    while improved && runs < runs_max {
        improved = false;
        for smaller in reductions(&best) {
            if runs >= runs_max {
                break;
            }
            runs += 1;
            let outcome = run(&smaller);
            let is_same = |found: &Finding| found.check == check;
            if outcome.finding.as_ref().is_some_and(is_same) {
                best = outcome;
                improved = true;
                break;
            }
        }
    }
    Shrunk {
        outcome: best,
        runs,
    }
}

/// Smaller runs than that, the boldest first.
fn reductions(outcome: &Outcome) -> Vec<Options> {
    let options = &outcome.options;
    let mut out = Vec::new();
    // What is found in the calm end takes all ticks before it.
    let found = outcome
        .finding
        .as_ref()
        .map_or(options.ticks, |finding| finding.tick);
    let tick = found.min(options.ticks);
    // Ticks after the finding were never run.
    for ticks in [tick / 2, tick * 3 / 4, tick.saturating_sub(8), tick] {
        if ticks > 0 && ticks < options.ticks {
            out.push(Options {
                ticks,
                ..options.clone()
            });
        }
    }
    if options.faults != Faults::None && outcome.classes.is_empty() {
        out.push(Options {
            faults: Faults::None,
            without: Vec::new(),
            ..options.clone()
        });
    }
    for class in &outcome.classes {
        out.push(without(options, *class));
    }
    for (clients_max, renderers_max) in [
        (1, options.renderers_max),
        (options.clients_max, 1),
        (options.clients_max / 2, options.renderers_max),
    ] {
        let is_smaller = clients_max < options.clients_max || renderers_max < options.renderers_max;
        if is_smaller && clients_max > 0 {
            out.push(Options {
                clients_max,
                renderers_max,
                ..options.clone()
            });
        }
    }
    out
}

fn without(options: &Options, class: FaultClass) -> Options {
    let mut smaller = options.clone();
    smaller.without.push(class);
    smaller
}
