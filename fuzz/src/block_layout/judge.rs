//! What each operation of a layout must answer, and what it does to the rooms.

use geoheap_chunk_heap::{
    AlignRule, Growth, KindTable, LayoutError, Part, PartError, PartId, PartSpec, PartState,
    Resized, WORD_BYTES,
};
use geoheap_suballoc::{Align, ByteLen};

use super::shadow::{Room, Shadow, WORDS_MAX, align_of, lcm, words};
use crate::verdict::granted;

/// Parts laid out tight, in words, or all reasons why they cannot be.
struct Tight {
    rooms: Vec<Room>,
    words: u64,
    align: u128,
    reasons: Vec<LayoutError>,
}

impl Tight {
    fn new() -> Self {
        Self {
            rooms: Vec::new(),
            words: 0,
            align: WORD_BYTES.into(),
            reasons: Vec::new(),
        }
    }

    /// Puts a room behind the others.
    fn push(&mut self, mut room: Room, max_align: Align) {
        let align = u128::from(room.align_words * WORD_BYTES);
        let joined = lcm(self.align, align);
        if joined > u128::from(max_align.get()) {
            self.reasons.push(LayoutError::AlignmentTooLarge {
                align: u64::try_from(joined).unwrap_or(room.align_words * WORD_BYTES),
                max: max_align.get(),
            });
            return;
        }
        self.align = joined;
        room.start = self.words.next_multiple_of(room.align_words);
        self.words = room.start.saturating_add(room.words);
        self.rooms.push(room);
    }

    /// Adds a part of a spec, for which `id` stands until the layout has named it.
    fn add(&mut self, spec: &PartSpec, id: PartId, kinds: &KindTable, max_align: Align) {
        match align_of(spec, kinds) {
            Err(reasons) => self.reasons.extend(reasons),
            // A part that is too long is told as such, whatever it does to the alignment.
            Ok(_) if words(spec.len) > WORDS_MAX => self.words = u64::MAX / 8,
            Ok(align) => {
                let align = u64::try_from(align).ok().and_then(Align::new);
                self.push(Room::new(id, *spec, align.unwrap_or(Align::ONE)), max_align);
            }
        }
    }

    fn is_too_long(&self) -> bool {
        self.words > WORDS_MAX
    }
}

/// The limit that counts: alignments are kept in words, as a `u32`.
fn limit(max_align: Align) -> Align {
    let counted = Align::new(u64::from(u32::MAX) * WORD_BYTES);
    counted.map_or(max_align, |counted| counted.min(max_align))
}

/// What a block's start is a multiple of, in words. Where parts may come later, that is also the
/// kinds of fixed alignment, one by one, as far as the limit allows.
fn align_words(mut align: u128, may_come: bool, kinds: &KindTable, max_align: Align) -> u64 {
    for (_, row) in kinds.iter().filter(|_| may_come) {
        if let AlignRule::Fixed(fixed) = row.rule {
            let joined = lcm(align, fixed.get().into());
            if joined <= max_align.get().into() {
                align = joined;
            }
        }
    }
    u64::try_from(align).unwrap_or(u64::MAX) / WORD_BYTES
}

const fn is_too_large(error: &LayoutError) -> bool {
    matches!(error, LayoutError::TooLarge { .. })
}

impl Shadow {
    /// A block is packed tight, in the order given, with the spare room behind. `packed` are the
    /// ids in address order. Returns the oracle of what was packed.
    pub(super) fn judge_pack(
        specs: &[PartSpec],
        kinds: &KindTable,
        spare: u64,
        max_align: Align,
        packed: Result<Vec<PartId>, LayoutError>,
    ) -> Option<Self> {
        let max_align = limit(max_align);
        let mut tight = Tight::new();
        for (index, spec) in (0..).zip(specs) {
            let generation = 1;
            tight.add(spec, PartId { index, generation }, kinds, max_align);
        }
        tight.words = tight.words.saturating_add(spare.div_ceil(WORD_BYTES));
        if specs.is_empty() && spare == 0 {
            tight.reasons.push(LayoutError::ZeroSize);
        }
        if tight.align > max_align.get().into() {
            tight.reasons.push(LayoutError::AlignmentTooLarge {
                align: WORD_BYTES,
                max: max_align.get(),
            });
        }
        if tight.is_too_long() {
            tight
                .reasons
                .extend(packed.clone().err().filter(is_too_large));
            assert!(!tight.reasons.is_empty(), "{packed:?} is too long a block");
        }
        let ids = granted("L1", &(specs, spare, max_align), packed, &tight.reasons)?;
        let expected: Vec<PartId> = tight.rooms.iter().map(|room| room.id).collect();
        assert_eq!(ids, expected, "L5: ids are given in order");
        let align_words = align_words(tight.align, spare > 0, kinds, max_align);
        Some(Self {
            words: tight.words,
            rooms: tight.rooms,
            issued: ids.into_iter().collect(),
            align_words,
        })
    }

