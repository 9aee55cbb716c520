//! The nodes that tile a space, in an arena, linked to their neighbours by address.

use alloc::vec::Vec;
use core::fmt;
use core::hint::black_box;
use core::num::NonZeroU32;

use crate::bins::LEN_MAX_UNITS;

/// No node. Its slot exists, stands where the space ends, and takes the links that others would
/// have to it, so that a node at an end is linked without a branch that no processor can predict.
pub(crate) const NONE: u32 = 0;
/// In the place of a bin link, says that the slot is out of use.
const VACANT: u32 = u32::MAX;

/// Nodes that the arena can hold, the slot of no node left out: the greatest index is a mark.
pub(crate) const NODES_MAX: u32 = VACANT - 1;

/// Low bits of a node's tag.
const GENERATION_BITS: u32 = 23;
const GENERATION_MASK: u64 = GENERATION_WORN as u64;

/// A slot that reached this generation is not issued again (S7).
pub(crate) const GENERATION_WORN: u32 = (1 << GENERATION_BITS) - 1;

const _: () = assert!(
    LEN_MAX_UNITS.leading_zeros() >= GENERATION_BITS,
    "a tag holds every start, and the end of the space"
);

/// The arena grows by this share of it, and by a few slots.
const GROWTH_SHARE: usize = 16;
const GROWTH_MIN: usize = 8;

/// The name of a live range. It is generational: once the range is freed, the id resolves to
/// nothing, also after its slot serves another range (S7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RangeId {
    index: u32,
    generation: NonZeroU32,
}

impl RangeId {
    pub(crate) const fn new(index: u32, generation: NonZeroU32) -> Self {
        Self { index, generation }
    }

    /// The slot: from 1 up to the greatest number of ranges, free ones included, that the space
    /// ever had. At any time no two live ranges have the same.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// Tells the ranges apart that had the same slot one after the other.
    pub const fn generation(self) -> NonZeroU32 {
        self.generation
    }
}

impl fmt::Display for RangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}v{}", self.index, self.generation)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The slot is out of use; `bin_next` links it to the next such slot.
    Vacant,
    Free,
    Live,
}

/// One node: from its start to that of the next one. It is as small as it can be, since what an
/// operation in a large space takes its time for are cache misses. For the same reason a live node
/// knows its length, and a bitmap knows which nodes are live: a range that goes touches its
/// neighbours only where it merges with them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// The start in units, and below it the generation: of the live range in this slot, or else
    /// of the next one to be.
    tag: u64,
    /// The neighbours in address order.
    pub(crate) prev: u32,
    pub(crate) next: u32,
    /// The links that the bins keep among free nodes. In a live node, the halves of its length; in
    /// a slot that is out of use, a mark and the next such slot.
    pub(crate) bin_prev: u32,
    pub(crate) bin_next: u32,
}

impl Node {
    #[inline]
    pub(crate) const fn start(&self) -> u64 {
        self.tag >> GENERATION_BITS
    }

    #[inline]
    pub(crate) const fn set_start(&mut self, start: u64) {
        self.tag = start << GENERATION_BITS | self.tag & GENERATION_MASK;
    }

    #[inline]
    const fn generation_bits(&self) -> u32 {
        (self.tag & GENERATION_MASK) as u32
    }

    /// The generation of the live range in this slot, or else of the next one to be.
    #[inline]
    pub(crate) fn generation(&self) -> NonZeroU32 {
        let generation = NonZeroU32::new(self.generation_bits());
        generation.expect("S7: generations begin at one")
    }

    #[cfg(test)]
    pub(crate) const fn set_generation(&mut self, generation: u32) {
        self.tag = self.tag & !GENERATION_MASK | generation as u64;
    }

    /// Whether a free node has no children in a tree.
    #[inline]
    pub(crate) const fn is_leaf(&self) -> bool {
        self.bin_prev == NONE && self.bin_next == NONE
    }

