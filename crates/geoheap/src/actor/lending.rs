//! Staging memory that callers write into themselves.

use geoheap_gpu_backend::{Backend, LeaseError};
use geoheap_suballoc::ByteLen;

use crate::actor::driver::Driver;
use crate::actor::reply::Reply;
use crate::config::{WORD_BYTES, whole_words};
use crate::core::event::Answer;
use crate::error::RequestError;
use crate::payload::StagedWrite;

/// One part in so many of staging is kept for the engine's own uploads.
const KEPT_STAGING_SHARE: u64 = 4;

impl<B: Backend> Driver<B> {
    /// Lends staging memory. A quarter of it is never lent, so that callers who keep what they
    /// have cannot stop the uploads.
    pub(super) fn stage(&mut self, len: ByteLen) -> Reply {
        let refused = |error| Reply::Answer(Answer::Refused(error));
        if len == ByteLen::ZERO {
            return refused(RequestError::ZeroSize);
        }
        let staging = self.backend.staging();
        let requested = len;
        let kept = ByteLen::new(staging.limit_bytes.get() / KEPT_STAGING_SHARE);
        // Only whole words are lent.
        let lent = |bytes: ByteLen| ByteLen::new(whole_words(bytes.saturating_sub(kept).get()));
        let (free, limit) = (lent(staging.free_bytes), lent(staging.limit_bytes));
        if len > limit {
            return refused(RequestError::StagingTooSmall { requested, limit });
        }
        let words = len.get().checked_next_multiple_of(WORD_BYTES);
        let lease = match words.map(ByteLen::new) {
            Some(words) if words <= free => match self.backend.lease(words) {
                Err(LeaseError::OutOfMemory { requested }) => {
                    return refused(RequestError::OutOfMemory { requested });
                }
                lease => lease.ok(),
            },
            _ => None,
        };
        match lease {
            Some(lease) => Reply::Staged(StagedWrite {
                lease,
                len,
                device: self.core.device(),
            }),
            None if self.backend.is_lost() => refused(RequestError::DeviceLost),
            None => refused(RequestError::StagingFull { requested, free }),
        }
    }
}
