//! `replay`, `record` and `dump` as a user runs them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use geoheap::{
    BlockDesc, ByteLen, Config, GeometryManager, Handle, Lifetime, PartData, Payload, Report,
    Threading, VirtualConfig, VirtualGpu,
};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn inspect(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_geoheap-inspect"));
    command.args(arguments).output().expect("the tool runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes a trace into a file of its own.
fn trace(name: &str, lines: &str) -> String {
    let path = folder().join(format!("{name}.trace"));
    std::fs::write(&path, format!("geoheap-trace 1\n{lines}")).expect("the folder is there");
    path.display().to_string()
}

/// The figures of a replay, and its exit status.
fn replay(arguments: &[&str]) -> (Value, i32) {
    let mut all = vec!["replay", "--json"];
    all.extend(arguments);
    let output = inspect(&all);
    let json = serde_json::from_slice(&output.stdout);
    let json = json.unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    (json, output.status.code().expect("it ended by itself"))
}

/// What a trace comes to, checked.
#[track_caller]
fn check(name: &str, lines: &str, options: &[&str], expected: &[(&str, u64)]) {
    let path = trace(name, lines);
    let mut all = vec![path.as_str(), "--check"];
    all.extend(options);
    let (report, status) = replay(&all);
    assert_eq!(report["schema"], "geoheap-replay/1", "its name");
    for (key, value) in expected {
        assert_eq!(report[key], *value, "{key} of {report:#}");
    }
    assert_eq!(
        (status, &report["violations"]),
        (0, &Value::from(0)),
        "{report:#}"
    );
}

#[test]
fn figures_of_small_traces() {
    check(
        "one",
        "add 1 4096\nframe\nframe\nuse 1\nframe\n",
        &[],
        &[
            ("events", 5),
            ("frames", 3),
            ("ops", 2),
            ("uses", 1),
            ("use_hits", 1),
        ],
    );
    check(
        "without-frames",
        "add 1 4096\n",
        &[],
        &[("live_bytes_end", 4096), ("frames", 0)],
    );
    check(
        "settings",
        "config chunk=1048576\nbudget 67108864\nadd 1 4096\nframe\nframe\n",
        &[],
        &[
            ("chunks_peak", 1),
            ("live_bytes_end", 4096),
            ("gpu_bytes_end", 2_097_152),
        ],
    );
    check(
        "after-the-end",
        "add 1 4096\nframe\nframe\nend\nremove 1\nframe\nframe\n",
        &[],
        &[
            ("live_bytes_end", 4096),
            ("live_bytes_peak", 4096),
            ("frames", 4),
        ],
    );
    check(
        "too-large",
        "add 1 1000000000000\nuse 1\nupdate 1 999999999999\npart 1 1 10\nremove 1\nframe\n",
        &[],
        &[("failed_adds", 1), ("uses", 1), ("use_hits", 0)],
    );
}

#[test]
fn parts_come_change_and_go() {
    let lines = "add 7 9000 kind=mesh stride=20\npart 7 2 800 kind=uniform\nframe\n\
                 use 7\nframe\nframe\nuse 7\npart-update 7 0 4000\npart-update 7 2 801\nframe\n\
                 use 7\nframe\nuse 7\nframe\npart-remove 7 1\nupdate 7 5001 parts=4200,801\n\
                 use 7\nframe\nframe\nuse 7\nupdate 7 5001 in-place\nframe\nframe\nuse 7\nframe\n";
    check("parts", lines, &[], &[("uses", 7), ("failed_adds", 0)]);
}

#[test]
fn a_lag_that_falls_lets_go_of_the_frames_before() {
    // Each frame's block is gone with the next: what is retired must come back all the same.
    let script = |lags: [u32; 3]| {
        let mut lines = String::from("budget 33554432\n");
        for frame in 0..90_usize {
            let lag = lags[frame / 30];
            let _ = writeln!(lines, "add {frame} 524288\nframe lag={lag}\nuse {frame}");
            let _ = writeln!(lines, "frame\nremove {frame}\nframe");
        }
        lines
    };
    for (name, lags) in [
        ("falls", [2, 0, 0]),
        ("comes-and-goes", [0, 1, 0]),
        ("stays", [0; 3]),
    ] {
        let path = trace(name, &script(lags));
        let (report, status) = replay(&[&path, "--check"]);
        assert_eq!(
            (status, &report["failed_adds"]),
            (0, &0.into()),
            "{name}: {report:#}"
        );
        assert_eq!(report["use_hits"], 90, "{name}: {report:#}");
        assert_eq!(
            report["gpu_bytes_end"],
            replay(&[&path, "--frames-in-flight", "0"]).0["gpu_bytes_end"]
        );
    }
}

#[test]
fn contents_written_over_where_they_lie_are_no_violation() {
    let mut lines = String::from("add 1 4096\nframe\nframe\nframe\n");
    for _ in 0..40 {
        lines.push_str("update 1 4096 in-place\nuse 1\nframe\nuse 1\nframe\n");
    }
    for lag in ["0", "1", "2", "5"] {
        check(
            "in-place",
            &lines,
            &["--frames-in-flight", lag],
            &[("uses", 80)],
        );
    }
}

#[test]
fn parts_with_an_alignment_change_their_length() {
    let lines = "add 1 32 kind=storage align=16\npart 1 1 7 align=64\nframe\nframe\n\
                 update 1 47 parts=40,7\nframe\nframe\npart-update 1 1 9\nframe\nframe\nframe\n\
                 use 1\nframe\n";
    let path = trace("aligned", lines);
    let (report, _) = replay(&[&path, "--check"]);
    assert_eq!(
        (&report["violations"], &report["refused"]),
        (&0.into(), &0.into()),
        "{report:#}"
    );
    let dump = inspect(&["dump", &path]);
    let dump = geoheap::HeapDump::from_json(&text(&dump.stdout)).expect("a valid dump");
    let parts = &dump.blocks[0].parts;
    let shown: Vec<_> = parts
        .iter()
        .map(|part| (part.size, part.alignment, &*part.kind))
        .collect();
    assert_eq!(shown, [(40, 16, "storage"), (9, 64, "vertex")]);
}

#[test]
fn reloaded_blocks_have_their_parts_in_order() {
    let lines = "add 1 300 parts=vertex:200:20,index:100:2 source=reload\n\
                 part 1 2 80 kind=uniform\nframe\nframe\npart-remove 1 0\nframe\nframe\npart 1 3 60\nframe\nframe\n\
                 part-update 1 3 50\nframe\nframe\nevict 1\nframe\nframe\nuse 1\nframe\nframe\n\
                 frame\nuse 1\nframe\n";
    check(
        "reloaded",
        lines,
        &[],
        &[("evictions", 1), ("stream_ins", 1), ("use_hits", 1)],
    );
}

#[test]
fn refused_requests_are_counted() {
    let lines = "add 1 4096 long\nframe\nframe\nevict 1\nframe\nuse 1\nframe\n";
    check(
        "refused-requests",
        lines,
        &[],
        &[("refused", 1), ("use_hits", 1)],
    );
}

/// Blocks that do not fit together, looked at one after the other.
fn crowd(source: &str) -> String {
    let mut lines = String::from("config chunk=1048576\n");
    for id in 0..40 {
        let _ = writeln!(
            lines,
            "add {id} 262144 kind=vertex stride=16 source={source} label=b%20{id}"
        );
    }
    for round in 0..3 {
        for id in 0..40 {
            for _ in 0..3 {
                let _ = write!(lines, "use {id}\nframe\n");
            }
            if id % 7 == round {
                let _ = writeln!(lines, "update {id} 131072");
            }
        }
    }
    lines
}

#[test]
fn what_does_not_fit_streams_with_its_own_contents() {
    for source in ["retained", "reload"] {
        let path = trace(&format!("crowd-{source}"), &crowd(source));
        for lag in ["0", "3"] {
            let budget = ["--budget", "6MiB", "--check", "--frames-in-flight", lag];
            let (report, status) = replay(&[&[path.as_str()], &budget[..]].concat());
            assert_eq!(status, 0, "{report:#}");
            assert!(report["evictions"].as_u64() > Some(20), "{report:#}");
            assert!(report["stream_ins"].as_u64() > Some(20), "{report:#}");
            assert!(
                report["gpu_bytes_peak"].as_u64() <= Some(6 << 20),
                "{report:#}"
            );
        }
    }
    let path = trace("crowd-kept", &(crowd("retained") + "tick 600\n"));
    let (report, _) = replay(&[&path, "--budget", "6MiB", "--no-evict"]);
    assert_eq!(report["evictions"], 0);
    assert!(report["failed_adds"].as_u64() > Some(10), "{report:#}");
}

#[test]
fn checking_changes_nothing() {
    let path = trace("same", &crowd("retained"));
    let (mut plain, _) = replay(&[&path, "--budget", "6MiB"]);
    let (mut checked, _) = replay(&[&path, "--budget", "6MiB", "--check"]);
    for report in [&mut plain, &mut checked] {
        report["ns_per_op"] = Value::Null;
        report["violations"] = Value::Null;
    }
    assert_eq!(plain, checked);
}

#[test]
fn series_and_plot_are_written() {
    let path = trace("drawn", &crowd("retained"));
    let (series, plot) = (folder().join("drawn.csv"), folder().join("drawn.svg"));
    let (series, plot) = (series.display().to_string(), plot.display().to_string());
    replay(&[
        &path, "--budget", "6MiB", "--series", &series, "--plot", &plot,
    ]);
    let table = std::fs::read_to_string(series).expect("it was written");
    assert_eq!(
        table.lines().count(),
        361,
        "a head, and a row for each frame"
    );
    let columns = |line: &str| line.split(',').count();
    let counts: Vec<usize> = table.lines().map(columns).collect();
    assert!(
        counts.iter().all(|count| *count == counts[0]),
        "rows are as wide as the head"
    );
    let drawing = std::fs::read_to_string(plot).expect("it was written");
    assert!(drawing.starts_with("<svg") && drawing.contains("evictions"));
}

/// A program that adds, changes, looks and removes, and its figures before it clears up.
fn program(path: &Path) -> Report {
    let (gpu, _control) = VirtualGpu::new(&VirtualConfig::default());
    let config = Config {
        budget_bytes: ByteLen::from_mib(24),
        chunk_bytes: ByteLen::from_mib(2),
        threading: Threading::CallerDriven,
        ..Config::default()
    };
    let mut manager = GeometryManager::with_backend(gpu, config).expect("valid settings");
    let client = manager.client();
    client.start_trace(path).expect("the folder is there");
    let block = |nth: u32, len: u32| {
        let block = BlockDesc::new().part(PartData::vertex(vec![1; len as usize * 12], 12));
        match nth % 10 {
            0 => block
                .part(PartData::index_u16(vec![2; len as usize * 2]))
                .label("two parts"),
            1 => block.lifetime(Lifetime::LongLived).priority(3),
            _ => block,
        }
    };
    let mut live: Vec<(Handle, usize)> = Vec::new();
    for frame in 0..400_u32 {
        for nth in 0..3 {
            let len = 1_000 + (frame * 7919 + nth * 104_729) % 6_000;
            let parts = 1 + usize::from((frame + nth).is_multiple_of(10));
            live.push((client.add(block(frame + nth, len)).expect("room"), parts));
        }
        if frame % 3 == 0 && live.len() > 60 {
            for nth in 0..7 {
                let at = (frame as usize * 31 + nth * 17) % live.len();
                client.remove(live.swap_remove(at).0).expect("room");
            }
        }
        let (handle, parts) = live[frame as usize * 13 % live.len()];
        if parts == 1 {
            client
                .update(handle, vec![Payload::from(vec![3; 24_000])])
                .expect("room");
        }
        if frame == 200 {
            client
                .set_budget(ByteLen::from_mib(18))
                .expect("large enough");
        }
        manager.poll();
        let ticket = manager.begin_frame();
        for nth in 0..12 {
            let _ = ticket.get(live[(frame as usize / 9 + nth * 5) % live.len()].0);
        }
        drop(ticket.finish());
    }
    let report = manager.report();
    for (handle, _) in live {
        client.remove(handle).expect("room");
    }
    drop(client);
    manager.shutdown();
    report
}

#[test]
fn a_recorded_program_replays_to_the_same_counts() {
    let path = folder().join("program.trace.gz");
    let report = program(&path);
    let (replayed, status) = replay(&[&path.display().to_string(), "--check"]);
    assert_eq!(status, 0, "{replayed:#}");
    assert!(report.evictions > 10 && report.stream_ins > 0, "{report:?}");
    for (key, value) in [
        ("evictions", report.evictions),
        ("stream_ins", report.stream_ins),
        ("stream_in_bytes", report.stream_in_bytes),
        ("moves", report.moves),
        ("moved_bytes", report.moved_bytes),
        ("chunks_returned", report.chunks_returned),
        ("chunks_peak", report.chunks_peak),
        ("gpu_bytes_peak", report.held_bytes_peak),
        ("gpu_bytes_end", report.held_bytes),
        ("live_bytes_end", report.live_bytes),
        ("upload_bytes", report.upload_bytes),
        ("ticks", report.tick),
    ] {
        assert_eq!(replayed[key], value, "{key} of {replayed:#}");
    }
}

#[test]
fn a_dump_at_a_frame_can_be_read_again() {
    let path = trace("dumped", &crowd("retained"));
    let dump = inspect(&["dump", &path, "--at-frame", "100", "--budget", "6MiB"]);
    assert_eq!(dump.status.code(), Some(0), "{}", text(&dump.stderr));
    let dump = geoheap::HeapDump::from_json(&text(&dump.stdout)).expect("a valid dump");
    assert_eq!((dump.frame, dump.blocks.len()), (100, 40));
    let beyond = inspect(&["dump", &path, "--at-frame", "10000"]);
    assert_eq!(beyond.status.code(), Some(2));
    assert!(
        text(&beyond.stderr).contains("360 frames"),
        "{}",
        text(&beyond.stderr)
    );
}

#[test]
fn what_cannot_be_played_is_refused_with_its_place() {
    let refused = |lines: &str, options: &[&str], place: &str| {
        let path = trace("refused", lines);
        let mut all = vec!["replay", path.as_str()];
        all.extend(options);
        let output = inspect(&all);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(place), "{error}");
        assert!(output.stdout.is_empty(), "nothing is told of half a trace");
    };
    refused("add 1 4096\nframe\nuse 2\n", &[], "refused.trace:4:5: ");
    refused(
        "add 1 4096\nframe\nbudget 100\n",
        &[],
        "refused.trace:4:1: ",
    );
    refused("budget 5\nadd 1 4096\n", &[], "refused.trace:2:1: ");
    refused("config chunk=1\nadd 1 4096\n", &[], "refused.trace:2:1: ");
    refused("add 1 4096\n", &["--budget", "1KiB"], "1024");
    refused("add 1 4096\n", &["--chunk", "0"], "zero bytes");
    let missing = inspect(&["replay", "no such file"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn a_program_is_recorded_or_it_is_said_why_not() {
    let path = folder().join("recorded.trace");
    let path = path.display().to_string();
    let tool = env!("CARGO_BIN_EXE_geoheap-inspect");
    let played = trace("to-be-recorded", "add 1 4096\nframe\nuse 1\nframe\n");
    // A replay is a geoheap program as well.
    let output = inspect(&["record", "-o", &path, "--", tool, "replay", &played]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (report, _) = replay(&[&path, "--check"]);
    assert_eq!(
        (&report["frames"], &report["uses"]),
        (&2.into(), &1.into()),
        "{report:#}"
    );
    let output = inspect(&["record", "-o", &path, "--", tool, "--version"]);
    assert_eq!(output.status.code(), Some(2), "there is no heap to record");
    let output = inspect(&["record", "-o", &path, "--", "no such program"]);
    assert_eq!(output.status.code(), Some(2));
}
