//! Whole flights of the program over a small world on the virtual GPU, and what it refuses.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use geoheap::TRACE_VARIABLE;
use serde_json::Value;

/// A folder of one test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("geoheap-demo-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// A world of 49 by 49 samples: hills around a valley.
    fn elevation(&self) -> String {
        let path = self.path("hills.png");
        let file = std::fs::File::create(&path).expect("a file in the folder");
        let mut encoder = png::Encoder::new(file, 49, 49);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Sixteen);
        let heights = (0..49_u32 * 49).flat_map(|i| {
            let (x, y) = (i % 49, i / 49);
            let height = 900 + x.abs_diff(24).pow(2) * 2 + y.abs_diff(20) * 12;
            u16::try_from(height)
                .expect("a few thousand metres")
                .to_be_bytes()
        });
        let bytes: Vec<u8> = heights.collect();
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(&bytes).expect("all samples");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn demo(arguments: &[&str]) -> Output {
    program(arguments).output().expect("the program starts")
}

fn program(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_geoheap-demo"));
    program.args(arguments).env("RUST_LOG", "warn");
    program
}

/// Flies on the virtual GPU and returns the report.
fn fly(folder: &Folder, out: &str, more: &[&str]) -> Value {
    fly_on("virtual", folder, out, more)
}

/// Flies without a window and returns the report.
fn fly_on(backend: &str, folder: &Folder, out: &str, more: &[&str]) -> Value {
    fly_with(backend, folder, out, more, &|program| program)
}

/// Flies on the virtual GPU and returns the report, and how many times the program told the heap to
/// replace contents, as the heap's trace has it.
fn fly_counting_updates(folder: &Folder, out: &str, more: &[&str]) -> (Value, u64) {
    let trace = folder.path(&format!("{out}.trace"));
    let report = fly_with("virtual", folder, out, more, &|program| {
        program.env(TRACE_VARIABLE, &trace)
    });
    let trace = std::fs::read_to_string(&trace).expect("a trace");
    let updates = trace.lines().filter(|line| line.starts_with("update "));
    (report, updates.count() as u64)
}

fn fly_with(
    backend: &str,
    folder: &Folder,
    out: &str,
    more: &[&str],
    change: &dyn Fn(&mut Command) -> &mut Command,
) -> Value {
    let (elevation, out) = (folder.elevation(), folder.path(out));
    let mut arguments = vec![
        "--headless",
        "--backend",
        backend,
        "--elevation",
        &elevation,
        "--out",
        &out,
    ];
    arguments.extend(more);
    let output = change(&mut program(&arguments)).output();
    let output = output.expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    let text = std::fs::read_to_string(Path::new(&out).join("report.json")).expect("a report");
    assert!(
        Path::new(&out).join("heap.png").is_file(),
        "the heap is drawn"
    );
    serde_json::from_str(&text).expect("json")
}

fn number(report: &Value, key: &str) -> u64 {
    report[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} is a number in {report}"))
}

/// What must be zero in every flight.
fn check_sound(report: &Value) {
    for key in [
        "hidden_uses",
        "stale_lookups",
        "long_lived_moves",
        "long_lived_evictions",
        "gpu_errors",
        "content_mismatches",
    ] {
        assert_eq!(number(report, key), 0, "{key} in {report}");
    }
    let (peak, budget) = (
        number(report, "gpu_bytes_peak"),
        number(report, "budget_bytes"),
    );
    assert!(peak <= budget, "R10: {peak} of {budget}");
}

#[test]
fn one_thread_and_one_seed_count_the_same_twice() {
    let folder = Folder::new("lockstep");
    let flags = [
        "--lockstep",
        "--frames",
        "60",
        "--budget",
        "40MiB",
        "--seed",
        "5",
        "--check",
    ];
    let mut reports = [fly(&folder, "a", &flags), fly(&folder, "b", &flags)];
    for report in &mut reports {
        check_sound(report);
        let report = report.as_object_mut().expect("an object");
        report.remove("frame_ms");
        report.remove("record_ms");
    }
    let [first, second] = reports;
    assert_eq!(first, second, "D1");
    assert!(
        number(&first, "evictions") > 0,
        "the world outgrows the budget: {first}"
    );
    assert!(number(&first, "content_checks") > 30, "{first}");
}

