//! Trial placements: each receiving chunk as a space of its own, made when it is first needed.

use geoheap_suballoc::{Align, ByteLen, ByteOffset, RangeId, Space};

use crate::layout::{Layout, Sums, fraction};

/// The allowance of planning steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    pub(crate) taken: u32,
    pub(crate) max: u32,
}

impl Steps {
    /// Takes `steps` and tells whether they were still allowed. At the end the last one may take
    /// several at once, so that a chunk of many ranges is not refused for ever.
    pub(crate) fn take(&mut self, steps: usize) -> bool {
        if self.taken >= self.max {
            return false;
        }
        self.taken = self
            .taken
            .saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
        true
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

/// The end of a search for a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Search {
    Found(Placed),
    NoRoom,
    OutOfSteps,
}

/// The chunks that may receive ranges, the densest first.
#[derive(Debug)]
pub(crate) struct Receivers<'a> {
    layout: &'a Layout,
    sums: &'a [Sums],
    unit: ByteLen,
    /// Indices into the layout.
    densest_first: Vec<usize>,
    spaces: Vec<Option<Space>>,
}

impl<'a> Receivers<'a> {
    /// Chunks without anything live are left out: filling one to empty another gains nothing.
    pub(crate) fn new(layout: &'a Layout, sums: &'a [Sums], unit: ByteLen) -> Self {
        let mut densest_first: Vec<usize> = (0..layout.chunks.len())
            .filter(|&at| layout.chunks[at].receives)
            .filter(|&at| !sums[at].live.is_zero() && !sums[at].free.is_zero())
            .collect();
        densest_first.sort_by(|&a, &b| {
            let used = |at: usize| fraction(sums[at].live, layout.chunks[at].capacity);
            used(b)
                .total_cmp(&used(a))
                .then(layout.chunks[a].id.cmp(&layout.chunks[b].id))
        });
        let spaces = layout.chunks.iter().map(|_| None).collect();
        Self {
            layout,
            sums,
            unit,
            densest_first,
            spaces,
        }
    }

    /// Free bytes of all but `victim`.
    pub(crate) fn free_without(&self, victim: usize) -> ByteLen {
        let others = self.densest_first.iter().filter(|&&at| at != victim);
        others.fold(ByteLen::ZERO, |sum, &at| {
            sum.saturating_add(self.sums[at].free)
        })
    }

    /// Takes the best fit in the densest chunk that has one, never in `victim`.
    pub(crate) fn place(
        &mut self,
        len: ByteLen,
        align: Align,
        victim: usize,
        steps: &mut Steps,
    ) -> Search {
        for nth in 0..self.densest_first.len() {
            let at = self.densest_first[nth];
            if at == victim || self.sums[at].free < len {
                continue;
            }
            if self.spaces[at].is_none() {
                if !steps.take(self.layout.chunks[at].ranges.len()) {
                    return Search::OutOfSteps;
                }
                self.spaces[at] = Some(self.restore(at));
            }
            let Some(space) = &mut self.spaces[at] else {
                continue;
            };
            if space.largest_free() < len {
                continue;
            }
            if !steps.take(1) {
                return Search::OutOfSteps;
            }
            if let Ok(found) = space.alloc(len, align) {
                let to = found.range.start;
                return Search::Found(Placed {
                    chunk: at,
                    to,
                    id: found.id,
                });
            }
        }
        Search::NoRoom
    }

    /// Gives a place back, for a victim that turned out not to fit.
    pub(crate) fn give_back(&mut self, placed: Placed) {
        let freed = self.spaces[placed.chunk]
            .as_mut()
            .map(|space| space.free(placed.id));
        assert!(
            matches!(freed, Some(Ok(_))),
            "D3: a place was taken before it is given back"
        );
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
