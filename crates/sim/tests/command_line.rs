//! What the program takes, prints and returns.

use std::path::PathBuf;
use std::process::{Command, Output};

use geoheap_sim::{FaultClass, Faults, GpuKind, Options, engine, run};
use serde_json::Value;

/// Exit status: nothing found.
const CLEAN: i32 = 0;
/// Exit status: something found.
#[cfg(feature = "planted-bugs")]
const FOUND: i32 = 1;
/// Exit status: a wrong command line.
const WRONG: i32 = 2;

fn sim(line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_geoheap-sim"));
    command.args(line.split_whitespace());
    command
        .output()
        .expect("the program was built for this test")
}

/// What the program printed, after it ended as it should.
#[track_caller]
fn check(line: &str, status: i32) -> String {
    let output = sim(line);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "`{line}`: {out}{err}");
    if status == WRONG {
        assert!(
            out.is_empty(),
            "`{line}` says what is wrong as its result: {out}"
        );
        return err;
    }
    out
}

#[track_caller]
fn check_json(line: &str, status: i32) -> Value {
    let json = check(&format!("{line} --json"), status);
    let json: Value = serde_json::from_str(&json).expect(&json);
    assert_eq!(json["schema"], "geoheap-sim/1", "`{line}`");
    json
}

/// A file that no run of this test has left.
fn fresh_file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(std::fs::remove_file(&path));
    path
}

#[test]
fn options_are_printed_as_the_command_line_that_repeats_them() {
    let whole = Options::new(3, 40);
    for options in [
        whole.clone(),
        Options {
            faults: Faults::None,
            gpu: GpuKind::Noop,
            ..whole.clone()
        },
        Options {
            faults: Faults::All,
            without: FaultClass::ALL.iter().copied().step_by(2).collect(),
            clients_max: 1,
            renderers_max: 2,
            ..Options::new(u64::MAX, 40)
        },
    ] {
        let json = check_json(&options.to_string(), CLEAN);
        let outcome = run(&options);
        assert_eq!(json["options"], options.to_string());
        assert_eq!(json["seed"], options.seed);
        assert_eq!(json["hash"], format!("{:016x}", outcome.hash), "{options}");
        assert_eq!(json["events"], outcome.events, "{options}");
        let names: Vec<_> = outcome.classes.iter().map(|class| class.name()).collect();
        assert_eq!(json["faults"], Value::from(names), "{options}");
        assert_eq!(json["finding"], Value::Null);
    }
}

#[test]
fn wrong_command_lines_are_refused() {
    for (line, word) in [
        ("--seeds 5", "no range of seeds"),
        ("--seeds 5..5", "no range of seeds"),
        ("--seeds 7..3", "no range of seeds"),
        ("--seeds 0..-3", "no range of seeds"),
        ("--seeds a..b", "no range of seeds"),
        ("--seeds 0..2 --minutes 1", "cannot be used with"),
        ("--seeds 0..2 --fresh 1", "cannot be used with"),
        ("--fresh 2 --minutes 1", "cannot be used with"),
        ("--fresh 2 --seed 1", "cannot be used with"),
        ("--fresh 2 --state a.txt", "cannot be used with"),
        ("--minutes 1 --state a.txt", "cannot be used with"),
        ("--fresh 0", "0 is not in 1.."),
        ("--ticks 9 --state a.txt", "--seeds"),
        ("--seed 1 --ticks 9 --state a.txt", "cannot be used with"),
        ("--seed 1 --seeds 0..2", "cannot be used with"),
        ("--minutes 0", "0 is not in 1.."),
        ("--without weather", "possible values: creation"),
        ("--faults none --without loss", "leaves out all"),
        ("--faults some", "possible values: none, swarm, all"),
        ("--gpu real", "possible values: virtual, noop"),
        ("--jobs 2", "--seeds"),
        ("--seeds 0..2 --jobs 0", "not in 1.."),
        ("--seeds 0..2 --watch 3", "cannot be used with"),
        ("--seed -1", "unexpected argument"),
        ("--ticks many", "invalid digit"),
        ("run --seed 1", "unexpected argument"),
    ] {
        let said = check(line, WRONG);
        assert!(said.contains(word), "`{line}`: {said}");
    }
}

#[test]
fn one_run_without_findings_is_told_in_a_line() {
    let said = check("--seed 3 --ticks 40", CLEAN);
    let hash = run(&Options::new(3, 40)).hash;
    let expected = format!(
        "--seed 3 --ticks 40 --faults swarm --gpu virtual: nothing found, hash {hash:016x}"
    );
    assert_eq!(said.trim_end(), expected);
}

#[test]
fn fresh_seeds_are_printed_and_are_none_that_people_write_down() {
    let output = sim("--fresh 2 --ticks 10 --jobs 1");
    let (out, err) = (output.stdout, output.stderr);
    let (out, err) = (String::from_utf8_lossy(&out), String::from_utf8_lossy(&err));
    assert_eq!(output.status.code(), Some(CLEAN), "{out}{err}");
    assert!(out.starts_with("2 runs of 10 ticks"), "{out}");
    let seeds = err.trim_end().strip_prefix("fresh seeds ").expect(&err);
    let (from, to) = seeds.split_once("..").expect(&err);
    let number = |word: &str| word.parse::<u64>().expect(word);
    assert_eq!(number(to) - number(from), 2);
    assert!(number(from) > 1 << 32, "{seeds}");
}

