//! The oracle of a space: its live ranges in a map by start, searched from end to end.

use std::collections::{BTreeMap, BTreeSet};

use geoheap_suballoc::{
    Align, AllocError, Allocation, ByteLen, ByteOffset, ByteRange, FreeError, RangeId, ResizeError,
    Space,
};

use crate::verdict::granted;

/// A range as asked for, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) len: u64,
    pub(super) align: u64,
    pub(super) lowest: bool,
}

/// What a space must hold. Sums are made in 128 bits, so that none can overflow.
#[derive(Clone, Debug)]
pub(super) struct Shadow {
    capacity: u64,
    unit: u64,
    live_max: u32,
    /// Length and id by start.
    live: BTreeMap<u64, (u64, RangeId)>,
    /// Start by id.
    starts: BTreeMap<RangeId, u64>,
    issued: BTreeSet<RangeId>,
}

/// A free range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hole {
    start: u64,
    len: u64,
}

impl Hole {
    /// The lowest place in it for `len` bytes at a multiple of `step`.
    fn place(self, len: u128, step: u128) -> Option<u64> {
        let at = u128::from(self.start).next_multiple_of(step);
        let end = u128::from(self.start) + u128::from(self.len);
        (at + len <= end).then(|| u64::try_from(at).ok())?
    }
}

impl Shadow {
    pub(super) const fn new(capacity: u64, unit: u64, live_max: u32) -> Self {
        Self {
            capacity,
            unit,
            live_max,
            live: BTreeMap::new(),
            starts: BTreeMap::new(),
            issued: BTreeSet::new(),
        }
    }

    /// The length of a live range, zero for any other id.
    pub(super) fn len_of(&self, id: RangeId) -> u64 {
        self.range_of(id).map_or(0, |range| range.len.get())
    }

    fn range_of(&self, id: RangeId) -> Option<ByteRange> {
        let start = *self.starts.get(&id)?;
        Some(range(start, self.live[&start].0))
    }

    /// Whether no further range is allowed.
    pub(super) fn is_full(&self) -> bool {
        self.live.len() >= self.live_max as usize
    }

    fn too_many(&self) -> Vec<AllocError> {
        let max = self.live_max;
        let too_many = AllocError::TooManyRanges { max };
        self.is_full().then_some(too_many).into_iter().collect()
    }

    fn rounded(&self, len: u64) -> u128 {
        u128::from(len).next_multiple_of(u128::from(self.unit))
    }

    fn holes(&self) -> Vec<Hole> {
        let (mut holes, mut at) = (Vec::new(), 0);
        let end = (self.capacity, 0);
        let ranges = self.live.iter().map(|(start, (len, _))| (*start, *len));
        for (start, len) in ranges.chain([end]) {
            if start > at {
                let len = start - at;
                holes.push(Hole { start: at, len });
            }
            at = start + len;
        }
        holes
    }

    fn free_bytes(&self) -> u64 {
        self.capacity - self.live.values().map(|(len, _)| len).sum::<u64>()
    }

    fn largest_free(&self) -> u64 {
        self.holes().iter().map(|hole| hole.len).max().unwrap_or(0)
    }

