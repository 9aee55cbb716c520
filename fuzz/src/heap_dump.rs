//! The target `heap_dump`: texts that may be dumps of heaps, ours or those of AMD's allocators.
//!
//! The first byte chooses a dump that is right, or none; the next ones edit it. What is refused has
//! a place inside the text. What is read keeps the rules, can be written and is then read the same,
//! does not differ from itself, and its figures are those of its chunks and blocks.

#[cfg(test)]
mod tests;

use geoheap_heap_dump::{ChunkDump, DumpError, Figures, HeapDump, Leak, vma};

use crate::bytes::Bytes;
use crate::edits;
use crate::tally::Tally;

/// A heap of ours with a little of everything.
const OURS: &str = include_str!("heap_dump/ours.json");

/// A dump of the Vulkan library.
const VULKAN: &str = include_str!("heap_dump/vma3.json");

/// One of its older form.
const OLDER: &str = include_str!("heap_dump/vma2.json");

/// Runs one input. Returns what it reached.
///
/// # Panics
/// When a refusal has no place, or what was read contradicts itself.
pub fn run(input: &[u8]) -> Tally {
    let mut bytes = Bytes::new(input);
    let first = bytes.byte();
    let mut text = match first % 8 {
        0..=2 => OURS.as_bytes().to_vec(),
        3 | 4 => VULKAN.as_bytes().to_vec(),
        5 => VULKAN.replace("Vulkan", "Direct3D 12").into_bytes(),
        6 => OLDER.as_bytes().to_vec(),
        _ => bytes.by_ref().collect(),
    };
    edits::apply(&mut text, &mut bytes);
    let mut tally = Tally::default();
    let plain = HeapDump::from_bytes(&text);
    judge("own", &text, &plain, &mut tally);
    if let Ok(text) = std::str::from_utf8(&text) {
        let is_theirs = vma::is_vma(text);
        assert!(
            !(is_theirs && plain.is_ok()),
            "a dump is of one sort: {text}"
        );
        judge("vma", text.as_bytes(), &vma::read(text), &mut tally);
    }
    tally
}

/// Judges what came of a text.
fn judge(what: &'static str, text: &[u8], read: &Result<HeapDump, DumpError>, tally: &mut Tally) {
    tally.count_in(what, read.is_ok());
    match read {
        Ok(dump) => judge_dump(dump, tally),
        Err(error) => judge_refusal(text, error),
    }
}

/// Judges the place of a refusal.
fn judge_refusal(text: &[u8], error: &DumpError) {
    let Some(at) = error.position() else {
        panic!("J: a refusal has a place: {error}");
    };
    let mut lines = text.split(|&byte| byte == b'\n');
    let line = lines.nth(at.line.wrapping_sub(1));
    assert!(
        line.is_some_and(|line| (1..=line.len() + 1).contains(&at.column)),
        "J: {error}: it is not a place of the text"
    );
}

/// Judges a dump that was read.
fn judge_dump(dump: &HeapDump, tally: &mut Tally) {
    if let Err(error) = dump.check() {
        panic!("J: what is read keeps the rules: {error}");
    }
    let text = dump.to_json();
    let again = HeapDump::from_json(&text);
    let again = again.unwrap_or_else(|error| panic!("J: what is written is read: {error}: {text}"));
    assert!(again == *dump, "J: it is read as it was written: {text}");
    assert_eq!(again.to_json(), text, "J: the text stays");
    let differences = HeapDump::diff(dump, &again);
    assert!(differences.is_empty(), "J: {differences:?}");
    judge_changed(dump);
    judge_figures(dump, &dump.figures());
    judge_leaks(dump, &dump.leaks(None));
    for age in [0, 1, dump.frame, u64::MAX] {
        assert!(
            dump.leaks(Some(age)).len() <= dump.blocks.len(),
            "J: no more labels than blocks"
        );
    }
    // Memory without an end cannot be written in their form, nor can a heap without any.
    let theirs = vma::to_json(dump);
    let back = vma::read(&theirs);
    tally.count_in("exported", back.is_ok());
    if let Ok(back) = back {
        judge_export(dump, &back);
    }
}

/// A heap that has changed differs.
fn judge_changed(dump: &HeapDump) {
    let mut other = dump.clone();
    other.tick ^= 1;
    if let Some(block) = other.blocks.last_mut() {
        block.revision ^= 1;
    }
    let there = HeapDump::diff(dump, &other);
    let back = HeapDump::diff(&other, dump);
    let expected = 1 + usize::from(!dump.blocks.is_empty());
    assert_eq!(there.len(), expected, "J: {there:?}");
    for (there, back) in there.iter().zip(&back) {
        assert!(
            there.path == back.path && there.a == back.b && there.b == back.a,
            "J: turned round: {there}, {back}"
        );
    }
}

/// Judges figures against the heap that they are of.
fn judge_figures(dump: &HeapDump, figures: &Figures) {
    let sum = |of: fn(&ChunkDump) -> u64| -> u64 {
        dump.chunks.iter().map(of).fold(0, u64::saturating_add)
    };
    let expected = [
        sum(|chunk| chunk.capacity),
        sum(|chunk| chunk.live),
        sum(|chunk| chunk.reserved),
        sum(|chunk| chunk.retired),
        sum(|chunk| chunk.free),
    ];
    let told = [
        figures.capacity_bytes,
        figures.live_bytes,
        figures.reserved_bytes,
        figures.retired_bytes,
        figures.free_bytes,
    ];
    assert_eq!(told, expected, "J3: sums of chunks");
    assert_eq!(
        told[0],
        told[1..].iter().sum::<u64>(),
        "J3: four sums are the whole"
    );
    assert!(
        (0.0..=1.0).contains(&figures.fragmentation) && figures.overhead.is_finite(),
        "J3: {figures:?}"
    );
    for groups in [&figures.by_state, &figures.by_lifetime, &figures.by_label] {
        let blocks: usize = groups.iter().map(|group| group.count).sum();
        assert_eq!(blocks, dump.blocks.len(), "J4: every block is in a group");
    }
    let blocks: usize = figures.block_sizes.iter().map(|bin| bin.count).sum();
    assert_eq!(blocks, dump.blocks.len(), "J4: every block is in a bin");
}

/// Judges that each block is under one label.
fn judge_leaks(dump: &HeapDump, leaks: &[Leak]) {
    let blocks: usize = leaks.iter().map(|leak| leak.blocks).sum();
    assert_eq!(blocks, dump.blocks.len(), "J4: every block is told");
    let sums = leaks.iter().map(|leak| leak.bytes);
    let falls = sums.clone().zip(sums.skip(1)).all(|(a, b)| a >= b);
    assert!(falls, "J4: the most bytes come first: {leaks:?}");
}

/// Judges what is left of a heap in the other form: its memory and what lives in it.
fn judge_export(dump: &HeapDump, back: &HeapDump) {
    // A dedicated chunk becomes one allocation of its whole capacity.
    let capacities = |dump: &HeapDump| {
        let chunks = dump.chunks.iter();
        let of = |chunk: &ChunkDump| (chunk.capacity, chunk.dedicated, chunk.ranges.len());
        let mut all: Vec<_> = chunks.filter(|chunk| !chunk.dedicated).map(of).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(
        capacities(back),
        capacities(dump),
        "shared chunks are found again, and what is in them"
    );
    assert_eq!(back.chunks.len(), dump.chunks.len(), "all chunks are");
}
