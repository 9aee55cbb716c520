//! The free rooms of one chunk, in which places are tried and taken back.

use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

/// A free room. Ordered by length, then by address, which is the order of best fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Room {
    len: u64,
    start: u64,
}

/// Free rooms, the shortest first. Its lists are short, so that it is an array: a plan reads it
/// from the heap and forgets it.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    sorted: Vec<Room>,
}

/// A place that was taken, and the room that it was taken from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) to: ByteOffset,
    len: ByteLen,
    room: Room,
}

impl Rooms {
    /// The rooms between `ranges`, which are in address order, and with `without` taken too.
    pub(crate) fn between(
        capacity: ByteLen,
        ranges: &[ByteRange],
        without: Option<ByteRange>,
    ) -> Self {
        let mut sorted = Vec::with_capacity(ranges.len() + 1);
        let mut add = |start: u64, end: u64| {
            if end > start {
                let len = end - start;
                sorted.push(Room { len, start });
            }
        };
        let mut room = |start: u64, end: u64| match without {
            Some(hole) if start < hole.end().get() && hole.start.get() < end => {
                add(start, hole.start.get());
                add(hole.end().get(), end);
            }
            _ => add(start, end),
        };
        let mut free_from = 0;
        for range in ranges {
            room(free_from, range.start.get());
            free_from = range.end().get();
        }
        room(free_from, capacity.get());
        sorted.sort_unstable();
        Self { sorted }
    }

    /// Bytes of the longest room.
    pub(crate) fn largest(&self) -> ByteLen {
        ByteLen::new(self.sorted.last().map_or(0, |room| room.len))
    }

    /// Takes the start of the shortest room that holds `len` bytes at a multiple of `align`; among
    /// rooms of one length the one at the lowest address. Also returns the rooms looked at.
    pub(crate) fn take(&mut self, len: ByteLen, align: Align) -> (Option<Taken>, usize) {
        let first = self.sorted.partition_point(|room| room.len < len.get());
        for at in first..self.sorted.len() {
            let room = self.sorted[at];
            let Some(to) = ByteOffset::new(room.start).align_up(align) else {
                continue;
            };
            let before = to.get() - room.start;
            if before + len.get() > room.len {
                continue;
            }
            self.sorted.remove(at);
            let taken = Taken { to, len, room };
            for rest in taken.rests().into_iter().flatten() {
                let at = self.sorted.partition_point(|room| *room < rest);
                self.sorted.insert(at, rest);
            }
            return (Some(taken), at - first + 1);
        }
        (None, self.sorted.len() - first)
    }

    /// Takes the last place that is still taken back.
    pub(crate) fn give_back(&mut self, taken: Taken) {
        for rest in taken.rests().into_iter().flatten() {
            let at = self.sorted.binary_search(&rest);
            self.sorted
                .remove(at.expect("D3: places are given back in reverse"));
        }
        let at = self.sorted.partition_point(|room| *room < taken.room);
        self.sorted.insert(at, taken.room);
    }
}

impl Taken {
    pub(crate) const fn len(&self) -> ByteLen {
        self.len
    }

    /// What is left of the room before and behind.
    fn rests(&self) -> [Option<Room>; 2] {
        let (to, end) = (self.to.get(), self.to.get() + self.len.get());
        let room_end = self.room.start + self.room.len;
        let rest = |start: u64, end: u64| {
            let len = end - start;
            (len > 0).then_some(Room { len, start })
        };
        [rest(self.room.start, to), rest(end, room_end)]
    }
}
