//! Bugs that are planted into the shaders: the comparison with the model has to find each.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::bytes;
use super::draws;
use super::edges::a_class_goes_on_in_the_next_dispatch;
use super::equality::churn;
use super::random::Random;
use super::rig::{Gpu, Pair, stream};
use crate::{GpuHeapDesc, Path};

/// What is written instead of what.
type Bug = (&'static str, &'static str);

thread_local! {
    static BUG: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// A module's text, with the bug of this thread.
pub(crate) fn planted(text: String) -> String {
    match BUG.get() {
        Some((right, wrong)) => text.replace(right, wrong),
        None => text,
    }
}

const BUGS: [Bug; 18] = [
    // A free takes its neighbours in the word along, or leaves the units between its ends.
    (
        "atomicAnd(&bits[word], ~mask)",
        "atomicAnd(&bits[word], 0u)",
    ),
    ("atomicStore(&bits[word], 0u)", "{}"),
    // Stale handles free.
    ("slots[handle.x].generation == handle.y", "true"),
    // An object that is freed twice is two objects.
    ("atomicLoad(&claims[slot]) == index", "true"),
    (
        "Slot(\n                    freed.generation + 1u",
        "Slot(\n                    freed.generation",
    ),
    // The second request for a slot has it too.
    (
        "is_first = atomicLoad(&claims[request.slot]) == index",
        "is_first = true",
    ),
    // What lies outside of the source is taken for good.
    ("bytes <= source && offset <= source - bytes", "true"),
    // Equal sizes lose their order.
    (
        "tile[other] == key && first + other < run",
        "tile[other] == key && first + other > run",
    ),
    // Runs end at the edge of a word, or are never followed over it.
    ("before = free_of(word - 1u) >> 31u", "before = 0u"),
    ("let after = free_of(word + 1u) & 1u", "let after = 0u"),
    // What is left of a chunk is forgotten.
    (
        "chunks[listed[tid]] = atomicLoad(&listed_max[tid])",
        "chunks[listed[tid]] = 0u",
    ),
    // A class that finds no room takes the next along.
    (
        "sweep.class_end = lower_bound(now.rank, first_short)",
        "sweep.class_end = now.placeable",
    ),
    // One too many of a run's rooms is given.
    ("min(room, wanted - min(wanted, before.x))", "room"),
    // A dispatch does not know what the one before has placed of a class, or at all.
    ("sweep.placed = state.sweep_placed", "sweep.placed = 0u"),
    ("sweep.segments = state.segments", "sweep.segments = 0u"),
    // The claim forgets runs that came in over the edge.
    ("taken |= taken_of(word, rank - 1u, lead)", "{}"),
    // Priorities do not count.
    ("(priority << KEY_SIZE_BITS) |", ""),
    // The single path finds some run, not the lowest.
    (
        "atomicMin(&lowest, share.found)",
        "atomicStore(&lowest, share.found)",
    ),
];

fn run() {
    a_class_goes_on_in_the_next_dispatch();
    let streams = [stream(16), stream(32)];
    let mut random = Random(3);
    let mut pair = Pair::on(
        Gpu::new(),
        &GpuHeapDesc {
            units: 1500,
            streams: &streams,
            slots: 96,
            requests_max: 96,
            frees_max: 96,
            workgroup: 64,
            sweep_steps: Some(4),
            ..GpuHeapDesc::default()
        },
    );
    for round in 0..40 {
        churn(&mut pair, &mut random, 80, 60);
        if round % 2 == 1 {
            pair.path = Path::Short;
            churn(&mut pair, &mut random, 1, 200);
        }
    }
}

/// Those of copies, flips and draw records, with the tests of these.
const OTHERS: [(Bug, fn()); 6] = [
    // Words behind the object are written, too.
    (
        ("select(vec4(0u), vector, word < vec4(bytes))", "vector"),
        bytes::four_buffers_are_one_heap,
    ),
    // Each tile goes to where the first does.
    (
        ("tiles[at + 1u] + begin, tiles", "tiles[at + 1u], tiles"),
        bytes::four_buffers_are_one_heap,
    ),
    // Units are counted through all buffers.
    (
        ("start % stride * (", "start * ("),
        bytes::four_buffers_are_one_heap,
    ),
    // What was half placed is copied, and stays.
    (
        ("is_whole = some && all", "is_whole = some"),
        bytes::separate_streams_lie_in_the_same_buffers,
    ),
    // Stale handles flip.
    (
        ("slots[flip.x].generation == flip.y", "true"),
        draws::records_are_those_of_what_is_visible,
    ),
    // Of flips of one object the last counts.
    (
        (
            "atomicMin(&claims[flip.x], id.x)",
            "atomicStore(&claims[flip.x], id.x)",
        ),
        draws::records_are_those_of_what_is_visible,
    ),
];

/// Whether a comparison fails with the bug, and not something else.
fn is_found(bug: Bug, run: fn()) -> bool {
    BUG.set(Some(bug));
    let outcome = catch_unwind(AssertUnwindSafe(run));
    BUG.set(None);
    outcome.is_err_and(|payload| {
        let said = payload.downcast_ref::<String>();
        said.is_some_and(|said| said.starts_with("assertion `left == right` failed"))
    })
}

#[test]
fn every_planted_bug_is_found() {
    let placing = BUGS.map(|bug| (bug, run as fn()));
    for (bug, run) in placing.into_iter().chain(OTHERS) {
        assert!(is_found(bug, run), "not found: {} for {}", bug.1, bug.0);
    }
    run();
}
