//! The oracle of a layout: a list of rooms in bytes, sorted anew for each question.

use std::collections::BTreeSet;

use geoheap_chunk_heap::{
    AlignRule, BlockLayout, KindTable, LayoutError, Part, PartError, PartId, PartSpec, PartState,
    WORD_BYTES,
};
use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

/// Words that a block can have: one less than a `u32` counts.
pub(super) const WORDS_MAX: u64 = u32::MAX as u64 - 1;

/// A room in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) start: u64,
    pub(super) words: u64,
    pub(super) used_bytes: u64,
    pub(super) spec: PartSpec,
    pub(super) align_words: u64,
    pub(super) id: PartId,
    pub(super) state: PartState,
}

/// What a layout must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Shadow {
    pub(super) words: u64,
    /// In the order in which they got their state, so that the oldest retired one comes first.
    pub(super) rooms: Vec<Room>,
    pub(super) issued: BTreeSet<PartId>,
    /// What the block's start is a multiple of, as the layout said.
    pub(super) align_words: u64,
}

impl Room {
    /// A room of a part, not yet placed.
    pub(super) fn new(id: PartId, spec: PartSpec, align: Align) -> Self {
        Self {
            start: 0,
            words: words(spec.len),
            used_bytes: spec.len.get(),
            spec,
            align_words: align.get() / WORD_BYTES,
            id,
            state: PartState::Live,
        }
    }

    /// The room with contents of another length.
    pub(super) fn with_len(self, len: ByteLen) -> Self {
        Self {
            words: words(len),
            used_bytes: len.get(),
            ..self
        }
    }

    pub(super) fn range(&self) -> ByteRange {
        ByteRange::new(
            ByteOffset::new(self.start * WORD_BYTES),
            ByteLen::new(self.words * WORD_BYTES),
        )
    }

    /// How the layout should show it.
    fn part(&self) -> Part {
        Part {
            id: self.id,
            kind: self.spec.kind,
            range: self.range(),
            used_len: ByteLen::new(self.used_bytes),
            stride: self.spec.stride,
            align: Align::new(self.align_words * WORD_BYTES).unwrap_or(Align::ONE),
            state: self.state,
        }
    }
}

impl Shadow {
    pub(super) fn issued(&self) -> Vec<PartId> {
        self.issued.iter().copied().collect()
    }

    /// The live room of a part.
    pub(super) fn live(&self, id: PartId) -> Option<Room> {
        let mut rooms = self.rooms.iter();
        rooms
            .find(|room| room.id == id && room.state == PartState::Live)
            .copied()
    }

    pub(super) fn used_len(&self, id: PartId) -> Option<ByteLen> {
        Some(ByteLen::new(self.live(id)?.used_bytes))
    }

    /// L5: why an id has no live part.
    pub(super) fn dead(&self, part: PartId) -> Option<PartError> {
        if self.live(part).is_some() {
            None
        } else if self.rooms.iter().any(|room| room.id == part) {
            Some(PartError::AlreadyRemoved { part })
        } else if self.issued.contains(&part) {
            Some(PartError::Stale { part })
        } else {
            Some(PartError::Unknown { part })
        }
    }

    pub(super) fn in_order(&self) -> Vec<Room> {
        let mut rooms = self.rooms.clone();
        rooms.sort_unstable_by_key(|room| room.start);
        rooms
    }

    /// The free rooms, as start and length in words.
    pub(super) fn gaps(&self) -> Vec<(u64, u64)> {
        let (mut gaps, mut at) = (Vec::new(), 0);
        let rooms = self.in_order().into_iter();
        let rooms = rooms.map(|room| (room.start, room.words));
        for (start, words) in rooms.chain([(self.words, 0)]) {
            assert!(start >= at, "L1: rooms overlap at word {start}");
            if start > at {
                gaps.push((at, start - at));
            }
            at = start + words;
        }
        assert!(at <= self.words, "L1: a room ends behind the block");
        gaps
    }

    /// The shortest free room that holds so many words, in words.
    pub(super) fn shortest(&self, words: u64, align_words: u64) -> Option<u64> {
        let fits = self.gaps().into_iter().filter(|(start, len)| {
            let at = start.next_multiple_of(align_words);
            at + words <= start + len
        });
        fits.map(|(_, len)| len).min()
    }

