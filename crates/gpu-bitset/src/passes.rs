//! The compute passes of a batch, and which buffer each wants where.

use crate::shape::Shape;

/// A buffer that a pass may want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// The heap's and the batch's numbers.
    Params,
    /// How many frees and requests there are.
    Counts,
    Frees,
    Requests,
    Flips,
    /// The bits as the batch finds them, and as it leaves them.
    Bits,
    BitsAfter,
    Slots,
    Claims,
    State,
    Pending,
    Outcomes,
    /// Keys of runs in the order of the requests.
    Keys,
    /// Two rooms for keys and runs while they are sorted; they end in the second.
    KeysA,
    OrderA,
    KeysB,
    OrderB,
    Bins,
    /// The digit of a step of the sort.
    Digit(u8),
    RunTiles,
    Runs,
    Chunks,
    Segments,
    CopyTiles,
    Copies,
    /// The number of a stream.
    Stream(u8),
    Source(u8),
    /// A permanent buffer of a stream.
    Permanent(u8, u8),
}

/// Shader text in which passes share their bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Module {
    Frees,
    Requests,
    Sort,
    Runs,
    Sweep,
    Resolve,
    Enter,
    Claim,
    Copy,
    Single,
    Flips,
    Draws,
}

impl Module {
    /// Those of batches.
    pub(crate) const ALL: [Self; 11] = [
        Self::Frees,
        Self::Requests,
        Self::Sort,
        Self::Runs,
        Self::Sweep,
        Self::Resolve,
        Self::Enter,
        Self::Claim,
        Self::Copy,
        Self::Single,
        Self::Flips,
    ];
}

/// The copy's first binding of a permanent buffer.
pub(crate) const FIRST_PERMANENT: u32 = 4;

/// A pass: an entry point and what it wants at each of its bindings.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) module: Module,
    pub(crate) entry: &'static str,
    pub(crate) wants: Vec<(u32, Wants)>,
}

fn pass(module: Module, entry: &'static str, wants: &[(u32, Wants)]) -> Pass {
    Pass {
        module,
        entry,
        wants: wants.to_vec(),
    }
}

/// Digits of a key, seven bits each.
pub(crate) const DIGITS: u8 = 4;

pub(crate) fn free_claim() -> Pass {
    use Wants::{Claims, Counts, Frees, Params, Slots, State};
    let wants = [
        (0, Params),
        (1, Counts),
        (2, Frees),
        (4, Slots),
        (5, Claims),
        (6, State),
    ];
    pass(Module::Frees, "free_claim", &wants)
}

pub(crate) fn free_release() -> Pass {
    use Wants::{Bits, Pending};
    let mut pass = free_claim();
    pass.entry = "free_release";
    pass.wants.extend([(3, Bits), (7, Pending)]);
    pass
}

pub(crate) fn slot_claim() -> Pass {
    use Wants::{Claims, Counts, Params, Requests, Slots};
    let wants = [
        (0, Params),
        (1, Counts),
        (2, Requests),
        (3, Slots),
        (4, Claims),
    ];
    pass(Module::Requests, "slot_claim", &wants)
}

pub(crate) fn prepare() -> Pass {
    use Wants::{Keys, Outcomes, State};
    let mut pass = slot_claim();
    pass.entry = "prepare";
    pass.wants.extend([(5, State), (6, Outcomes), (7, Keys)]);
    pass
}

pub(crate) fn sort_few() -> Pass {
    use Wants::{Counts, Keys, KeysB, OrderB, Params};
    let wants = [(0, Params), (1, Counts), (2, Keys), (4, KeysB), (5, OrderB)];
    pass(Module::Sort, "sort_few", &wants)
}

/// The three passes of one digit.
pub(crate) fn sort_digit(digit: u8) -> [Pass; 3] {
    use Wants::{Bins, Counts, Digit, Keys, KeysA, KeysB, OrderA, OrderB, Params};
    let (from, order_from, to, order_to) = match digit {
        0 => (Keys, OrderB, KeysA, OrderA),
        digit if digit % 2 == 1 => (KeysA, OrderA, KeysB, OrderB),
        _ => (KeysB, OrderB, KeysA, OrderA),
    };
    let ends = [
        (0, Params),
        (1, Counts),
        (2, from),
        (6, Bins),
        (7, Digit(digit)),
    ];
    let mut scatter = ends.to_vec();
    scatter.extend([(3, order_from), (4, to), (5, order_to)]);
    [
        pass(Module::Sort, "sort_count", &ends),
        pass(Module::Sort, "sort_scan", &[(0, Params), (6, Bins)]),
        pass(Module::Sort, "sort_scatter", &scatter),
    ]
}

