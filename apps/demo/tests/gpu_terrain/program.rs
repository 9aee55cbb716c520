//! The program as a whole: `--gpu-terrain --headless`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder of one test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("geoheap-terrain-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn demo(out: &Path, more: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_geoheap-demo"));
    program
        .args(["--gpu-terrain", "--headless", "--lockstep"])
        .args(["--no-interface", "--size", "160x90"])
        .args(more)
        .arg("--out")
        .arg(out)
        .env("RUST_LOG", "warn");
    program.output().expect("the program starts")
}

/// The report without times, and the pictures' bytes by their names.
fn fly(out: &Path, more: &[&str]) -> (Value, Vec<(String, Vec<u8>)>) {
    let output = demo(out, more);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{more:?}: {said}");
    let text = std::fs::read_to_string(out.join("report.json")).expect("a report");
    let mut report: Value = serde_json::from_str(&text).expect("json");
    for time in ["frame_ms", "record_ms"] {
        report.as_object_mut().expect("an object").remove(time);
    }
    let files = std::fs::read_dir(out).expect("a folder").flatten();
    let mut pictures: Vec<(String, Vec<u8>)> = files
        .filter(|file| file.path().extension().is_some_and(|end| end == "png"))
        .map(|file| {
            let name = file.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(file.path()).expect("a picture"))
        })
        .collect();
    pictures.sort();
    (report, pictures)
}

#[test]
fn flights_with_the_same_options_are_the_same() {
    let folder = Folder::new("same");
    let options = ["--frames", "30", "--gpu-heap", "4MiB"];
    let flights = ["a", "b"].map(|name| fly(&folder.0.join(name), &options));
    let [(report, pictures), again] = &flights;
    assert_eq!(*report, again.0);
    assert!(*pictures == again.1, "each picture has the same bytes");
    let names: Vec<&str> = pictures.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"units.png"), "{names:?}");
    assert_eq!(
        names
            .iter()
            .filter(|name| name.starts_with("frame-"))
            .count(),
        6
    );
    assert_eq!(report["gpu_errors"], 0, "{report}");
    let counts = &report["gpu_alloc"];
    for key in [
        "batches",
        "requests",
        "ok",
        "no_space",
        "freed",
        "copied_bytes",
    ] {
        assert!(counts[key].as_u64() > Some(0), "{key}: {counts}");
    }
    assert!(counts["readback_bytes"].as_u64() > Some(0), "{counts}");
    let parts = ["ok", "no_space", "zero", "invalid"];
    let parts = parts.map(|key| counts[key].as_u64().expect("a number"));
    assert_eq!(counts["requests"], parts.iter().sum::<u64>(), "{counts}");
    assert_eq!(counts["invalid"], 0, "{counts}");
    let outside = report["outside_bytes"].as_u64();
    assert!(outside > Some(4 << 20), "the heap and its tables: {report}");
    assert_eq!(report["whole_pictures"].as_array().map(Vec::len), Some(0));
    let lag = counts["mirror_lag_batches"].as_u64();
    assert!((1..=2).contains(&lag.expect("a number")), "{counts}");
}

fn check_refused(more: &[&str], parts: &[&str]) {
    let folder = Folder::new("refused");
    let output = demo(&folder.0, more);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{more:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{more:?}: `{part}` missing in {said}");
    }
}

#[test]
fn what_cannot_be_flown_is_refused() {
    check_refused(&["--gpu-heap", "64KiB"], &["--gpu-heap", "1MiB"]);
    check_refused(
        &["--gpu-heap", "8GiB"],
        &["--gpu-heap", "buffers of at most"],
    );
    check_refused(
        &["--backend", "virtual"],
        &["--gpu-terrain", "--backend wgpu"],
    );
    check_refused(&["--scene", "model"], &["--gpu-terrain", "--scene"]);
    check_refused(
        &["--lose-device-at", "3"],
        &["--gpu-terrain", "--lose-device-at"],
    );
}