    /// S8 and S6: it is placed exactly if a free range holds it, in one that does; by best fit in
    /// the shortest where any start will do, or else at the lowest start there is.
    pub(super) fn judge_alloc(
        &mut self,
        asked: &Asked,
        outcome: Result<Allocation, AllocError>,
    ) -> Option<RangeId> {
        let len = self.rounded(asked.len);
        let step = lcm(asked.align, self.unit);
        let holes = self.holes();
        let fits: Vec<(Hole, u64)> = holes
            .iter()
            .filter_map(|hole| Some((*hole, hole.place(len, step)?)))
            .collect();
        let mut reasons = self.too_many();
        reasons.extend(if asked.len == 0 {
            Some(AllocError::ZeroSize)
        } else if asked.len > self.capacity {
            Some(AllocError::TooLarge {
                requested: ByteLen::new(asked.len),
                capacity: ByteLen::new(self.capacity),
            })
        } else if fits.is_empty() {
            Some(AllocError::NoSpace {
                requested: short(len),
                align: Align::new(asked.align).unwrap_or(Align::ONE),
                free: ByteLen::new(self.free_bytes()),
                largest_free: ByteLen::new(self.largest_free()),
            })
        } else {
            None
        });
        let allocation = granted("S8", asked, outcome, &reasons)?;
        let start = allocation.range.start.get();
        assert_eq!(allocation.range.len, short(len), "{asked:?}: whole units");
        assert!(
            u128::from(start).is_multiple_of(step),
            "S6: {asked:?} is at {start}"
        );
        let taken = holes.iter().find(|hole| {
            hole.start <= start && u128::from(start) + len <= u128::from(hole.start + hole.len)
        });
        let Some(taken) = taken else {
            panic!("S1: {asked:?} is put at {start}, which is not free: {holes:?}");
        };
        if asked.lowest {
            let lowest = fits.iter().map(|(_, at)| *at).min();
            assert_eq!(Some(start), lowest, "{asked:?}: the lowest address");
        } else if step == u128::from(self.unit) {
            let shortest = fits.iter().map(|(hole, _)| hole.len).min();
            assert_eq!(Some(taken.len), shortest, "{asked:?}: the best fit");
        }
        Some(self.enter(&allocation))
    }

    /// A given place is had exactly if it is free from end to end.
    pub(super) fn judge_alloc_at(
        &mut self,
        start: u64,
        len: u64,
        outcome: Result<Allocation, AllocError>,
    ) -> Option<RangeId> {
        let mut reasons = self.too_many();
        if len == 0 {
            reasons.push(AllocError::ZeroSize);
        }
        if u128::from(start) + u128::from(len) > u128::from(self.capacity) {
            reasons.push(AllocError::TooLarge {
                requested: ByteLen::new(start.saturating_add(len)),
                capacity: ByteLen::new(self.capacity),
            });
        }
        if !start.is_multiple_of(self.unit) {
            reasons.push(AllocError::Misaligned {
                start: ByteOffset::new(start),
                unit: ByteLen::new(self.unit),
            });
        }
        let mut requested = range(start, 0);
        if reasons.is_empty() {
            requested.len = short(self.rounded(len));
            let live = self
                .live
                .iter()
                .map(|(start, (len, _))| range(*start, *len));
            let hit = live.into_iter().find(|live| live.overlaps(&requested));
            reasons.extend(hit.map(|live| AllocError::Occupied { requested, live }));
        }
        let allocation = granted("S1", &(start, len), outcome, &reasons)?;
        assert_eq!(allocation.range, requested, "S1: the place asked for");
        Some(self.enter(&allocation))
    }

    fn enter(&mut self, allocation: &Allocation) -> RangeId {
        let Allocation { id, range } = *allocation;
        assert!(self.issued.insert(id), "S7: {id} was issued before");
        assert!(
            self.starts.keys().all(|other| other.index() != id.index()),
            "S7: two live ranges have the index of {id}"
        );
        self.starts.insert(id, range.start.get());
        self.live.insert(range.start.get(), (range.len.get(), id));
        id
    }

    /// S7: why the id leads nowhere.
    fn dead(&self, id: RangeId) -> Option<FreeError> {
        if self.starts.contains_key(&id) {
            None
        } else if self.issued.contains(&id) {
            Some(FreeError::Stale { id })
        } else {
            Some(FreeError::Unknown { id })
        }
    }

    /// Whether it was freed.
    pub(super) fn judge_free(
        &mut self,
        id: RangeId,
        outcome: Result<ByteRange, FreeError>,
    ) -> bool {
        let dead = self.dead(id);
        let Some(freed) = granted("S7", &id, outcome, dead.as_slice()) else {
            return false;
        };
        assert_eq!(Some(freed), self.range_of(id), "S7: what {id} named");
        if let Some(start) = self.starts.remove(&id) {
            self.live.remove(&start);
        }
        true
    }

    pub(super) fn judge_get(&self, id: RangeId, found: Option<ByteRange>) {
        assert_eq!(found, self.range_of(id), "S7: what {id} names");
    }

