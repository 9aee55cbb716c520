//! The program itself, on heaps: exit statuses, what it says, files and streams.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SMALL: &str = include_str!("../../../crates/heap-dump/tests/small.json");
const MALFORMED: &str = include_str!("../../../crates/heap-dump/tests/malformed.txt");
const COMMANDS: [&[&str]; 6] = [
    &["stats"],
    &["leaks"],
    &["plan"],
    &["draw", "-o", "-"],
    &["diff", "-"],
    &["convert", "-o", "-", "--to", "vma"],
];

/// Runs the program, with `input` on its standard input.
fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_geoheap-inspect"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program is there");
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().expect("piped").write_all(input);
    child.wait_with_output().expect("it ends")
}

/// The status, and all that it said.
fn told(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// A folder of this test's own.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("heap-commands-{test}"));
    fs::create_dir_all(&folder).expect("a folder for files");
    folder
}

fn file(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let rows = MALFORMED.lines();
    let rows = rows.filter(|row| !row.is_empty() && !row.starts_with('#'));
    rows.map(|row| row.split_once(" => ").expect("a row has an arrow"))
}

#[test]
fn malformed_heaps_are_refused_with_file_and_position() {
    let texts = rows().map(|(from, to)| SMALL.replacen(from, to, 1).into_bytes());
    let cut = (0..SMALL.len() - 2)
        .step_by(97)
        .map(|end| SMALL.as_bytes()[..end].to_vec());
    let noise = [
        b"\x1f\x8b\x08\0\0".to_vec(),
        b"\0\0\0".to_vec(),
        b"{\"Total\": 1}".to_vec(),
        "[".repeat(9999).into_bytes(),
        "{\"DefaultPools\":".repeat(999).into_bytes(),
        b"geoheap-trace 1\nframe\n".to_vec(),
    ];
    let mut refused = 0;
    for (nth, bad) in texts.chain(cut).chain(noise).enumerate() {
        let command = COMMANDS[nth % COMMANDS.len()];
        let mut arguments = command.to_vec();
        let folder = folder("refused");
        let other = file(&folder, "small.json", SMALL);
        match command[0] {
            "diff" => arguments.push(&other),
            _ => arguments.insert(1, "-"),
        }
        let (status, text) = told(&run(&arguments, &bad));
        assert_eq!(
            status,
            Some(2),
            "{command:?}: {text}\n{}",
            String::from_utf8_lossy(&bad)
        );
        let start = "error: standard input: line ";
        assert!(
            text.starts_with(start) && text.contains(", column "),
            "{command:?}: {text}"
        );
        assert_eq!(text.lines().count(), 1, "one sentence: {text}");
        refused += 1;
    }
    assert!(refused >= 180, "{refused} heaps");
}

/// The arguments lead to this status and these words, and with `--json` to JSON, unless they are
/// refused.
#[track_caller]
fn check(arguments: &[&str], status: i32, says: &str) {
    for json in [false, true] {
        let takes_json = json && status != 2;
        let more: &[&str] = if takes_json { &["--json"] } else { &[] };
        let (code, text) = told(&run(&[arguments, more].concat(), b""));
        assert_eq!(code, Some(status), "{arguments:?} {more:?}: {text}");
        if takes_json {
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let schema = value["schema"].as_str().unwrap_or_default();
            let is_ours = schema.starts_with("geoheap-") && schema.ends_with("/1");
            assert!(is_ours, "{text}");
        } else {
            assert!(text.contains(says), "{arguments:?}: {text}");
        }
    }
}

/// Paths of the small heap, of one without chunks, and of none.
fn heaps(folder: &Path) -> [String; 3] {
    let empty = r#"{"schema": "geoheap-heap/1", "tick": 0, "frame": 0, "version": 0,
        "unit_bytes": 1, "budget_bytes": 0, "held_bytes": 0, "staging_bytes": 0,
        "chunks": [], "blocks": []}"#;
    let missing = folder.join("missing.json");
    [
        file(folder, "small.json", SMALL),
        file(folder, "empty.json", empty),
        missing.to_str().expect("UTF-8").to_owned(),
    ]
}

#[test]
fn exit_statuses_of_stats_and_diff() {
    let folder = folder("statuses");
    let [small, empty, missing] = heaps(&folder);
    let other = SMALL.replace("\"tick\": 40", "\"tick\": 41");
    let other = file(&folder, "other.json", &other);
    let theirs = file(&folder, "theirs.json", "{\"Total\": {\"BlockCount\": 1");
    let binary = file(&folder, "binary.json", "");
    fs::write(&binary, b"{\n\xff}").expect("a file");
    check(&["stats", &small], 0, "fragmentation    0.0705");
    check(&["stats", &empty], 0, "chunks           0");
    check(&["stats", &missing], 2, "missing.json: cannot be read: ");
    let no_text = "line 2, column 1: this is not UTF-8";
    check(&["stats", &binary], 2, no_text);
    check(&["stats", &theirs], 2, "line 1, column 26: EOF");
    check(&["stats"], 2, "Usage");
    check(&["stats", &small, "--colour"], 2, "unexpected argument");
    check(&["diff", &small, &small], 0, "the heaps are equal");
    check(&["diff", &small, &other], 1, "~ tick: 40 -> 41");
    check(&["diff", &small, &missing], 2, "missing.json");
    check(&["diff", "-", "-"], 2, "one of the two");
}

