//! The naive twin of a space: a list of live ranges in units, searched from end to end.

#![expect(
    clippy::missing_assert_message,
    reason = "the two sides say what differs"
)]

use geoheap_suballoc::{
    Align, AllocError, ByteLen, ByteOffset, ByteRange, RangeId, ResizeError, Space, Strategy,
};

/// One live range, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    pub(crate) id: RangeId,
    pub(crate) start: u64,
    pub(crate) len: u64,
}

/// A space and its naive twin, driven together. Each operation asserts that the two agree.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub space: Space,
    /// In address order.
    pub(crate) live: Vec<Live>,
    /// In the order of being freed.
    pub(crate) freed: Vec<RangeId>,
    capacity: u64,
    unit: u64,
}

/// Below this many free ranges that are long enough, the search does not cut itself short, and the
/// fit is the best there is.
const EXACT_BELOW: usize = 4;

impl Pair {
    pub(crate) fn new(units: u64, unit: u64) -> Self {
        let capacity = units * unit;
        let space = Space::new(ByteLen::new(capacity), ByteLen::new(unit)).unwrap();
        Self {
            space,
            live: Vec::new(),
            freed: Vec::new(),
            capacity,
            unit,
        }
    }

    /// The free ranges as `(start, len)` in address order.
    pub(crate) fn holes(&self) -> Vec<(u64, u64)> {
        let mut holes = Vec::new();
        let mut end = 0;
        let past_the_end = (self.capacity, 0);
        let ranges = self.live.iter().map(|live| (live.start, live.len));
        for (start, len) in ranges.chain([past_the_end]) {
            if start > end {
                holes.push((end, start - end));
            }
            end = start + len;
        }
        holes
    }

    pub(crate) fn alloc(&mut self, len: u64, align: u64, strategy: Strategy) {
        let rounded = len.next_multiple_of(self.unit);
        let fits: Vec<(u64, u64)> = self
            .holes()
            .into_iter()
            .filter_map(|(start, hole)| {
                let at = (start..start + hole)
                    .step_by(usize::try_from(self.unit).unwrap())
                    .find(|at| at % align == 0)?;
                (at + rounded <= start + hole).then_some((hole, at))
            })
            .collect();
        let long_enough = self
            .holes()
            .iter()
            .filter(|(_, hole)| *hole >= rounded)
            .count();
        let align_by = Align::new(align).unwrap();
        match self.space.alloc_with(ByteLen::new(len), align_by, strategy) {
            Ok(allocation) => {
                let start = allocation.range.start.get();
                assert_eq!(allocation.range.len.get(), rounded);
                let taken = fits.iter().find(|(_, at)| *at == start);
                let Some((hole, _)) = taken else {
                    panic!("S8: {rounded} at {align} was put at {start}, which is none of {fits:?}")
                };
                if strategy == Strategy::LowestAddress {
                    assert!(
                        fits.iter().all(|(_, at)| *at >= start),
                        "{start} is not the lowest"
                    );
                } else if long_enough < EXACT_BELOW {
                    let best = fits.iter().map(|(hole, _)| hole).min();
                    assert_eq!(Some(hole), best, "not the best of {fits:?}");
                }
                self.insert(allocation.id, start, rounded);
            }
            Err(AllocError::NoSpace {
                requested,
                free,
                largest_free,
                ..
            }) => {
                assert!(fits.is_empty(), "S8: {rounded} at {align} fits at {fits:?}");
                assert_eq!(requested.get(), rounded);
                assert_eq!(
                    (free, largest_free),
                    (self.space.free_bytes(), self.space.largest_free())
                );
            }
            Err(AllocError::TooLarge { .. }) => assert!(len > self.capacity),
            Err(AllocError::ZeroSize) => assert_eq!(len, 0),
            Err(error) => panic!("{error}"),
        }
        self.check();
    }

