//! The walk that checks a ring's invariants.

use super::Publisher;

impl<S: Copy + Default, E: Clone, T, R> Publisher<S, E, T, R> {
    /// Checks the invariants; O(replicas + versions alive).
    ///
    /// # Panics
    /// If one does not hold, with its number.
    pub fn validate(&self) {
        assert_eq!(
            1 + self.superseded.len() + self.free.len(),
            self.replicas,
            "F2: every replica is current, superseded or free"
        );
        let live = self.superseded.iter().chain([&self.current]);
        assert!(
            live.clone()
                .zip(live.clone().skip(1))
                .all(|(a, b)| a.token.version < b.token.version),
            "F2: superseded replicas are ordered by version, and older than the current one"
        );
        for published in live {
            assert_eq!(
                published.table.version, published.token.version,
                "F2: a table and its token are of one version"
            );
        }
        for published in &self.superseded {
            assert_eq!(
                published.token.epoch, self.epoch,
                "F5: void replicas leave the ring"
            );
        }
        self.log.validate(self.current());
        let pinned: Vec<_> = self.superseded.iter().map(|p| p.token.version).collect();
        self.history.validate(&pinned, self.current());
    }

    pub(super) fn debug_validate(&self) {
        #[cfg(geoheap_loom)]
        if crate::planted::is_any() {
            return;
        }
        if cfg!(debug_assertions) {
            self.validate();
        }
    }
}
