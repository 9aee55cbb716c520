//! Promotion of blocks to long-lived chunks, and their release from them.

use super::ChunkHeap;
use crate::chunk::{Lifetime, RangeKey, RangeState};
use crate::error::{LifetimeError, RangeError};
use crate::heap::Request;

/// What [`ChunkHeap::change_lifetime`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifetimeChange {
    /// Nothing: the range is in a chunk of that lifetime.
    Same,
    /// The range is alone in its chunk, as it would be under the new lifetime, too: its chunk is of
    /// that lifetime now. Its key and its place stay.
    InPlace,
    /// A range of the same length, alignment and owner is reserved in a chunk of that lifetime.
    /// The old one is as it was, so that older versions and the next ones read on.
    ///
    /// Where it is live, the caller copies the bytes, commits `to` and retires the old range in one
    /// version. Where it is reserved itself, no version names it: the caller fills `to` instead and
    /// cancels the old range, which cannot be retired. Or the caller cancels `to`, and nothing has
    /// happened.
    ///
    /// The heap does not tie the two ranges together: the same call on the old key, which is where
    /// it was, reserves yet another range.
    Moves {
        /// The key of the new range.
        to: RangeKey,
    },
}

impl ChunkHeap {
    /// Takes a live or reserved range over to chunks of another lifetime: promotes a block that
    /// turns out to stay, or releases one that need not stay any longer. A range that is alone in
    /// a dedicated chunk stays where it is, and its chunk changes sides, if it is long enough for a
    /// dedicated one under the new lifetime ([`HeapConfig::is_dedicated`]). For any other room is
    /// reserved as by [`Self::reserve`], in a heap that is split by class in a chunk of the class
    /// that its chunk has.
    ///
    /// [`HeapConfig::is_dedicated`]: crate::HeapConfig::is_dedicated
    ///
    /// # Errors
    /// [`LifetimeError::Range`] when there is no such range or it is retired;
    /// [`LifetimeError::Reserve`] when no chunk of that lifetime has room: the same call succeeds
    /// after the chunk that it names was opened. Nothing is changed then.
    pub fn change_lifetime(
        &mut self,
        key: RangeKey,
        lifetime: Lifetime,
    ) -> Result<LifetimeChange, LifetimeError> {
        let entry = *self.ranges.get(key).ok_or(RangeError::Stale { key })?;
        if entry.state == RangeState::Retired {
            let (state, needed) = (entry.state, RangeState::Live);
            return Err(RangeError::WrongState { state, needed }.into());
        }
        let chunk = self.at(entry.chunk);
        if chunk.lifetime == lifetime {
            return Ok(LifetimeChange::Same);
        }
        let len = self.config.unit_bytes * u64::from(entry.units);
        if chunk.dedicated && self.config.is_dedicated(len, lifetime) {
            self.change(entry.chunk, |chunk| chunk.lifetime = lifetime);
            return Ok(LifetimeChange::InPlace);
        }
        let request = Request {
            len,
            align: entry.align(),
            lifetime,
            owner: entry.owner,
            class: chunk.class,
        };
        let to = self.reserve(&request, None)?;
        Ok(LifetimeChange::Moves { to })
    }
}