#[test]
fn exit_statuses_of_leaks_and_plan() {
    let [small, empty, _] = heaps(&folder("leaks"));
    check(&["leaks", &small], 1, "6 blocks are left");
    check(&["leaks", &empty], 0, "nothing is left");
    let old = ["leaks", &small, "--older-than", "10"];
    check(&old, 1, "2 blocks are left");
    check(&["plan", &small], 0, "nothing to do");
    let asked = ["plan", &small, "--now", "--move-bytes", "1KiB"];
    check(&asked, 0, "victim: none");
    let unit = ["plan", &small, "--move-bytes", "1KB"];
    check(&unit, 2, "unknown unit `KB`");
    check(&["plan", &empty], 0, "no chunks whose blocks could move");
}

#[test]
fn exit_statuses_of_draw() {
    let folder = folder("draw");
    let [small, _, missing] = heaps(&folder);
    let svg = folder.join("heap.svg");
    let svg = svg.to_str().expect("UTF-8");
    check(&["draw", &small, "-o", svg], 0, "");
    let ends = "expected a name that ends in .svg, .svg.gz or .png";
    check(&["draw", &small, "-o", "heap.gif"], 2, ends);
    let narrow = ["draw", &small, "-o", svg, "--width", "9"];
    check(&narrow, 2, "480..=8192");
    let by_size = ["draw", &small, "-o", svg, "--by", "size"];
    check(&by_size, 2, "kind, age, state, lifetime");
    check(&["draw", &missing, "-o", svg], 2, "missing.json");
    let streamed = ["draw", &small, "-o", "-", "--json"];
    check(&streamed, 2, "--json: expected a file");
}

#[test]
fn draw_tells_what_it_drew() {
    let folder = folder("drawn");
    let [small, ..] = heaps(&folder);
    for kind in ["svg", "png"] {
        let to = folder.join(format!("heap.{kind}"));
        let to = to.to_str().expect("UTF-8");
        let arguments = ["draw", &small, "-o", to, "--width", "640", "--json"];
        let (_, text) = told(&run(&arguments, b""));
        let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let bytes = fs::read(to).expect("a picture");
        let height = &told["height"];
        if kind == "svg" {
            let begin = format!("width=\"640\" height=\"{height}\"");
            assert!(String::from_utf8_lossy(&bytes).contains(&begin), "{begin}");
        } else {
            // Where PNG has them.
            let sizes = [&bytes[16..20], &bytes[20..24]];
            let sizes = sizes.map(|size| u32::from_be_bytes(size.try_into().expect("four")));
            assert_eq!(serde_json::json!(sizes), serde_json::json!([640, height]));
        }
        let expected = serde_json::json!({
            "schema": "geoheap-draw/1",
            "file": to,
            "kind": kind,
            "width": 640,
            "height": height,
            "chunks": 3,
            "blocks": 6,
        });
        assert_eq!(told, expected, "the keys are those of the documents");
    }
}

#[test]
fn pictures_and_heaps_are_written_to_files_packed_or_not() {
    let folder = folder("files");
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let small = file(&folder, "small.json", SMALL);
    let fine = |arguments: &[&str]| {
        let output = run(arguments, SMALL.as_bytes());
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {:?}",
            told(&output)
        );
        output.stdout
    };
    fine(&["draw", &small, "-o", &path("heap.png"), "--theme", "dark"]);
    assert!(fs::read(path("heap.png")).is_ok_and(|png| png.starts_with(b"\x89PNG\r\n\x1a\n")));
    fine(&["draw", &small, "-o", &path("heap.svg"), "--title", "heap"]);
    let svg = fs::read_to_string(path("heap.svg")).expect("a picture");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(
        fine(&["draw", "-", "-o", "-", "--title", "heap"]),
        svg.as_bytes(),
        "streams"
    );
    fine(&["draw", &small, "-o", &path("heap.svg.gz")]);
    fine(&[
        "convert",
        &small,
        "-o",
        &path("again.json.gz"),
        "--to",
        "heap",
    ]);
    for packed in ["heap.svg.gz", "again.json.gz"] {
        assert!(fs::read(path(packed)).is_ok_and(|bytes| bytes.starts_with(b"\x1f\x8b")));
    }
    fine(&["diff", &small, &path("again.json.gz")]);
    fine(&["convert", &small, "-o", &path("vma.json"), "--to", "vma"]);
    let stats = fine(&["stats", &path("vma.json")]);
    assert!(String::from_utf8_lossy(&stats).contains("chunks           3 of 9 KiB, 1 dedicated"));
    fine(&[
        "convert",
        &small,
        "-o",
        &path("heap.trace"),
        "--to",
        "trace",
    ]);
    let trace = fs::read_to_string(path("heap.trace")).expect("a trace");
    assert_eq!(
        trace
            .lines()
            .filter(|line| line.starts_with("add "))
            .count(),
        6,
        "{trace}"
    );
    let replayed = fine(&["replay", &small, "--check", "--json"]);
    let replayed: serde_json::Value = serde_json::from_slice(&replayed).expect("JSON");
    assert_eq!(replayed["failed_adds"], 0, "{replayed}");
    assert_eq!(
        replayed["ops"], 9,
        "six blocks, one more owner, two pins: {replayed}"
    );
    let cut = fs::read(path("again.json.gz")).expect("packed");
    fs::write(path("cut.json.gz"), &cut[..cut.len() / 2]).expect("a file");
    let (status, text) = told(&run(&["stats", &path("cut.json.gz")], b""));
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("cut.json.gz: cannot be read"), "{text}");
}

#[test]
fn each_command_has_help_with_examples() {
    for command in ["draw", "plan", "diff", "stats", "leaks", "convert"] {
        let (status, text) = told(&run(&[command, "--help"], b""));
        assert_eq!(status, Some(0), "{command}: {text}");
        assert!(
            text.contains("Examples:\n  geoheap-inspect "),
            "{command}: {text}"
        );
    }
}
