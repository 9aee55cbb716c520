//! The rooms of a block in address order, counted in words of 4 bytes, and the slots of part ids
//! that are free again.

use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};
use smallvec::SmallVec;

use super::part::{LayoutError, Part, PartError, PartId, PartSpec, PartState};
use crate::kind::{KindId, WORD_BYTES};

/// Where vacant entries stand: behind each placed one.
const NOWHERE: u32 = u32::MAX;

/// Words a block can have; one fewer than a `u32` counts, so that no start is [`NOWHERE`].
pub(super) const WORDS_MAX: u32 = u32::MAX - 1;

/// Rooms and part ids a block can have.
pub(super) const ROOMS_MAX: usize = u16::MAX as usize;

/// A placed room, or (words = 0, start = `NOWHERE`) a part slot that is free for a next generation.
/// 24 bytes: a block has two of them without an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) start: u32,
    pub(super) words: u32,
    pub(super) align_words: u32,
    pub(super) stride: u32,
    pub(super) index: u16,
    pub(super) generation: u16,
    /// 0: live. Otherwise its place in the order in which the part's rooms retired, from 1.
    pub(super) retired: u16,
    pub(super) kind: u8,
    /// Bytes of the last word that are padding.
    pub(super) pad: u8,
}

pub(super) fn bytes(words: u32) -> u64 {
    u64::from(words) * WORD_BYTES
}

/// Words that `len` takes.
pub(super) fn words_of(len: ByteLen) -> Result<u32, LayoutError> {
    let words = len.get().div_ceil(WORD_BYTES);
    u32::try_from(words)
        .ok()
        .filter(|&words| words <= WORDS_MAX)
        .ok_or(too_large(len))
}

pub(super) fn too_large(needed: ByteLen) -> LayoutError {
    LayoutError::TooLarge {
        needed,
        max: ByteLen::new(bytes(WORDS_MAX)),
    }
}

impl Room {
    pub(super) fn new(id: PartId, spec: &PartSpec, align: Align) -> Result<Self, LayoutError> {
        let words = words_of(spec.len)?;
        let align_words = u32::try_from(align.get() / WORD_BYTES).map_err(|_| {
            LayoutError::AlignmentTooLarge {
                align: align.get(),
                max: bytes(WORDS_MAX),
            }
        })?;
        Ok(Self {
            start: NOWHERE,
            words,
            align_words,
            stride: spec.stride,
            index: id.index,
            generation: id.generation,
            retired: 0,
            kind: spec.kind.get(),
            pad: pad_of(spec.len),
        })
    }

    pub(super) fn id(&self) -> PartId {
        PartId {
            index: self.index,
            generation: self.generation,
        }
    }

    pub(super) fn end(&self) -> u32 {
        self.start + self.words
    }

    pub(super) fn is_live(&self) -> bool {
        self.words != 0 && self.retired == 0
    }

    pub(super) fn align(&self) -> Align {
        Align::new(bytes(self.align_words)).unwrap_or(Align::ONE)
    }

    pub(super) fn used_len(&self) -> ByteLen {
        ByteLen::new(bytes(self.words) - u64::from(self.pad))
    }

    pub(super) fn part(&self) -> Part {
        Part {
            id: self.id(),
            kind: KindId::new(self.kind),
            range: ByteRange {
                start: ByteOffset::new(bytes(self.start)),
                len: ByteLen::new(bytes(self.words)),
            },
            used_len: self.used_len(),
            stride: self.stride,
            align: self.align(),
            state: if self.retired == 0 {
                PartState::Live
            } else {
                PartState::Retired
            },
        }
    }
}

/// Bytes that the last word of `len` bytes does not use: 0 to 3.
pub(super) fn pad_of(len: ByteLen) -> u8 {
    (len.get().wrapping_neg() % WORD_BYTES) as u8
}

/// Placed rooms in address order, then vacant part slots in the order of their indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rooms {
    list: SmallVec<[Room; 2]>,
    /// Words of the block; 0 while it is being packed.
    pub(super) words: u32,
    /// How many of the list are placed.
    placed: u16,
    /// Part indices handed out so far.
    slots: u16,
}

/// A free place: where a room can start, and the words of the gap that it lies in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    pub(super) start: u32,
    pub(super) gap: u32,
}

impl Rooms {
    pub(super) fn new() -> Self {
        Self {
            list: SmallVec::new(),
            words: 0,
            placed: 0,
            slots: 0,
        }
    }

    /// Placed rooms, in address order.
    pub(super) fn placed(&self) -> &[Room] {
        &self.list[..usize::from(self.placed)]
    }

    /// Slots that are free for a next generation, in the order of their indices.
    pub(super) fn vacant(&self) -> &[Room] {
        &self.list[usize::from(self.placed)..]
    }

    pub(super) fn slots(&self) -> u16 {
        self.slots
    }

    /// Free rooms, as start and end, in address order.
    pub(super) fn gaps(&self) -> impl Iterator<Item = (u32, u32)> {
        let starts = core::iter::once(0).chain(self.placed().iter().map(Room::end));
        let ends = self
            .placed()
            .iter()
            .map(|room| room.start)
            .chain(core::iter::once(self.words));
        starts.zip(ends).filter(|(start, end)| start < end)
    }

    /// Words of the longest free room.
    pub(super) fn longest_gap(&self) -> u32 {
        let lens = self.gaps().map(|(start, end)| end - start);
        lens.max().unwrap_or(0)
    }

