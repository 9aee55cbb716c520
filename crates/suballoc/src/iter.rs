//! The tiling in address order.

use core::iter::FusedIterator;

use crate::bytes::ByteRange;
use crate::nodes::{NONE, RangeId};
use crate::space::Space;

/// A range of the tiling, live or free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The place.
    pub range: ByteRange,
    /// The live range's name, `None` where the range is free.
    pub id: Option<RangeId>,
}

/// The ranges of a space in address order, live and free: [`Space::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    space: &'a Space,
    at: u32,
}

impl Space {
    /// The ranges in address order, live and free.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            space: self,
            at: self.nodes.first(),
        }
    }
}

impl<'a> IntoIterator for &'a Space {
    type Item = Span;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Iterator for Iter<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        if self.at == NONE {
            return None;
        }
        let node = self.space.nodes.at(self.at);
        let is_live = self.space.nodes.is_live(self.at);
        let id = is_live.then(|| RangeId::new(self.at, node.generation()));
        let range = self.space.range_of(self.at);
        self.at = node.next;
        Some(Span { range, id })
    }
}

impl FusedIterator for Iter<'_> {}
