//! The wrong turns that the publisher takes where a bug is planted.

use super::Publisher;
use crate::planted::{self, Bug};
use crate::primitive::Arc;
use crate::table::Published;
use crate::token::Token;

/// Looks at a version's token while its table may still be pinned; true if no hold was seen.
pub(super) fn glance<S, E, T>(
    published: Arc<Published<S, E, T>>,
) -> (Arc<Published<S, E, T>>, bool) {
    let wrong = planted::is(Bug::TokenBeforeTable);
    let unheld = wrong && Arc::strong_count(&published.token) == 1;
    (published, unheld)
}

/// Believes what was seen: the version counts as one without holds.
pub(super) fn believe<T>(unheld: bool, token: Arc<Token<T>>) -> Arc<Token<T>> {
    if unheld {
        Arc::new(token.twin())
    } else {
        token
    }
}

impl<S: Copy + Default, E: Clone, T, R> Publisher<S, E, T, R> {
    /// Takes a replica that a ticket may read, and writes to it with the next publish.
    pub(super) fn recycle_pinned(&mut self, pinned: &Published<S, E, T>) {
        self.free.push(pinned.table.twin());
        self.history.cpu_free(Arc::clone(&pinned.token));
    }
}