    pub(crate) fn alloc_at(&mut self, start: u64, len: u64) {
        let rounded = len.next_multiple_of(self.unit);
        let asked = ByteRange::new(ByteOffset::new(start), ByteLen::new(rounded));
        let hit = self
            .live
            .iter()
            .map(range)
            .find(|live| live.overlaps(&asked));
        match self
            .space
            .alloc_at(ByteOffset::new(start), ByteLen::new(len))
        {
            Ok(allocation) => {
                assert_eq!((hit, allocation.range), (None, asked));
                self.insert(allocation.id, start, rounded);
            }
            Err(AllocError::Occupied { live, .. }) => assert_eq!(Some(live), hit),
            Err(AllocError::TooLarge { .. }) => assert!(start + len > self.capacity),
            Err(AllocError::Misaligned { .. }) => assert_ne!(start % self.unit, 0),
            Err(AllocError::ZeroSize) => assert_eq!(len, 0),
            Err(error) => panic!("{error}"),
        }
        self.check();
    }

    /// Frees the live range of that place in address order, and sees that a second free fails.
    pub(crate) fn free(&mut self, nth: usize) {
        let live = self.live.remove(nth);
        assert_eq!(self.space.free(live.id), Ok(range(&live)));
        self.freed.push(live.id);
        self.check();
    }

    pub(crate) fn resize(&mut self, nth: usize, len: u64) {
        let live = self.live[nth];
        let rounded = len.next_multiple_of(self.unit);
        let behind = self
            .live
            .get(nth + 1)
            .map_or(self.capacity, |next| next.start);
        let resized = if rounded > live.len {
            self.space.grow_in_place(live.id, ByteLen::new(len))
        } else {
            self.space.shrink_in_place(live.id, ByteLen::new(len))
        };
        match resized {
            Ok(now) => {
                self.live[nth].len = rounded;
                assert_eq!(now, range(&self.live[nth]));
                assert!(now.end().get() <= behind, "R6: {now} reaches over {behind}");
            }
            Err(ResizeError::NoRoom { available, .. }) => {
                assert!(
                    live.start + rounded > behind,
                    "{rounded} at {} have room",
                    live.start
                );
                assert_eq!(available.get(), behind - live.start);
            }
            Err(ResizeError::ZeroSize) => assert_eq!(len, 0),
            Err(error) => panic!("{error}"),
        }
        self.check();
    }

    fn insert(&mut self, id: RangeId, start: u64, len: u64) {
        let nth = self.live.partition_point(|live| live.start < start);
        self.live.insert(nth, Live { id, start, len });
    }

    /// All that can be asked of the two agrees.
    fn check(&self) {
        self.space.validate();
        let live: Vec<_> = self
            .live
            .iter()
            .map(|live| (range(live), live.id))
            .collect();
        let seen: Vec<_> = self
            .space
            .iter()
            .filter_map(|span| Some((span.range, span.id?)))
            .collect();
        assert_eq!(seen, live);
        let holes = self.holes();
        let free: u64 = holes.iter().map(|(_, len)| len).sum();
        let longest = holes.iter().map(|(_, len)| *len).max().unwrap_or(0);
        assert_eq!(self.space.free_bytes().get(), free, "S5");
        assert_eq!(self.space.live_bytes().get(), self.capacity - free, "S5");
        assert_eq!(self.space.largest_free().get(), longest);
        assert_eq!(self.space.live_count() as usize, self.live.len(), "S5");
        assert_eq!(self.space.free_count() as usize, holes.len(), "S5");
        assert!(
            self.live
                .iter()
                .all(|live| self.space.get(live.id) == Some(range(live))),
            "S7"
        );
        assert!(
            self.freed
                .iter()
                .rev()
                .take(8)
                .all(|id| self.space.get(*id).is_none()),
            "S7"
        );
        assert!(
            self.freed
                .iter()
                .rev()
                .take(8)
                .all(|id| self.space.clone().free(*id).is_err()),
            "S7"
        );
    }
}

fn range(live: &Live) -> ByteRange {
    ByteRange::new(ByteOffset::new(live.start), ByteLen::new(live.len))
}