#[test]
fn threads_count_soundly_and_the_budget_may_change() {
    let folder = Folder::new("threads");
    let flags = [
        "--frames",
        "60",
        "--budget",
        "96MiB",
        "--budget-at",
        "30=40MiB",
        "--check",
    ];
    let report = fly(
        &folder,
        "out",
        &[&flags[..], &["--render-threads", "3"]].concat(),
    );
    assert_eq!(
        number(&report, "budget_bytes"),
        40 << 20,
        "changed at frame 30"
    );
    assert_eq!(number(&report, "hidden_uses"), 0, "R8");
    assert_eq!(number(&report, "stale_lookups"), 0, "W1");
    assert_eq!(number(&report, "content_mismatches"), 0);
    assert!(number(&report, "content_checks") > 0);
}

/// The frames until all in view was there again, for each loss of the device.
fn frames_until_visible(report: &Value) -> Vec<u64> {
    let frames = report["frames_until_visible_resident"].as_array();
    let frames = frames.expect("a list").iter();
    let frames = frames.map(|frames| frames.as_u64().expect("the flight went on"));
    frames.collect()
}

#[test]
fn a_flight_goes_on_when_the_device_is_lost() {
    let folder = Folder::new("lost");
    let flags = [
        "--lockstep",
        "--frames",
        "60",
        "--budget",
        "96MiB",
        "--check",
    ];
    let losses = ["--lose-device-at", "34", "--lose-device-at", "12"];
    let lossy = [&flags[..], &losses].concat();
    let counted = |out, flags| {
        let (report, updates) = fly_counting_updates(&folder, out, flags);
        // How many there are the heap decides, as one waits until the one before is through.
        let carried_out = number(&report, "blocks_updated");
        assert_eq!(carried_out, updates, "R11: none goes with a device");
        assert!(updates > 3, "there are some: {report}");
        report
    };
    let mut reports = ["a", "b"].map(|out| counted(out, &lossy));
    for report in &mut reports {
        check_sound(report);
        assert_eq!(number(report, "device_losses"), 2, "{report}");
        assert_eq!(report["device_lost_at_frames"].to_string(), "[12,34]");
        let until = frames_until_visible(report);
        assert_eq!(until.len(), 2, "{report}");
        let while_flying = until.iter().all(|frames| (1..20).contains(frames));
        assert!(while_flying, "something was away, and came back: {until:?}");
        let report = report.as_object_mut().expect("an object");
        report.remove("frame_ms");
        report.remove("record_ms");
    }
    let undisturbed = counted("undisturbed", &flags);
    assert_eq!(
        frames_until_visible(&undisturbed),
        [0; 0],
        "nothing was lost"
    );
    // Its bytes are not quite: the interface's figures are those of the heap.
    for key in ["blocks_added", "blocks_removed"] {
        let both = [&reports[0], &undisturbed].map(|report| number(report, key));
        assert_eq!(both[0], both[1], "the world is the same: {key}");
    }
    let [first, second] = reports;
    assert_eq!(first, second, "D1");
    assert!(number(&first, "content_checks") > 30, "{first}");

    let threads = ["--frames", "60", "--budget", "96MiB", "--check"];
    let report = fly(&folder, "threads", &[&threads[..], &losses].concat());
    assert_eq!(number(&report, "content_mismatches"), 0, "{report}");
    assert_eq!(number(&report, "device_losses"), 2, "{report}");
}

/// Flies on a GPU and returns the report and the pictures, by frame.
fn pictures(folder: &Folder, out: &str, more: &[&str]) -> (Value, Vec<(u64, Vec<u8>)>) {
    let mut flags = vec!["--lockstep", "--no-interface", "--frames", "72"];
    flags.extend(["--size", "160x90", "--budget", "192MiB"]);
    flags.extend(more);
    let report = fly_on("wgpu", folder, out, &flags);
    let files = std::fs::read_dir(folder.path(out)).expect("the output folder");
    let mut pictures: Vec<(u64, Vec<u8>)> = files
        .filter_map(|file| {
            let path = file.expect("a file").path();
            let name = path.file_stem()?.to_str()?.strip_prefix("frame-")?;
            let bytes = std::fs::read(&path).expect("a picture");
            Some((name.parse().expect("a frame"), bytes))
        })
        .collect();
    pictures.sort();
    (report, pictures)
}