    /// A part goes to the shortest free room that holds it. Whether it was added.
    pub(super) fn judge_add(
        &mut self,
        spec: &PartSpec,
        kinds: &KindTable,
        outcome: Result<PartId, LayoutError>,
    ) -> bool {
        let mut reasons = Vec::new();
        let mut room = None;
        match align_of(spec, kinds) {
            Err(found) => reasons = found,
            Ok(_) if words(spec.len) > WORDS_MAX => {
                reasons.extend(outcome.err().filter(is_too_large));
                assert!(
                    !reasons.is_empty(),
                    "{spec:?} was added to {} words",
                    self.words
                );
            }
            Ok(align) => {
                let align = u64::try_from(align).ok().and_then(Align::new);
                let align = align.unwrap_or(Align::ONE);
                let id = outcome.unwrap_or(PartId {
                    index: 0,
                    generation: 0,
                });
                let wanted = Room::new(id, *spec, align);
                if !self.align_words.is_multiple_of(wanted.align_words) {
                    reasons.push(LayoutError::Realign {
                        needed: align,
                        has: Align::new(self.align_words * WORD_BYTES).unwrap_or(Align::ONE),
                    });
                } else if self.shortest(wanted.words, wanted.align_words).is_none() {
                    reasons.push(self.no_room(wanted.words));
                }
                room = Some(wanted);
            }
        }
        let id = granted("L1", spec, outcome, &reasons);
        if let (Some(id), Some(room)) = (id, room) {
            assert!(self.issued.insert(id), "L5: {id} was issued before");
            self.place(room);
            return true;
        }
        false
    }

    /// Puts a room where it fits best, at the lowest such place.
    fn place(&mut self, mut room: Room) {
        let shortest = self.shortest(room.words, room.align_words);
        let place = self.gaps().into_iter().find_map(|(start, len)| {
            let at = start.next_multiple_of(room.align_words);
            (Some(len) == shortest && at + room.words <= start + len).then_some(at)
        });
        room.start = place.expect("L1: what is placed was found to fit");
        self.rooms.push(room);
    }

    /// A part's room is retired. Whether it was.
    pub(super) fn judge_remove(&mut self, id: PartId, outcome: Result<Part, PartError>) -> bool {
        let dead = self.dead(id);
        let Some(part) = granted("L5", &id, outcome, dead.as_slice()) else {
            return false;
        };
        let room = self.retire(id);
        assert_eq!((part.id, part.state), (id, PartState::Retired), "L4");
        assert_eq!(part.range, room.range(), "L4: the room that {id} had");
        true
    }

    /// Retires the live room of a part: it is the youngest of those that wait.
    fn retire(&mut self, id: PartId) -> Room {
        let is_it = |room: &Room| room.id == id && room.state == PartState::Live;
        let at = self.rooms.iter().position(is_it);
        let mut room = self
            .rooms
            .remove(at.expect("L5: the part was found to be live"));
        room.state = PartState::Retired;
        self.rooms.push(room);
        room
    }

    /// L4: the oldest retired room of a part is given back. Whether one was.
    pub(super) fn judge_release(&mut self, id: PartId, outcome: Result<Part, PartError>) -> bool {
        let is_it = |room: &Room| room.id == id && room.state == PartState::Retired;
        let oldest = self.rooms.iter().position(is_it);
        let reason = match (oldest, self.dead(id)) {
            (Some(_), _) => None,
            (None, Some(dead)) => Some(dead),
            (None, None) => Some(PartError::NotRetired { part: id }),
        };
        let Some(part) = granted("L5", &id, outcome, reason.as_slice()) else {
            return false;
        };
        let room = self
            .rooms
            .remove(oldest.expect("L4: there is no other reason"));
        assert_eq!(part.range, room.range(), "L4: the oldest is released first");
        true
    }

    /// Why a part cannot have this length, wherever it lies.
    fn len_refusals(
        &self,
        id: PartId,
        len: ByteLen,
        outcome: Option<LayoutError>,
    ) -> Vec<LayoutError> {
        let mut reasons: Vec<_> = self.dead(id).map(LayoutError::from).into_iter().collect();
        let Some(room) = self.live(id) else {
            return reasons;
        };
        let stride = room.spec.stride;
        if len == ByteLen::ZERO {
            reasons.push(LayoutError::ZeroSize);
        }
        if stride != 0 && !len.get().is_multiple_of(u64::from(stride)) {
            reasons.push(LayoutError::Misaligned { len, stride });
        }
        if words(len) > WORDS_MAX {
            reasons.extend(outcome.filter(is_too_large));
            assert!(!reasons.is_empty(), "{len} bytes are too long for {id}");
        }
        reasons
    }

