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
    /// The range is alone in its chunk, which is of that lifetime now. Its key and its place stay.
    InPlace,
    /// A range of the same length, alignment and owner is reserved in a chunk of that lifetime.
    /// The old one is as it was, so that older versions and the next ones read on: the caller
    /// copies the bytes, commits `to` and retires the old range in one version; or cancels `to`,
    /// and nothing has happened.
    Moves {
        /// The key of the new range.
        to: RangeKey,
    },
}

impl ChunkHeap {
    /// Takes a live or reserved range over to chunks of another lifetime: promotes a block that
    /// turns out to stay, or releases one that need not stay any longer. A range that is alone in
    /// a dedicated chunk stays where it is, and its chunk changes sides. Others share their chunk,
    /// so room is reserved for them as by [`Self::reserve`], in a heap that is split by class in a
    /// chunk of the class that their chunk has.
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
        if chunk.dedicated {
            self.change(entry.chunk, |chunk| chunk.lifetime = lifetime);
            return Ok(LifetimeChange::InPlace);
        }
        let request = Request {
            len: self.config.unit_bytes * u64::from(entry.units),
            align: entry.align(),
            lifetime,
            owner: entry.owner,
            class: chunk.class,
        };
        let to = self.reserve(&request, None)?;
        Ok(LifetimeChange::Moves { to })
    }
}
