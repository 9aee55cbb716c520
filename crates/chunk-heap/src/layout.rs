//! The parts of one block: packed tight, in the order given, with spare room behind them; parts
//! come, go and change their size while older versions still read what was there.
//!
//! A block has few parts, so its rooms are one short array in address order, and what is free is
//! what lies between them: each operation is one pass over the array. Layouts are values: the
//! engine clones one, changes it, and publishes it with the next version.

mod pack;
mod part;
mod rooms;
mod tally;
mod validate;

use geoheap_suballoc::{Align, ByteLen};
use smallvec::SmallVec;

use self::pack::Packer;
pub use self::part::{LayoutError, Part, PartError, PartId, PartSpec, PartState, Resized};
use self::rooms::{Fit, Room, Rooms, WORDS_MAX, bytes, pad_of, too_large, words_of};
use self::tally::Tally;
use crate::figures::fragmentation;
use crate::kind::KindTable;

/// Where the parts of a block lie. See the crate's head for the rules (L1 to L7).
///
/// 80 bytes, without an allocation for up to two rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockLayout {
    rooms: Rooms,
    tally: Tally,
    /// What the block's start is a multiple of, in words.
    align_words: u32,
}

/// What [`BlockLayout::grown`] is to make room for. `Growth::default()` asks for nothing: the
/// parts are laid out anew, without gaps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Growth<'a> {
    /// Parts to add, behind those that are there.
    pub add: &'a [PartSpec],
    /// Parts that get another length, in bytes.
    pub resize: &'a [(PartId, ByteLen)],
    /// If the block must be longer than it is: how much longer than needed, in per cent of what is
    /// needed, so that the next growth is some way off.
    pub percent: u32,
}

/// A larger layout, and the ids of the parts that it has in addition.
#[derive(Clone, Debug)]
pub struct Grown {
    /// The new layout; live parts only, all ids kept.
    pub layout: BlockLayout,
    /// The ids of `Growth::add`, in that order.
    pub added: SmallVec<[PartId; 2]>,
}

impl BlockLayout {
    /// Lays `specs` out tight, in the order given, with `spare` bytes of free room behind them.
    /// Their ids have the indices 0, 1, ... and generation 1.
    ///
    /// The block's alignment is the least common multiple of its parts'. A block with spare room
    /// is also aligned for all kinds of a fixed alignment (uniform and storage parts), if that
    /// stays within `max_align`, so that such parts can be added where the block lies.
    ///
    /// # Errors
    /// [`LayoutError`]: a bad spec, no bytes at all, too many parts, a block too large, or an
    /// alignment over `max_align`.
    pub fn pack(
        specs: &[PartSpec],
        kinds: &KindTable,
        spare: ByteLen,
        max_align: Align,
    ) -> Result<Self, LayoutError> {
        let mut packer = Packer::new(max_align);
        for spec in specs {
            packer.add(spec, kinds)?;
        }
        if spare > ByteLen::ZERO {
            packer.align_for_later(kinds);
        }
        let words = packer
            .words
            .checked_add(words_of(spare)?)
            .filter(|&words| words <= WORDS_MAX);
        let words = words.ok_or(too_large(ByteLen::new(bytes(packer.words) + spare.get())))?;
        if words == 0 {
            return Err(LayoutError::ZeroSize);
        }
        packer.finish(words)
    }

    /// Bytes of the block, free room included; a whole number of words.
    pub fn len(&self) -> ByteLen {
        ByteLen::new(bytes(self.rooms.words))
    }

    /// Never: a layout of no bytes is not made.
    pub fn is_empty(&self) -> bool {
        self.rooms.words == 0
    }

    /// What the block's start in its chunk must be a multiple of.
    pub fn align(&self) -> Align {
        Align::new(bytes(self.align_words)).unwrap_or(Align::ONE)
    }