    /// In place if the room or what is free behind it allows, else elsewhere. Whether it changed.
    pub(super) fn judge_resize(
        &mut self,
        id: PartId,
        len: ByteLen,
        outcome: Result<Resized, LayoutError>,
    ) -> bool {
        let reasons = self.len_refusals(id, len, outcome.err());
        let Some(room) = self.live(id).filter(|_| reasons.is_empty()) else {
            granted("L5", &(id, len), outcome, &reasons);
            return false;
        };
        let wanted = room.with_len(len);
        let gaps = self.gaps();
        let behind = gaps.iter().find(|gap| gap.0 == room.start + room.words);
        if len.get() == room.used_bytes {
            assert_eq!(outcome, Ok(Resized::Same), "{id} has {len} bytes");
            return false;
        }
        if wanted.words < room.words {
            let Ok(Resized::Shrunk { tail }) = outcome else {
                panic!("{id} can shrink to {len} bytes: {outcome:?}");
            };
            let rest = Room {
                start: room.start + wanted.words,
                words: room.words - wanted.words,
                used_bytes: tail.used_len.get(),
                state: PartState::Retired,
                ..room
            };
            assert_eq!((tail.id, tail.range), (id, rest.range()), "L4: the tail");
            assert_eq!(tail.state, PartState::Retired, "L4: the tail retires");
            self.keep(wanted);
            self.rooms.push(rest);
        } else if wanted.words <= room.words + behind.map_or(0, |gap| gap.1) {
            assert_eq!(outcome, Ok(Resized::InPlace), "{id} has room for {len}");
            self.keep(wanted);
        } else {
            let moved = outcome.map(|resized| match resized {
                Resized::Moved { from } => from,
                other => panic!("{id} has no room for {len} bytes where it lies: {other:?}"),
            });
            return self.judge_moved(wanted, moved);
        }
        true
    }

    /// Gives a live room another length where it lies.
    fn keep(&mut self, wanted: Room) {
        for room in &mut self.rooms {
            if room.id == wanted.id && room.state == PartState::Live {
                *room = wanted;
            }
        }
    }

    /// A part gets another room, of `len`; `None` where it is dead. Whether it did.
    pub(super) fn judge_replace(
        &mut self,
        id: PartId,
        len: Option<ByteLen>,
        outcome: Result<Part, LayoutError>,
    ) -> bool {
        let len = len.unwrap_or_default();
        let reasons = self.len_refusals(id, len, outcome.err());
        match self.live(id) {
            Some(room) if reasons.is_empty() => self.judge_moved(room.with_len(len), outcome),
            _ => granted("L5", &(id, len), outcome, &reasons).is_some(),
        }
    }

    fn judge_moved(&mut self, wanted: Room, outcome: Result<Part, LayoutError>) -> bool {
        let fits = self.shortest(wanted.words, wanted.align_words).is_some();
        let reason = (!fits).then(|| self.no_room(wanted.words));
        let Some(from) = granted("L1", &wanted, outcome, reason.as_slice()) else {
            return false;
        };
        let old = self.retire(wanted.id);
        assert_eq!((from.id, from.state), (wanted.id, PartState::Retired), "L4");
        assert_eq!(
            from.range,
            old.range(),
            "L4: the room that {} had",
            wanted.id
        );
        self.place(wanted);
        true
    }

    /// The live parts laid out anew, in address order, with other lengths and further parts; as
    /// long as before where that is enough. `told` are the length and the new ids. Whether it was
    /// granted; the oracle then is that of the new layout.
    pub(super) fn judge_grown(
        &mut self,
        growth: &Growth<'_>,
        kinds: &KindTable,
        max_align: Align,
        told: Result<(ByteLen, Vec<PartId>), LayoutError>,
    ) -> bool {
        let max_align = limit(max_align);
        let mut tight = Tight::new();
        let refused = told.as_ref().err();
        for (id, len) in growth.resize {
            let reasons = self.len_refusals(*id, *len, refused.copied());
            tight.reasons.extend(reasons);
        }
        let live = |room: &Room| room.state == PartState::Live;
        for room in self.in_order().into_iter().filter(live) {
            let resize = growth.resize.iter().rev().find(|(id, _)| *id == room.id);
            let room = resize.map_or(room, |(_, len)| room.with_len(*len));
            tight.push(room, max_align);
        }
        let kept = tight.rooms.len();
        let ids = told.as_ref().map_or(&[][..], |(_, ids)| ids);
        let ids = ids.iter().copied().chain(core::iter::repeat(PartId {
            index: 0,
            generation: 0,
        }));
        for (spec, id) in growth.add.iter().zip(ids) {
            tight.add(spec, id, kinds, max_align);
        }
        if tight.is_too_long() {
            tight.reasons.extend(refused.copied().filter(is_too_large));
            assert!(!tight.reasons.is_empty(), "{growth:?} makes it too long");
        }
        let Some((len, added)) = granted("L1", growth, told, &tight.reasons) else {
            return false;
        };
        assert_eq!(added.len(), growth.add.len(), "L5: an id for each part");
        for id in &added {
            assert!(self.issued.insert(*id), "L5: {id} was issued before");
        }
        if tight.words > self.words {
            let extra = u128::from(tight.words) * u128::from(growth.percent) / 100;
            let words = u128::from(tight.words) + extra;
            let most = u128::from(WORDS_MAX);
            self.words = u64::try_from(words.min(most)).unwrap_or(u64::MAX);
        }
        assert_eq!(len.get(), self.words * WORD_BYTES, "{growth:?}: the length");
        assert_eq!(tight.rooms.len(), kept + added.len(), "all have a room");
        self.rooms = tight.rooms;
        let may_come = self.words > tight.words;
        self.align_words = align_words(tight.align, may_come, kinds, max_align);
        true
    }
}
