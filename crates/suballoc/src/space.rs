//! The space and its operations.

use crate::bins::{Bins, LEN_MAX_UNITS, bin_of, exact_len};
use crate::bytes::{Align, ByteLen, ByteOffset, ByteRange};
use crate::error::{AllocError, FreeError, SpaceError};
use crate::nodes::{NODES_MAX, NONE, Node, Nodes, RangeId, State};
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
    /// Live ranges there can be.
    pub(crate) live_max: u32,
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

    /// The greatest number of live ranges. With so many, each may have a free one before it, and
    /// one may be behind the last: the most that 32-bit indices can name.
    pub const LIVE_MAX: u32 = (NODES_MAX - 1) / 2;

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
        bins.insert(&mut nodes, whole, units);
        Ok(Self {
            scale: Scale::new(unit.get()),
            units,
            nodes,
            bins,
            live_units: 0,
            live_count: 0,
            free_count: 1,
            live_max: Self::LIVE_MAX,
            cursor: NONE,
        })
    }

    /// As [`Space::new`], for at most `live_max` live ranges, of which each one is served where
    /// there is room; the next one is refused. A bound on the memory that the books can take.
    ///
    /// # Errors
    ///
    /// As [`Space::new`]; [`SpaceError::TooManyRanges`] above [`Space::LIVE_MAX`].
    pub fn with_live_max(
        capacity: ByteLen,
        unit: ByteLen,
        live_max: u32,
    ) -> Result<Self, SpaceError> {
        if live_max > Self::LIVE_MAX {
            return Err(SpaceError::TooManyRanges {
                requested: live_max,
                max: Self::LIVE_MAX,
            });
        }
        Ok(Self {
            live_max,
            ..Self::new(capacity, unit)?
        })
    }

    /// Allocates `len` bytes, rounded up to the unit, at a multiple of `align` and of the unit, by
    /// best fit.
    ///
    /// # Errors
    ///
    /// [`AllocError::ZeroSize`], [`AllocError::TooLarge`] where the space is shorter than `len`,
    /// [`AllocError::NoSpace`] where no free range holds it now, [`AllocError::TooManyRanges`]
    /// where as many are live as the space may have.
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
        let units = self.scale.units_up(len);
        // One comparison for both: zero wraps around.
        if units.wrapping_sub(1) >= self.units || self.live_count >= self.live_max {
            return Err(self.refusal(len));
        }
        let step = self.scale.step(align);
        if step > 1 || strategy != Strategy::BestFit {
            return self.alloc_searched(units, step, align, strategy);
        }
        let Some((node, bin)) = self.bins.shortest(&self.nodes, units) else {
            return Err(self.no_space(units, align));
        };
        Ok(self.claim_front(node, bin, units))
    }

    /// Where the first node that is long enough need not do.
    #[inline(never)]
    fn alloc_searched(
        &mut self,
        units: u64,
        step: u64,
        align: Align,
        strategy: Strategy,
    ) -> Result<Allocation, AllocError> {
        let search = Search {
            nodes: &self.nodes,
            bins: &self.bins,
            len: units,
            step,
        };
        let fit = match strategy {
            Strategy::BestFit => search.best_fit(),
            Strategy::LowestAddress => search.lowest_address(),
        };
        let Some(fit) = fit else {
            return Err(self.no_space(units, align));
        };
        let allocation = self.claim(fit, units);
        assert!(
            align.divides(allocation.range.start),
            "S6: {allocation:?} is not at {align}"
        );
        Ok(allocation)
    }

    /// Why a length is refused before a place is looked for.
    #[cold]
    fn refusal(&self, len: ByteLen) -> AllocError {
        if len.is_zero() {
            AllocError::ZeroSize
        } else if len > self.capacity() {
            AllocError::TooLarge {
                requested: len,
                capacity: self.capacity(),
            }
        } else {
            AllocError::TooManyRanges { max: self.live_max }
        }
    }

    #[cold]
    fn no_space(&self, units: u64, align: Align) -> AllocError {
        AllocError::NoSpace {
            requested: self.scale.len(units),
            align,
            free: self.free_bytes(),
            largest_free: self.largest_free(),
        }
    }

    /// Allocates exactly the place `start`, with `len` bytes rounded up to the unit: to restore a
    /// layout, or to try a placement. Restoring in address order takes O(1) a range, any other
    /// order up to O(ranges).
    ///
    /// # Errors
    ///
    /// [`AllocError::ZeroSize`], [`AllocError::TooLarge`] where the range would end after the
    /// space, [`AllocError::Misaligned`] where `start` is inside a unit,
    /// [`AllocError::TooManyRanges`] where as many are live as the space may have,
    /// [`AllocError::Occupied`] where a part of the range is live.
    pub fn alloc_at(&mut self, start: ByteOffset, len: ByteLen) -> Result<Allocation, AllocError> {
        let requested = ByteLen::new(start.get()).saturating_add(len);
        if len.is_zero() {
            return Err(AllocError::ZeroSize);
        }
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
        if self.live_count >= self.live_max {
            return Err(AllocError::TooManyRanges { max: self.live_max });
        }
        let units = self.scale.units_up(len);
        let node = self.node_at(start);
        let is_free = !self.nodes.is_live(node);
        if !is_free || self.nodes.end(node) < start + units {
            let live = if is_free {
                self.nodes.at(node).next
            } else {
                node
            };
            return Err(AllocError::Occupied {
                requested: self.scale.range(start, units),
                live: self.range_of(live),
            });
        }
        let bin = bin_of(self.nodes.len(node));
        let allocation = self.claim(Fit { node, bin, start }, units);
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
        let len = self.nodes.live_len(node);
        let freed = self.scale.range(self.nodes.at(node).start(), len);
        self.nodes.set_free(node);
        self.nodes.end_generation(node);
        self.live_units -= len;
        self.live_count -= 1;
        self.free_count += 1;
        self.merge_and_file(node, len);
        self.paranoid();
        Ok(freed)
    }

    /// The live range of an id; `None` where it was freed or never issued.
    pub fn get(&self, id: RangeId) -> Option<ByteRange> {
        self.live(id).ok().map(|node| self.range_of(node))
    }

    /// Looks at the books of an id, so that they are in the caches for what follows, and changes
    /// nothing.
    pub fn look_at(&self, id: RangeId) {
        self.nodes.look_at(id.index());
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

    /// The heap bytes of the books: 4 for each bin, which does not change, and 24 and a bit for
    /// each slot of the arena. It has a slot for each range, live or free, that there ever were at
    /// once, and at most a sixteenth and eight more.
    pub fn memory_bytes(&self) -> usize {
        self.nodes.memory_bytes() + self.bins.memory_bytes()
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
    fn claim(&mut self, fit: Fit, units: u64) -> Allocation {
        let Fit { node, bin, start } = fit;
        let padding = start - self.nodes.at(node).start();
        if padding == 0 {
            return self.claim_front(node, bin, units);
        }
        let len = self.nodes.len(node);
        self.bins.remove(&mut self.nodes, node, bin);
        let behind = self.nodes.split(node, padding, len);
        self.bins.insert(&mut self.nodes, node, padding);
        self.occupy(behind, len - padding, units)
    }

    /// As [`Self::claim`], from the start of the node on.
    #[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
    #[inline(always)]
    fn claim_front(&mut self, node: u32, bin: usize, units: u64) -> Allocation {
        // Where the bin tells the length, no neighbour has to be looked at.
        let len = exact_len(bin).unwrap_or_else(|| self.nodes.len(node));
        self.bins.remove(&mut self.nodes, node, bin);
        self.free_count -= 1;
        self.occupy(node, len, units)
    }

    /// Makes a free node of `len` units, which is in no bin, a live one of `units`.
    #[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
    #[inline(always)]
    fn occupy(&mut self, node: u32, len: u64, units: u64) -> Allocation {
        assert!(len >= units, "S1: {units} units are cut out of {len}");
        let node = self.nodes.unworn(node);
        if len > units {
            self.cut_tail(node, len, units);
        }
        self.nodes.set_live(node, units);
        self.live_units += units;
        self.live_count += 1;
        self.paranoid();
        Allocation {
            id: RangeId::new(node, self.nodes.at(node).generation()),
            range: self.scale.range(self.nodes.at(node).start(), units),
        }
    }

    /// Leaves `units` to the node of `len`, which is more, and files the rest as free. The node
    /// behind is live.
    #[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
    #[inline(always)]
    pub(crate) fn cut_tail(&mut self, node: u32, len: u64, units: u64) {
        let rest = self.nodes.split(node, units, len);
        self.bins.insert(&mut self.nodes, rest, len - units);
        self.free_count += 1;
    }

    /// Files a free node of `len` units after merging it with its free neighbours (S2).
    #[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
    #[inline(always)]
    pub(crate) fn merge_and_file(&mut self, mut node: u32, mut len: u64) {
        let Node { prev, next, .. } = *self.nodes.at(node);
        if !self.nodes.is_live(next) {
            let next_len = self.nodes.len(next);
            self.bins.remove(&mut self.nodes, next, bin_of(next_len));
            self.nodes.absorb_next(node);
            self.free_count -= 1;
            len += next_len;
        }
        if !self.nodes.is_live(prev) {
            let prev_len = self.nodes.at(node).start() - self.nodes.at(prev).start();
            self.bins.remove(&mut self.nodes, prev, bin_of(prev_len));
            self.nodes.absorb_next(prev);
            self.free_count -= 1;
            len += prev_len;
            node = prev;
        }
        self.bins.insert(&mut self.nodes, node, len);
    }

    /// The node of a live id.
    #[inline]
    pub(crate) fn live(&self, id: RangeId) -> Result<u32, FreeError> {
        if self.nodes.is_issued(id.index(), id.generation()) {
            Ok(id.index())
        } else {
            Err(self.not_live(id))
        }
    }

    /// Why an id is not that of a live range.
    #[cold]
    fn not_live(&self, id: RangeId) -> FreeError {
        let was_issued = |slot: &Node| id.generation() < slot.generation();
        match self.nodes.get(id.index()).filter(|_| id.index() != NONE) {
            Some(slot) if was_issued(slot) => FreeError::Stale { id },
            _ => FreeError::Unknown { id },
        }
    }

    /// The node that holds the unit `at`, by walking from the cursor.
    fn node_at(&self, at: u64) -> u32 {
        let mut node = self.cursor;
        if node == NONE || self.nodes.state(node) == State::Vacant {
            node = self.nodes.first();
        }
        while at < self.nodes.at(node).start() {
            node = self.nodes.at(node).prev;
        }
        while at >= self.nodes.end(node) {
            node = self.nodes.at(node).next;
        }
        node
    }

    pub(crate) fn range_of(&self, node: u32) -> ByteRange {
        let len = if self.nodes.is_live(node) {
            self.nodes.live_len(node)
        } else {
            self.nodes.len(node)
        };
        self.scale.range(self.nodes.at(node).start(), len)
    }

    pub(crate) fn paranoid(&self) {
        if cfg!(feature = "paranoid") {
            self.validate();
        }
    }
}
