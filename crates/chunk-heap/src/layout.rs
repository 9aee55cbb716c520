//! The parts of one block: packed tight, in the order given, with spare room behind them; parts
//! come, go and change their size while older versions still read what was there.
//!
//! A block has few parts, so its rooms are one short array in address order, and what is free is
//! what lies between them: each operation is one pass over the array. Layouts are values: the
//! engine clones one, changes it, and publishes it with the next version.

mod pack;
mod part;
mod rooms;
mod validate;

use geoheap_suballoc::{Align, ByteLen};
use smallvec::SmallVec;

use self::pack::Packer;
pub use self::part::{LayoutError, Part, PartError, PartId, PartSpec, PartState, Resized};
use self::rooms::{Room, Rooms, WORDS_MAX, bytes, pad_of, too_large, words_of};
use crate::kind::KindTable;

/// Where the parts of a block lie. See the crate's head for the rules (L1 to L5).
///
/// 72 bytes, without an allocation for up to two rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockLayout {
    rooms: Rooms,
    /// Words of the block.
    words: u32,
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
        ByteLen::new(bytes(self.words))
    }

    /// Never: a layout of no bytes is not made.
    pub fn is_empty(&self) -> bool {
        self.words == 0
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

    /// Bytes of the live parts' rooms.
    pub fn live_bytes(&self) -> ByteLen {
        self.parts().map(|part| part.range.len).sum()
    }

    /// Bytes of the rooms that wait for their release.
    pub fn retired_bytes(&self) -> ByteLen {
        let retired = self.rooms().filter(|part| part.state == PartState::Retired);
        retired.map(|part| part.range.len).sum()
    }

    /// Bytes that no room takes: gaps and tail.
    pub fn free_bytes(&self) -> ByteLen {
        self.rooms
            .gaps(self.words)
            .map(|(start, end)| ByteLen::new(bytes(end - start)))
            .sum()
    }

    /// Bytes of the largest free room, before alignment.
    pub fn largest_room(&self) -> ByteLen {
        let rooms = self.rooms.gaps(self.words).map(|(start, end)| end - start);
        ByteLen::new(bytes(rooms.max().unwrap_or(0)))
    }

    /// Bytes free before the last room; what lies behind it is spare room, not a gap.
    pub fn gap_bytes(&self) -> ByteLen {
        let last = self.rooms.placed().last().map_or(0, Room::end);
        self.rooms
            .gaps(last)
            .map(|(start, end)| ByteLen::new(bytes(end - start)))
            .sum()
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
        if !self.align_words.is_multiple_of(room.align_words) {
            return Err(LayoutError::Realign {
                needed: align,
                has: self.align(),
            });
        }
        room.start = self.fit(room.words, room.align_words)?;
        self.rooms.insert(room);
        Ok(id)
    }

    /// Removes a part. Its room is retired, and given back by [`Self::release`] once no older
    /// version reads it; so is each room that the part left before and that was not yet released.
    ///
    /// # Errors
    /// [`PartError`]; nothing is changed then.
    pub fn remove(&mut self, id: PartId) -> Result<Part, PartError> {
        let at = self.rooms.live(id)?;
        Ok(self.rooms.retire(at))
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
        Ok(self.rooms.free(at))
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
            let tail = self
                .rooms
                .split_tail(at, room.words - words, pad_of(new_len));
            return Ok(Resized::Shrunk { tail });
        }
        let end = self
            .rooms
            .placed()
            .get(at + 1)
            .map_or(self.words, |next| next.start);
        if words <= end - room.start {
            let room = self.rooms.get_mut(at);
            room.words = words;
            room.pad = pad_of(new_len);
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
        fresh.start = self.fit(fresh.words, fresh.align_words)?;
        let from = self.rooms.retire(at);
        self.rooms.insert(fresh);
        Ok(from)
    }

    /// A layout for a new place of the block: the live parts tight in address order, with the
    /// lengths that `growth` asks for, then the parts it adds. All part ids are kept, and ids of
    /// parts that are gone stay stale.
    ///
    /// The length stays if what is needed fits it; else it is what is needed and
    /// `growth.percent` of that. With `Growth::default()` this compacts the block.
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
        packer.align_for_later(kinds);
        let words = if packer.words <= self.words {
            self.words
        } else {
            let needed = u64::from(packer.words);
            let extra = needed * u64::from(growth.percent) / 100;
            // A block near the limit grows by less than asked for rather than not at all.
            u32::try_from(needed + extra).map_or(WORDS_MAX, |words| words.min(WORDS_MAX))
        };
        Ok(Grown {
            layout: packer.finish(words)?,
            added,
        })
    }

    fn fit(&self, words: u32, align_words: u32) -> Result<u32, LayoutError> {
        self.rooms
            .fit(self.words, words, align_words)
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
