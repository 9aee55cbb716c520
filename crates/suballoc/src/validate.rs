//! The walk over all invariants that a state alone can show.

use crate::bins::bin_of;
use crate::nodes::{NONE, State};
use crate::space::Space;

impl Space {
    /// Walks the whole space and asserts the invariants S1 to S5, O(ranges + bins). Meant for
    /// tests; the feature `paranoid` calls it after each operation.
    pub fn validate(&self) {
        let (live_count, free_count) = self.validate_tiling();
        assert!(
            (live_count, free_count) == (self.live_count, self.free_count),
            "S5: {live_count} live and {free_count} free ranges are not the counts {} and {}",
            self.live_count,
            self.free_count
        );
        assert!(
            self.live_count <= self.live_max,
            "S8: {live_count} ranges are live, of {} at most",
            self.live_max
        );
        let unused = self.nodes.unused_count();
        let used = live_count as usize + free_count as usize;
        assert!(
            used + unused == self.nodes.slot_count(),
            "S7: of {} slots {used} are in the space and {unused} are out of use",
            self.nodes.slot_count()
        );
        let filed = self.validate_bins();
        assert!(
            filed == free_count,
            "S3: {filed} nodes are filed, {free_count} are free"
        );
    }

    /// S1, S2 and the sums of S5. Returns the numbers of live and of free nodes.
    fn validate_tiling(&self) -> (u32, u32) {
        let (mut live_count, mut free_count, mut live_units) = (0, 0, 0);
        let (mut at, mut prev, mut end, mut prev_free) = (self.nodes.first(), NONE, 0, false);
        while at != NONE {
            let node = self.nodes.at(at);
            let start = node.start();
            assert!(start == end, "S1: a node starts at {start}, not at {end}");
            let node_end = self.nodes.end(at);
            assert!(
                node_end > start,
                "S1: the node at {start} ends at {node_end}"
            );
            assert!(
                node.prev == prev,
                "S1: the node at {end} has another one before it"
            );
            assert!(
                self.nodes.state(at) != State::Vacant,
                "S1: the node at {end} is a vacant slot"
            );
            let free = self.nodes.state(at) == State::Free;
            assert!(
                !(free && prev_free),
                "S2: the free node at {end} has a free one before it"
            );
            if free {
                free_count += 1;
            } else {
                assert!(
                    self.nodes.live_len(at) == node_end - start,
                    "S1: the live node at {start} believes to have {} units",
                    self.nodes.live_len(at)
                );
                live_count += 1;
                live_units += node_end - start;
            }
            (prev, end, prev_free, at) = (at, node_end, free, node.next);
        }
        assert!(
            end == self.units,
            "S1: the nodes end at {end}, not at {}",
            self.units
        );
        assert!(
            live_units == self.live_units,
            "S5: {live_units} units are live, the running sum is {}",
            self.live_units
        );
        (live_count, free_count)
    }

    /// S3 and S4. Returns the number of nodes in bins.
    fn validate_bins(&self) -> u32 {
        let mut filed = 0;
        for bin in 0..self.bins.count() {
            let mut here = 0;
            let mut at = self.bins.first_in(&self.nodes, bin, 0);
            while let Some(index) = at {
                at = self.bins.next_in(&self.nodes, bin, index);
                assert!(
                    self.nodes.state(index) == State::Free,
                    "S3: bin {bin} holds a node that is not free"
                );
                assert!(
                    bin_of(self.nodes.len(index)) == bin,
                    "S3: bin {bin} holds {} units",
                    self.nodes.len(index)
                );
                here += 1;
                assert!(here <= self.free_count, "S3: bin {bin} runs in a circle");
            }
            let marked = self.bins.is_marked(bin);
            assert!(
                marked == (here > 0),
                "S4: bin {bin} has {here} nodes, its mark is {marked}"
            );
            filed += here;
        }
        filed
    }
}

#[cfg(test)]
mod tests;
