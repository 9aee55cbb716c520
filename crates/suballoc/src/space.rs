//! The space and its operations.

use crate::bins::{Bins, LEN_MAX_UNITS};
use crate::bytes::{Align, ByteLen, ByteOffset, ByteRange};
use crate::error::{AllocError, FreeError, SpaceError};
use crate::nodes::{NONE, Node, Nodes, RangeId, State};
use crate::scale::Scale;
use crate::search::{Fit, Search};

/// A linear space `0..capacity` in bytes, tiled by live and free ranges. See the crate's head for
/// its mechanism and invariants.
#[derive(Clone, Debug)]
pub struct Space {
    pub(crate) scale: Scale,
    pub(crate) units: u64,
    pub(crate) nodes: Nodes,
    pub(crate) bins: Bins,
    pub(crate) live_units: u64,
    pub(crate) live_count: u32,
    pub(crate) free_count: u32,
    /// The node that [`Space::alloc_at`] placed last: where its next walk starts.
    pub(crate) cursor: u32,
}

/// A new live range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Its name, for [`Space::free`] and the like.
    pub id: RangeId,
    /// Its place. The length is the one asked for, rounded up to the unit.
    pub range: ByteRange,
}

/// Which of the free ranges that hold a request is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// The shortest: keeps long ranges whole. O(1) where neither the length nor what is left of
    /// the range it is cut from is above 4096 units, else O(log n).
    #[default]
    BestFit,
    /// The one that places the request lowest: packs towards the start, O(free ranges that are
    /// long enough).
    LowestAddress,
}

impl Space {
    /// The greatest capacity: 1 TiB.
    pub const CAPACITY_MAX: ByteLen = ByteLen::new(LEN_MAX_UNITS);

    /// An empty space of `capacity` bytes, cut into units of `unit` bytes. A unit may be any
    /// positive number; the capacity must be a whole multiple of it.
    ///
    /// # Errors
    ///
    /// [`SpaceError`] for a capacity or unit of zero, a capacity with a partial unit, or one above
    /// [`Space::CAPACITY_MAX`].
    pub fn new(capacity: ByteLen, unit: ByteLen) -> Result<Self, SpaceError> {
        if unit.is_zero() {
            return Err(SpaceError::ZeroUnit);
        }
        if capacity.is_zero() {
            return Err(SpaceError::ZeroCapacity);
        }
        if capacity > Self::CAPACITY_MAX {
            return Err(SpaceError::TooLarge {
                requested: capacity,
                max: Self::CAPACITY_MAX,
            });
        }
        if !capacity.get().is_multiple_of(unit.get()) {
            return Err(SpaceError::PartialUnit { capacity, unit });
        }
        let units = capacity.get() / unit.get();
        let mut nodes = Nodes::new(units);
        let mut bins = Bins::new(units);
        let whole = nodes.first();
        bins.insert(&mut nodes, whole);
        Ok(Self {
            scale: Scale::new(unit.get()),
            units,
            nodes,
            bins,
            live_units: 0,
            live_count: 0,
            free_count: 1,
            cursor: NONE,
        })
    }

    /// Allocates `len` bytes, rounded up to the unit, at a multiple of `align`, by best fit.
    ///
    /// # Errors
    ///
    /// [`AllocError::ZeroSize`], [`AllocError::TooLarge`] where the space is shorter than `len`,
    /// [`AllocError::NoSpace`] where no free range holds it now.
    #[inline]
    pub fn alloc(&mut self, len: ByteLen, align: Align) -> Result<Allocation, AllocError> {
        self.alloc_with(len, align, Strategy::BestFit)
    }

