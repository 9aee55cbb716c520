//! The jobs that are not done yet, in order, by what they wait for: a tick goes through those it
//! can do something for, and stops where it has done its share.

use std::collections::BTreeMap;

use geoheap_chunk_heap::ChunkId;
use geoheap_suballoc::ByteOffset;

use crate::handle::Handle;

/// Jobs by their place in the order.
pub(super) type Queue = BTreeMap<u64, Job>;

/// What is known here of a job; the block has the rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) handle: Handle,
    /// Where its range starts, if it has one.
    pub(super) to: Option<(ChunkId, ByteOffset)>,
    pub(super) is_stream_in: bool,
    /// Bytes of its block, once it is done.
    pub(super) bytes: u64,
}

/// All jobs.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    unplaced: Queue,
    /// Jobs with a place that bring blocks back.
    back: Queue,
    /// The others with a place.
    others: Queue,
    bytes: u64,
    streaming_bytes: u64,
}

impl Jobs {
    pub(super) fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// The place in the order of the oldest job.
    pub(super) fn first(&self) -> Option<u64> {
        let queues = [&self.unplaced, &self.back, &self.others];
        let firsts = queues.into_iter().filter_map(|queue| queue.keys().next());
        firsts.min().copied()
    }

    /// Bytes of all their blocks.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The part of these that comes back.
    pub(super) fn streaming_bytes(&self) -> u64 {
        self.streaming_bytes
    }

    /// Jobs without a place, in order.
    pub(super) fn unplaced(&self) -> impl Iterator<Item = Handle> {
        self.unplaced.values().map(|job| job.handle)
    }

    /// Jobs with a place that bring blocks back.
    pub(super) fn back(&self) -> &Queue {
        &self.back
    }

    /// The other jobs with a place.
    pub(super) fn others(&self) -> &Queue {
        &self.others
    }

    pub(super) fn insert(&mut self, seq: u64, job: Job) {
        self.bytes += job.bytes;
        self.streaming_bytes += if job.is_stream_in { job.bytes } else { 0 };
        self.file(seq, job);
    }

    pub(super) fn remove(&mut self, seq: u64) {
        let job = self.take(seq);
        self.bytes -= job.bytes;
        self.streaming_bytes -= if job.is_stream_in { job.bytes } else { 0 };
    }

    /// Where the range of a job starts now.
    pub(super) fn set_target(&mut self, seq: u64, to: Option<(ChunkId, ByteOffset)>) {
        let job = self.take(seq);
        self.file(seq, Job { to, ..job });
    }

    fn file(&mut self, seq: u64, job: Job) {
        let queue = match job.to {
            None => &mut self.unplaced,
            Some(_) if job.is_stream_in => &mut self.back,
            Some(_) => &mut self.others,
        };
        let other = queue.insert(seq, job);
        assert!(
            other.is_none(),
            "each place in the order has one job: {other:?}"
        );
    }

    fn take(&mut self, seq: u64) -> Job {
        let queues = [&mut self.others, &mut self.unplaced, &mut self.back];
        let job = queues.into_iter().find_map(|queue| queue.remove(&seq));
        job.expect("a job ends once")
    }
}
