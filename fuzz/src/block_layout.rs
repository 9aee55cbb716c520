//! The target `block_layout`: the parts of a [`BlockLayout`], held against a list of rooms.
//!
//! A few bytes choose the parts to begin with and the spare room, then each operation is a byte
//! and its arguments. Most parts are a few elements, so that rooms are cut, left and filled again.

mod judge;
mod shadow;
#[cfg(test)]
mod tests;

use geoheap_chunk_heap::{
    AlignRule, BlockLayout, Growth, KindId, KindRow, KindTable, PartId, PartSpec,
};
use geoheap_suballoc::{Align, ByteLen};

use crate::bytes::Bytes;
use crate::tally::Tally;
use shadow::Shadow;

/// Operations that one input can ask for.
const OPS_MAX: usize = 192;

/// How often everything is compared, in operations.
const COMPARE_EVERY: usize = 4;

const STRIDES: [u32; 16] = [
    0,
    0,
    4,
    4,
    2,
    2,
    1,
    12,
    20,
    28,
    36,
    16,
    60,
    1000,
    65_536,
    4_000_000_000,
];

/// Runs one input. Returns what it reached.
///
/// # Panics
/// When the layout and the oracle disagree, or the layout finds itself broken.
pub fn run(input: &[u8]) -> Tally {
    let mut bytes = Bytes::new(input);
    let kinds = kinds();
    let max_align = align(bytes.pick(&[65_536, 768, 1 << 40, 4096, 256, 4, 2, 1]));
    let specs: Vec<PartSpec> = (0..bytes.byte() % 6).map(|_| spec(&mut bytes)).collect();
    let spare = len(&mut bytes);
    let outcome = BlockLayout::pack(&specs, &kinds, ByteLen::new(spare), max_align);
    let mut tally = Tally::default();
    tally.count_in("pack", outcome.is_ok());
    let layout = outcome.clone().ok();
    let packed = outcome.map(|layout| layout.parts().map(|part| part.id).collect());
    let shadow = Shadow::judge_pack(&specs, &kinds, spare, max_align, packed);
    let (Some(layout), Some(shadow)) = (layout, shadow) else {
        return tally;
    };
    let mut pair = Pair {
        tally,
        layout,
        shadow,
        kinds,
        max_align,
    };
    pair.compare();
    for nth in 0..OPS_MAX {
        let Some(op) = bytes.next() else { break };
        pair.step(op, &mut bytes);
        if nth % COMPARE_EVERY == 0 {
            pair.compare();
        }
    }
    pair.compare();
    pair.tally
}

/// The standard kinds, and two of a program's own.
fn kinds() -> KindTable {
    let mut kinds = KindTable::standard(align(256), align(64));
    let own = [
        ("clusters", AlignRule::Fixed(align(12))),
        ("instances", AlignRule::Stride),
    ];
    for (name, rule) in own {
        let pushed = kinds.push(KindRow { name, rule });
        assert!(pushed.is_ok(), "{name} is a new name: {pushed:?}");
    }
    kinds
}

fn align(bytes: u64) -> Align {
    Align::new(bytes).unwrap_or(Align::ONE)
}

/// A part: its kind and stride by one byte, its length by the next ones. Most are right.
fn spec(bytes: &mut Bytes<'_>) -> PartSpec {
    let (kind, stride) = match bytes.byte() {
        few @ ..128 => [
            (0, 12),
            (0, 20),
            (1, 2),
            (1, 4),
            (2, 0),
            (3, 0),
            (3, 16),
            (4, 0),
            (5, 36),
            (0, 28),
        ][usize::from(few) % 10],
        any => (any % 7, bytes.pick(&STRIDES)),
    };
    PartSpec {
        kind: KindId::new(kind),
        len: ByteLen::new(elements(u64::from(stride), bytes)),
        stride,
    }
}

/// A length that is mostly a whole number of elements.
fn elements(stride: u64, bytes: &mut Bytes<'_>) -> u64 {
    match bytes.byte() {
        few @ ..224 => u64::from(few % 32) * stride.max(1),
        odd @ 224..248 => u64::from(odd) * stride + u64::from(bytes.byte()),
        _ => bytes.word() >> (bytes.byte() % 64),
    }
}

