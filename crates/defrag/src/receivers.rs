//! Trial placements: each receiving chunk with its free rooms, which are read when they are first
//! needed.

use std::cmp::Ordering;

use geoheap_suballoc::{ByteLen, ByteOffset, ByteRange};

use crate::board::Board;
use crate::error::LayoutError;
use crate::layout::{RangeView, fraction};
use crate::source::ChunkSummary;
use crate::steps::Steps;
use crate::trial::{Rooms, Taken};

/// A place found for a range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    /// Index of the chunk on the board.
    pub(crate) chunk: usize,
    taken: Taken,
}

impl Placed {
    pub(crate) const fn to(&self) -> ByteOffset {
        self.taken.to
    }
}

/// Which chunks may take a range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Among {
    /// Not this one.
    pub(crate) but: usize,
    /// Only those that are at least as dense as `but` is before the plan.
    ///
    /// The sum of squared live bytes over capacity rises with each such move. So no sequence of
    /// them is endless, whatever becomes of the plans they were part of.
    pub(crate) uphill_only: bool,
}

/// A chunk that takes ranges.
#[derive(Clone, Copy, Debug)]
struct Receiver {
    used: f64,
    largest_free: u64,
    id: u32,
    /// Index on the board.
    at: usize,
}

impl Receiver {
    /// The denser chunk comes first, the smaller id among equals.
    fn compare(&self, other: &Self) -> Ordering {
        let used = other.used.total_cmp(&self.used);
        used.then(self.id.cmp(&other.id))
    }
}

/// The chunks that may receive ranges, the densest first.
pub(crate) struct Receivers<'a> {
    board: &'a Board<'a>,
    densest_first: Vec<Receiver>,
    /// Free bytes of all of them.
    free: ByteLen,
    /// The two longest rooms before anything was placed, and the chunks they are in.
    longest: [(u64, usize); 2],
    /// Live bytes of each chunk, trial placements included: a plan that continues after some of
    /// them were executed finds the same chunks the densest.
    live: Vec<ByteLen>,
    rooms: Vec<Option<Rooms>>,
    places: Vec<ByteRange>,
}

/// Whether the chunk takes ranges of others. One without anything live does not: filling one to
/// empty another gains nothing.
fn receives(chunk: &ChunkSummary) -> bool {
    chunk.receives && !chunk.live.is_zero()
}

impl<'a> Receivers<'a> {
    /// Those that receive, in order.
    pub(crate) fn new(board: &'a Board<'a>) -> Self {
        let chunks = board.chunks.iter().enumerate();
        let mut densest_first: Vec<Receiver> = chunks
            .filter(|(_, chunk)| receives(chunk))
            .map(|(at, chunk)| Receiver {
                used: board.used(at),
                largest_free: chunk.largest_free.get(),
                id: chunk.id,
                at,
            })
            .collect();
        densest_first.sort_unstable_by(Receiver::compare);
        let free = densest_first.iter().map(|one| board.chunks[one.at].free);
        let mut longest = [(0, usize::MAX); 2];
        for one in &densest_first {
            let room = (one.largest_free, one.at);
            if room.0 > longest[0].0 {
                longest = [room, longest[0]];
            } else if room.0 > longest[1].0 {
                longest[1] = room;
            }
        }
        Self {
            board,
            longest,
            free: free.fold(ByteLen::ZERO, ByteLen::saturating_add),
            densest_first,
            live: board.chunks.iter().map(|chunk| chunk.live).collect(),
            rooms: board.chunks.iter().map(|_| None).collect(),
            places: Vec::new(),
        }
    }

    /// Indices of the chunks, the densest first.
    pub(crate) fn densest_first(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.densest_first.iter().map(|one| one.at)
    }

    /// Free bytes of all but `victim`. O(1).
    pub(crate) fn free_without(&self, victim: usize) -> ByteLen {
        let chunk = &self.board.chunks[victim];
        let own = if receives(chunk) {
            chunk.free
        } else {
            ByteLen::ZERO
        };
        self.free.saturating_sub(own)
    }

