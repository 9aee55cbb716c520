//! The jobs that are not done yet, in order, by what they wait for: a tick goes through those it
//! can do something for, and stops where it has done its share.

use std::collections::{BTreeMap, VecDeque};

use geoheap_chunk_heap::ChunkId;
use geoheap_suballoc::ByteOffset;

use crate::handle::Handle;

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

/// Jobs by their place in the order. Nearly all come in that order and end in it, so they stand in
/// one line; the few that come behind younger ones have a map.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By place; none where a job ended, but for the first and the last.
    line: VecDeque<(u64, Option<Job>)>,
    /// Jobs in `line`.
    in_line: usize,
    /// Those that are not in line.
    late: BTreeMap<u64, Job>,
    bytes: u64,
}

/// A line of so many places is not worth closing up.
const LINE_MIN: usize = 64;

impl Queue {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.in_line + self.late.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all blocks.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The place in the order of the oldest.
    fn first(&self) -> Option<u64> {
        let first = self.line.front().map(|(seq, _)| *seq);
        let late = self.late.keys().next().copied();
        first.into_iter().chain(late).min()
    }

    /// The jobs in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Job> {
        let line = self.line.iter();
        let mut line = line
            .filter_map(|(seq, job)| Some((*seq, job.as_ref()?)))
            .peekable();
        let mut late = self.late.iter().peekable();
        core::iter::from_fn(move || {
            let Some((late_seq, _)) = late.peek() else {
                return line.next().map(|(_, job)| job);
            };
            match line.next_if(|(seq, _)| seq < *late_seq) {
                Some((_, job)) => Some(job),
                None => late.next().map(|(_, job)| job),
            }
        })
    }

    fn insert(&mut self, seq: u64, job: Job) {
        assert!(
            !self.late.contains_key(&seq),
            "R11: place {seq} has a job, which another would hide"
        );
        self.bytes += job.bytes;
        let other = if self.line.back().is_none_or(|(last, _)| *last < seq) {
            self.line.push_back((seq, Some(job)));
            self.in_line += 1;
            None
        } else if let Some(at) = self.at(seq) {
            self.in_line += 1;
            self.line[at].1.replace(job)
        } else {
            self.late.insert(seq, job)
        };
        assert!(
            other.is_none(),
            "R11: place {seq} has a job, which another would hide: {other:?}"
        );
    }

    fn remove(&mut self, seq: u64) -> Option<Job> {
        let job = match self.at(seq) {
            Some(at) => {
                let job = self.line[at].1.take()?;
                self.in_line -= 1;
                self.close_up();
                job
            }
            None => self.late.remove(&seq)?,
        };
        self.bytes -= job.bytes;
        Some(job)
    }

    /// Where in line the place is.
    fn at(&self, seq: u64) -> Option<usize> {
        // Most jobs end in order.
        if self.line.front()?.0 == seq {
            return Some(0);
        }
        self.line.binary_search_by_key(&seq, |(seq, _)| *seq).ok()
    }

    /// Takes those that ended off both ends, and out of a line that has more of them than jobs.
    fn close_up(&mut self) {
        let has_ended =
            |end: Option<&(u64, Option<Job>)>| end.is_some_and(|(_, job)| job.is_none());
        while has_ended(self.line.front()) {
            self.line.pop_front();
        }
        while has_ended(self.line.back()) {
            self.line.pop_back();
        }
        if self.line.len() > LINE_MIN.max(2 * self.in_line) {
            self.line.retain(|(_, job)| job.is_some());
        }
    }
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
        queues.into_iter().filter_map(Queue::first).min()
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
        self.unplaced.bytes()
    }

    /// Jobs without a place: urgent ones in order, then the others in order.
    pub(super) fn unplaced(&self) -> impl Iterator<Item = Handle> {
        let of_kind = |is_urgent: bool| {
            let jobs = self.unplaced.iter();
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
        queue.insert(seq, job);
    }

    fn take(&mut self, seq: u64) -> Job {
        let queues = [
            &mut self.unplaced,
            &mut self.others,
            &mut self.back,
            &mut self.urgent,
        ];
        let job = queues.into_iter().find_map(|queue| queue.remove(seq));
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

    /// The second job would hide the first for ever; `ended` leave the line before it comes.
    fn take_a_place_twice(seqs: &[u64], ended: &[u64], twice: u64) {
        let job = Job {
            handle: Handle::from_key(KeyData::from_ffi(1 << 32 | 1).into()),
            to: None,
            is_stream_in: false,
            is_urgent: false,
            bytes: 4,
        };
        let mut queue = Queue::default();
        for seq in seqs {
            queue.insert(*seq, job);
        }
        for seq in ended {
            queue.remove(*seq).expect("it is there");
        }
        queue.insert(twice, job);
    }

    #[test]
    #[should_panic(expected = "R11: place 7")]
    fn a_place_in_line_has_one_job() {
        take_a_place_twice(&[5, 7, 9], &[], 7);
    }

    #[test]
    #[should_panic(expected = "R11: place 7")]
    fn a_late_place_has_one_job_though_the_line_is_empty() {
        take_a_place_twice(&[9, 7], &[9], 7);
    }

    #[test]
    #[should_panic(expected = "R11: place 7")]
    fn a_late_place_has_one_job_though_the_line_ends_before_it() {
        take_a_place_twice(&[5, 9, 7], &[9], 7);
    }

    #[test]
    fn a_queue_is_in_order_whatever_comes_and_ends() {
        let job = |slot: u64| Job {
            handle: Handle::from_key(KeyData::from_ffi(1 << 32 | slot).into()),
            to: None,
            is_stream_in: false,
            is_urgent: false,
            bytes: slot,
        };
        let (mut queue, mut model) = (Queue::default(), BTreeMap::new());
        let mut state = 1_u64;
        for step in 0..4_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let chance = state >> 33;
            // Mostly in order, sometimes behind the youngest; more come at first than end.
            let seq = if chance.is_multiple_of(8) {
                chance % (step + 1)
            } else {
                step + 1
            };
            model.entry(seq).or_insert_with(|| {
                queue.insert(seq, job(seq + 1));
                seq + 1
            });
            let ends = 1 + u64::from(step > 2_000 && chance.is_multiple_of(3));
            for nth in 0..ends * u64::from(!chance.is_multiple_of(5)) {
                let from = (chance / 64 + nth) % (step + 1);
                let Some((&seq, _)) = model.range(from..).next() else {
                    continue;
                };
                let ended = queue.remove(seq).map(|job| job.bytes);
                assert_eq!(ended, model.remove(&seq), "place {seq}");
                assert!(queue.remove(seq).is_none(), "a job ends once");
            }
            let found: Vec<u64> = queue.iter().map(|job| job.bytes).collect();
            let expected: Vec<u64> = model.values().copied().collect();
            assert_eq!(found, expected, "step {step}");
            assert_eq!(queue.len(), model.len());
            assert_eq!(queue.is_empty(), model.is_empty());
            assert_eq!(queue.first(), model.keys().next().copied());
            assert_eq!(queue.bytes(), expected.iter().sum::<u64>());
            let line = queue.line.len();
            assert!(line <= LINE_MIN.max(2 * queue.in_line + 1), "{line} places");
        }
    }
}