    /// A range grows up to the next live one, and never shrinks to nothing.
    pub(super) fn judge_resize(
        &mut self,
        id: RangeId,
        new_len: u64,
        grow: bool,
        outcome: Result<ByteRange, ResizeError>,
    ) {
        let mut reasons: Vec<_> = self.dead(id).map(ResizeError::from).into_iter().collect();
        let asked = (id, new_len, grow);
        let requested = ByteLen::new(new_len);
        let wanted = self.rounded(new_len);
        if new_len == 0 {
            reasons.push(ResizeError::ZeroSize);
        }
        let Some(old) = self.range_of(id) else {
            granted("S7", &asked, outcome, &reasons);
            return;
        };
        let start = old.start.get();
        let behind = self.live.range(start + 1..).next();
        let room = behind.map_or(self.capacity, |(next, _)| *next) - start;
        let len = u128::from(old.len.get());
        if (grow && wanted < len) || (!grow && wanted > len) {
            let current = old.len;
            reasons.push(ResizeError::WrongWay { requested, current });
        }
        if grow && wanted > u128::from(room) {
            let available = ByteLen::new(room);
            reasons.push(ResizeError::NoRoom {
                requested,
                available,
            });
        }
        let Some(now) = granted("S1", &asked, outcome, &reasons) else {
            return;
        };
        let expected = ByteRange::new(old.start, short(wanted));
        assert_eq!(now, expected, "{asked:?}: stays where it is");
        self.live.insert(start, (expected.len.get(), id));
    }

    /// What a space knows without a walk (S5).
    pub(super) fn compare_figures(&self, space: &Space) {
        let free = self.free_bytes();
        assert_eq!(space.free_bytes().get(), free, "S5: free bytes");
        assert_eq!(
            space.live_bytes().get(),
            self.capacity - free,
            "S5: live bytes"
        );
        assert_eq!(
            space.live_count() as usize,
            self.live.len(),
            "S5: live ranges"
        );
        assert_eq!(space.is_empty(), self.live.is_empty(), "S5: empty");
    }

    /// The whole walk (S1, S2), each id (S7), and the figures.
    pub(super) fn compare(&self, space: &Space) {
        self.compare_figures(space);
        let holes = self.holes();
        let live = self
            .live
            .iter()
            .map(|(start, (len, id))| (range(*start, *len), Some(*id)));
        let free = holes.iter().map(|hole| (range(hole.start, hole.len), None));
        let mut expected: Vec<_> = live.chain(free).collect();
        expected.sort_unstable();
        let walk: Vec<_> = space.iter().map(|span| (span.range, span.id)).collect();
        assert_eq!(walk, expected, "S1, S2: the walk");
        for id in self.starts.keys() {
            self.judge_get(*id, space.get(*id));
        }
        assert_eq!(space.free_count() as usize, holes.len(), "S5: free ranges");
        let largest = self.largest_free();
        assert_eq!(space.largest_free().get(), largest, "S5: the longest");
        let report = space.report();
        assert_eq!(report.free_bytes.get(), self.free_bytes(), "S5: the report");
        let mut classes: BTreeMap<u64, (u32, u64)> = BTreeMap::new();
        for hole in holes {
            let class = classes.entry(1 << hole.len.ilog2()).or_default();
            *class = (class.0 + 1, class.1 + hole.len);
        }
        let reported = report.free_classes.iter();
        let reported: Vec<_> = reported
            .map(|class| (class.len_min.get(), (class.count, class.bytes.get())))
            .collect();
        let expected: Vec<_> = classes.into_iter().collect();
        assert_eq!(reported, expected, "S5: free ranges by class");
    }
}

fn range(start: u64, len: u64) -> ByteRange {
    ByteRange::new(ByteOffset::new(start), ByteLen::new(len))
}

/// A length that is known to fit the space.
fn short(len: u128) -> ByteLen {
    ByteLen::new(u64::try_from(len).unwrap_or(u64::MAX))
}

/// The least common multiple.
fn lcm(a: u64, b: u64) -> u128 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    u128::from(a / x) * u128::from(b)
}