#[test]
fn pictures_are_the_same_once_all_in_view_is_back_on_the_next_device() {
    let folder = Folder::new("pixels");
    let (report, expected) = pictures(&folder, "undisturbed", &[]);
    check_sound(&report);
    let frames: Vec<u64> = expected.iter().map(|(frame, _)| *frame).collect();
    assert_eq!(frames, [6, 18, 30, 42, 54, 66], "along the flight");
    let whole = report["whole_pictures"].as_array().expect("a list");
    assert!(whole.len() >= 5, "it lacks nothing: {whole:?}");
    let losses = [7, 31, 55];
    let flags = losses.map(|frame| format!("--lose-device-at={frame}"));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (report, got) = pictures(&folder, "lost", &flags);
    check_sound(&report);
    assert_eq!(number(&report, "device_losses"), 3, "{report}");
    let until = frames_until_visible(&report);
    let whole = report["whole_pictures"].as_array().expect("a list");
    for (nth, (lost, until)) in losses.iter().zip(until).enumerate() {
        let next = losses.get(nth + 1).copied().unwrap_or(u64::MAX);
        let after = (lost + until)..next;
        let mut compared = 0;
        for (expected, got) in expected.iter().zip(&got) {
            if after.contains(&got.0) && whole.contains(&Value::from(got.0)) {
                assert!(expected == got, "frame {} after the loss in {lost}", got.0);
                compared += 1;
            }
        }
        assert!(compared > 0, "no picture in {after:?}");
    }
}

#[test]
fn without_stand_ins_what_is_away_is_left_out() {
    let folder = Folder::new("fallback");
    let flags = ["--lockstep", "--frames", "40", "--budget", "40MiB"];
    let with = fly(&folder, "with", &flags);
    let without = fly(
        &folder,
        "without",
        &[&flags[..], &["--no-fallback"]].concat(),
    );
    assert!(number(&with, "draws_fallback") > 0, "{with}");
    assert_eq!(number(&without, "draws_fallback"), 0, "{without}");
    assert!(
        number(&without, "draws_skipped") > number(&with, "draws_skipped"),
        "what was stood in for is skipped"
    );
}

#[test]
fn a_world_of_one_model_stays_small() {
    let folder = Folder::new("model");
    let report = fly(
        &folder,
        "out",
        &["--lockstep", "--frames", "80", "--scene", "model"],
    );
    check_sound(&report);
    assert_eq!(
        number(&report, "chunks_peak"),
        2,
        "one dynamic, one long-lived: {report}"
    );
    assert_eq!(number(&report, "moves"), 0, "small heaps are left alone");
    assert!(
        number(&report, "draws") >= 70,
        "the model is drawn: {report}"
    );
}

#[test]
fn an_unchanged_scene_uploads_nothing_more() {
    let folder = Folder::new("still");
    let flags = ["--lockstep", "--scene", "still", "--budget", "256MiB"];
    let short = fly(
        &folder,
        "short",
        &[&flags[..], &["--frames", "120"]].concat(),
    );
    let long = fly(
        &folder,
        "long",
        &[&flags[..], &["--frames", "1120"]].concat(),
    );
    assert_eq!(
        number(&short, "upload_bytes"),
        number(&long, "upload_bytes"),
        "a thousand frames more upload nothing: {long}"
    );
}