    /// As [`Space::alloc`], with a choice of strategy.
    ///
    /// # Errors
    ///
    /// As [`Space::alloc`].
    #[inline]
    pub fn alloc_with(
        &mut self,
        len: ByteLen,
        align: Align,
        strategy: Strategy,
    ) -> Result<Allocation, AllocError> {
        if len.is_zero() {
            return Err(AllocError::ZeroSize);
        }
        if len > self.capacity() {
            return Err(AllocError::TooLarge {
                requested: len,
                capacity: self.capacity(),
            });
        }
        let units = self.scale.units_up(len);
        let search = Search {
            nodes: &self.nodes,
            bins: &self.bins,
            len: units,
            step: self.scale.step(align),
        };
        let fit = match strategy {
            Strategy::BestFit => search.best_fit(),
            Strategy::LowestAddress => search.lowest_address(),
        };
        let Some(fit) = fit else {
            return Err(AllocError::NoSpace {
                requested: self.scale.len(units),
                align,
                free: self.free_bytes(),
                largest_free: self.largest_free(),
            });
        };
        let allocation = self.claim(fit, units);
        assert!(
            align.divides(allocation.range.start),
            "S6: {allocation:?} is not at {align}"
        );
        Ok(allocation)
    }

    /// Allocates exactly the place `start`, with `len` bytes rounded up to the unit: to restore a
    /// layout, or to try a placement. Restoring in address order takes O(1) a range, any other
    /// order up to O(ranges).
    ///
    /// # Errors
    ///
    /// [`AllocError::ZeroSize`], [`AllocError::TooLarge`] where the range would end after the
    /// space, [`AllocError::Misaligned`] where `start` is inside a unit,
    /// [`AllocError::Occupied`] where a part of the range is live.
    pub fn alloc_at(&mut self, start: ByteOffset, len: ByteLen) -> Result<Allocation, AllocError> {
        if len.is_zero() {
            return Err(AllocError::ZeroSize);
        }
        let requested = ByteLen::new(start.get()).saturating_add(len);
        if requested > self.capacity() {
            return Err(AllocError::TooLarge {
                requested,
                capacity: self.capacity(),
            });
        }
        let Some(start) = self.scale.unit_at(start) else {
            return Err(AllocError::Misaligned {
                start,
                unit: self.unit(),
            });
        };
        let units = self.scale.units_up(len);
        let node = self.node_at(start);
        let at = self.nodes.at(node);
        if at.state() == State::Live || at.end() < start + units {
            let live = if at.state() == State::Live {
                at
            } else {
                self.nodes.at(at.next)
            };
            return Err(AllocError::Occupied {
                requested: self.scale.range(start, units),
                live: self.range_of(live),
            });
        }
        let allocation = self.claim(Fit { node, start }, units);
        self.cursor = allocation.id.index();
        Ok(allocation)
    }

    /// Frees a live range and merges it with its free neighbours: O(1), but
    /// O(log n) where it takes or files a free range above 4096 units. Returns the range that was
    /// live.
    ///
    /// # Errors
    ///
    /// [`FreeError::Stale`] for an id that was freed before, [`FreeError::Unknown`] for one never
    /// issued.
    #[inline]
    pub fn free(&mut self, id: RangeId) -> Result<ByteRange, FreeError> {
        let node = self.live(id)?;
        let freed = self.range_of(self.nodes.at(node));
        let slot = self.nodes.at_mut(node);
        slot.set_state(State::Free);
        self.live_units -= slot.len;
        self.nodes.end_generation(node);
        self.live_count -= 1;
        self.free_count += 1;
        self.merge_and_file(node);
        self.paranoid();
        Ok(freed)
    }

    /// The live range of an id; `None` where it was freed or never issued.
    pub fn get(&self, id: RangeId) -> Option<ByteRange> {
        self.live(id)
            .ok()
            .map(|node| self.range_of(self.nodes.at(node)))
    }

    /// All bytes of the space.
    pub const fn capacity(&self) -> ByteLen {
        self.scale.len(self.units)
    }

    /// The bytes of which all starts and lengths are multiples.
    pub const fn unit(&self) -> ByteLen {
        self.scale.unit()
    }

    /// The bytes in no live range.
    pub const fn free_bytes(&self) -> ByteLen {
        self.scale.len(self.units - self.live_units)
    }

    /// The bytes in live ranges, with what rounding up to the unit added.
    pub const fn live_bytes(&self) -> ByteLen {
        self.scale.len(self.live_units)
    }

    /// The number of live ranges.
    pub const fn live_count(&self) -> u32 {
        self.live_count
    }

    /// The number of free ranges.
    pub const fn free_count(&self) -> u32 {
        self.free_count
    }

    /// Whether nothing is live.
    pub const fn is_empty(&self) -> bool {
        self.live_count == 0
    }

