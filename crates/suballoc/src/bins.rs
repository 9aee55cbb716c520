//! Free nodes filed by length.

use alloc::vec;
use alloc::vec::Vec;

use crate::bitmap::Bitmap;
use crate::nodes::{NONE, Nodes};

/// Lengths up to this have a bin each, in units.
pub(crate) const EXACT_UNITS: u64 = 4096;
const EXACT_LOG2: u32 = EXACT_UNITS.ilog2();

/// Above, each power of two is cut into this many bins.
const BINS_LOG2: u32 = 5;

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
pub(crate) const fn bin_of(len: u64) -> usize {
    if len <= EXACT_UNITS {
        return (len - 1) as usize;
    }
    let log2 = len.ilog2();
    let sub = (len >> (log2 - BINS_LOG2)) & ((1 << BINS_LOG2) - 1);
    let above = (log2 - EXACT_LOG2) << BINS_LOG2;
    (EXACT_UNITS + above as u64 + sub) as usize
}

/// Whether the bin holds nodes of one length only.
pub(crate) const fn is_exact(bin: usize) -> bool {
    (bin as u64) < EXACT_UNITS
}

/// A doubly linked list of free nodes for each bin, and the bitmap of the bins that have one.
#[derive(Clone, Debug)]
pub(crate) struct Bins {
    heads: Vec<u32>,
    used: Bitmap,
}

impl Bins {
    /// Empty bins for nodes of up to `units`.
    pub(crate) fn new(units: u64) -> Self {
        let count = bin_of(units) + 1;
        Self {
            heads: vec![NONE; count],
            used: Bitmap::new(count),
        }
    }

    /// Files a free node, in front of its bin.
    pub(crate) fn insert(&mut self, nodes: &mut Nodes, index: u32) {
        let bin = bin_of(nodes.at(index).len);
        let head = self.heads[bin];
        let node = nodes.at_mut(index);
        node.bin_prev = NONE;
        node.bin_next = head;
        if head == NONE {
            self.used.insert(bin);
        } else {
            nodes.at_mut(head).bin_prev = index;
        }
        self.heads[bin] = index;
    }

    /// Takes a free node out of its bin, before its length changes.
    pub(crate) fn remove(&mut self, nodes: &mut Nodes, index: u32) {
        let node = nodes.at(index);
        let (len, prev, next) = (node.len, node.bin_prev, node.bin_next);
        if next != NONE {
            nodes.at_mut(next).bin_prev = prev;
        }
        if prev != NONE {
            nodes.at_mut(prev).bin_next = next;
            return;
        }
        let bin = bin_of(len);
        assert!(
            self.heads[bin] == index,
            "S3: the first node of bin {bin} is not the one filed"
        );
        self.heads[bin] = next;
        if next == NONE {
            self.used.remove(bin);
        }
    }

    /// The first bin, from `bin` on, that is not empty.
    pub(crate) fn first_from(&self, bin: usize) -> Option<usize> {
        self.used.first_from(bin)
    }

    /// The bin of the longest free nodes.
    pub(crate) fn last(&self) -> Option<usize> {
        self.used.last()
    }

    pub(crate) fn is_marked(&self, bin: usize) -> bool {
        self.used.contains(bin)
    }

    pub(crate) fn count(&self) -> usize {
        self.heads.len()
    }

    /// The nodes of a bin.
    pub(crate) fn iter<'a>(&self, nodes: &'a Nodes, bin: usize) -> impl Iterator<Item = u32> + 'a {
        let mut at = self.heads[bin];
        core::iter::from_fn(move || {
            let index = at;
            (index != NONE).then(|| {
                at = nodes.at(index).bin_next;
                index
            })
        })
    }

    /// The first node of a bin, which is not empty.
    pub(crate) fn head(&self, bin: usize) -> u32 {
        self.heads[bin]
    }
}