    pub(super) fn no_room(&self, words: u64) -> LayoutError {
        let largest = self.gaps().iter().map(|gap| gap.1).max().unwrap_or(0);
        LayoutError::NoRoom {
            needed: ByteLen::new(words * WORD_BYTES),
            largest_room: ByteLen::new(largest * WORD_BYTES),
        }
    }

    /// All that a layout shows (L1 to L5).
    pub(super) fn compare(&self, layout: &BlockLayout) {
        let rooms = self.in_order();
        let seen: Vec<Part> = layout.rooms().collect();
        let expected: Vec<Part> = rooms.iter().map(Room::part).collect();
        assert_eq!(seen, expected, "L1: the rooms");
        let is_live = |part: &Part| part.state == PartState::Live;
        let live: Vec<Part> = expected.iter().copied().filter(is_live).collect();
        assert_eq!(layout.parts().collect::<Vec<_>>(), live, "L4: the parts");
        let mut by_id = live.clone();
        by_id.sort_unstable_by_key(|part| part.id.index);
        assert_eq!(layout.parts_by_id().to_vec(), by_id, "L5: the parts by id");
        assert_eq!(layout.part_count(), live.len(), "L4: count of parts");
        for part in &live {
            assert_eq!(layout.part(part.id), Ok(*part), "L5: by its id");
            assert!(part.align.divides(part.range.start), "L3: {part:?}");
            let aligned = layout.align().get().is_multiple_of(part.align.get());
            assert!(
                aligned,
                "L3: {part:?} in a block at {}",
                layout.align().get()
            );
        }
        for id in &self.issued {
            let error = self.dead(*id);
            assert_eq!(layout.part(*id).err(), error, "L5: {id}");
        }
        let sum = |parts: &[Part]| parts.iter().map(|part| part.range.len).sum::<ByteLen>();
        let (all, live) = (sum(&expected), sum(&live));
        assert_eq!(layout.len().get(), self.words * WORD_BYTES, "L1: length");
        assert_eq!(layout.live_bytes(), live, "L4: live bytes");
        assert_eq!(layout.retired_bytes(), all - live, "L4: retired bytes");
        assert_eq!(layout.free_bytes(), layout.len() - all, "L4: free bytes");
        let gaps = self.gaps();
        let largest = gaps.iter().map(|gap| gap.1).max().unwrap_or(0);
        let room = layout.largest_room().get();
        assert_eq!(room, largest * WORD_BYTES, "the largest room");
        let inner = gaps.iter().filter(|gap| gap.0 + gap.1 < self.words);
        let inner: u64 = inner.map(|gap| gap.1).sum();
        assert_eq!(
            layout.gap_bytes().get(),
            inner * WORD_BYTES,
            "the tail is no gap"
        );
        let align = layout.align().get() / WORD_BYTES;
        assert_eq!(align, self.align_words, "L3: the block's alignment");
    }
}

/// Words that `len` takes.
pub(super) fn words(len: ByteLen) -> u64 {
    len.get().div_ceil(WORD_BYTES)
}

/// Why a part of this spec can be in no block, or its alignment.
pub(super) fn align_of(spec: &PartSpec, kinds: &KindTable) -> Result<u128, Vec<LayoutError>> {
    let kind = spec.kind;
    let Some(row) = kinds.get(kind) else {
        return Err(vec![LayoutError::UnknownKind { kind }]);
    };
    let (len, stride) = (spec.len, spec.stride);
    let mut reasons = Vec::new();
    if len == ByteLen::ZERO {
        reasons.push(LayoutError::ZeroSize);
    }
    let bad = match row.rule {
        AlignRule::Stride | AlignRule::PerPart => stride == 0,
        AlignRule::IndexWidth => stride != 2 && stride != 4,
        AlignRule::Fixed(_) => false,
    };
    if bad {
        reasons.push(LayoutError::BadStride { kind, stride });
    }
    let is_counted = row.rule != AlignRule::PerPart && stride != 0;
    if is_counted && !len.get().is_multiple_of(u64::from(stride)) {
        reasons.push(LayoutError::Misaligned { len, stride });
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    Ok(match row.rule {
        AlignRule::Stride | AlignRule::PerPart => lcm(stride.into(), WORD_BYTES.into()),
        AlignRule::IndexWidth => WORD_BYTES.into(),
        AlignRule::Fixed(align) => lcm(align.get().into(), WORD_BYTES.into()),
    })
}

/// The least common multiple of what both fit 64 bits.
pub(super) fn lcm(a: u128, b: u128) -> u128 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
}
