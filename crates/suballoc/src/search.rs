//! Where a request goes.

use crate::bins::{Bins, bin_of};
use crate::nodes::Nodes;

/// After so many free nodes that are long enough but lie badly for the alignment, a node is taken
/// that suits wherever it starts.
const PROBES_MAX: usize = 8;

/// A free node, and the unit in it at which the request starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) node: u32,
    pub(crate) start: u64,
}

/// The free nodes in which a request of `len` units at a multiple of `step` can be placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search<'a> {
    pub(crate) nodes: &'a Nodes,
    pub(crate) bins: &'a Bins,
    pub(crate) len: u64,
    pub(crate) step: u64,
}

impl<'a> Search<'a> {
    /// The shortest node that holds the request, up to [`PROBES_MAX`] (S8).
    #[inline]
    pub(crate) fn best_fit(self) -> Option<Fit> {
        if self.step == 1 {
            return self.bins.shortest(self.nodes, self.len).map(|node| Fit {
                node,
                start: self.start(node),
            });
        }
        let mut probes = 0;
        for node in self.candidates() {
            if let Some(fit) = self.fit(node) {
                return Some(fit);
            }
            probes += 1;
            if probes == PROBES_MAX {
                let sure_units = self.len.saturating_add(self.step - 1);
                if let Some(fit) = self
                    .bins
                    .shortest(self.nodes, sure_units)
                    .and_then(|node| self.fit(node))
                {
                    return Some(fit);
                }
            }
        }
        None
    }

    /// The place with the lowest address.
    pub(crate) fn lowest_address(self) -> Option<Fit> {
        self.candidates()
            .filter_map(|node| self.fit(node))
            .min_by_key(|fit| fit.start)
    }

    fn start(&self, node: u32) -> u64 {
        self.nodes.at(node).start
    }

    /// Where in `node` the request would start, if it fits.
    #[inline]
    fn fit(&self, node: u32) -> Option<Fit> {
        let at = self.nodes.at(node);
        let start = if self.step.is_power_of_two() {
            // A start is at most 2^40, a step at most 2^63: their sum is within a `u64`.
            (at.start + (self.step - 1)) & !(self.step - 1)
        } else {
            at.start.checked_next_multiple_of(self.step)?
        };
        (start.checked_add(self.len)? <= at.end()).then_some(Fit { node, start })
    }

    /// The free nodes of at least `len` units, by ascending length.
    fn candidates(self) -> impl Iterator<Item = u32> + use<'a> {
        let Self {
            nodes, bins, len, ..
        } = self;
        let mut bin = bins.first_from(bin_of(len));
        core::iter::from_fn(move || {
            let here = bin?;
            bin = bins.first_from(here + 1);
            Some(here)
        })
        .flat_map(move |bin| bins.iter(nodes, bin, len))
    }
}
