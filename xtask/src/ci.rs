//! `cargo xtask ci`: the checks beside the tests, one after the other.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use clap::ValueEnum;
use serde_json::Value;

use crate::cli::Step;
use crate::process::{Failure, cargo, run as run_command, run_caught};
use crate::report;
use crate::workspace::Workspace;
use crate::{demo, interleavings, replays, simulation, tidy, vulkan};

/// The budget of the short flights.
const BUDGET_MIB: u64 = 64;

/// Frames of a short flight, and of one under the layer, which makes them slow.
const FRAMES: &str = "120";
const WATCHED_FRAMES: &str = "40";

/// The layer of the watched flight.
const LAYER: &str = "VK_LAYER_KHRONOS_validation";

/// The examples that need a driver; all but the last check their own picture.
const EXAMPLES: [&str; 6] = [
    "draw",
    "own_threads",
    "gpu_culling",
    "hand_over",
    "levels_of_detail",
    "probed_budget",
];

/// What all short flights share. The size is small because a software driver draws it.
const FLIGHT: [&str; 7] = [
    "--headless",
    "--check",
    "--size",
    "320x180",
    "--seed",
    "1",
    "--budget",
];

/// What the flight over the GPU's terrain has besides.
const GPU_TERRAIN: [&str; 3] = ["--gpu-terrain", "--gpu-heap", "3MiB"];

/// Runs the steps in `only`, or all of them, up to the first that fails.
///
/// # Errors
/// When a step fails; the text names it.
pub(crate) fn run(
    workspace: &Workspace,
    may_install: bool,
    only: &[Step],
    release: bool,
) -> Result<(), Failure> {
    for &step in Step::value_variants() {
        if !only.is_empty() && !only.contains(&step) {
            continue;
        }
        let name = format!("{step:?}").to_lowercase();
        eprintln!("== {name}");
        let start = Instant::now();
        let outcome = run_step(step, workspace, may_install, release);
        let seconds = start.elapsed().as_secs_f64();
        if let Err(failure) = outcome {
            let text = format!("step {name} failed after {seconds:.1} s: {failure}");
            return Err(Failure::new(text));
        }
        eprintln!("== {name}: passed in {seconds:.1} s");
    }
    Ok(())
}

/// Flights in which one creation of a buffer fails, for each of them; the suite itself takes a
/// sample.
fn every_creation(workspace: &Workspace) -> Result<(), Failure> {
    vulkan::ensure_driver(false)?;
    let mut cargo = cargo(&workspace.root);
    cargo.args([
        "test",
        "--release",
        "-p",
        "geoheap",
        "--test",
        "it",
        "creations",
    ]);
    run_command(cargo.env("GEOHEAP_ALL_CREATIONS", "1"))
}

fn run_step(
    step: Step,
    workspace: &Workspace,
    may_install: bool,
    release: bool,
) -> Result<(), Failure> {
    let mut cargo = cargo(&workspace.root);
    match step {
        Step::Fmt => {
            need_component(workspace, "fmt", "rustfmt")?;
            run_command(cargo.args(["fmt", "--all", "--check"]))
        }
        Step::Tidy => tidy::run(workspace),
        Step::Clippy => clippy(workspace),
        Step::Docs => {
            cargo
                .args(["doc", "--workspace", "--no-deps"])
                .env("RUSTDOCFLAGS", "-D warnings");
            run_command(&mut cargo)
        }
        Step::Demo => {
            vulkan::ensure_driver(may_install)?;
            for example in EXAMPLES {
                let mut cargo = crate::process::cargo(&workspace.root);
                run_command(cargo.args(["run", "-p", "geoheap", "--example", example]))?;
            }
            let program = demo::build(workspace, release)?;
            draw(&program, &workspace.target_dir.join("ci-demo"))
        }
        Step::Lockstep => {
            let program = demo::build(workspace, release)?;
            fly_twice(&program, &workspace.target_dir)
        }
        Step::Replays => replays::run(workspace, release),
        Step::Validation => {
            vulkan::ensure_driver(may_install)?;
            vulkan::ensure_layers(may_install)?;
            let program = demo::build(workspace, release)?;
            watch(&program, &workspace.target_dir.join("ci-validation"))
        }
        Step::Simulation => simulation::check(workspace),
        Step::Planted => {
            let args = ["-p", "geoheap-sim", "--features", "planted-bugs"];
            run_command(cargo.args(["test", "--release"]).args(args))
        }
        // Only without debug assertions these go all the way.
        Step::SmallScope => {
            let args = ["-p", "geoheap-suballoc", "--lib", "small_scope"];
            run_command(cargo.args(["test", "--release"]).args(args))
        }
        Step::Endurance => {
            let args = ["-p", "geoheap-frame-sync", "-p", "geoheap"];
            let args = args.into_iter().chain(["--test", "endurance"]);
            run_command(cargo.args(["test", "--release"]).args(args))?;
            every_creation(workspace)
        }
    }
}