fn check_refused(arguments: &[&str], parts: &[&str]) {
    let output = demo(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    for part in parts {
        assert!(
            said.contains(part),
            "{arguments:?}: `{part}` missing in: {said}"
        );
    }
}

#[test]
fn bad_input_is_refused_before_anything_starts() {
    let folder = Folder::new("refused");
    let out = folder.path("out");
    let base = ["--backend", "virtual", "--frames", "1", "--out", &out];
    let check = |more: &[&str], parts: &[&str]| {
        check_refused(&[&base[..], more].concat(), parts);
        assert!(!Path::new(&out).exists(), "{more:?}: nothing was written");
    };
    let bad_png = folder.path("bad.png");
    std::fs::write(&bad_png, b"not a picture").expect("written");
    let bad_gltf = folder.path("bad.gltf");
    std::fs::write(&bad_gltf, b"{\"asset\":{\"version\":\"2.0\"},\"meshes\":[").expect("written");
    let bad_script = folder.path("bad.txt");
    std::fs::write(&bad_script, "0 1 2 3\n").expect("written");
    check(&["--budget", "1MiB"], &["--budget", "16773120"]);
    check(&["--budget-at", "5=2MiB"], &["--budget-at"]);
    check(&["--lose-device-at", "1"], &["--lose-device-at", "0 to 0"]);
    check(&["--budget", "much"], &["--budget", "MiB"]);
    check(&["--elevation", &bad_png], &["bad.png"]);
    check(&["--elevation", "/nowhere.png"], &["/nowhere.png"]);
    check(&["--gltf", &bad_gltf], &["bad.gltf"]);
    check(&["--gltf", "/nowhere.glb"], &["/nowhere.glb"]);
    check(&["--camera-script", &bad_script], &["bad.txt:1"]);
    check(&["--size", "0x0"], &["16 to 8192"]);
}

/// The numbers of one of the lists of the report's series.
fn series(report: &Value, key: &str) -> Vec<u64> {
    let points = report["series"][key].as_array();
    let points = points.unwrap_or_else(|| panic!("{key} is a list"));
    points.iter().filter_map(Value::as_u64).collect()
}

/// Flies over the built-in landscape on the virtual GPU.
fn fly_far(folder: &Folder, more: &[&str]) -> Value {
    let out = folder.path("out");
    let base = ["--backend", "virtual", "--lockstep", "--out", &out];
    let output = demo(&[&base[..], more].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{more:?}: {said}");
    let text = std::fs::read_to_string(Path::new(&out).join("report.json")).expect("a report");
    let report = serde_json::from_str(&text).expect("json");
    check_sound(&report);
    report
}

#[test]
fn a_world_of_eight_times_the_budget_makes_even_frames() {
    let folder = Folder::new("even");
    let report = fly_far(&folder, &["--frames", "300", "--budget", "68MiB"]);
    let (world, budget) = (
        number(&report, "world_bytes"),
        number(&report, "budget_bytes"),
    );
    assert!(world >= 8 * budget, "a world of {world} for {budget}");
    assert!(number(&report, "evictions") > 100, "{report}");
    assert_eq!(number(&report, "degraded_frames"), 0, "what is seen fits");
    let spread = &report["virtual_frame_ms"];
    let ms = |key: &str| spread[key].as_f64().expect("milliseconds");
    assert!(ms("p99") <= 1.5 * ms("p50"), "{spread}");
}

#[test]
fn turning_round_and_back_loads_nothing_again() {
    let folder = Folder::new("turn");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/flights/turn_round.txt");
    let report = fly_far(&folder, &["--camera-script", script, "--budget", "128MiB"]);
    assert_eq!(number(&report, "soon_missed"), 0, "{report}");
    assert!(
        number(&report, "evictions") > 100,
        "others leave meanwhile: {report}"
    );
    let came_back = series(&report, "stream_in_bytes");
    assert_eq!(came_back.len(), 180, "a point a frame");
    let turns = (&came_back[90..130], &came_back[130..]);
    assert!(turns.0.iter().sum::<u64>() > 0, "the first turn loads");
    assert_eq!(turns.1.iter().sum::<u64>(), 0, "the others do not");
}

#[test]
fn the_report_shows_the_way_down_and_up_of_a_budget() {
    let folder = Folder::new("halved");
    let flags = ["--lockstep", "--frames", "200", "--budget", "80MiB"];
    let changes = ["--budget-at", "60=40MiB", "--budget-at", "120=80MiB"];
    let flags = [&flags[..], &changes, &["--check"]].concat();
    let report = fly(&folder, "out", &flags);
    check_sound(&report);
    assert!(number(&report, "content_checks") > 100, "{report}");
    let (budget, held) = (
        series(&report, "budget_bytes"),
        series(&report, "held_bytes"),
    );
    let mib = |count: u64| count << 20;
    assert_eq!((budget[59], budget[61]), (mib(80), mib(40)), "the way down");
    assert_eq!((budget[119], budget[121]), (mib(40), mib(80)), "and up");
    assert_eq!(series(&report, "budget_effective_bytes"), budget);
    assert!(held[50..60].iter().any(|held| *held > mib(40)), "{held:?}");
    assert!(
        held[100..120].iter().all(|held| *held <= mib(40)),
        "{held:?}"
    );
    assert!(held[130..].iter().any(|held| *held > mib(40)), "{held:?}");
}

/// While the flight goes on loading as fast as it may, the way down takes less than a second.
#[test]
fn a_budget_that_is_halved_is_kept_within_fifty_frames() {
    let folder = Folder::new("halved-far");
    let flags = ["--frames", "130", "--budget", "128MiB"];
    let changes = ["--budget-at", "70=64MiB", "--budget-at", "125=128MiB"];
    let report = fly_far(&folder, &[&flags[..], &changes].concat());
    let held = series(&report, "held_bytes");
    assert!(held[69] > 120 << 20, "{held:?}");
    let kept = &held[120..125];
    assert!(kept.iter().all(|held| *held <= 64 << 20), "{held:?}");
    assert_eq!(number(&report, "degraded_frames"), 0, "what is seen fits");
}
