//! Free nodes filed by length.

use alloc::vec;
use alloc::vec::Vec;

use crate::bitmap::Bitmap;
use crate::nodes::{NONE, Node, Nodes};
use crate::tree;

/// Lengths up to this have a bin each, in units.
pub(crate) const EXACT_UNITS: u64 = 4096;
const EXACT_LOG2: u32 = EXACT_UNITS.ilog2();

/// Above, each power of two is cut into this many bins.
const BINS_LOG2: u32 = 7;

/// The greatest length of a node, in units.
pub(crate) const LEN_MAX_UNITS: u64 = 1 << 40;

const _: () = assert!(
    bin_of(LEN_MAX_UNITS) < Bitmap::LEN_MAX,
    "the bitmap marks all bins"
);

/// The bin of a length from 1 to [`LEN_MAX_UNITS`]. It never falls as the length rises.
#[expect(
    clippy::cast_possible_truncation,
    reason = "both forms are below Bitmap::LEN_MAX"
)]
#[inline]
pub(crate) const fn bin_of(len: u64) -> usize {
    if len <= EXACT_UNITS {
        return (len - 1) as usize;
    }
    let log2 = len.ilog2();
    let sub = (len >> (log2 - BINS_LOG2)) & ((1 << BINS_LOG2) - 1);
    let above = (log2 - EXACT_LOG2) << BINS_LOG2;
    (EXACT_UNITS + above as u64 + sub) as usize
}

/// Whether the bin holds nodes of one length only: one more than its number.
#[inline]
pub(crate) const fn is_exact(bin: usize) -> bool {
    (bin as u64) < EXACT_UNITS
}

/// The length of all nodes of a bin that holds one length only; `None` for the other bins.
#[inline]
pub(crate) const fn exact_len(bin: usize) -> Option<u64> {
    if is_exact(bin) {
        Some(bin as u64 + 1)
    } else {
        None
    }
}

/// The free nodes of each bin, and the bitmap of the bins that have one. A bin of one length is a
/// doubly linked list, a bin of several lengths is a tree.
#[derive(Clone, Debug)]
pub(crate) struct Bins {
    /// The first node of the list, or the root of the tree.
    heads: Vec<u32>,
    used: Bitmap,
}

impl Bins {
    /// Empty bins for nodes of up to `units`.
    pub(crate) fn new(units: u64) -> Self {
        let count = bin_of(units) + 1;
        Self {
            heads: vec![NONE; count],
            used: Bitmap::new(),
        }
    }

    /// Files a free node of `len` units.
    #[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
    #[inline(always)]
    pub(crate) fn insert(&mut self, nodes: &mut Nodes, index: u32, len: u64) {
        let bin = bin_of(len);
        let head = core::mem::replace(&mut self.heads[bin], index);
        self.used.insert(bin);
        if head != NONE && !is_exact(bin) {
            self.heads[bin] = head;
            tree::insert(nodes, &mut self.heads[bin], index);
            return;
        }
        // A list's new first node, or a tree of one.
        nodes.at_mut(head).bin_prev = index;
        let node = nodes.at_mut(index);
        node.bin_prev = NONE;
        node.bin_next = head;
    }

    /// Takes a free node out of its bin, before its length or start changes.
    #[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
    #[inline(always)]
    pub(crate) fn remove(&mut self, nodes: &mut Nodes, index: u32, bin: usize) {
        let head = &mut self.heads[bin];
        if is_exact(bin) {
            let Node {
                bin_prev: prev,
                bin_next: next,
                ..
            } = *nodes.at(index);
            // What the first node has before it is not kept, so that taking it, which is what an
            // allocation does, leaves alone the second one, which nothing has looked at for long.
            if *head == index {
                *head = next;
            } else {
                assert!(prev != NONE, "S3: bin {bin} has another first node");
                nodes.at_mut(prev).bin_next = next;
                nodes.at_mut(next).bin_prev = prev;
            }
        } else if *head == index && nodes.at(index).is_leaf() {
            *head = NONE;
        } else {
            tree::remove(nodes, head, index);
        }
        let empty = *head == NONE;
        self.used.remove_if(bin, empty);
    }

    /// The first bin, from `bin` on, that is not empty.
    #[inline]
    pub(crate) fn first_from(&self, bin: usize) -> Option<usize> {
        self.used.first_from(bin)
    }

    /// The shortest free node of at least `len` units, and its bin. Of several in a
    /// tree, the lowest.
    #[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
    #[inline(always)]
    pub(crate) fn shortest(&self, nodes: &Nodes, len: u64) -> Option<(u32, usize)> {
        if len > LEN_MAX_UNITS {
            return None;
        }
        let bin = self.first_from(bin_of(len))?;
        if is_exact(bin) {
            return Some((self.heads[bin], bin));
        }
        let root = self.heads[bin];
        if nodes.at(root).is_leaf() && nodes.len(root) >= len {
            return Some((root, bin));
        }
        self.shortest_in_trees(nodes, len, bin)
    }

    #[inline(never)]
    fn shortest_in_trees(&self, nodes: &Nodes, len: u64, bin: usize) -> Option<(u32, usize)> {
        if let Some(node) = tree::first_from(nodes, self.heads[bin], (len, 0)) {
            return Some((node, bin));
        }
        let next = self.first_from(bin + 1)?;
        let node = tree::first_from(nodes, self.heads[next], (len, 0))?;
        Some((node, next))
    }

    /// The longest free node, in units; zero where none is free.
    pub(crate) fn longest(&self, nodes: &Nodes) -> u64 {
        let Some(bin) = self.used.last() else {
            return 0;
        };
        exact_len(bin).unwrap_or_else(|| nodes.len(tree::last(nodes, self.heads[bin])))
    }

    /// The first node of a bin, by ascending length, that has at least `len` units.
    #[inline]
    pub(crate) fn first_in(&self, nodes: &Nodes, bin: usize, len: u64) -> Option<u32> {
        let head = self.heads[bin];
        if is_exact(bin) {
            return listed(head);
        }
        tree::first_from(nodes, head, (len, 0))
    }

    /// The node after `index` in its bin, by ascending length.
    #[inline]
    pub(crate) fn next_in(&self, nodes: &Nodes, bin: usize, index: u32) -> Option<u32> {
        let node = nodes.at(index);
        if is_exact(bin) {
            return listed(node.bin_next);
        }
        let behind = (nodes.len(index), node.start() + 1);
        tree::first_from(nodes, self.heads[bin], behind)
    }

    pub(crate) fn is_marked(&self, bin: usize) -> bool {
        self.used.contains(bin)
    }

    pub(crate) fn count(&self) -> usize {
        self.heads.len()
    }

    /// Bytes of the heads; the bitmap lies in the space itself.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.heads.capacity() * size_of::<u32>()
    }
}

const fn listed(index: u32) -> Option<u32> {
    if index == NONE { None } else { Some(index) }
}

#[cfg(test)]
mod tests;
