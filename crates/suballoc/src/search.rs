//! Where a request goes for which not every free node that is long enough will do.

use crate::bins::{Bins, bin_of, exact_len};
use crate::nodes::Nodes;

/// After so many free nodes that are long enough but lie badly for the alignment, a node is taken
/// that suits wherever it starts.
const PROBES_MAX: usize = 4;

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

impl Search<'_> {
    /// The shortest node that holds the request, up to [`PROBES_MAX`] (S8).
    pub(crate) fn best_fit(self) -> Option<Fit> {
        let mut probes = 0;
        let mut found = None;
        self.visit(|fit| {
            found = fit;
            probes += 1;
            fit.is_some() || probes == PROBES_MAX
        });
        if found.is_some() || probes < PROBES_MAX {
            return found;
        }
        let sure_units = self.len.saturating_add(self.step - 1);
        if let Some((node, bin)) = self.bins.shortest(self.nodes, sure_units) {
            return self.fit(node, bin);
        }
        self.visit(|fit| {
            found = fit;
            fit.is_some()
        });
        found
    }

    /// The place with the lowest address.
    pub(crate) fn lowest_address(self) -> Option<Fit> {
        let mut lowest: Option<Fit> = None;
        self.visit(|fit| {
            let lower = fit.filter(|fit| lowest.is_none_or(|lowest| fit.start < lowest.start));
            lowest = lower.or(lowest);
            false
        });
        lowest
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
        // Where the bin tells the length, no neighbour has to be looked at.
        let end = match exact_len(bin) {
            Some(len) => first + len,
            None => self.nodes.end(node),
        };
        let fits = start.checked_add(self.len)? <= end;
        fits.then_some(Fit { node, bin, start })
    }

    /// Shows `is_done` how the request fits each free node of at least its length, by ascending
    /// length, until it is.
    #[inline]
    fn visit(&self, mut is_done: impl FnMut(Option<Fit>) -> bool) {
        let mut bin = self.bins.first_from(bin_of(self.len));
        while let Some(here) = bin {
            let mut at = self.bins.first_in(self.nodes, here, self.len);
            while let Some(node) = at {
                if is_done(self.fit(node, here)) {
                    return;
                }
                at = self.bins.next_in(self.nodes, here, node);
            }
            bin = self.bins.first_from(here + 1);
        }
    }
}
