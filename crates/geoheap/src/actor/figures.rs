//! What the actor knows of itself: the report, its peaks, and what old versions keep.

use geoheap_frame_sync::Version;
use geoheap_gpu_backend::{Backend, Counters};
use geoheap_heap_dump::HeapDump;
use geoheap_suballoc::ByteLen;

use crate::actor::driver::Driver;
use crate::report::{Backpressure, HeapEvent, HeapMap, Report};
use crate::sync::{Ordering, PoisonError};

/// A version is old when it has been the oldest in use for so many frames, or so many ticks: those
/// of frames on their way to the screen are given up sooner.
const OLD_FRAMES: u64 = 16;
const OLD_TICKS: u64 = 64;

/// Since when a version is the oldest in use.
#[derive(Debug, Default)]
struct Oldest {
    version: Version,
    ticks: u64,
    frames: u64,
}

/// Counters and peaks that the core does not keep.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) events_lost: u64,
    pub(super) gpu_errors: u64,
    pub(super) tickets_dropped: u64,
    pub(super) tickets_panicked: u64,
    /// What the backends of lost devices did.
    earlier: Counters,
    staging_peak: ByteLen,
    held_peak: ByteLen,
    backpressure: Option<Backpressure>,
    oldest: Oldest,
}

impl Tally {
    /// Keeps what a backend did that is replaced.
    pub(super) fn add_counters(&mut self, counters: Counters) {
        self.earlier.copies += counters.copies;
        self.earlier.submits += counters.submits;
    }
}

impl<B: Backend> Driver<B> {
    /// Whether an old version is still in use. Asked once a tick, after the notes of frames.
    pub(super) fn is_held_back(&mut self) -> bool {
        let (version, newest) = (self.publisher.oldest_in_use(), self.publisher.current());
        let oldest = &mut self.tally.oldest;
        if version != oldest.version || version == newest {
            *oldest = Oldest {
                version,
                ..Oldest::default()
            };
            return false;
        }
        oldest.ticks += 1;
        oldest.frames += u64::from(self.since.saw_frame);
        oldest.frames >= OLD_FRAMES || oldest.ticks >= OLD_TICKS
    }

    /// Tells when old versions keep memory that is needed now, and until when.
    pub(super) fn update_backpressure(&mut self, is_held_back: bool) {
        let oldest = self.publisher.oldest_in_use();
        let held_bytes = self.core.retired_bytes();
        let is_short = is_held_back && held_bytes > 0 && self.core.is_short_of_room();
        let limit = self.shared.config.versions_alive_max as usize;
        if !is_short && self.publisher.versions_alive() < limit {
            self.tally.backpressure = None;
            return;
        }
        let mut holders = self.shared.board.holders();
        holders.retain(|holder| holder.version == oldest);
        let pressure = Backpressure {
            oldest_version: oldest,
            held_bytes,
            holders,
        };
        if self.tally.backpressure.replace(pressure.clone()).is_none() {
            self.notify(HeapEvent::Backpressure(pressure));
        }
    }

    pub(super) fn note_peaks(&mut self) {
        let staging = self.backend.staging();
        self.tally.staging_peak = self.tally.staging_peak.max(staging.peak_bytes);
        let held = self.core.held_bytes() + staging.capacity_bytes;
        self.tally.held_peak = self.tally.held_peak.max(held);
    }

    /// The core's counters, and what only the backend knows.
    pub(crate) fn report(&self) -> Report {
        let mut report = self.core.report();
        let (staging, counters) = (self.backend.staging(), self.backend.counters());
        report.staging_bytes = staging.capacity_bytes.get();
        report.staging_bytes_peak = self.tally.staging_peak.get();
        report.held_bytes += staging.capacity_bytes.get();
        report.held_bytes_peak = self.tally.held_peak.get();
        let padding = self.backend.limits().vertex_padding.get();
        report.chunk_bytes_padded = report.chunk_bytes + report.chunks * padding;
        report.gpu_errors = self.tally.gpu_errors;
        report.events_lost = self.tally.events_lost;
        let earlier = &self.tally.earlier;
        report.gpu_copies = earlier.copies + counters.copies;
        report.gpu_submits = earlier.submits + counters.submits;
        report.tick_share_thousandths = self.pace.share().thousandths().into();
        report.tickets_dropped = self.tally.tickets_dropped;
        report.tickets_panicked = self.tally.tickets_panicked;
        report.notes_lost = self.inbox.notes_lost.load(Ordering::Relaxed);
        report.versions_alive = self.publisher.versions_alive() as u64;
        report.draw_sets_waiting = self.draw_sets.dirty().count() as u64;
        report.oldest_version = self.publisher.oldest_in_use().get();
        report.backpressure.clone_from(&self.tally.backpressure);
        report
    }

    /// Every chunk and range.
    pub(crate) fn heap_map(&self) -> HeapMap {
        self.core.heap_map()
    }

    /// The core's view of the heap, and what only the backend knows.
    pub(crate) fn dump(&self) -> HeapDump {
        let mut dump = self.core.dump();
        let staging = self.backend.staging().capacity_bytes.get();
        dump.staging_bytes = staging;
        dump.held_bytes += staging;
        dump
    }

    pub(super) fn refresh_report(&self) {
        let frames = self.shared.board.frames();
        self.shared.frames_at_tick.store(frames, Ordering::Relaxed);
        let report = self.report();
        *self
            .shared
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = report;
    }
}