    /// The length of the longest free range: an unaligned request of it is served.
    pub fn largest_free(&self) -> ByteLen {
        self.scale.len(self.bins.longest(&self.nodes))
    }

    /// The share of the free bytes that is outside the longest free range: 0 where all are in one
    /// range, or where none is free, towards 1 as they are scattered.
    #[expect(
        clippy::cast_precision_loss,
        reason = "units are at most 2^40, below 2^53"
    )]
    pub fn fragmentation(&self) -> f64 {
        let free = self.units - self.live_units;
        if free == 0 {
            return 0.0;
        }
        let longest = self.bins.longest(&self.nodes);
        (free - longest) as f64 / free as f64
    }

    /// Turns the free node of `fit` into a live one of `units`; what is left of it in front and
    /// behind stays free.
    #[inline]
    fn claim(&mut self, fit: Fit, units: u64) -> Allocation {
        let Fit { mut node, start } = fit;
        self.bins.remove(&mut self.nodes, node);
        self.free_count -= 1;
        let padding = start - self.nodes.at(node).start;
        if padding > 0 {
            let front = node;
            node = self.nodes.split(front, padding);
            self.bins.insert(&mut self.nodes, front);
            self.free_count += 1;
        }
        node = self.nodes.unworn(node);
        self.cut_tail(node, units);
        let slot = self.nodes.at_mut(node);
        slot.set_state(State::Live);
        self.live_units += units;
        self.live_count += 1;
        let slot = *self.nodes.at(node);
        self.paranoid();
        Allocation {
            id: RangeId::new(node, self.nodes.generation(node)),
            range: self.range_of(&slot),
        }
    }

    /// Leaves `units` to the node and files the rest, if any, as free. The node behind is live.
    #[inline]
    pub(crate) fn cut_tail(&mut self, node: u32, units: u64) {
        if self.nodes.at(node).len > units {
            let rest = self.nodes.split(node, units);
            self.bins.insert(&mut self.nodes, rest);
            self.free_count += 1;
        }
    }

    /// Files a free node after merging it with its free neighbours (S2).
    #[inline]
    pub(crate) fn merge_and_file(&mut self, node: u32) {
        let Node { prev, next, .. } = *self.nodes.at(node);
        if self.free_units_at(next) > 0 {
            self.bins.remove(&mut self.nodes, next);
            self.nodes.absorb_next(node);
            self.free_count -= 1;
        }
        if self.free_units_at(prev) > 0 {
            self.bins.remove(&mut self.nodes, prev);
            self.nodes.absorb_prev(node);
            self.free_count -= 1;
        }
        self.bins.insert(&mut self.nodes, node);
    }

    /// The length of the node, if there is one and it is free; else zero.
    #[inline]
    pub(crate) fn free_units_at(&self, node: u32) -> u64 {
        let at = self.nodes.at(node);
        if at.state() == State::Free { at.len } else { 0 }
    }

    /// The node of a live id.
    #[inline]
    pub(crate) fn live(&self, id: RangeId) -> Result<u32, FreeError> {
        let Some(slot) = self.nodes.get(id.index()) else {
            return Err(FreeError::Unknown { id });
        };
        let issued = self.nodes.generation(id.index());
        if issued == id.generation() && slot.state() == State::Live {
            return Ok(id.index());
        }
        Err(if id.generation() < issued {
            FreeError::Stale { id }
        } else {
            FreeError::Unknown { id }
        })
    }

    /// The node that holds the unit `at`, by walking from the cursor.
    fn node_at(&self, at: u64) -> u32 {
        let mut node = self.cursor;
        if node == NONE || self.nodes.at(node).state() == State::Vacant {
            node = self.nodes.first();
        }
        while at < self.nodes.at(node).start {
            node = self.nodes.at(node).prev;
        }
        while at >= self.nodes.at(node).end() {
            node = self.nodes.at(node).next;
        }
        node
    }

    pub(crate) const fn range_of(&self, node: &Node) -> ByteRange {
        self.scale.range(node.start, node.len)
    }

    pub(crate) fn paranoid(&self) {
        if cfg!(feature = "paranoid") {
            self.validate();
        }
    }
}
