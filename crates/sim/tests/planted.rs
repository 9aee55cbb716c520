//! Every bug that can be planted into the engine is found, each within so many seeds, and nothing
//! is found without one. `-- --nocapture` prints the table of `TESTING.md`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use geoheap_sim::planted::{ALL, Bug};
use geoheap_sim::{Check, Options, Shrunk, run, shrink};

/// Ticks of one run.
const TICKS: u64 = 1_500;
/// Seeds that may be needed for one bug.
const SEEDS_MAX: u64 = 300;
/// Seeds that are clean without any.
const CLEAN_SEEDS: u64 = 120;

/// What it took to find a bug.
#[derive(Debug)]
struct Found {
    bug: Bug,
    /// Seeds that were run, the one that found it among them; `None` if none did.
    seeds: Option<u64>,
    check: String,
    message: String,
}

/// The properties that a bug of a rule is to be seen by: another one that it breaks as well says
/// too little about what is wrong.
fn properties(bug: Bug) -> &'static [Check] {
    match bug.rule() {
        "R2" => &[Check::Bytes, Check::Retirement, Check::Moves],
        "R3" => &[Check::Bytes, Check::Retirement],
        "R4" => &[Check::Versions],
        "R5" => &[Check::Loss, Check::Retirement],
        // The books of the ranges are the engine's own, which look at themselves.
        "R6" => &[Check::Ranges, Check::Retirement, Check::Panic],
        "R7" => &[Check::Handles, Check::Refusals],
        "R8" if bug == Bug::HiddenWhileMoving => &[Check::Moves],
        "R1" | "R8" | "contents" => &[Check::Bytes, Check::Contents],
        // A pin that is answered and does not hold.
        "R9" => &[Check::Residency, Check::Liveness],
        "R10" => &[Check::Residency],
        "R11" => &[Check::Contents, Check::Refusals],
        "liveness" => &[Check::Liveness],
        other => unreachable!("no bug breaks {other}"),
    }
}

fn find(bug: Bug) -> Found {
    for seed in 0..SEEDS_MAX {
        let options = Options {
            plant: Some(bug),
            ..Options::new(seed, TICKS)
        };
        let finding = run(&options).finding;
        if let Some(finding) = finding.filter(|found| properties(bug).contains(&found.check)) {
            return Found {
                bug,
                seeds: Some(seed + 1),
                check: finding.check.to_string(),
                message: finding.message.chars().take(160).collect(),
            };
        }
    }
    Found {
        bug,
        seeds: None,
        check: String::new(),
        message: String::new(),
    }
}

#[test]
fn every_planted_bug_is_found() {
    std::panic::set_hook(Box::new(|_| {}));
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                while let Some(bug) = ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = find(*bug);
                    let mut all = all.lock().expect("no thread panics with it");
                    all.push(found);
                }
            });
        }
    });
    let _ = std::panic::take_hook();
    let mut all = all.into_inner().expect("no thread panicked");
    all.sort_by_key(|found| found.bug);
    println!("| bug | rule | seeds to find | found by |\n|---|---|---|---|");
    for found in &all {
        let (bug, rule, check) = (found.bug, found.bug.rule(), &found.check);
        let seeds = found
            .seeds
            .map_or(String::from("-"), |seeds| seeds.to_string());
        println!("| `{bug}` | {rule} | {seeds} | {check} |");
        eprintln!("{bug}: {}", found.message);
    }
    let missed: Vec<_> = all.iter().filter(|found| found.seeds.is_none()).collect();
    assert!(
        missed.is_empty(),
        "not found within {SEEDS_MAX} seeds: {missed:?}"
    );
}

#[test]
fn nothing_is_found_without_a_bug() {
    for seed in 0..CLEAN_SEEDS {
        let outcome = run(&Options::new(seed, TICKS));
        assert!(outcome.finding.is_none(), "{outcome}");
    }
}

/// Fewer ticks, classes and actors, and the same check; what is clean stays as it is.
#[test]
fn a_failing_run_is_made_smaller() {
    let failed = run(&Options {
        plant: Some(Bug::FreedAtPublish),
        ..Options::new(0, TICKS)
    });
    let check = failed.finding.as_ref().expect("it is found").check;
    let Shrunk { outcome, runs } = shrink(&failed, 60);
    let (small, whole) = (&outcome.options, &failed.options);
    assert!(runs > 1 && runs <= 60, "{runs} runs");
    assert_eq!(
        outcome.finding.as_ref().expect("it still fails").check,
        check
    );
    assert!(small.ticks <= failed.finding.as_ref().expect("it is found").tick);
    assert!(outcome.classes.len() < failed.classes.len(), "{small}");
    assert!(
        small.clients_max < whole.clients_max && small.renderers_max < whole.renderers_max,
        "{small}"
    );
    assert_eq!(
        run(small).hash,
        outcome.hash,
        "what is left is a run of its own"
    );

    let cut = shrink(&failed, 1);
    assert_eq!(cut.runs, 1, "as many runs as it was given");
    let clean = run(&Options::new(0, 20));
    let Shrunk { outcome, runs } = shrink(&clean, 60);
    assert_eq!((runs, outcome.hash), (0, clean.hash));
}
