//! What every backend has to do, as test functions over any of them.
//!
//! ```ignore
//! geoheap_gpu_backend::conformance_tests!(|staging: &StagingConfig| Rig { .. });
//! ```
//! makes a `#[test]` of each function. Each of them makes its own [`Rig`].

mod accounting;
mod contents;
mod refusals;

use core::fmt;

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::{Backend, BackendEvent, BufferDesc, BufferRole, StagingConfig, SubmissionId};

pub use accounting::{
    completions_ascend, free_staging_is_usable, idle_staging_goes_back, lost_device_is_told_once,
    lowered_limit_is_reached, read_backs_count_as_staging, released_bytes_are_told,
    staging_is_bounded_and_recycled, unused_lease_gives_its_bytes_back,
};
pub use contents::{
    batches_keep_the_order_of_calls, copies_from_two_sources_stay_two, lease_round_trip,
    mixed_transfers_match_a_plain_copy, neighbours_become_one_copy, new_buffers_are_zero,
    pieces_split_over_staging_arrive_whole,
};
pub use refusals::{
    bad_creations_are_refused, bad_leases_are_refused, bad_ranges_are_refused,
    copies_within_one_buffer_are_refused, nothing_to_submit_is_none,
};

/// A backend on a device of its own, and the way to lose that device.
pub struct Rig<B: Backend> {
    /// The backend.
    pub backend: B,
    /// Loses the device; the backend may take until its next poll to notice.
    pub lose: Box<dyn FnOnce()>,
}

impl<B: Backend> fmt::Debug for Rig<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rig")
            .field("info", &self.backend.info())
            .finish_non_exhaustive()
    }
}

/// Makes a rig with this staging.
pub type Make<'a, B> = &'a dyn Fn(&StagingConfig) -> Rig<B>;

/// Makes a `#[test]` of each conformance function, for rigs that the given function makes.
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr) => {
        $crate::conformance_tests!(@each $make;
            completions_ascend, free_staging_is_usable, idle_staging_goes_back,
            lost_device_is_told_once,
            lowered_limit_is_reached, read_backs_count_as_staging, released_bytes_are_told,
            staging_is_bounded_and_recycled, unused_lease_gives_its_bytes_back,
            batches_keep_the_order_of_calls, copies_from_two_sources_stay_two, lease_round_trip,
            mixed_transfers_match_a_plain_copy, neighbours_become_one_copy, new_buffers_are_zero,
            pieces_split_over_staging_arrive_whole, bad_creations_are_refused,
            bad_leases_are_refused, bad_ranges_are_refused,
            copies_within_one_buffer_are_refused, nothing_to_submit_is_none
        );
    };
    (@each $make:expr; $($name:ident),*) => {$(
        #[test]
        fn $name() {
            $crate::conformance::$name(&$make);
        }
    )*};
}

/// Enough for the slowest device: polls of a wait are a few milliseconds long.
const POLLS_MAX: u32 = 4000;

fn staging(buffer_bytes: u64, limit_bytes: u64) -> StagingConfig {
    StagingConfig {
        buffer_bytes: ByteLen::new(buffer_bytes),
        limit_bytes: ByteLen::new(limit_bytes),
        idle_polls: 1_000_000,
    }
}

fn at(offset: u64) -> ByteOffset {
    ByteOffset::new(offset)
}

fn bytes(len: u64) -> ByteLen {
    ByteLen::new(len)
}

/// `len` bytes that differ by position and by seed.
fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        // The step of Knuth's MMIX generator; its high bits are good enough here.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

fn buffer<B: Backend>(backend: &mut B, len: u64) -> B::Buffer {
    let desc = BufferDesc {
        label: "conformance",
        len: bytes(len),
        role: BufferRole::Chunk,
    };
    backend
        .create_buffer(&desc)
        .expect("a small buffer can be had")
}

/// Submits, waits, and returns all events.
fn settle<B: Backend>(backend: &mut B) -> Vec<BackendEvent> {
    backend.submit().expect("a correct batch is accepted");
    assert!(
        backend.wait_idle(POLLS_MAX),
        "the device has to come to an end"
    );
    let mut events = Vec::new();
    backend.poll(&mut events);
    let is_error = |event: &BackendEvent| matches!(event, BackendEvent::Error { .. });
    assert!(
        !events.iter().any(is_error),
        "a correct batch raises no error: {events:?}"
    );
    events
}

/// The bytes of a buffer, read back through the device.
fn contents<B: Backend>(backend: &mut B, buffer: &B::Buffer, offset: u64, len: u64) -> Vec<u8> {
    let read = backend
        .read_back(buffer, at(offset), bytes(len))
        .expect("there is room to read");
    let mut found = None;
    for event in settle(backend) {
        if let BackendEvent::ReadBack { id, bytes } = event
            && id == read
        {
            found = Some(bytes);
        }
    }
    found.expect("a read-back is answered by the time the device is idle")
}

fn completed(events: &[BackendEvent]) -> Vec<SubmissionId> {
    let id = |event: &BackendEvent| match event {
        BackendEvent::Completed(id) => Some(*id),
        _ => None,
    };
    events.iter().filter_map(id).collect()
}
