use core::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{is_vma, read, to_json};
use crate::{BlockState, HeapDump, RangeStateDump};

const SMALL: &str = include_str!("../../tests/small.json");

fn small() -> HeapDump {
    HeapDump::from_json(SMALL).expect("the small heap keeps all rules")
}

/// What a value must be.
#[derive(Clone, Copy)]
enum Is {
    Integer,
    Text,
    /// One of these.
    Word(&'static [&'static str]),
    /// Digits and letters, at least one.
    Letters,
    Texts,
    Object(&'static [Key]),
    /// An object with any keys and such values.
    Named(&'static Is),
    /// An object whose keys have a digit.
    Numbered(&'static Is),
    List(&'static Is),
}

/// A key, whether an object must have it, and what it holds.
type Key = (&'static str, bool, Is);

const STATS: Is = Is::Object(&[
    ("BlockCount", true, Is::Integer),
    ("BlockBytes", true, Is::Integer),
    ("AllocationCount", true, Is::Integer),
    ("AllocationBytes", true, Is::Integer),
    ("UnusedRangeCount", true, Is::Integer),
    ("AllocationSizeMin", false, Is::Integer),
    ("AllocationSizeMax", false, Is::Integer),
    ("UnusedRangeSizeMin", false, Is::Integer),
    ("UnusedRangeSizeMax", false, Is::Integer),
]);
const BUDGET: Is = Is::Object(&[
    ("BudgetBytes", true, Is::Integer),
    ("UsageBytes", true, Is::Integer),
]);
const MEMORY_POOL: Is = Is::Object(&[("Flags", true, Is::Texts), ("Stats", true, STATS)]);
const MEMORY_HEAP: Is = Is::Object(&[
    ("Flags", true, Is::Texts),
    ("Size", true, Is::Integer),
    ("Budget", true, BUDGET),
    ("Stats", true, STATS),
    ("MemoryPools", true, Is::Named(&MEMORY_POOL)),
]);
const DEDICATED: Is = Is::Object(&[
    ("Type", true, Is::Text),
    ("Size", true, Is::Integer),
    // The tool that draws asks for it, though the schema does not.
    ("Usage", true, Is::Integer),
    ("CustomData", false, Is::Letters),
    ("Name", false, Is::Text),
]);
const SUBALLOCATION: Is = Is::Object(&[
    ("Offset", true, Is::Integer),
    ("Type", true, Is::Word(&["FREE", "UNKNOWN", "BUFFER"])),
    ("Size", true, Is::Integer),
    ("Usage", false, Is::Integer),
    ("CustomData", false, Is::Letters),
    ("Name", false, Is::Text),
]);
const BLOCK: Is = Is::Object(&[
    ("MapRefCount", true, Is::Integer),
    ("TotalBytes", true, Is::Integer),
    ("UnusedBytes", true, Is::Integer),
    ("Allocations", true, Is::Integer),
    ("UnusedRanges", true, Is::Integer),
    ("Suballocations", true, Is::List(&SUBALLOCATION)),
]);
const DEFAULT_POOL: Is = Is::Object(&[
    ("PreferredBlockSize", true, Is::Integer),
    ("Blocks", true, Is::Numbered(&BLOCK)),
    ("DedicatedAllocations", true, Is::List(&DEDICATED)),
]);
const CUSTOM_POOL: Is = Is::Object(&[
    ("Name", true, Is::Text),
    ("PreferredBlockSize", true, Is::Integer),
    ("Blocks", true, Is::Numbered(&BLOCK)),
    ("DedicatedAllocations", true, Is::List(&DEDICATED)),
]);
const DUMP: Is = Is::Object(&[
    (
        "General",
        true,
        Is::Object(&[
            ("API", true, Is::Word(&["Vulkan", "Direct3D 12"])),
            ("GPU", true, Is::Text),
        ]),
    ),
    ("Total", true, STATS),
    ("MemoryInfo", true, Is::Named(&MEMORY_HEAP)),
    ("DefaultPools", true, Is::Named(&DEFAULT_POOL)),
    ("CustomPools", true, Is::Named(&Is::List(&CUSTOM_POOL))),
]);

/// Everything at and below `path` that is not as it must be.
fn faults(path: &str, value: &Value, is: Is, found: &mut String) {
    match (is, value) {
        (Is::Integer, Value::Number(number)) if number.is_u64() => {}
        (Is::Text, Value::String(_)) => {}
        (Is::Word(words), Value::String(text)) if words.contains(&text.as_str()) => {}
        (Is::Letters, Value::String(text))
            if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric()) => {}
        (Is::Texts, Value::Array(all)) if all.iter().all(Value::is_string) => {}
        (Is::List(is), Value::Array(all)) => {
            for (nth, value) in all.iter().enumerate() {
                faults(&format!("{path}[{nth}]"), value, *is, found);
            }
        }
        (Is::Named(of) | Is::Numbered(of), Value::Object(all)) => {
            for (key, value) in all {
                let has_digit = key.contains(|c: char| c.is_ascii_digit());
                if matches!(is, Is::Numbered(_)) && !has_digit {
                    let _ = writeln!(found, "{path}.{key}: a key without a number");
                }
                faults(&format!("{path}.{key}"), value, *of, found);
            }
        }
        (Is::Object(keys), Value::Object(object)) => keys_of(path, object, keys, found),
        _ => {
            let _ = writeln!(found, "{path}: of another type");
        }
    }
}

fn keys_of(path: &str, object: &Map<String, Value>, keys: &[Key], found: &mut String) {
    for (key, must, is) in keys {
        match object.get(*key) {
            Some(value) => faults(&format!("{path}.{key}"), value, *is, found),
            None if *must => {
                let _ = writeln!(found, "{path}.{key}: missing");
            }
            None => {}
        }
    }
    for key in object
        .keys()
        .filter(|key| keys.iter().all(|row| row.0 != *key))
    {
        let _ = writeln!(found, "{path}.{key}: not in the schema");
    }
}

fn written(dump: &HeapDump) -> Value {
    serde_json::from_str(&to_json(dump)).expect("what is written is JSON")
}

#[test]
fn what_is_written_has_the_keys_and_types_of_the_schema() {
    let mut empty = small();
    empty.chunks.clear();
    empty.blocks.clear();
    let mut split = small();
    split.chunks[0].class = 3;
    for dump in [small(), empty, split] {
        let mut found = String::new();
        faults("", &written(&dump), DUMP, &mut found);
        assert_eq!(found, "");
    }
}

#[test]
fn the_checker_of_the_schema_finds_what_is_wrong() {
    let mut value = written(&small());
    let pool = &mut value["DefaultPools"]["Type 0"];
    pool["Blocks"]["last"] = pool["Blocks"]["0"].clone();
    pool["DedicatedAllocations"][0]["CustomData"] = json!("9v5 ");
    let block = &mut pool["Blocks"]["0"];
    block["TotalBytes"] = json!("4096");
    block["Suballocations"][0]["Handle"] = json!("1v1");
    block["Suballocations"][1]["Type"] = json!("RETIRED");
    value["Total"] = json!({"BlockCount": 1.5});
    let mut found = String::new();
    faults("", &value, DUMP, &mut found);
    assert_eq!(
        found,
        "\
.Total.BlockCount: of another type
.Total.BlockBytes: missing
.Total.AllocationCount: missing
.Total.AllocationBytes: missing
.Total.UnusedRangeCount: missing
.DefaultPools.Type 0.Blocks.0.TotalBytes: of another type
.DefaultPools.Type 0.Blocks.0.Suballocations[0].Handle: not in the schema
.DefaultPools.Type 0.Blocks.0.Suballocations[1].Type: of another type
.DefaultPools.Type 0.Blocks.last: a key without a number
.DefaultPools.Type 0.DedicatedAllocations[0].CustomData: of another type
"
    );
}

#[test]
fn chunks_and_ranges_are_written() {
    insta::assert_snapshot!("small", to_json(&small()));
}

#[test]
fn what_is_written_is_read_again() {
    let before = small();
    let after = read(&to_json(&before)).expect("our own dump");
    let live = |dump: &HeapDump| -> Vec<_> {
        let is_live = |state| state == BlockState::Resident;
        let blocks = dump.blocks.iter().filter(|block| is_live(block.state));
        blocks
            .map(|block| (block.handle.clone(), block.label.clone(), block.lifetime))
            .collect()
    };
    assert_eq!(live(&after), live(&before), "handles, labels, lifetimes");
    let states = |dump: &HeapDump| -> Vec<_> {
        let ranges = |lifetime| {
            let is_it =
                move |chunk: &&crate::ChunkDump| !chunk.dedicated && chunk.lifetime == lifetime;
            let chunks = dump.chunks.iter().filter(is_it);
            chunks.flat_map(|chunk| {
                let ranges = chunk.ranges.iter();
                ranges.map(|range| (range.offset, range.size, range.state))
            })
        };
        let dynamic = ranges(crate::LifetimeDump::Dynamic);
        dynamic
            .chain(ranges(crate::LifetimeDump::LongLived))
            .collect()
    };
    assert_eq!(states(&after), states(&before), "ranges of shared chunks");
    assert_eq!(after.unit_bytes, 16, "sizes and offsets have it in common");
    assert_eq!(after.budget_bytes, before.budget_bytes);
}

/// Two pools of one kind of memory, one dedicated allocation, in version 3's words.
const FOREIGN: &str = r#"{
  "General": {"API": "Vulkan", "GPU": "a card", "apiVersion": "1.3"},
  "Total": {"BlockCount": 3},
  "MemoryInfo": {
    "Heap 0": {"Size": 1, "Budget": {"BudgetBytes": 5000, "UsageBytes": 0}},
    "Heap 1": {"Size": 1, "Budget": {"BudgetBytes": 9000, "UsageBytes": 7}}
  },
  "DefaultPools": {
    "Type 0": {"PreferredBlockSize": 1024, "Blocks": {}, "DedicatedAllocations": []},
    "Type 7": {"PreferredBlockSize": 1024, "Blocks": {
      "3": {"MapRefCount": 0, "TotalBytes": 1024, "UnusedBytes": 512, "Allocations": 2, "UnusedRanges": 1,
        "Suballocations": [
          {"Offset": 0, "Type": "BUFFER", "Size": 256, "Usage": 131, "CustomData": "7fe8", "Name": "rock"},
          {"Offset": 256, "Type": "FREE", "Size": 512},
          {"Offset": 768, "Type": "IMAGE_OPTIMAL", "Size": 256, "Usage": 6}]}
    }, "DedicatedAllocations": [{"Type": "BUFFER", "Size": 4096, "Usage": 2}]}
  },
  "CustomPools": {"Type 7": [{"Name": "pool", "PreferredBlockSize": 64, "Blocks": {
      "0": {"TotalBytes": 64, "UnusedBytes": 64, "Allocations": 0, "UnusedRanges": 1,
        "Suballocations": [{"Offset": 0, "Type": "FREE", "Size": 64}]}
    }}]}
}"#;

/// One line for each chunk, range and block.
fn told(dump: &HeapDump) -> String {
    let mut text = format!(
        "unit {} held {} budget {}\n",
        dump.unit_bytes, dump.held_bytes, dump.budget_bytes
    );
    for chunk in &dump.chunks {
        let dedicated = if chunk.dedicated { " dedicated" } else { "" };
        let _ = writeln!(
            text,
            "chunk {} of {} class {}{dedicated}",
            chunk.id, chunk.capacity, chunk.class
        );
        for range in &chunk.ranges {
            assert_eq!(range.state, RangeStateDump::Live);
            let handle = range.handle.as_deref();
            let block = dump
                .blocks
                .iter()
                .find(|block| Some(block.handle.as_str()) == handle);
            let block = block.expect("J6");
            let label = block.label.as_deref().unwrap_or("-");
            let (offset, size, handle) = (range.offset, range.size, &block.handle);
            let _ = writeln!(
                text,
                "  {offset}+{size} {handle} {label} {}",
                block.parts[0].kind
            );
        }
    }
    text
}

#[test]
fn dumps_of_other_programs_are_read() {
    let check = |text: &str, expected: &str| {
        assert!(is_vma(text), "{text}");
        let dump = read(text).expect("a dump");
        assert_eq!(told(&dump), expected);
    };
    let expected = "\
unit 64 held 5184 budget 9000
chunk 0 of 1024 class 0
  0+256 1v1 rock vertex
  768+256 2v1 - texture
chunk 1 of 4096 class 0 dedicated
  0+4096 3v1 - buffer
chunk 2 of 64 class 1
";
    check(FOREIGN, expected);
    let d3d12 = FOREIGN.replace("Vulkan", "Direct3D 12");
    check(&d3d12, &expected.replace("vertex", "buffer"));
    let version_2 = r#"{"Total": {"Blocks": 2}, "Heap 0": {"Size": 7},
        "DefaultPools": {"Type 0": {"PreferredBlockSize": 48, "Blocks": {"0": {"TotalBytes": 48,
            "UnusedBytes": 24, "Allocations": 1, "UnusedRanges": 1, "Suballocations": [
                {"Offset": 24, "Type": "BUFFER", "Size": 24, "Usage": 64,
                 "CreationFrameIndex": 1, "LastUseFrameIndex": 2}]}}}},
        "DedicatedAllocations": {"Type 0": [{"Type": "BUFFER", "Size": 12, "Usage": 16}]},
        "Pools": {"0": {"MemoryTypeIndex": 1, "BlockSize": 96, "Blocks": {"0": {"TotalBytes": 96,
            "UnusedBytes": 96, "Allocations": 0, "UnusedRanges": 1, "Suballocations": []}}}}}"#;
    let expected = "\
unit 12 held 156 budget 0
chunk 0 of 48 class 0
  24+24 1v1 - index
chunk 1 of 96 class 1
chunk 2 of 12 class 2 dedicated
  0+12 2v1 - uniform
";
    check(version_2, expected);
}

#[test]
fn contradicting_dumps_are_refused() {
    let mut report = String::new();
    for (from, to) in [
        ("\"Offset\": 768", "\"Offset\": 700"),
        ("\"Size\": 256, \"Usage\": 6", "\"Size\": 257"),
        (
            "\"Size\": 256, \"Usage\": 6",
            "\"Size\": 18446744073709551615",
        ),
        ("{\"Offset\": 768, ", "{"),
        ("\"Size\": 512", "\"Size\": 0"),
        ("\"Size\": 4096", "\"Size\": 0"),
        ("\"Size\": 4096", "\"Size\": 18446744073709551615"),
        ("\"Size\": 4096", "\"Size\": \"4 KiB\""),
        ("\"TotalBytes\": 64", "\"TotalBytes\": 0"),
        ("\"TotalBytes\": 64", "\"TotalBytes\": 63"),
        ("\"TotalBytes\": 64", "\"TotalBytes\": -64"),
        ("\"TotalBytes\": 64", "\"Total\": 64"),
        (
            "\"Suballocations\": [{\"Offset\": 0",
            "\"Other\": [{\"Offset\": 0",
        ),
        ("\"DefaultPools\": {", "\"Default\": {{"),
        ("\"a card\"", "\"geoheap\""),
    ] {
        assert!(FOREIGN.contains(from), "{from}");
        let error = read(&FOREIGN.replacen(from, to, 1)).expect_err(to);
        assert!(error.position().is_some(), "{error}");
        let _ = writeln!(report, "{to}\n  {error}");
    }
    let error = read("{\"Total\": {}}").expect_err("nothing in it");
    let _ = writeln!(report, "nothing\n  {error}");
    insta::assert_snapshot!("contradicting", report);
    assert!(!is_vma(SMALL) && !is_vma("[]") && !is_vma("{\"Tot"));
    assert!(!is_vma("{\"Total\": 1, \"schema\": 2}"), "ours");
    assert!(is_vma(&FOREIGN[..FOREIGN.len() / 2]), "cut off, but theirs");
}
