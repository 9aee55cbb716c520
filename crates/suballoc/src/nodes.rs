//! The nodes that tile a space, in an arena, linked to their neighbours by address.

use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

/// No node. Its slot exists, is empty, and takes the links that others would have to it, so that
/// a node at an end is linked without a branch that no processor can predict.
pub(crate) const NONE: u32 = 0;
/// In the place of a bin link, says that the node is live.
const LIVE: u32 = u32::MAX;
/// In the place of a bin link, says that the slot is out of use.
const VACANT: u32 = u32::MAX - 1;

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

/// One node: the units `start .. start + len`. Two of them make a cache line, since it is their
/// cache misses that an operation in a large space takes its time for.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(crate) struct Node {
    pub(crate) start: u64,
    pub(crate) len: u64,
    /// The neighbours in address order.
    pub(crate) prev: u32,
    pub(crate) next: u32,
    /// The links that the bins keep among free nodes. For any other node the first one is a mark.
    pub(crate) bin_prev: u32,
    pub(crate) bin_next: u32,
}

impl Node {
    pub(crate) const fn end(&self) -> u64 {
        self.start + self.len
    }

    pub(crate) const fn state(&self) -> State {
        match self.bin_prev {
            LIVE => State::Live,
            VACANT => State::Vacant,
            _ => State::Free,
        }
    }

    /// A free node is in no bin until it is filed.
    pub(crate) const fn set_state(&mut self, state: State) {
        self.bin_prev = match state {
            State::Vacant => VACANT,
            State::Free => NONE,
            State::Live => LIVE,
        };
    }
}

/// The arena. Slots are reused, last vacated first.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    slots: Vec<Node>,
    /// For each slot, the generation of the live range in it, or else of the next one to be.
    generations: Vec<NonZeroU32>,
    vacant: u32,
}

/// A slot that reached this generation is not issued again (S7).
pub(crate) const GENERATION_WORN: NonZeroU32 = NonZeroU32::MAX;

impl Nodes {
    /// One free node, not yet in a bin, over the whole space.
    pub(crate) fn new(units: u64) -> Self {
        let mut nodes = Self {
            slots: Vec::new(),
            generations: Vec::new(),
            vacant: NONE,
        };
        let none = nodes.take_slot(0, 0);
        assert!(none == NONE, "S1: the first slot is the one of no node");
        let first = nodes.take_slot(0, units);
        nodes.at_mut(NONE).next = first;
        nodes.at_mut(NONE).prev = first;
        nodes
    }

    /// The node at address zero.
    pub(crate) fn first(&self) -> u32 {
        self.at(NONE).next
    }

    #[inline]
    pub(crate) fn at(&self, index: u32) -> &Node {
        &self.slots[index as usize]
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, index: u32) -> &mut Node {
        &mut self.slots[index as usize]
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&Node> {
        self.slots.get(index as usize)
    }

    pub(crate) fn generation(&self, index: u32) -> NonZeroU32 {
        self.generations[index as usize]
    }

    /// Ends the generation of a slot: no id issued for it so far resolves any more (S7).
    #[inline]
    pub(crate) fn end_generation(&mut self, index: u32) {
        let generation = &mut self.generations[index as usize];
        *generation = generation.saturating_add(1);
    }

    /// Cuts the node `index` after its first `len` units; the rest becomes a free node that is
    /// not yet in a bin. Returns the rest.
    #[inline]
    pub(crate) fn split(&mut self, index: u32, len: u64) -> u32 {
        let Node {
            start,
            len: whole,
            next,
            ..
        } = *self.at(index);
        assert!(
            len < whole,
            "S1: a cut at {len} of {whole} units leaves an empty node"
        );
        let rest = self.take_slot(start + len, whole - len);
        let node = self.at_mut(rest);
        node.prev = index;
        node.next = next;
        self.at_mut(next).prev = rest;
        let node = self.at_mut(index);
        node.len = len;
        node.next = rest;
        rest
    }

    /// Makes the node `index` swallow its next neighbour, whose slot becomes vacant.
    #[inline]
    pub(crate) fn absorb_next(&mut self, index: u32) {
        let next = self.at(index).next;
        let Node {
            len, next: after, ..
        } = *self.at(next);
        let node = self.at_mut(index);
        node.len += len;
        node.next = after;
        self.at_mut(after).prev = index;
        self.vacate(next);
    }

    /// Makes the node `index` swallow its previous neighbour, whose slot becomes vacant.
    #[inline]
    pub(crate) fn absorb_prev(&mut self, index: u32) {
        let prev = self.at(index).prev;
        let Node {
            start,
            len,
            prev: before,
            ..
        } = *self.at(prev);
        let node = self.at_mut(index);
        node.start = start;
        node.len += len;
        node.prev = before;
        self.at_mut(before).next = index;
        self.vacate(prev);
    }

    /// Puts the free node `index`, which is in no bin, into another slot if its own is worn.
    #[inline]
    pub(crate) fn unworn(&mut self, index: u32) -> u32 {
        if self.generation(index) != GENERATION_WORN {
            return index;
        }
        let Node {
            start,
            len,
            prev,
            next,
            ..
        } = *self.at(index);
        let fresh = self.take_slot(start, len);
        let node = self.at_mut(fresh);
        node.prev = prev;
        node.next = next;
        self.at_mut(prev).next = fresh;
        self.at_mut(next).prev = fresh;
        self.vacate(index);
        fresh
    }

    #[inline]
    fn take_slot(&mut self, start: u64, len: u64) -> u32 {
        let fresh = Node {
            start,
            len,
            prev: NONE,
            next: NONE,
            bin_prev: NONE,
            bin_next: NONE,
        };
        if self.vacant == NONE {
            let index = u32::try_from(self.slots.len()).unwrap_or(VACANT);
            assert!(
                index < VACANT,
                "S7: more ranges at once than a 32-bit index can name"
            );
            self.slots.push(fresh);
            self.generations.push(NonZeroU32::MIN);
            return index;
        }
        let index = self.vacant;
        let slot = self.at_mut(index);
        let next = slot.bin_next;
        *slot = fresh;
        self.vacant = next;
        index
    }

    #[inline]
    fn vacate(&mut self, index: u32) {
        let vacant = self.vacant;
        let worn = self.generation(index) == GENERATION_WORN;
        let slot = self.at_mut(index);
        slot.set_state(State::Vacant);
        if !worn {
            slot.bin_next = vacant;
            self.vacant = index;
        }
    }
}

#[cfg(test)]
mod tests;