/// Clippy over everything, the fuzzer's entries included.
fn clippy(workspace: &Workspace) -> Result<(), Failure> {
    need_component(workspace, "clippy", "clippy")?;
    run_command(
        cargo(&workspace.root)
            .args(["clippy", "--workspace", "--all-targets"])
            .args(["--", "-D", "warnings"]),
    )?;
    // The fuzzer itself is not built for that: nothing is linked here.
    run_command(
        cargo(&workspace.root)
            .args(["clippy", "-p", "geoheap-fuzz", "--features", "libfuzzer"])
            .args(["--bins", "--", "-D", "warnings"])
            .env(
                "CUSTOM_LIBFUZZER_PATH",
                workspace.target_dir.join("libfuzzer.a"),
            ),
    )?;
    // The feature is in no other build.
    for package in ["geoheap", "geoheap-sim"] {
        run_command(
            cargo(&workspace.root)
                .args(["clippy", "-p", package, "--features", "planted-bugs"])
                .args(["--all-targets", "--", "-D", "warnings"]),
        )?;
    }
    interleavings::clippy(workspace)
}

/// Fails with the command that brings a component where a minimal toolchain lacks it.
fn need_component(workspace: &Workspace, command: &str, name: &str) -> Result<(), Failure> {
    let output = cargo(&workspace.root).args([command, "--version"]).output();
    if output.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let text = format!("cargo {command} is missing; `rustup component add {name}` brings it");
    Err(Failure::new(text))
}

/// A flight on the real driver, whose report and pictures are looked at.
fn draw(program: &Path, out: &Path) -> Result<(), Failure> {
    fly(program, &["--backend", "wgpu"], out)?;
    let pictures = demo::pictures(out);
    for start in ["frame-", "heap."] {
        let of_kind = pictures.iter().filter(|name| name.starts_with(start));
        let whole = of_kind.filter(|name| is_png(&out.join(name))).count();
        if whole == 0 {
            let out = out.display();
            return Err(Failure::new(format!(
                "the flight left no {start}*png in {out}"
            )));
        }
    }
    Ok(())
}

/// Two flights on the virtual GPU, core single-threaded, which must agree in every count.
fn fly_twice(program: &Path, target_dir: &Path) -> Result<(), Failure> {
    let args = ["--backend", "virtual", "--lockstep"];
    let first = fly(program, &args, &target_dir.join("ci-lockstep-1"))?;
    let second = fly(program, &args, &target_dir.join("ci-lockstep-2"))?;
    let unequal = report::differences(&first, &second);
    if unequal.is_empty() {
        return Ok(());
    }
    let text = format!(
        "two flights with one seed differ:\n    {}",
        unequal.join("\n    ")
    );
    Err(Failure::new(text))
}

/// Flights under Vulkan's validation layer: over the landscape, and over the terrain that the GPU
/// makes, in a heap in which there is not room for all of it.
fn watch(program: &Path, out: &Path) -> Result<(), Failure> {
    fly_watched(program, &[], out)?;
    let terrain = out.join("terrain");
    fly_watched(program, &GPU_TERRAIN, &terrain)?;
    let path = terrain.join("report.json");
    let report = read_json(&path)?;
    let wrong = report::terrain_violations(&report);
    if wrong.is_empty() {
        return Ok(());
    }
    let wrong = wrong.join("\n    ");
    Err(Failure::new(format!(
        "{} is not as it must be:\n    {wrong}",
        path.display()
    )))
}

/// A flight under Vulkan's validation layer, which must have been there and silent.
fn fly_watched(program: &Path, args: &[&str], out: &Path) -> Result<(), Failure> {
    let text = run_caught(
        flight(program, WATCHED_FRAMES, args, out)
            .env("VK_INSTANCE_LAYERS", LAYER)
            // The loader says which layers it loads, so that silence means something.
            .env("VK_LOADER_DEBUG", "layer"),
    )?;
    let wrong = complaints(&text);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("    {}", wrong.join("\n    "))))
}

/// What a watched flight printed that it must not print, or that the layer was not there.
fn complaints(text: &str) -> Vec<&str> {
    let is_loaded = |line: &str| line.contains("Loading layer library") && line.contains("valid");
    if !text.lines().any(is_loaded) {
        return vec!["the validation layer was not loaded"];
    }
    let complains = |line: &&str| line.contains("VUID-") || line.contains("Validation Error");
    text.lines().filter(complains).collect()
}

/// A short flight of so many frames, its output in `out`.
fn flight(program: &Path, frames: &str, args: &[&str], out: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(FLIGHT)
        .arg(format!("{BUDGET_MIB}MiB"))
        .args(["--frames", frames])
        .args(args)
        .arg("--out")
        .arg(out);
    command
}

/// Flies into an empty folder and returns the report, checked.
fn fly(program: &Path, args: &[&str], out: &Path) -> Result<Value, Failure> {
    empty(out)?;
    run_command(&mut flight(program, FRAMES, args, out))?;
    let path = out.join("report.json");
    let report = read_json(&path)?;
    let wrong = report::violations(&report, BUDGET_MIB << 20);
    if wrong.is_empty() {
        return Ok(report);
    }
    let text = format!(
        "{} is not as it must be:\n    {}",
        path.display(),
        wrong.join("\n    ")
    );
    Err(Failure::new(text))
}

