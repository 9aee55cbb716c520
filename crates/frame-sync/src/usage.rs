//! What a frame used: a bitmap that only its own ticket writes.

use crate::bitmap::{Bitmap, Pool, Words};
use core::cell::OnceCell;
use core::fmt;
use std::sync::Arc as PoolArc;

/// A bitmap that goes back to where it came from.
struct Pooled {
    bitmap: Bitmap,
    home: PoolArc<Pool>,
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.home.give_back(core::mem::take(&mut self.bitmap));
    }
}

/// The bitmap while a ticket writes it: there is none before the first mark, so that a frame pays
/// for what it uses and not for the size of the table.
#[derive(Default)]
pub(crate) struct Marks {
    pooled: OnceCell<Pooled>,
}

impl Marks {
    /// Sets the bit of `index`, which is below `capacity`, the size of the ticket's version.
    #[inline]
    pub(crate) fn mark(&self, index: u32, capacity: usize, home: &PoolArc<Pool>) {
        debug_assert!((index as usize) < capacity, "F8: marks are of slots");
        match self.pooled.get() {
            Some(pooled) => pooled.bitmap.as_words().mark(index as usize),
            None => self.words(capacity, home).mark(index as usize),
        }
    }

    /// The bitmap, taken from the pool if there is none yet.
    #[cold]
    pub(crate) fn words(&self, capacity: usize, home: &PoolArc<Pool>) -> Words<'_> {
        let pooled = self.pooled.get_or_init(|| Pooled {
            bitmap: home.take(capacity),
            home: PoolArc::clone(home),
        });
        pooled.bitmap.as_words()
    }

    /// Ends the writing.
    pub(crate) fn into_usage(self) -> Usage {
        Usage {
            pooled: self.pooled.into_inner(),
        }
    }
}

/// The set of slots that one frame, or several merged ones, marked as used.
///
/// Its memory goes back to the ring when it is dropped, for the marks of a later frame.
///
/// ```
/// use geoheap_frame_sync::{RingConfig, ring};
///
/// let (mut publisher, reader) = ring::<u32, (), (), ()>(RingConfig::default(), ())?;
/// publisher.set(9_000, 1, None);
/// publisher.publish(().into())?;
///
/// let (left, right) = (reader.ticket(), reader.ticket());
/// left.mark_used(9_000);
/// right.mark_used(3);
/// let mut usage = left.finish().usage;
/// usage.merge(&right.finish().usage);
/// assert_eq!(usage.iter().collect::<Vec<_>>(), [3, 9_000]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
/// ```
/// fn shareable<X: Send + Sync + Clone>() {}
/// shareable::<geoheap_frame_sync::Usage>();
/// ```
#[derive(Default)]
pub struct Usage {
    /// `None` if nothing was marked.
    pooled: Option<Pooled>,
}

impl Usage {
    fn words(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.pooled.iter().flat_map(|pooled| pooled.bitmap.words())
    }

    /// The indices of the used slots, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.pooled.iter().flat_map(|pooled| pooled.bitmap.iter())
    }

    /// True if no slot was marked.
    pub fn is_empty(&self) -> bool {
        self.pooled
            .as_ref()
            .is_none_or(|pooled| pooled.bitmap.is_empty())
    }

    /// Number of used slots.
    pub fn len(&self) -> usize {
        self.words()
            .map(|(_, word)| word.count_ones() as usize)
            .sum()
    }

    /// True if the slot was marked.
    pub fn contains(&self, index: u32) -> bool {
        self.pooled
            .as_ref()
            .is_some_and(|pooled| pooled.bitmap.contains(index as usize))
    }

    /// Adds what another usage has marked.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.pooled, &other.pooled) {
            (Some(own), Some(other)) => own.bitmap.merge(&other.bitmap),
            (None, Some(_)) => *self = other.clone(),
            (_, None) => {}
        }
    }
}

impl Clone for Usage {
    fn clone(&self) -> Self {
        let pooled = self.pooled.as_ref().map(|pooled| {
            let mut bitmap = pooled.home.take(0);
            bitmap.merge(&pooled.bitmap);
            let home = PoolArc::clone(&pooled.home);
            Pooled { bitmap, home }
        });
        Self { pooled }
    }
}

impl PartialEq for Usage {
    fn eq(&self, other: &Self) -> bool {
        self.words().eq(other.words())
    }
}

impl Eq for Usage {}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
