//! Where a request goes.

use crate::bins::{Bins, bin_of};
use crate::nodes::Nodes;

/// After so many free nodes that are long enough but lie badly for the alignment, a node is taken
/// that suits wherever it starts.
const PROBES_MAX: usize = 8;

/// A free node, its bin, and the unit in it at which the request starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) node: u32,
    pub(crate) bin: usize,
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
            let (node, bin) = self.bins.shortest(self.nodes, self.len)?;
            let start = self.nodes.at(node).start();
            return Some(Fit { node, bin, start });
        }
        let mut probes = 0;
        for (node, bin) in self.candidates() {
            if let Some(fit) = self.fit(node, bin) {
                return Some(fit);
            }
            probes += 1;
            if probes == PROBES_MAX {
                let sure_units = self.len.saturating_add(self.step - 1);
                if let Some(fit) = self
                    .bins
                    .shortest(self.nodes, sure_units)
                    .and_then(|(node, bin)| self.fit(node, bin))
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
            .filter_map(|(node, bin)| self.fit(node, bin))
            .min_by_key(|fit| fit.start)
    }

    /// Where in `node` the request would start, if it fits.
    #[inline]
    fn fit(&self, node: u32, bin: usize) -> Option<Fit> {
        let first = self.nodes.at(node).start();
        let start = if self.step.is_power_of_two() {
            // A start is at most 2^40, a step at most 2^63: their sum is within a `u64`.
            (first + (self.step - 1)) & !(self.step - 1)
        } else {
            first.checked_next_multiple_of(self.step)?
        };
        let fits = start.checked_add(self.len)? <= self.nodes.end(node);
        fits.then_some(Fit { node, bin, start })
    }

    /// The free nodes of at least `len` units with their bins, by ascending length.
    fn candidates(self) -> impl Iterator<Item = (u32, usize)> + use<'a> {
        let Self {
            nodes, bins, len, ..
        } = self;
        let mut bin = bins.first_from(bin_of(len));
        core::iter::from_fn(move || {
            let here = bin?;
            bin = bins.first_from(here + 1);
            Some(here)
        })
        .flat_map(move |bin| bins.iter(nodes, bin, len).map(move |node| (node, bin)))
    }
}