    /// At least the bytes of the longest room in all but `victim`. O(1).
    pub(crate) fn largest_without(&self, victim: usize) -> u64 {
        let others = self.longest.iter().filter(|(_, at)| *at != victim);
        others.map(|(len, _)| *len).max().unwrap_or(0)
    }

    /// Takes the best fit in the densest chunk that has one; `None` where no chunk has room.
    pub(crate) fn place(
        &mut self,
        range: &RangeView,
        among: Among,
        steps: &mut Steps,
    ) -> Result<Option<Placed>, LayoutError> {
        let len = range.range.len;
        let align = self.board.align(range.align);
        let used_min = self.board.used(among.but);
        let mut passed = 0;
        for nth in 0..self.densest_first.len() {
            let one = self.densest_first[nth];
            if among.uphill_only && one.used < used_min {
                break;
            }
            passed += 1;
            if one.largest_free < len.get() || one.at == among.but {
                continue;
            }
            self.load(one.at, steps)?;
            let Some(rooms) = &mut self.rooms[one.at] else {
                continue;
            };
            let (taken, looked) = match align {
                Some(align) => rooms.take(len, align),
                None => (None, 0),
            };
            steps.take(looked.max(1));
            self.densest_first[nth].largest_free = rooms.largest().get();
            if let Some(taken) = taken {
                self.live[one.at] += len;
                let moved = self.refile(nth);
                steps.take_passed(passed + moved);
                let chunk = one.at;
                return Ok(Some(Placed { chunk, taken }));
            }
        }
        // A search in vain costs at least a step, so that no number of candidates is free.
        steps.take(1);
        steps.take_passed(passed);
        Ok(None)
    }

    /// Gives a place back, for a plan that came to nothing; the last one first.
    pub(crate) fn give_back(&mut self, placed: Placed, steps: &mut Steps) {
        let at = placed.chunk;
        let rooms = self.rooms[at].as_mut();
        let rooms = rooms.expect("D3: a place was taken before it is given back");
        rooms.give_back(placed.taken);
        let largest_free = rooms.largest().get();
        self.live[at] -= placed.taken.len();
        let nth = self.densest_first.iter().position(|one| one.at == at);
        let nth = nth.expect("D2: only receivers have places");
        self.densest_first[nth].largest_free = largest_free;
        let moved = self.refile(nth);
        steps.take(1);
        steps.take_passed(nth + moved);
    }

    /// Reads the rooms of a chunk.
    fn load(&mut self, at: usize, steps: &mut Steps) -> Result<(), LayoutError> {
        if self.rooms[at].is_some() {
            return Ok(());
        }
        self.board.places(at, &mut self.places)?;
        steps.take(self.places.len());
        let capacity = self.board.chunks[at].capacity;
        self.rooms[at] = Some(Rooms::between(capacity, &self.places, None));
        Ok(())
    }

    /// Restores the order after the live bytes of the chunk at `nth` have changed. Returns by how
    /// many places it moved.
    fn refile(&mut self, nth: usize) -> usize {
        let (first, mut nth) = (nth, nth);
        let at = self.densest_first[nth].at;
        self.densest_first[nth].used = fraction(self.live[at], self.board.chunks[at].capacity);
        let is_before = |this: &Self, a: usize, b: usize| {
            let order = this.densest_first[a].compare(&this.densest_first[b]);
            order.is_lt()
        };
        while nth > 0 && is_before(self, nth, nth - 1) {
            self.densest_first.swap(nth, nth - 1);
            nth -= 1;
        }
        while nth + 1 < self.densest_first.len() && is_before(self, nth + 1, nth) {
            self.densest_first.swap(nth, nth + 1);
            nth += 1;
        }
        first.abs_diff(nth)
    }
}
