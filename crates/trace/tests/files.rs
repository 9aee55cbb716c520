//! Traces in files, packed and damaged.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use geoheap_trace::{BlockId, Event, Format, Problem, TraceError, create, open, open_as};

/// A path for a file of this test's own.
fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(&folder).expect("the target's folder can be written");
    folder.join(name)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed
        .write_all(text.as_bytes())
        .expect("a vector takes all");
    packed.finish().expect("a vector takes all")
}

/// Counts the events of a file.
fn count(path: &PathBuf) -> Result<u64, TraceError> {
    let mut reader = open(path)?;
    let mut events = 0;
    while reader.next_event()?.is_some() {
        events += 1;
    }
    let (read, total) = (reader.input().bytes_read(), reader.input().bytes_total());
    assert_eq!(Some(read), total, "all of the file was read");
    Ok(events)
}

/// The file with these bytes has so many events, or is refused in these words.
fn check(name: &str, bytes: &[u8], expected: Result<u64, &str>) {
    let path = path(name);
    fs::write(&path, bytes).expect("the target's folder can be written");
    let counted = count(&path).map_err(|error| error.to_string());
    match (counted, expected) {
        (Ok(counted), Ok(expected)) => assert_eq!(counted, expected, "{name}"),
        (Err(error), Err(expected)) => {
            let begin = format!("{}:{expected}", path.display());
            assert!(error.starts_with(&begin), "{error} begins with {begin}");
        }
        (counted, _) => panic!("{name}: {counted:?}, expected {expected:?}"),
    }
}

#[test]
fn files_are_packed_by_name() {
    for (name, magic) in [
        ("packed.trace.gz", &[0x1f, 0x8b][..]),
        ("plain.trace", b"ge"),
    ] {
        let path = path(name);
        let mut writer = create(&path).expect("the target's folder can be written");
        for id in 0..1000 {
            writer
                .write(&Event::Tick { count: 1 + id })
                .expect("the disk has room");
        }
        writer.finish().expect("the disk has room");
        let bytes = fs::read(&path).expect("it was written");
        assert!(bytes.starts_with(magic), "{name}");
        assert_eq!(count(&path), Ok(1000), "{name}");
    }
}

#[test]
fn a_writer_that_is_dropped_writes_the_end() {
    let path = path("dropped.trace.gz");
    let mut writer = create(&path).expect("the target's folder can be written");
    writer.write(&Event::Compact).expect("the disk has room");
    drop(writer);
    assert_eq!(count(&path), Ok(1));
}

#[test]
fn packed_files_are_read_and_damage_has_a_place() {
    let text = "geoheap-trace 1\nframe\nadd 1 5\n";
    let packed = gzip(text);
    check("named.gz", &packed, Ok(2));
    check("unnamed.trace", &packed, Ok(2));
    let [first, second] = ["geoheap-trace 1\nadd 1", " 5\nframe\n"].map(gzip);
    check("members.gz", &[first, second].concat(), Ok(2));
    check("empty.gz", b"", Err("1:1: expected"));
    check("empty.trace", b"", Err("1:1: expected the first line"));
    check(
        "text.gz",
        text.as_bytes(),
        Err("1:1: expected more to read: invalid gzip header"),
    );
    check("half.gz", &packed[..packed.len() / 2], Err(""));
    check(
        "no_trailer.gz",
        &packed[..packed.len() - 8],
        Err("4:1: expected more to read"),
    );
    let mut wrong_sum = packed.clone();
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 1;
    check(
        "wrong_sum.gz",
        &wrong_sum,
        Err("4:1: expected more to read: corrupt gzip stream"),
    );
    check(
        "junk.gz",
        &[&packed, &b"junk"[..]].concat(),
        Err("4:1: expected more to read"),
    );
    // Wherever a packed trace is cut off, it shows.
    for len in 0..packed.len() {
        let path = path("cut.gz");
        fs::write(&path, &packed[..len]).expect("the target's folder can be written");
        let error = count(&path).expect_err("it is cut off");
        assert!(error.position.is_some(), "T2: {error}");
    }
}

#[test]
fn a_bomb_of_one_line_is_refused() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![b'0'; 1 << 20];
    packed
        .write_all(b"geoheap-trace 1\nuse ")
        .expect("a vector takes all");
    for _ in 0..64 {
        packed.write_all(&zeros).expect("a vector takes all");
    }
    let packed = packed.finish().expect("a vector takes all");
    check(
        "bomb.gz",
        &packed,
        Err("2:1048577: expected a line of at most 1048576 bytes, found a longer one"),
    );
}

#[test]
fn a_file_that_is_not_there_has_no_place() {
    let path = path("nothing.trace");
    let error = open(&path).expect_err("there is no such file");
    assert_eq!(error.position, None);
    assert!(matches!(error.problem, Problem::Unreadable(_)), "{error}");
    assert!(
        error.to_string().contains("nothing.trace: expected a file"),
        "{error}"
    );
    assert!(create(path.join("below")).is_err(), "no file is a folder");
    let folder = open(env!("CARGO_TARGET_TMPDIR")).expect_err("a folder is no trace");
    assert!(folder.to_string().contains(":1:1: expected"), "{folder}");
}

#[test]
fn a_known_format_is_not_guessed() {
    let path = path("short.txt");
    fs::write(&path, "A 1 36 6\nF 16").expect("the target's folder can be written");
    let mut reader = open_as(&path, Format::Mesh).expect("it can be opened");
    assert!(matches!(reader.next_event(), Ok(Some(Event::Add(_)))));
    assert!(matches!(reader.next_event(), Ok(Some(Event::Frame { .. }))));
    assert_eq!(reader.next_event(), Ok(None));
    let error = open_as(&path, Format::Trace).expect_err("it is another format");
    assert!(
        error.to_string().contains("short.txt:1:1: expected"),
        "{error}"
    );
    let error = open_as(&path, Format::Minimalloc).expect_err("it is another format");
    assert!(
        error.to_string().contains("short.txt:1:1: expected"),
        "{error}"
    );
}

#[test]
fn events_without_a_line_are_not_written() {
    let mut writer = geoheap_trace::Writer::new(Vec::new()).expect("a vector takes all");
    let update = Event::Update {
        id: BlockId(1),
        parts: [].into_iter().collect(),
        in_place: false,
    };
    let error = writer
        .write(&update)
        .expect_err("there is no update without parts");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    writer.comment("two\nlines\r").expect("a vector takes all");
    let written = writer.into_inner().expect("a vector takes all");
    assert_eq!(written, b"geoheap-trace 1\n# two\n# lines \n");
}
