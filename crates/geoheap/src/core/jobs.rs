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
    /// Somebody waits for it, or it may not be late.
    pub(super) is_urgent: bool,
    /// Bytes of its block, once it is done.
    pub(super) bytes: u64,
}

/// All jobs.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    unplaced: Queue,
    /// Jobs with a place that go before all others.
    urgent: Queue,
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
        let queues = [&self.unplaced, &self.urgent, &self.back, &self.others];
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

    /// Bytes of the jobs without a place.
    pub(super) fn unplaced_bytes(&self) -> u64 {
        self.unplaced.values().map(|job| job.bytes).sum()
    }

    /// Jobs without a place: urgent ones in order, then the others in order.
    pub(super) fn unplaced(&self) -> impl Iterator<Item = Handle> {
        let of_kind = |is_urgent: bool| {
            let jobs = self.unplaced.values();
            let jobs = jobs.filter(move |job| job.is_urgent == is_urgent);
            jobs.map(|job| job.handle)
        };
        of_kind(true).chain(of_kind(false))
    }

    /// Jobs with a place that go before all others.
    pub(super) fn urgent(&self) -> &Queue {
        &self.urgent
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
            Some(_) if job.is_urgent => &mut self.urgent,
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
        let queues = [
            &mut self.unplaced,
            &mut self.others,
            &mut self.back,
            &mut self.urgent,
        ];
        let job = queues.into_iter().find_map(|queue| queue.remove(&seq));
        job.expect("a job ends once")
    }
}

#[cfg(test)]
mod tests {
    use slotmap::KeyData;

    use super::*;

    #[test]
    fn a_job_is_filed_by_what_it_waits_for() {
        let place = Some((ChunkId::new(0), ByteOffset::new(16)));
        let job = |to, is_stream_in| Job {
            handle: Handle::from_key(KeyData::from_ffi(1 << 32 | 1).into()),
            to,
            is_stream_in,
            is_urgent: false,
            bytes: 4,
        };
        let mut jobs = Jobs::default();
        jobs.insert(7, job(None, true));
        jobs.insert(5, job(place, false));
        let check = |jobs: &Jobs, filed: [usize; 3], first, streaming| {
            let found = [
                jobs.unplaced().count(),
                jobs.back().len(),
                jobs.others().len(),
            ];
            assert!(jobs.urgent().is_empty(), "none of them is urgent");
            assert_eq!(found, filed, "{jobs:?}");
            assert_eq!(jobs.first(), first);
            assert_eq!(jobs.is_empty(), first.is_none());
            assert_eq!(jobs.streaming_bytes(), streaming);
            assert_eq!(jobs.bytes(), 4 * filed.iter().sum::<usize>() as u64);
        };
        check(&jobs, [1, 0, 1], Some(5), 4);
        jobs.set_target(7, place);
        check(&jobs, [0, 1, 1], Some(5), 4);
        jobs.set_target(5, None);
        check(&jobs, [1, 1, 0], Some(5), 4);
        jobs.remove(5);
        check(&jobs, [0, 1, 0], Some(7), 4);
        jobs.remove(7);
        check(&jobs, [0, 0, 0], None, 0);
    }

    #[test]
    fn urgent_jobs_come_first() {
        let handle = |slot: u64| Handle::from_key(KeyData::from_ffi(1 << 32 | slot).into());
        let job = |slot: u64, is_urgent| Job {
            handle: handle(slot),
            to: None,
            is_stream_in: slot == 3,
            is_urgent,
            bytes: 4,
        };
        let mut jobs = Jobs::default();
        for (seq, slot, is_urgent) in [(1, 1, false), (2, 2, true), (3, 3, true)] {
            jobs.insert(seq, job(slot, is_urgent));
        }
        let order: Vec<Handle> = jobs.unplaced().collect();
        assert_eq!(order, [handle(2), handle(3), handle(1)]);
        for seq in [2, 3] {
            jobs.set_target(seq, Some((ChunkId::new(0), ByteOffset::new(16))));
        }
        assert_eq!(jobs.urgent().len(), 2, "new ones and those that come back");
        assert_eq!(jobs.first(), Some(1), "flushes wait for the oldest of all");
        jobs.remove(3);
        assert_eq!(jobs.streaming_bytes(), 0);
    }
}