pub(crate) fn runs_count() -> Pass {
    use Wants::{Bits, Params, RunTiles};
    let wants = [(0, Params), (1, Bits), (2, RunTiles)];
    pass(Module::Runs, "runs_count", &wants)
}

pub(crate) fn runs_emit() -> Pass {
    use Wants::{Runs, State};
    let mut pass = runs_count();
    pass.entry = "runs_emit";
    pass.wants.extend([(3, Runs), (5, State)]);
    pass
}

pub(crate) fn chunk_max() -> Pass {
    use Wants::{Chunks, Runs, State};
    pass(
        Module::Runs,
        "chunk_max",
        &[(3, Runs), (4, Chunks), (5, State)],
    )
}

pub(crate) fn place() -> Pass {
    use Wants::{Chunks, Counts, KeysB, Params, Runs, Segments, State};
    let wants = [
        (0, Params),
        (1, Counts),
        (2, KeysB),
        (3, Runs),
        (4, Chunks),
        (5, Segments),
        (6, State),
    ];
    pass(Module::Sweep, "place", &wants)
}

pub(crate) fn resolve() -> Pass {
    use Wants::{Counts, OrderB, Outcomes, Params, Segments, State};
    let wants = [
        (0, Params),
        (1, Counts),
        (2, OrderB),
        (3, Segments),
        (4, State),
        (5, Outcomes),
    ];
    pass(Module::Resolve, "resolve", &wants)
}

pub(crate) fn enter() -> Pass {
    use Wants::{CopyTiles, Counts, Outcomes, Params, Pending, Requests, Slots, State};
    let wants = [
        (0, Params),
        (1, Counts),
        (2, Requests),
        (3, Outcomes),
        (4, State),
        (5, Slots),
        (6, Pending),
        (7, CopyTiles),
    ];
    pass(Module::Enter, "enter", &wants)
}

pub(crate) fn tiles_scan() -> Pass {
    use Wants::{Copies, CopyTiles, Params};
    pass(
        Module::Enter,
        "tiles_scan",
        &[(0, Params), (7, CopyTiles), (8, Copies)],
    )
}

pub(crate) fn claim() -> Pass {
    use Wants::{Bits, BitsAfter, Params, RunTiles, Runs, State};
    let wants = [
        (0, Params),
        (1, Bits),
        (2, RunTiles),
        (3, Runs),
        (4, BitsAfter),
        (5, State),
    ];
    pass(Module::Claim, "claim", &wants)
}

pub(crate) fn finish() -> Pass {
    use Wants::{Counts, Params, State};
    pass(
        Module::Claim,
        "finish",
        &[(0, Params), (5, State), (6, Counts)],
    )
}

pub(crate) fn copy(stream: u8, shape: &Shape) -> Pass {
    use Wants::{CopyTiles, Params, Permanent, Source, Stream};
    let mut wants = vec![
        (0, Params),
        (1, Stream(stream)),
        (2, CopyTiles),
        (3, Source(stream)),
    ];
    let set = if shape.separate { 0 } else { stream };
    let buffers = 0..u8::try_from(shape.buffers).expect("four at most");
    wants.extend(
        buffers.map(|buffer| (FIRST_PERMANENT + u32::from(buffer), Permanent(set, buffer))),
    );
    pass(Module::Copy, "copy", &wants)
}

pub(crate) fn single() -> Pass {
    use Wants::{Bits, Copies, CopyTiles, Counts, Outcomes, Params, Requests, Slots, State};
    let wants = [
        (0, Params),
        (1, Counts),
        (2, Requests),
        (3, Bits),
        (4, Slots),
        (5, State),
        (6, Outcomes),
        (7, CopyTiles),
        (8, Copies),
    ];
    pass(Module::Single, "single", &wants)
}

/// The two passes of the flips.
pub(crate) fn flips() -> [Pass; 2] {
    use Wants::{Claims, Counts, Flips, Params, Slots, State};
    let wants = [
        (0, Params),
        (1, Counts),
        (2, Flips),
        (3, Slots),
        (4, Claims),
        (5, State),
    ];
    ["flip_claim", "flip_apply"].map(|entry| pass(Module::Flips, entry, &wants))
}
