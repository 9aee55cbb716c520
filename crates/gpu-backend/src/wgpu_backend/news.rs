//! What wgpu's callbacks leave for the next poll.

use std::sync::{Arc, Mutex, PoisonError};

use crate::driver::SlotId;
use crate::{ReadId, SubmissionId};

#[derive(Debug)]
pub(super) enum News {
    Done(SubmissionId),
    /// A staging buffer was mapped again, or not.
    Slot(SlotId, bool),
    /// A read-back was mapped, or not.
    Read(ReadId, bool),
    Error(String),
}

/// Callbacks run on whichever thread polls or submits; all they do is push.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbox(Arc<Mutex<Vec<News>>>);

impl Inbox {
    pub(super) fn push(&self, news: News) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(news);
    }

    pub(super) fn take(&self) -> Vec<News> {
        core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
