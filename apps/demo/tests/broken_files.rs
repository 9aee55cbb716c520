//! The whole program with files that are broken: it ends by itself, with status 2 and a sentence
//! that names the file, or it flies.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of the program at a time.
const AT_ONCE: usize = 4;

/// A run that lasts longer is stuck. It bounds the test; nothing is measured by it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Memory that a run may address, in KiB: many times what it takes.
const ADDRESS_KIB: u64 = 4 << 20;

/// A folder of one test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("geoheap-broken-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A grey picture of 49 by 49 samples of 16 bits.
fn picture() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 49, 49);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Sixteen);
    let mut writer = encoder.write_header().expect("a header");
    let samples: Vec<u8> = (0..49 * 49_u16).flat_map(u16::to_be_bytes).collect();
    writer.write_image_data(&samples).expect("all samples");
    drop(writer);
    file
}

/// A triangle, all in one text.
const MODEL: &str = r#"{"asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}],
"nodes": [{"mesh": 0}], "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
"buffers": [{"byteLength": 36, "uri": "data:application/octet-stream;base64,AAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAQEAAAAAA"}],
"bufferViews": [{"buffer": 0, "byteLength": 36}],
"accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3",
"min": [0, 0, 0], "max": [2, 3, 0]}]}"#;

/// A camera that stands still.
const SCRIPT: &str = "0 100 400 100 0 0\n1 100 400 100 0 0\n";

/// The same file with one byte, and one piece, changed in each of `count` ways.
fn broken(file: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64 (Marsaglia, 2003).
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed >> 33).expect("31 bits")
    };
    let mut files = vec![Vec::new(), file[..file.len() / 2].to_vec()];
    while files.len() < count {
        let mut other = file.to_vec();
        let at = next() % other.len();
        match next() % 4 {
            0 => other.truncate(at),
            1 => other[at] = other[at].wrapping_add(1),
            2 => other[at] = b'9',
            _ => {
                let end = (at + 1 + next() % 40).min(other.len());
                other.drain(at..end);
            }
        }
        files.push(other);
    }
    files
}

/// Starts the program with an option that names a file; where there is a shell, it cannot take more
/// memory than it may.
fn start(option: &str, file: &Path, out: &Path) -> Child {
    let program = env!("CARGO_BIN_EXE_geoheap-demo");
    let mut command = if cfg!(unix) {
        let mut shell = Command::new("sh");
        let line = format!("ulimit -v {ADDRESS_KIB}; exec \"$0\" \"$@\"");
        shell.args(["-c", &line, program]);
        shell
    } else {
        Command::new(program)
    };
    command.args([
        "--headless",
        "--backend",
        "virtual",
        "--lockstep",
        "--frames",
        "2",
    ]);
    command.args(["--scene", "model", "--out"]).arg(out);
    command.arg(option).arg(file);
    command.env("RUST_LOG", "error").env("RUST_BACKTRACE", "0");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

/// Waits for a run, and judges how it ended: a refusal names the file or says one of `names`.
/// Returns whether there was one.
fn judge(mut child: Child, file: &Path, names: &[&str]) -> bool {
    let begun = Instant::now();
    while child.try_wait().expect("it is a child").is_none() {
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("{}: it does not end", file.display());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("it has ended");
    let said = String::from_utf8_lossy(&output.stderr);
    let name = file.file_name().expect("it has one").to_string_lossy();
    let is_named = |said: &str| said.contains(&*name) || names.iter().any(|n| said.contains(n));
    match output.status.code() {
        Some(0) => false,
        Some(2) => {
            assert!(
                said.starts_with("error: ") && is_named(&said),
                "{name}: {said}"
            );
            true
        }
        other => panic!("{name}: ended with {other:?}: {said}"),
    }
}

/// Runs the program with each file. Returns how many were refused.
fn run(folder: &Folder, option: &str, ending: &str, files: &[Vec<u8>]) -> usize {
    let mut refused = 0;
    let numbered: Vec<_> = files.iter().enumerate().collect();
    for some in numbered.chunks(AT_ONCE) {
        let started = some.iter().map(|(nth, bytes)| {
            let file = folder.0.join(format!("file-{nth}.{ending}"));
            std::fs::write(&file, bytes).expect("a file in the folder");
            (
                start(option, &file, &folder.0.join(format!("out-{nth}"))),
                file,
            )
        });
        let started: Vec<_> = started.collect();
        for (child, file) in started {
            refused += usize::from(judge(child, &file, &["/dev/zero"]));
        }
    }
    refused
}

#[test]
fn broken_files_are_refused_by_name() {
    let folder = Folder::new("files");
    for (option, ending, whole) in [
        ("--gltf", "gltf", MODEL.as_bytes().to_vec()),
        ("--elevation", "png", picture()),
        ("--camera-script", "txt", SCRIPT.as_bytes().to_vec()),
    ] {
        assert_eq!(
            run(&folder, option, ending, std::slice::from_ref(&whole)),
            0,
            "{option}: the whole file is taken"
        );
        let files = broken(&whole, 10);
        let refused = run(&folder, option, ending, &files);
        assert!(refused >= 3, "{option}: {refused} of {}", files.len());
    }
}

#[cfg(unix)]
#[test]
fn a_model_that_names_what_has_no_end_is_refused() {
    let folder = Folder::new("endless");
    let data = MODEL.split('"').find(|text| text.starts_with("data:"));
    let named = MODEL.replace(data.expect("it has a buffer"), "/dev/zero");
    assert_eq!(run(&folder, "--gltf", "gltf", &[named.into_bytes()]), 1);
}
