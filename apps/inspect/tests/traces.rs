//! `gen` and `convert` as programs: files, streams, figures and exit statuses.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A path for a file of this test's own.
fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("traces");
    fs::create_dir_all(&folder).expect("the target's folder can be written");
    folder.join(name)
}

fn inspect(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_geoheap-inspect"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the program was built")
}

/// The arguments lead to status 0, and to this on the standard output.
fn fine(args: &[&str]) -> Vec<u8> {
    let output = inspect(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
    output.stdout
}

/// The arguments lead to status 2, and to an error that begins so.
fn refused(args: &[&str], expected: &str) {
    let output = inspect(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    let begin = format!("error: {expected}");
    assert!(
        said.starts_with(&begin),
        "{args:?}: {said}, expected {begin}"
    );
}

fn write(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = path(name);
    fs::write(&path, bytes).expect("the target's folder can be written");
    path.display().to_string()
}

/// Files, what is in them, and where and why they are refused.
const MALFORMED: [(&str, &str, &str); 12] = [
    (
        "number.trace",
        "geoheap-trace 1\nframe\nadd 1 abc\n",
        "3:7: expected a number of bytes",
    ),
    (
        "cut.trace",
        "geoheap-trace 1\nadd 1 4096",
        "2:11: expected the end of the line",
    ),
    (
        "order.trace",
        "geoheap-trace 1\nuse 1\nadd 1 4\n",
        "2:5: expected a block that lives",
    ),
    (
        "version.trace",
        "geoheap-trace 2\n",
        "1:15: expected version 1 of the format",
    ),
    (
        "noise.trace",
        "\u{1}\u{2}\u{3}",
        "1:1: expected the first line",
    ),
    ("empty.trace", "", "1:1: expected the first line"),
    (
        "huge.trace",
        "geoheap-trace 1\nbudget 99999999999999999999\n",
        "2:8: expected a number",
    ),
    (
        "mesh.trace",
        "# mesh trace v1\nA 1 36\n",
        "2:7: expected a number of bytes",
    ),
    (
        "drawn.trace",
        "A 1 36 6\n+ 1\n+ 1\n",
        "3:3: expected a mesh that is not drawn yet",
    ),
    (
        "short.csv",
        "id,lower,upper,size\n1,2,3\n",
        "2:6: expected `,` and a number",
    ),
    (
        "text.trace.gz",
        "geoheap-trace 1\n",
        "1:1: expected more to read",
    ),
    (
        "ticks.trace",
        "geoheap-trace 1\ntick 4294967295\n",
        "2:6: expected a number of ticks above 0 and up to 1000000",
    ),
];

#[test]
fn malformed_traces_have_a_place_and_status_2() {
    let out = path("refused.trace");
    let to = out.display().to_string();
    let _ = fs::remove_file(&out);
    for (name, text, expected) in MALFORMED {
        let input = write(name, text);
        refused(
            &["convert", &input, "-o", &to],
            &format!("{input}:{expected}"),
        );
        assert!(!out.exists(), "{name}: nothing is left of what was refused");
    }
    write("refused.trace", "wanted still");
    let input = path("order.trace").display().to_string();
    refused(&["convert", &input, "-o", &to], &format!("{input}:2:5: "));
    let stays = fs::read_to_string(&out).expect("it is there");
    assert_eq!(stays, "wanted still", "what was there stays");
    let binary = write("binary.trace", b"geoheap-trace 1\nuse \xc3\x28\n");
    refused(
        &["convert", &binary, "-o", "-"],
        &format!("{binary}:2:5: expected UTF-8 text"),
    );
    let missing = path("missing.trace").display().to_string();
    refused(
        &["convert", &missing, "-o", &to],
        &format!("{missing}: expected a file"),
    );
}

#[test]
fn foreign_traces_are_converted() {
    let input = write("meshes.trace", "# mesh trace v1\nA 7 72 6\n+ 7\nF 1\nD 7\n");
    let expected =
        "geoheap-trace 1\nadd 7 78 parts=vertex:72:36,index:6:2\nuse 7\nframe\nremove 7\n";
    let written = fine(&["convert", &input, "-o", "-"]);
    assert_eq!(String::from_utf8(written).as_deref(), Ok(expected));

    let packed = path("meshes.trace.gz").display().to_string();
    let told = fine(&[
        "convert",
        &input,
        "-o",
        &packed,
        "--from",
        "mesh-trace",
        "--json",
    ]);
    let told: Value = serde_json::from_slice(&told).expect("it is JSON");
    let expected_figures = serde_json::json!({
        "schema": "geoheap-convert/1",
        "input": input,
        "from": "mesh-trace",
        "output": packed,
        "events": 4,
        "frames": 1,
        "blocks": 1,
        "live_bytes_peak": 78,
        "live_bytes_end": 0,
    });
    assert_eq!(
        told, expected_figures,
        "the keys are those of the documents"
    );
    let bytes = fs::read(&packed).expect("it was written");
    assert!(bytes.starts_with(&[0x1f, 0x8b]), "it is packed");
    let unpacked = fine(&["convert", &packed, "-o", "-"]);
    assert_eq!(String::from_utf8(unpacked).as_deref(), Ok(expected));

    refused(
        &["convert", &input, "-o", "-", "--from", "minimalloc"],
        &format!("{input}:1:1: expected the first line `id,lower,upper,size`"),
    );
    refused(
        &["convert", &packed, "-o", &packed],
        &format!("{packed}: expected another file"),
    );
    assert_eq!(
        fs::read(&packed).ok(),
        Some(bytes),
        "what is read is not written over"
    );
    refused(
        &["convert", &input, "-o", "-", "--json"],
        "--json: expected a file",
    );
}

#[test]
fn traces_are_made() {
    let made = path("made.trace.gz").display().to_string();
    let args = [
        "gen", "flight", "--events", "20000", "--seed", "9", "--blocks", "300",
    ];
    let told = fine(&[&args[..], &["-o", &made, "--json"]].concat());
    let told: Value = serde_json::from_slice(&told).expect("it is JSON");
    assert_eq!(told["schema"], "geoheap-gen/1", "{told}");
    assert_eq!(
        (&told["kind"], &told["seed"]),
        (&"flight".into(), &9.into()),
        "{told}"
    );
    assert_eq!(told["events"], 20000, "{told}");
    let streamed = fine(&args);
    assert!(
        streamed == fine(&["convert", &made, "-o", "-"]),
        "the same bytes, packed or not"
    );
    refused(
        &["gen", "churn", "--size-min", "2MiB", "--size-max", "1MiB"],
        "--size-min: expected at most --size-max, 1048576 bytes, found 2097152",
    );
    refused(
        &["gen", "churn", "--size-max", "2048GiB"],
        "--size-max: expected at most 1099511627776",
    );
    for (kind, found) in [
        (
            "grow-shrink",
            "3000 blocks that live at a time, of up to 1099511627776 bytes, 3298534883328000",
        ),
        ("flight", "6000 blocks that live"),
    ] {
        refused(
            &["gen", kind, "--size-max", "1024GiB", "--blocks", "3000"],
            &format!(
                "--blocks: expected at most 1125899906842624 bytes in all blocks together, \
                 found up to {found}"
            ),
        );
    }
    fine(&[
        "gen",
        "grow-shrink",
        "--size-min",
        "1024GiB",
        "--size-max",
        "1024GiB",
        "--blocks",
        "1024",
    ]);
    refused(&["gen", "churn", "--json"], "--json: expected a file");
    refused(
        &["gen", "zipf", "--blocks", "4294967295"],
        "invalid value '4294967295' for '--blocks <N>'",
    );
    refused(&["gen", "dance"], "invalid value 'dance'");
    refused(
        &["gen", "loop", "--events", "5", "--frames", "5"],
        "the argument '--events <N>'",
    );
    refused(&["gen", "loop", "-o", "/"], "/: cannot be written");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let long = path("long.trace").display().to_string();
    fine(&["gen", "loop", "--events", "100000", "-o", &long]);
    for args in [
        &["gen", "loop", "--events", "100000"][..],
        &["convert", &long, "-o", "-"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_geoheap-inspect"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        assert_eq!(said, "", "{args:?}");
    }
}

/// A trace may come through a pipe with a name, which can be read once only.
#[cfg(target_os = "linux")]
#[test]
fn what_comes_through_a_pipe_is_read_once() {
    use std::io::Write as _;

    let text = "geoheap-trace 1\nadd 1 4\nframe\n";
    for args in [
        &["convert", "/dev/stdin", "-o", "-"][..],
        &["replay", "/dev/stdin"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_geoheap-inspect"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let mut input = child.stdin.take().expect("it is piped");
        input.write_all(text.as_bytes()).expect("it reads");
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
    }
}

#[test]
fn a_recording_replaces_an_older_one_only_once_it_is_whole() {
    let folder = path("recordings");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("the target's folder can be written");
    let to = write("recordings/flight.trace", "older");
    let tool = env!("CARGO_BIN_EXE_geoheap-inspect");
    let names = || {
        let entries = fs::read_dir(&folder).expect("it is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let older = || fs::read_to_string(&to).is_ok_and(|text| text == "older");
    refused(
        &["record", "-o", &to, "--", "no such program"],
        "no such program: ",
    );
    refused(
        &["record", "-o", &to, "--", tool, "--version"],
        &format!("{to}: the program made no heap"),
    );
    assert!(older() && names() == ["flight.trace"], "{:?}", names());
    for other in ["-", folder.to_str().expect("UTF-8")] {
        refused(
            &["record", "-o", other, "--", tool, "--version"],
            &format!("{other}: expected the name of a regular file"),
        );
    }

    let played = write("played.trace", "geoheap-trace 1\nadd 1 4096\nframe\n");
    let output = inspect(&[
        "record", "-o", &to, "--json", "--", tool, "replay", &played, &played,
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let told: Value = serde_json::from_str(said.lines().last().expect("a line")).expect("JSON");
    assert_eq!(told["trace"], to, "{told}");
    let second = folder.join("flight-2.trace").display().to_string();
    assert_eq!(told["more"][0]["trace"], second, "{told}");
    assert_eq!(names(), ["flight-2.trace", "flight.trace"]);
    assert!(!older(), "it was replaced");
}