#[test]
fn a_sweep_that_is_begun_again_goes_on() {
    let path = fresh_file("sweep-goes-on.txt");
    let state = path.to_str().expect("a path of this workspace");
    let sweep = |seeds: &str| format!("--seeds {seeds} --ticks 20 --state {state}");
    let runs = |seeds: &str| check_json(&sweep(seeds), CLEAN)["runs"].clone();
    assert_eq!(runs("2..5"), 3);
    assert_eq!(runs("2..5"), 0, "all of them were run");
    assert_eq!(runs("0..6"), 3, "those before and after them");

    let text = std::fs::read_to_string(&path).expect("the sweep wrote it");
    let mut lines: Vec<_> = text.lines().collect();
    let head = format!(
        "--ticks 20 --faults swarm --gpu virtual on engine {}",
        engine()
    );
    assert_eq!(lines.remove(0), head);
    lines.sort_unstable();
    let expected: Vec<_> = (0..6)
        .map(|seed| {
            let hash = run(&Options::new(seed, 20)).hash;
            format!("{seed} {hash:016x} clean")
        })
        .collect();
    assert_eq!(lines, expected);

    let other = check(&format!("--seeds 0..6 --ticks 21 --state {state}"), WRONG);
    assert!(other.contains("is of other runs"), "{other}");
    std::fs::write(&path, text.replace(&engine(), "0.0.9 e77968acb33cbafa")).expect("it is ours");
    let older = check(&sweep("0..6"), WRONG);
    assert!(
        older.contains("is of engine 0.0.9 e77968acb33cbafa"),
        "{older}"
    );
    assert!(older.contains(&engine()), "{older}");
    // A seed that was found guilty is run again, and what is no seed is refused.
    std::fs::write(&path, text.replace("3 ", "x ")).expect("it is ours");
    let broken = check(&sweep("0..6"), WRONG);
    assert!(broken.contains("no seed"), "{broken}");
}

/// What is told of a finding, with one that is sure to be there.
#[cfg(feature = "planted-bugs")]
mod finding {
    use geoheap_sim::planted::Bug;
    use geoheap_sim::{Finding, Outcome};

    use super::*;

    fn planted(seed: u64) -> Outcome {
        run(&Options {
            plant: Some(Bug::FreedAtPublish),
            ..Options::new(seed, 200)
        })
    }

    /// The arguments of the command that an outcome tells to give again.
    fn again(told: &str) -> &str {
        let line = told
            .lines()
            .find_map(|line| line.strip_prefix("again: cargo run --release -p geoheap-sim "));
        let arguments = line.and_then(|line| line.strip_prefix("--features planted-bugs -- "));
        arguments.expect(told)
    }

    fn of(outcome: &Outcome) -> &Finding {
        outcome.finding.as_ref().expect("the bug is found at once")
    }

    #[test]
    fn it_is_told_with_its_events_and_repeated_by_the_command_that_it_names() {
        let outcome = planted(0);
        let (told, finding) = (outcome.to_string(), of(&outcome));
        assert!(outcome.timeline.len() > 3, "{told}");
        for line in &outcome.timeline {
            assert!(told.contains(line.as_str()), "{line}: {told}");
        }
        assert!(told.contains(&finding.to_string()), "{told}");
        assert!(told.contains(finding.check.code()), "{told}");

        let line = again(&told);
        assert_eq!(line, outcome.options.to_string());
        let json = check_json(line, FOUND);
        assert_eq!(json["hash"], format!("{:016x}", outcome.hash));
        assert_eq!(json["finding"]["check"], finding.check.code());
        assert_eq!(json["finding"]["tick"], finding.tick);
        assert_eq!(json["finding"]["message"], finding.message);
        assert_eq!(json["timeline"], Value::from(outcome.timeline.clone()));

        let said = check(&format!("{line} --no-shrink"), FOUND);
        assert_eq!(said.trim_end(), told);
    }

    #[test]
    fn it_is_made_smaller_and_the_heap_kept() {
        let path = fresh_file("heap-of-a-finding.json");
        let outcome = planted(0);
        let said = check(
            &format!("{} --dump {}", outcome.options, path.display()),
            FOUND,
        );
        let (first, second) = said.split_once("making it smaller ...").expect(&said);
        assert_eq!(again(first), outcome.options.to_string());
        let smaller = check_json(again(second), FOUND);
        assert_eq!(smaller["finding"]["check"], of(&outcome).check.code());
        let heap = std::fs::read_to_string(&path).expect("it was written");
        let heap: Value = serde_json::from_str(&heap).expect("a heap as JSON");
        assert!(heap.is_object(), "{heap}");
    }

    #[test]
    fn a_sweep_tells_of_each_and_runs_the_guilty_again() {
        let path = fresh_file("sweep-finds.txt");
        let plant = Bug::FreedAtPublish;
        let line = format!(
            "--seeds 0..3 --ticks 200 --plant {plant} --state {}",
            path.display()
        );
        for _ in 0..2 {
            let json = check_json(&line, FOUND);
            assert_eq!(json["runs"], 3, "each of them is guilty");
            let findings = json["findings"].as_array().expect("a list");
            let seeds = findings.iter().map(|finding| finding["seed"].as_u64());
            assert!(seeds.is_sorted(), "{json}");
            assert_eq!(findings.len(), 3, "{json}");
            for finding in findings {
                let seed = finding["seed"].as_u64().expect("a number");
                assert_eq!(finding["finding"]["check"], of(&planted(seed)).check.code());
            }
        }
    }
}