/// Removes a folder: what an earlier flight left must not pass for this one's.
pub(crate) fn empty(out: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(out) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(format!("{}: {error}", out.display())))
        }
        _ => Ok(()),
    }
}

pub(crate) fn read_json(path: &Path) -> Result<Value, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| failed(&error))
}

/// Whether a file begins as PNG files do.
fn is_png(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_layers_silence_counts_only_if_it_was_there() {
        let loaded = "DEBUG | LAYER: Loading layer library libVkLayer_khronos_validation.so\n";
        assert!(complaints(loaded).is_empty(), "it was there, and silent");
        assert_eq!(complaints("frame 3 of 40\n").len(), 1, "it was not there");
        let error = "Validation Error: [ VUID-vkCmdDraw-None-02721 ] Object 0: ...";
        let text = format!("{loaded}{error}\nframe 3 of 40\n");
        assert_eq!(complaints(&text), [error], "it had something to say");
    }

    #[test]
    fn a_missing_component_is_named_with_its_remedy() {
        let workspace = Workspace::load().unwrap();
        let failure = need_component(&workspace, "no-such-command", "nothing").unwrap_err();
        assert!(
            failure.to_string().contains("rustup component add nothing"),
            "{failure}"
        );
    }

    #[test]
    fn a_report_that_is_missing_or_torn_is_named() {
        let folder = std::env::temp_dir().join(format!("geoheap-ci-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("report.json");
        let missing = read_json(&path).unwrap_err().to_string();
        fs::write(&path, "{ \"frames\": ").unwrap();
        let torn = read_json(&path).unwrap_err().to_string();
        fs::write(&path, "{ \"frames\": 1 }").unwrap();
        let whole = read_json(&path).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        for said in [missing, torn] {
            assert!(said.contains("report.json: "), "{said}");
        }
        assert_eq!(whole["frames"], 1);
    }

    /// A program that stands in for the demo and leaves `report` and pictures in `--out`.
    #[cfg(unix)]
    fn stand_in(folder: &Path, report: &str) -> PathBuf {
        let script = format!(
            "#!/bin/sh\nfor out; do :; done\nmkdir -p \"$out\"\ncat > \"$out/report.json\" <<END\n\
             {report}\nEND\nprintf '\\211PNG\\r\\n\\032\\n' > \"$out/frame-1.png\"\n"
        );
        fs::create_dir_all(folder).unwrap();
        let program = folder.join("geoheap-demo");
        // A child writes it: were this process to, a child of another test could inherit the
        // open file for a moment, and the system refuses to run what is open for writing.
        let mut shell = Command::new("sh");
        shell.args(["-c", "printf %s \"$1\" > \"$0\" && chmod +x \"$0\""]);
        assert!(
            shell.arg(&program).arg(script).status().unwrap().success(),
            "{program:?}"
        );
        program
    }

    #[cfg(unix)]
    #[test]
    fn flights_are_judged_by_what_they_leave() {
        let folder = std::env::temp_dir().join(format!("geoheap-fly-{}", std::process::id()));
        let report = |errors: &str, draws: &str| {
            format!(
                "{{ \"schema\": \"geoheap-demo-report/1\", \"budget_bytes\": {0}, \
                 \"gpu_bytes_peak\": {0}, \"gpu_errors\": {errors}, \"content_mismatches\": 0, \
                 \"hidden_uses\": 0, \"long_lived_moves\": 0, \"long_lived_evictions\": 0, \
                 \"content_checks\": 1, \"draws\": {draws}, \"upload_bytes\": 1, \
                 \"blocks_added\": 1 }}",
                BUDGET_MIB << 20
            )
        };
        let good = stand_in(&folder.join("good"), &report("0", "1"));
        let wrong = stand_in(&folder.join("wrong"), &report("1", "1"));
        // The process's id differs from flight to flight.
        let wavering = stand_in(&folder.join("wavering"), &report("0", "$$"));
        let out = folder.join("out");
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("heap.png"), b"\x89PNG\r\n\x1a\n").unwrap();
        let drawn = draw(&good, &out).map_err(|failure| failure.to_string());
        let twice = fly_twice(&good, &folder).map_err(|failure| failure.to_string());
        let judged = [draw(&wrong, &out), fly_twice(&wavering, &folder)];
        let judged = judged.map(|outcome| outcome.unwrap_err().to_string());
        fs::remove_dir_all(&folder).unwrap();
        // The heap's picture was an earlier flight's, which does not count.
        assert!(
            drawn.unwrap_err().contains("left no heap.*png"),
            "no picture of the heap"
        );
        twice.unwrap();
        assert!(
            judged[0].contains("gpu_errors is 1, expected 0"),
            "{}",
            judged[0]
        );
        assert!(judged[1].contains("draws: "), "{}", judged[1]);
    }
}
