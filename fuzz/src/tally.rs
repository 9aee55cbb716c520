//! What an input reached: how often each operation was carried out, and how often refused.

use std::collections::BTreeMap;
use std::fmt;

/// Counts by operation and outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<(&'static str, bool), u64>,
}

impl Tally {
    /// Counts an outcome, and hands it on.
    pub(crate) fn note<T, E>(
        &mut self,
        operation: &'static str,
        outcome: Result<T, E>,
    ) -> Result<T, E> {
        self.count_in(operation, outcome.is_ok());
        outcome
    }

    /// Counts an operation that was carried out (`ok`) or refused.
    pub(crate) fn count_in(&mut self, operation: &'static str, ok: bool) {
        *self.counts.entry((operation, ok)).or_default() += 1;
    }

    /// How often the operation was carried out (`ok`) or refused.
    pub fn count(&self, operation: &'static str, ok: bool) -> u64 {
        self.counts.get(&(operation, ok)).copied().unwrap_or(0)
    }

    /// The names of all operations that were counted, each once.
    pub fn operations(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.counts.keys().map(|(name, _)| *name).collect();
        names.dedup();
        names
    }

    /// Counts all that `other` has in.
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.counts {
            *self.counts.entry(*key).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    /// A line for each operation: how often it was carried out, and how often refused.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in self.operations() {
            let (done, refused) = (self.count(name, true), self.count(name, false));
            write!(f, "\n  {name}: {done} done, {refused} refused")?;
        }
        Ok(())
    }
}