/// A length of free room.
fn len(bytes: &mut Bytes<'_>) -> u64 {
    match bytes.byte() {
        few @ ..128 => u64::from(few) * 4,
        some @ 128..248 => u64::from(some - 127) * 37,
        _ => bytes.word() >> (bytes.byte() % 64),
    }
}

/// A layout and its oracle, driven together.
struct Pair {
    tally: Tally,
    layout: BlockLayout,
    shadow: Shadow,
    kinds: KindTable,
    max_align: Align,
}

impl Pair {
    fn step(&mut self, op: u8, bytes: &mut Bytes<'_>) {
        let before = self.layout.clone();
        let changed = match op % 16 {
            0..=3 => {
                let spec = spec(bytes);
                let outcome = self.tally.note("add", self.layout.add(spec, &self.kinds));
                self.shadow.judge_add(&spec, &self.kinds, outcome)
            }
            4 | 5 => {
                let id = self.id(bytes);
                let outcome = self.tally.note("remove", self.layout.remove(id));
                self.shadow.judge_remove(id, outcome)
            }
            6..=8 => {
                let id = self.id(bytes);
                let outcome = self.tally.note("release", self.layout.release(id));
                self.shadow.judge_release(id, outcome)
            }
            9..=11 => {
                let (id, len) = self.id_and_len(bytes);
                let outcome = self.tally.note("resize", self.layout.resize(id, len));
                self.shadow.judge_resize(id, len, outcome)
            }
            12 => {
                let id = self.id(bytes);
                let len = self.shadow.used_len(id);
                let outcome = self.tally.note("replace", self.layout.replace(id));
                self.shadow.judge_replace(id, len, outcome)
            }
            13 | 14 => {
                let (id, len) = self.id_and_len(bytes);
                let outcome = self
                    .tally
                    .note("replace_with", self.layout.replace_with(id, len));
                self.shadow.judge_replace(id, Some(len), outcome)
            }
            _ => {
                self.grow(bytes);
                true
            }
        };
        assert!(
            changed || self.layout == before,
            "L6: a refusal changes nothing"
        );
    }

    fn grow(&mut self, bytes: &mut Bytes<'_>) {
        let rest = bytes.byte();
        let add: Vec<PartSpec> = (0..rest % 3).map(|_| spec(bytes)).collect();
        let resize: Vec<_> = (0..rest >> 2 & 1).map(|_| self.id_and_len(bytes)).collect();
        let percent = u32::from(rest >> 3) * 5;
        let growth = Growth {
            add: &add,
            resize: &resize,
            percent,
        };
        let outcome = self.tally.note(
            "grown",
            self.layout.grown(&growth, &self.kinds, self.max_align),
        );
        let layout = outcome.as_ref().ok().map(|grown| grown.layout.clone());
        let told = outcome.map(|grown| (grown.layout.len(), grown.added.to_vec()));
        let kept = self
            .shadow
            .judge_grown(&growth, &self.kinds, self.max_align, told);
        // A layout that was refused, or that the caller does not take, leaves the old one.
        if kept && let Some(layout) = layout {
            self.layout = layout;
            self.compare();
        }
    }

    fn id_and_len(&self, bytes: &mut Bytes<'_>) -> (PartId, ByteLen) {
        let id = self.id(bytes);
        let stride = self.layout.part(id).map_or(1, |part| part.stride);
        (id, ByteLen::new(elements(u64::from(stride), bytes)))
    }

    /// An id that was issued, or (one in eight) any.
    fn id(&self, bytes: &mut Bytes<'_>) -> PartId {
        let byte = bytes.byte();
        let rooms: Vec<_> = self.layout.rooms().map(|part| part.id).collect();
        let issued = self.shadow.issued();
        let known = if byte < 192 { &rooms } else { &issued };
        match known.get(usize::from(byte) % known.len().max(1)) {
            Some(id) if byte < 224 => *id,
            _ => PartId {
                index: u16::from(byte % 8),
                generation: u16::from(bytes.byte()),
            },
        }
    }

    fn compare(&self) {
        self.layout.validate();
        self.shadow.compare(&self.layout);
    }
}