    /// The live parts, in address order.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        self.rooms
            .placed()
            .iter()
            .filter(|room| room.is_live())
            .map(Room::part)
    }

    /// The ids of the live parts, by their indices: see [`Self::parts_by_id`].
    pub fn ids(&self) -> SmallVec<[PartId; 4]> {
        let rooms = self.rooms.placed().iter();
        let live = rooms.filter(|room| room.is_live());
        let mut ids: SmallVec<[PartId; 4]> = live.map(Room::id).collect();
        if !ids.is_sorted_by_key(|id| id.index) {
            ids.sort_unstable_by_key(|id| id.index);
        }
        ids
    }

    /// The live parts, by the indices of their ids: the order in which they were given, with a
    /// part that was added later in the place of one that was removed before. Unlike the address
    /// order it does not change when a part gets another room.
    pub fn parts_by_id(&self) -> SmallVec<[Part; 2]> {
        let mut parts: SmallVec<[Part; 2]> = self.parts().collect();
        parts.sort_unstable_by_key(|part| part.id.index);
        parts
    }

    /// All rooms, live and retired, in address order.
    pub fn rooms(&self) -> impl Iterator<Item = Part> {
        self.rooms.placed().iter().map(Room::part)
    }

    /// The live room of a part.
    ///
    /// # Errors
    /// [`PartError`] when there is none.
    pub fn part(&self, id: PartId) -> Result<Part, PartError> {
        Ok(self.rooms.placed()[self.rooms.live(id)?].part())
    }

    /// Count of live parts.
    pub fn part_count(&self) -> usize {
        self.parts().count()
    }

    /// Bytes of the live parts' rooms, in O(1).
    pub fn live_bytes(&self) -> ByteLen {
        ByteLen::new(bytes(self.tally.live))
    }

    /// Bytes of the rooms that wait for their release, in O(1).
    pub fn retired_bytes(&self) -> ByteLen {
        ByteLen::new(bytes(self.tally.retired))
    }

    /// Bytes that no room takes, gaps and tail, in O(1).
    pub fn free_bytes(&self) -> ByteLen {
        self.len() - self.live_bytes() - self.retired_bytes()
    }

    /// Bytes of the largest free room, before alignment, in O(1).
    pub fn largest_room(&self) -> ByteLen {
        ByteLen::new(bytes(self.tally.longest))
    }

    /// Bytes free before the last room, in O(1); what lies behind it is spare room, not a gap.
    pub fn gap_bytes(&self) -> ByteLen {
        let tail = self.rooms.gap_before(self.rooms.placed().len());
        self.free_bytes() - ByteLen::new(bytes(tail))
    }

    /// The share of the free bytes outside the largest free room, in O(1): 0 where all are in one
    /// room, or where none is free, towards 1 as they are scattered.
    pub fn fragmentation(&self) -> f64 {
        fragmentation(self.free_bytes(), self.largest_room())
    }

    /// Adds a part where it fits best.
    ///
    /// # Errors
    /// [`LayoutError::NoRoom`] or [`LayoutError::Realign`] when only [`Self::grown`] can take it;
    /// the other variants for a bad spec. Nothing is changed then.
    pub fn add(&mut self, spec: PartSpec, kinds: &KindTable) -> Result<PartId, LayoutError> {
        let align = kinds.align_of(&spec)?;
        let id = self.rooms.next_id()?;
        self.rooms.room_for(1)?;
        let mut room = Room::new(id, &spec, align)?;
        room.stride = kinds.element_bytes(&spec);
        if !self.align_words.is_multiple_of(room.align_words) {
            return Err(LayoutError::Realign {
                needed: align,
                has: self.align(),
            });
        }
        let fit = self.fit(room.words, room.align_words)?;
        room.start = fit.start;
        self.enter(room, fit);
        Ok(id)
    }

    /// Removes a part. Its room is retired, and given back by [`Self::release`] once no older
    /// version reads it; so is each room that the part left before and that was not yet released.
    ///
    /// # Errors
    /// [`PartError`]; nothing is changed then.
    pub fn remove(&mut self, id: PartId) -> Result<Part, PartError> {
        let at = self.rooms.live(id)?;
        Ok(self.retire(at))
    }

    /// Gives back one retired room of the part, the one that retired first; it merges with the
    /// free room around it. Rooms of one part are released in the order in which they retired.
    ///
    /// Rooms retire in the layout of the place where older versions read them. When a block was
    /// laid out anew meanwhile ([`Self::grown`]), that place is released as a whole, and its
    /// single rooms are none of the new layout's.
    ///
    /// # Errors
    /// [`PartError`]; nothing is changed then.
    pub fn release(&mut self, id: PartId) -> Result<Part, PartError> {
        let at = self.rooms.oldest_retired(id)?;
        let words = self.rooms.placed()[at].words;
        let part = self.rooms.free(at);
        self.tally.release(words, self.rooms.gap_before(at));
        Ok(part)
    }

    /// Gives a part another length in bytes: in place if the free room behind it allows that, else
    /// in another free room.
    ///
    /// # Errors
    /// [`LayoutError::NoRoom`] when the block must grow; the other variants for a bad length or
    /// id. Nothing is changed then.
    pub fn resize(&mut self, id: PartId, new_len: ByteLen) -> Result<Resized, LayoutError> {
        let at = self.rooms.live(id)?;
        let room = self.rooms.placed()[at];
        let words = resized_words(&room, new_len)?;
        if room.used_len() == new_len {
            return Ok(Resized::Same);
        }
        if words < room.words {
            self.rooms.room_for(1)?;
            let given_up = room.words - words;
            let tail = self.rooms.split_tail(at, given_up, pad_of(new_len));
            self.tally.retire(given_up);
            return Ok(Resized::Shrunk { tail });
        }
        let (more, gap) = (words - room.words, self.rooms.gap_before(at + 1));
        if more <= gap {
            let room = self.rooms.get_mut(at);
            room.words = words;
            room.pad = pad_of(new_len);
            self.tally.take(&self.rooms, more, gap);
            return Ok(Resized::InPlace);
        }
        Ok(Resized::Moved {
            from: self.replace_with(id, new_len)?,
        })
    }

    /// Gives a part a fresh room of the same length for new contents, and retires the one it had,
    /// which is handed back: older versions keep reading the old bytes.
    ///
    /// # Errors
    /// As for [`Self::replace_with`].
    pub fn replace(&mut self, id: PartId) -> Result<Part, LayoutError> {
        let len = self.part(id)?.used_len;
        self.replace_with(id, len)
    }

    /// Like [`Self::replace`], for contents of another length in bytes.
    ///
    /// # Errors
    /// [`LayoutError::NoRoom`] when the block must be laid out anew; the other variants for a bad
    /// length or id. Nothing is changed then.
    pub fn replace_with(&mut self, id: PartId, new_len: ByteLen) -> Result<Part, LayoutError> {
        let at = self.rooms.live(id)?;
        let mut fresh = self.rooms.placed()[at];
        fresh.words = resized_words(&fresh, new_len)?;
        fresh.pad = pad_of(new_len);
        self.rooms.room_for(1)?;
        let fit = self.fit(fresh.words, fresh.align_words)?;
        fresh.start = fit.start;
        let from = self.retire(at);
        self.enter(fresh, fit);
        Ok(from)
    }

    /// A layout for a new place of the block: the live parts tight in address order, with the
    /// lengths that `growth` asks for, then the parts it adds. All part ids are kept, and ids of
    /// parts that are gone stay stale.
    ///
    /// The length stays if what is needed fits it; else it is what is needed and
    /// `growth.percent` of that. With `Growth::default()` this compacts the block.
    /// As in [`Self::pack`], only a block with spare room is aligned for parts that may come.
    ///
    /// # Errors
    /// As for [`Self::pack`]; or an id in `growth.resize` that has no live part.
    pub fn grown(
        &self,
        growth: &Growth<'_>,
        kinds: &KindTable,
        max_align: Align,
    ) -> Result<Grown, LayoutError> {
        for (id, _) in growth.resize {
            self.rooms.live(*id)?;
        }
        let mut packer = Packer::new(max_align);
        for room in self.rooms.placed().iter().filter(|room| room.is_live()) {
            let mut room = *room;
            let resize = growth.resize.iter().rev().find(|(id, _)| *id == room.id());
            if let Some((_, len)) = resize {
                room.words = resized_words(&room, *len)?;
                room.pad = pad_of(*len);
            }
            packer.place(room)?;
        }
        packer.keep_slots(&self.rooms);
        let added = growth.add.iter().map(|spec| packer.add(spec, kinds));
        let added = added.collect::<Result<_, _>>()?;
        let words = if packer.words <= self.rooms.words {
            self.rooms.words
        } else {
            let needed = u64::from(packer.words);
            let extra = needed * u64::from(growth.percent) / 100;
            // A block near the limit grows by less than asked for rather than not at all.
            u32::try_from(needed + extra).map_or(WORDS_MAX, |words| words.min(WORDS_MAX))
        };
        if words > packer.words {
            packer.align_for_later(kinds);
        }
        Ok(Grown {
            layout: packer.finish(words)?,
            added,
        })
    }

    fn retire(&mut self, at: usize) -> Part {
        self.tally.retire(self.rooms.placed()[at].words);
        self.rooms.retire(at)
    }

    /// Puts a room where it was found to fit.
    fn enter(&mut self, room: Room, fit: Fit) {
        self.rooms.insert(room);
        self.tally.take(&self.rooms, room.words, fit.gap);
    }

    fn fit(&self, words: u32, align_words: u32) -> Result<Fit, LayoutError> {
        self.rooms
            .fit(words, align_words)
            .ok_or_else(|| LayoutError::NoRoom {
                needed: ByteLen::new(bytes(words)),
                largest_room: self.largest_room(),
            })
    }
}

fn resized_words(room: &Room, new_len: ByteLen) -> Result<u32, LayoutError> {
    if new_len == ByteLen::ZERO {
        return Err(LayoutError::ZeroSize);
    }
    if room.stride != 0 && !new_len.get().is_multiple_of(u64::from(room.stride)) {
        return Err(LayoutError::Misaligned {
            len: new_len,
            stride: room.stride,
        });
    }
    words_of(new_len)
}

#[cfg(test)]
mod tests;