    /// The units of a live node.
    #[inline]
    const fn live_len(&self) -> u64 {
        (self.bin_next as u64) << u32::BITS | self.bin_prev as u64
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the halves of the length, one after the other"
    )]
    const fn set_live_len(&mut self, len: u64) {
        self.bin_prev = len as u32;
        self.bin_next = (len >> u32::BITS) as u32;
    }
}

/// The arena. Slots are reused, last vacated first.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    slots: Vec<Node>,
    /// A bit for each slot: whether its node is live. That of no node is, so that nothing merges
    /// with it.
    live: Vec<u64>,
    vacant: u32,
}

impl Nodes {
    /// One free node, not yet in a bin, over the whole space.
    pub(crate) fn new(units: u64) -> Self {
        let mut nodes = Self {
            slots: Vec::new(),
            live: Vec::new(),
            vacant: NONE,
        };
        let none = nodes.take_slot(units);
        assert!(none == NONE, "S1: the first slot is the one of no node");
        nodes.set_live(NONE, 0);
        // No id has this generation.
        nodes.at_mut(NONE).tag &= !GENERATION_MASK;
        let first = nodes.take_slot(0);
        nodes.at_mut(NONE).next = first;
        nodes.at_mut(NONE).prev = first;
        nodes
    }

    /// The node at address zero.
    pub(crate) fn first(&self) -> u32 {
        self.at(NONE).next
    }

    /// Has the node come into the caches.
    #[inline]
    pub(crate) fn look_at(&self, index: u32) {
        black_box(self.slots.get(index as usize).map(|node| node.tag));
    }

    #[inline]
    pub(crate) fn at(&self, index: u32) -> &Node {
        &self.slots[index as usize]
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, index: u32) -> &mut Node {
        &mut self.slots[index as usize]
    }

    /// Whether the slot has this generation and a live node.
    #[inline]
    pub(crate) fn is_issued(&self, index: u32, generation: NonZeroU32) -> bool {
        let slot = self.slots.get(index as usize);
        slot.is_some_and(|slot| slot.generation_bits() == generation.get()) && self.is_live(index)
    }

    /// The slot of an index that a caller gave.
    pub(crate) fn get(&self, index: u32) -> Option<&Node> {
        self.slots.get(index as usize)
    }

    pub(crate) fn state(&self, index: u32) -> State {
        if self.is_live(index) {
            State::Live
        } else if self.at(index).bin_prev == VACANT {
            State::Vacant
        } else {
            State::Free
        }
    }

    #[inline]
    pub(crate) fn is_live(&self, index: u32) -> bool {
        self.live[(index / u64::BITS) as usize] >> (index % u64::BITS) & 1 != 0
    }

    /// Makes a free node, which is in no bin, a live one.
    #[inline]
    pub(crate) fn set_live(&mut self, index: u32, len: u64) {
        self.live[(index / u64::BITS) as usize] |= 1 << (index % u64::BITS);
        self.at_mut(index).set_live_len(len);
    }

    /// Makes a live node a free one. It is in no bin yet: what it has in place of links is set when
    /// it is filed, or its slot vacated.
    #[inline]
    pub(crate) fn set_free(&mut self, index: u32) {
        self.live[(index / u64::BITS) as usize] &= !(1 << (index % u64::BITS));
    }

    /// The units of a live node, without a look at the next one.
    #[inline]
    pub(crate) fn live_len(&self, index: u32) -> u64 {
        self.at(index).live_len()
    }

    /// Where the node ends: where the next one starts.
    #[inline]
    pub(crate) fn end(&self, index: u32) -> u64 {
        self.at(self.at(index).next).start()
    }

    /// The units of the node.
    #[inline]
    pub(crate) fn len(&self, index: u32) -> u64 {
        self.end(index) - self.at(index).start()
    }

