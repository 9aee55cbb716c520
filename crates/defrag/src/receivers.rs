//! Trial placements: each receiving chunk as a space of its own, made when it is first needed.

use std::cmp::Ordering;

use geoheap_suballoc::{ByteLen, ByteOffset, ByteRange, RangeId, Space};

use crate::layout::{Layout, RangeView, Sums, fraction};

/// So many chunks that are passed over cost as much as a place that is tried.
const CHUNKS_A_STEP: usize = 64;

/// The allowance of planning steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    pub(crate) taken: u32,
    pub(crate) max: u32,
}

impl Steps {
    /// Whether another search may begin. A search that has begun is finished, so that a small
    /// allowance is slow but never without effect.
    pub(crate) const fn are_left(self) -> bool {
        self.taken < self.max
    }

    pub(crate) fn take(&mut self, steps: usize) {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.taken = self.taken.saturating_add(steps);
    }
}

/// A place found for a range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    /// Index of the chunk in the layout.
    pub(crate) chunk: usize,
    pub(crate) to: ByteOffset,
    id: RangeId,
}

/// The chunks that may receive ranges, the densest first.
#[derive(Debug)]
pub(crate) struct Receivers<'a> {
    layout: &'a Layout,
    sums: &'a [Sums],
    unit: ByteLen,
    /// Indices into the layout.
    densest_first: Vec<usize>,
    /// Free bytes of all of them.
    free: ByteLen,
    /// Live bytes of each chunk, trial placements included: a plan that continues after some of
    /// them were executed finds the same chunks the densest.
    live: Vec<ByteLen>,
    spaces: Vec<Option<Space>>,
}

impl<'a> Receivers<'a> {
    /// Those that receive, in order.
    pub(crate) fn new(layout: &'a Layout, sums: &'a [Sums], unit: ByteLen) -> Self {
        let mut new = Self {
            layout,
            sums,
            unit,
            densest_first: (0..layout.chunks.len())
                .filter(|&at| receives(layout, sums, at))
                .collect(),
            free: ByteLen::ZERO,
            live: sums.iter().map(|sums| sums.live).collect(),
            spaces: layout.chunks.iter().map(|_| None).collect(),
        };
        let mut order = std::mem::take(&mut new.densest_first);
        let free = order.iter().map(|&at| sums[at].free);
        new.free = free.fold(ByteLen::ZERO, ByteLen::saturating_add);
        order.sort_by(|&a, &b| new.compare(a, b));
        new.densest_first = order;
        new
    }

    /// The denser chunk comes first, the smaller id among equals.
    fn compare(&self, a: usize, b: usize) -> Ordering {
        let used = |at: usize| fraction(self.live[at], self.layout.chunks[at].capacity);
        let id = |at: usize| self.layout.chunks[at].id;
        used(b).total_cmp(&used(a)).then(id(a).cmp(&id(b)))
    }

    /// Restores the order after the live bytes of the chunk at `nth` have changed.
    fn reorder(&mut self, mut nth: usize) {
        let is_before = |this: &Self, a: usize, b: usize| {
            this.compare(this.densest_first[a], this.densest_first[b])
                .is_lt()
        };
        while nth > 0 && is_before(self, nth, nth - 1) {
            self.densest_first.swap(nth, nth - 1);
            nth -= 1;
        }
        while nth + 1 < self.densest_first.len() && is_before(self, nth + 1, nth) {
            self.densest_first.swap(nth, nth + 1);
            nth += 1;
        }
    }

    /// Free bytes of all but `victim`. O(1).
    pub(crate) fn free_without(&self, victim: usize) -> ByteLen {
        let own = if receives(self.layout, self.sums, victim) {
            self.sums[victim].free
        } else {
            ByteLen::ZERO
        };
        self.free.saturating_sub(own)
    }

    /// Whether a move from `victim` to the chunk at `to` leads uphill: `to` is at least as dense.
    ///
    /// The sum of squared live bytes over capacity rises with each uphill move. So no sequence of
    /// them is endless, whatever becomes of the plans they were part of.
    fn is_uphill(&self, victim: usize, to: usize) -> bool {
        let used = |at: usize, live: ByteLen| fraction(live, self.layout.chunks[at].capacity);
        used(to, self.live[to]) >= used(victim, self.sums[victim].live)
    }

    /// Takes the best fit in the densest chunk that has one, never in `victim`; `None` where no
    /// chunk has room.
    pub(crate) fn place(
        &mut self,
        range: &RangeView,
        victim: usize,
        uphill_only: bool,
        steps: &mut Steps,
    ) -> Option<Placed> {
        let (len, align) = (range.range.len, range.align);
        for nth in 0..self.densest_first.len() {
            let at = self.densest_first[nth];
            if at == victim || self.sums[at].free < len {
                continue;
            }
            if uphill_only && !self.is_uphill(victim, at) {
                continue;
            }
            if self.spaces[at].is_none() {
                steps.take(self.layout.chunks[at].ranges.len());
                self.spaces[at] = Some(self.restore(at));
            }
            let Some(space) = &mut self.spaces[at] else {
                continue;
            };
            if space.largest_free() < len {
                continue;
            }
            steps.take(1);
            if let Ok(found) = space.alloc(len, align) {
                let ByteRange { start: to, len } = found.range;
                self.live[at] += len;
                self.reorder(nth);
                steps.take((nth + 1) / CHUNKS_A_STEP);
                return Some(Placed {
                    chunk: at,
                    to,
                    id: found.id,
                });
            }
        }
        // A search in vain costs at least a step, so that no number of candidates is free.
        steps.take(self.densest_first.len() / CHUNKS_A_STEP + 1);
        None
    }

    /// Gives a place back, for a victim that turned out not to fit.
    pub(crate) fn give_back(&mut self, placed: Placed) {
        let at = placed.chunk;
        let freed = self.spaces[at].as_mut().map(|space| space.free(placed.id));
        let Some(Ok(freed)) = freed else {
            unreachable!("D3: a place was taken before it is given back, but {freed:?}");
        };
        self.live[at] -= freed.len;
        let nth = self.densest_first.iter().position(|&other| other == at);
        self.reorder(nth.expect("D2: only receivers have places"));
    }

    /// The chunk at this index as a space in which everything that is not free is taken.
    fn restore(&self, at: usize) -> Space {
        let chunk = &self.layout.chunks[at];
        let mut space = Space::new(chunk.capacity, self.unit)
            .expect("D1: capacities were checked with the layout");
        for range in &chunk.ranges {
            let taken = space.alloc_at(range.range.start, range.range.len);
            assert!(
                taken.is_ok(),
                "D1: ranges were checked with the layout, but {taken:?}"
            );
        }
        space
    }
}

/// Whether the chunk at this index takes ranges of others. One without anything live does not:
/// filling one to empty another gains nothing.
fn receives(layout: &Layout, sums: &[Sums], at: usize) -> bool {
    layout.chunks[at].receives && !sums[at].live.is_zero()
}
