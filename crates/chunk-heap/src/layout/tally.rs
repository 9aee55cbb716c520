//! What a block's rooms come to, kept up to date by each operation (L7), so that reading it walks
//! nothing.

use super::rooms::Rooms;

/// Sums in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    /// Of live rooms.
    pub(super) live: u32,
    /// Of rooms that wait for their release.
    pub(super) retired: u32,
    /// Of the longest free room.
    pub(super) longest: u32,
}

impl Tally {
    /// The sums by a walk over all rooms: for a block that is laid out anew, and to check by.
    pub(super) fn of(rooms: &Rooms) -> Self {
        let sum = |live| {
            let of = rooms.placed().iter().filter(|room| room.is_live() == live);
            of.map(|room| room.words).sum()
        };
        Self {
            live: sum(true),
            retired: sum(false),
            longest: rooms.longest_gap(),
        }
    }

    /// Live rooms have taken `words` words of a free room that had `gap`. Which room is the
    /// longest now has to be looked for only where that was the one.
    pub(super) fn take(&mut self, rooms: &Rooms, words: u32, gap: u32) {
        self.live += words;
        if gap == self.longest {
            self.longest = rooms.longest_gap();
        }
    }

    /// `words` live words are retired now.
    pub(super) fn retire(&mut self, words: u32) {
        self.live -= words;
        self.retired += words;
    }

    /// `words` retired words are free now, in a room of `gap` words.
    pub(super) fn release(&mut self, words: u32, gap: u32) {
        self.retired -= words;
        self.longest = self.longest.max(gap);
    }
}