    /// Ends the generation of a slot: no id issued for it so far resolves any more (S7).
    #[inline]
    pub(crate) fn end_generation(&mut self, index: u32) {
        let node = self.at_mut(index);
        node.tag += u64::from(node.generation_bits() != GENERATION_WORN);
    }

    /// Cuts the node `index` of `whole` units after its first `len`; the rest becomes a free node
    /// that is not yet in a bin. Returns the rest.
    #[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
    #[inline(always)]
    pub(crate) fn split(&mut self, index: u32, len: u64, whole: u64) -> u32 {
        assert!(
            0 < len && len < whole,
            "S1: a cut at {len} of {whole} units leaves an empty node"
        );
        let Node { next, .. } = *self.at(index);
        let rest = self.take_slot(self.at(index).start() + len);
        let node = self.at_mut(rest);
        node.prev = index;
        node.next = next;
        self.at_mut(next).prev = rest;
        self.at_mut(index).next = rest;
        rest
    }

    /// Makes the node `index` swallow its next neighbour, whose slot becomes vacant.
    #[inline]
    pub(crate) fn absorb_next(&mut self, index: u32) {
        let next = self.at(index).next;
        let after = self.at(next).next;
        self.at_mut(index).next = after;
        self.at_mut(after).prev = index;
        self.vacate(next);
    }

    /// Puts the free node `index`, which is in no bin, into another slot if its own is worn.
    #[inline]
    pub(crate) fn unworn(&mut self, index: u32) -> u32 {
        if self.at(index).generation_bits() != GENERATION_WORN {
            return index;
        }
        let Node { prev, next, .. } = *self.at(index);
        let fresh = self.take_slot(self.at(index).start());
        let node = self.at_mut(fresh);
        node.prev = prev;
        node.next = next;
        self.at_mut(prev).next = fresh;
        self.at_mut(next).prev = fresh;
        self.vacate(index);
        fresh
    }

    /// A slot for a free node that starts at `start`, without neighbours yet.
    #[inline]
    fn take_slot(&mut self, start: u64) -> u32 {
        if self.vacant == NONE {
            return self.push_slot(start);
        }
        let index = self.vacant;
        let slot = self.at_mut(index);
        slot.set_start(start);
        slot.bin_prev = NONE;
        self.vacant = slot.bin_next;
        index
    }

    #[cold]
    fn push_slot(&mut self, start: u64) -> u32 {
        let index = u32::try_from(self.slots.len()).unwrap_or(VACANT);
        assert!(
            index < VACANT,
            "S7: more ranges at once than a 32-bit index can name"
        );
        if self.slots.len() == self.slots.capacity() {
            // By so little that hardly anything waits to be used; each node is moved some sixteen
            // times in the life of the arena, which is less than one operation takes.
            let more = self.slots.len() / GROWTH_SHARE + GROWTH_MIN;
            self.slots.reserve_exact(more);
            let words = (self.slots.len() + more).div_ceil(u64::BITS as usize);
            self.live.reserve_exact(words - self.live.len());
        }
        if self.slots.len().is_multiple_of(u64::BITS as usize) {
            self.live.push(0);
        }
        self.slots.push(Node {
            tag: start << GENERATION_BITS | 1,
            prev: NONE,
            next: NONE,
            bin_prev: NONE,
            bin_next: NONE,
        });
        index
    }

    #[inline]
    pub(crate) fn vacate(&mut self, index: u32) {
        let vacant = self.vacant;
        let slot = self.at_mut(index);
        slot.bin_prev = VACANT;
        if slot.generation_bits() != GENERATION_WORN {
            slot.bin_next = vacant;
            self.vacant = index;
        }
    }

    /// Slots of the arena, that of no node left out.
    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len() - 1
    }

    /// Slots that wait to be used again, or are worn.
    pub(crate) fn unused_count(&self) -> usize {
        let indices = (1..).take(self.slot_count());
        indices
            .filter(|&index| self.state(index) == State::Vacant)
            .count()
    }

    /// Bytes of the arena.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Node>() + self.live.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests;
