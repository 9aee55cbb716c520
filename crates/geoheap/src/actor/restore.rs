//! Another backend in the place of one that is lost.

use std::fmt;
use std::sync::Arc;

use geoheap_gpu_backend::{Backend, BackendEvent, Limits};
use geoheap_suballoc::{Align, ByteLen};

use crate::actor::driver::Driver;
use crate::client::{Shared, drawing::draws_under};
use crate::config::{ConfigError, WORD_BYTES};
use crate::core::event::Event;
use crate::error::RestoreError;
use crate::report::Restored;
use crate::slot::BUFFER_BYTES_MAX;
use crate::sync::{Mutex, Ordering, PoisonError};
use crate::ticket::VersionTable;

/// Polls in which a loss is looked for: a device may tell of it only after it was asked once.
const LOSS_POLLS: u32 = 2;

/// Where the manager leaves a backend for a driver that runs on another thread: messages do not
/// know its type.
pub(crate) struct Successor<B>(Arc<Mutex<Option<B>>>);

impl<B> Successor<B> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    /// Puts a backend there, or takes away what is there.
    pub(crate) fn replace(&self, backend: Option<B>) -> Option<B> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        core::mem::replace(&mut place, backend)
    }
}

impl<B> Clone for Successor<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> fmt::Debug for Successor<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Successor").finish_non_exhaustive()
    }
}

/// Whether a heap can go on with a device of these limits. Returns the longest buffer.
pub(crate) fn check_limits(shared: &Shared, limits: &Limits) -> Result<ByteLen, RestoreError> {
    let buffer_bytes_max = limits.buffer_bytes_max.min(BUFFER_BYTES_MAX);
    shared.config.validate(buffer_bytes_max)?;
    let words = Align::new(WORD_BYTES).unwrap_or(Align::ONE);
    for (kind, present, needed) in [
        ("uniform", shared.uniform_align, limits.uniform_align),
        ("storage", shared.storage_align, limits.storage_align),
        ("copied", words, limits.copy_align),
    ] {
        if !present.get().is_multiple_of(needed.get()) {
            return Err(RestoreError::Alignment {
                kind,
                present,
                needed,
            });
        }
    }
    if shared.indirect_first_instance && !limits.indirect_first_instance {
        return Err(RestoreError::FirstInstance);
    }
    Ok(buffer_bytes_max)
}

impl<B: Backend> Driver<B> {
    /// Restores with what the manager has left.
    pub(super) fn take_successor(&mut self) -> Result<Restored, RestoreError> {
        match self.successor.replace(None) {
            Some(backend) => self.restore(backend),
            None => Err(RestoreError::ShutDown),
        }
    }

    /// Goes on with another device. On an error nothing has changed, and the backend is dropped.
    pub(crate) fn restore(&mut self, mut backend: B) -> Result<Restored, RestoreError> {
        // The loss may not have been told yet.
        for _ in 0..LOSS_POLLS {
            if !self.core.is_lost() {
                self.poll_backend();
            }
        }
        self.refresh_report();
        if !self.core.is_lost() {
            return Err(RestoreError::NotLost);
        }
        let buffer_bytes_max = check_limits(&self.shared, &backend.limits())?;
        let staging = self.core.staging_bytes();
        backend.set_staging_limit(staging);
        if let Some(reason) = loss_of(&mut backend) {
            return Err(RestoreError::LostAgain { reason });
        }
        if backend.staging().free_bytes == ByteLen::ZERO {
            return Err(ConfigError::StagingTooSmall { limit: staging }.into());
        }
        // What the lost device held leaves the books before the next one's are opened.
        self.free_unused();
        let before = core::mem::replace(&mut self.backend, backend);
        self.tally.add_counters(before.counters());
        drop(before);
        self.releasing.clear();
        self.releasing_records.clear();
        self.record_delays = 0;
        self.since.transfer_failed = false;
        self.adopted.clear();
        self.draw_sets.restored();
        self.step(Event::Restored { buffer_bytes_max });
        self.renew_table();
        let budget = self.core.budget_bytes();
        let draws_max = draws_under(staging);
        self.shared.draws_max.store(draws_max, Ordering::Relaxed);
        self.shared
            .device_follows(self.core.device(), buffer_bytes_max, budget);
        self.refresh_report();
        Ok(self.core.restored_counts())
    }

    /// The next version names nothing of any device before.
    pub(super) fn renew_table(&mut self) {
        self.table = Arc::new(VersionTable::of_device(self.core.device()));
        self.table_changed = true;
        self.buffers.clear();
    }
}

/// Why a backend that is to be new is of no use.
fn loss_of<B: Backend>(backend: &mut B) -> Option<String> {
    let mut events = Vec::new();
    backend.poll(&mut events);
    let told = events.into_iter().find_map(|event| match event {
        BackendEvent::DeviceLost { reason } => Some(reason),
        _ => None,
    });
    told.or_else(|| backend.is_lost().then(String::new))
}