    /// Words of the free room between the placed room at `at` and the one before it. With `at`
    /// behind the last room, of the tail.
    pub(super) fn gap_before(&self, at: usize) -> u32 {
        let placed = self.placed();
        let start = at.checked_sub(1).map_or(0, |before| placed[before].end());
        let end = placed.get(at).map_or(self.words, |room| room.start);
        end - start
    }

    /// Best fit, the lowest among equals: where `words` words can start.
    pub(super) fn fit(&self, words: u32, align_words: u32) -> Option<Fit> {
        self.gaps()
            .filter_map(|(start, end)| {
                let at = start.checked_next_multiple_of(align_words)?;
                let fits = at <= end && end - at >= words;
                fits.then_some((end - start, at))
            })
            .min()
            .map(|(gap, start)| Fit { start, gap })
    }

    /// Whether `rooms` more rooms can be described.
    pub(super) fn room_for(&self, rooms: usize) -> Result<(), LayoutError> {
        if usize::from(self.placed) + rooms > ROOMS_MAX {
            return Err(LayoutError::TooManyParts { max: ROOMS_MAX });
        }
        Ok(())
    }

    /// The id a new part gets: the lowest vacant index with a generation left, or a fresh one.
    pub(super) fn next_id(&self) -> Result<PartId, LayoutError> {
        if let Some(slot) = self.vacant().iter().find(|slot| slot.generation < u16::MAX) {
            return Ok(PartId {
                index: slot.index,
                generation: slot.generation + 1,
            });
        }
        if self.slots == u16::MAX {
            return Err(LayoutError::TooManyParts { max: ROOMS_MAX });
        }
        Ok(PartId {
            index: self.slots,
            generation: 1,
        })
    }

    /// Puts a room in its place. For a new part the slot that [`Self::next_id`] named is taken.
    pub(super) fn insert(&mut self, room: Room) {
        if let Some(at) = self
            .vacant()
            .iter()
            .position(|slot| slot.index == room.index)
        {
            self.list.remove(usize::from(self.placed) + at);
        }
        let at = self
            .placed()
            .partition_point(|other| other.start < room.start);
        self.list.insert(at, room);
        self.placed += 1;
        self.slots = self.slots.max(room.index + 1);
    }

    /// Makes `index` a vacant slot that last had `generation`.
    pub(super) fn vacate(&mut self, index: u16, generation: u16) {
        let slot = Room {
            start: NOWHERE,
            words: 0,
            align_words: 1,
            stride: 0,
            index,
            generation,
            retired: 0,
            kind: 0,
            pad: 0,
        };
        let at = self.vacant().partition_point(|other| other.index < index);
        self.list.insert(usize::from(self.placed) + at, slot);
        self.slots = self.slots.max(index + 1);
    }

    /// Where in the list the live room of `id` is.
    pub(super) fn live(&self, id: PartId) -> Result<usize, PartError> {
        let placed = self.placed();
        placed
            .iter()
            .position(|room| room.is_live() && room.id() == id)
            .ok_or_else(|| self.why_not(id))
    }

    /// Where in the list the room of `id` is that retired first.
    pub(super) fn oldest_retired(&self, id: PartId) -> Result<usize, PartError> {
        let rooms = self.placed().iter().enumerate();
        rooms
            .filter(|(_, room)| room.retired != 0 && room.id() == id)
            .min_by_key(|(_, room)| room.retired)
            .map(|(at, _)| at)
            .ok_or_else(|| match self.live(id) {
                Ok(_) => PartError::NotRetired { part: id },
                Err(error) => error,
            })
    }

    fn why_not(&self, part: PartId) -> PartError {
        if self.placed().iter().any(|room| room.id() == part) {
            return PartError::AlreadyRemoved { part };
        }
        let newest = self.list.iter().filter(|room| room.index == part.index);
        match newest.map(|room| room.generation).max() {
            Some(newest) if (1..=newest).contains(&part.generation) => PartError::Stale { part },
            _ => PartError::Unknown { part },
        }
    }

    /// Retires the room at `at` of the list: the last in its part's order so far.
    pub(super) fn retire(&mut self, at: usize) -> Part {
        let order = self.next_retired(self.list[at].id());
        let room = &mut self.list[at];
        assert!(room.is_live(), "L4: only a live room retires");
        room.retired = order;
        room.part()
    }

    fn next_retired(&self, id: PartId) -> u16 {
        let mine = self.placed().iter().filter(|room| room.id() == id);
        // No overflow: rooms are numbered without gaps, and there are fewer than 65 536.
        mine.map(|room| room.retired).max().unwrap_or(0) + 1
    }

    /// Takes the last `words` words of the live room at `at` off it, as a retired room.
    pub(super) fn split_tail(&mut self, at: usize, words: u32, pad: u8) -> Part {
        let order = self.next_retired(self.list[at].id());
        let room = &mut self.list[at];
        assert!(words < room.words, "L2: what a split leaves has words");
        let mut tail = *room;
        tail.start = room.end() - words;
        tail.words = words;
        tail.retired = order;
        room.words -= words;
        room.pad = pad;
        self.list.insert(at + 1, tail);
        self.placed += 1;
        tail.part()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> &mut Room {
        &mut self.list[at]
    }

    /// Frees the retired room at `at`; the part's slot too, if that was its last room.
    pub(super) fn free(&mut self, at: usize) -> Part {
        assert_eq!(
            self.list[at].retired, 1,
            "L4: rooms of a part are freed oldest first"
        );
        let room = self.list.remove(at);
        self.placed -= 1;
        let mut others = false;
        for other in self.list.iter_mut().filter(|other| other.id() == room.id()) {
            others = true;
            other.retired = other.retired.saturating_sub(1);
        }
        if !others {
            self.vacate(room.index, room.generation);
        }
        room.part()
    }
}
