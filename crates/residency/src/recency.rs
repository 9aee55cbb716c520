//! Entries in buckets of equal rank: recency with constant-time touches.
//!
//! A bucket holds the entries of one [`Rank`] in a doubly linked list threaded through the entries.
//! A touch unlinks an entry and appends it to the bucket of the new frame and of the group that it
//! then has. The last bucket of each group is remembered, and so are those of entries that came in
//! the last ticks; nearly always one of them is the one, so that it costs no search. The ordered
//! map from rank to bucket is searched only when a bucket is made, left empty, or switched to.

use core::hint::black_box;
use std::collections::BTreeMap;

use crate::policy::History;
use crate::units::Group;

/// No entry, no bucket.
pub(crate) const NIL: u32 = u32::MAX;
/// The `stamp` of entries that were used at least once.
const USED: u64 = u64::MAX;
/// The `last_used` of an index that was never used, nor came.
const NEVER: u64 = u64::MAX;
/// Buckets that are remembered; a power of two, so that a seat is the lowest bits of a number.
const RECENT: usize = 1 << 8;
const _: () = assert!(RECENT.is_power_of_two(), "a seat is a number's lowest bits");
/// What keeps the seats of held entries apart: the highest bit of a seat. Groups and ticks that are
/// linked at a time differ in their low bits, so that this one collides with the fewest.
const SEAT_OF_HELD: usize = RECENT / 2;
/// The most pins of an entry: the highest bit of the count says whether it is exempt.
pub(crate) const PINS_MAX: u16 = EXEMPT - 1;
const EXEMPT: u16 = 1 << 15;

/// What decides the order of leaving of an entry. Within a class of priority, the policy's worth
/// goes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Pinned or exempt: sorts behind everything that may leave.
    pub(crate) held: bool,
    pub(crate) priority: u8,
    /// The newest frame of use, or for a never used entry the frame in which it came.
    pub(crate) frame: u64,
    /// The tick in which a never used entry came, else [`USED`].
    pub(crate) stamp: u64,
    pub(crate) group: Group,
}

impl Rank {
    /// The rank of an entry that has just come.
    pub(crate) const fn fresh(priority: u8, frame: u64, tick: u64, group: Group) -> Self {
        // The last tick is given up so that it is not taken for the mark of used entries.
        let stamp = if tick == USED { USED - 1 } else { tick };
        Self {
            held: false,
            priority,
            frame,
            stamp,
            group,
        }
    }

    /// The lowest rank of a class and frame.
    pub(crate) const fn lowest(held: bool, priority: u8, frame: u64) -> Self {
        Self {
            held,
            priority,
            frame,
            stamp: 0,
            group: Group(0),
        }
    }

    /// The same entry after a use in `frame` that took it to `group`.
    pub(crate) fn used_in(self, frame: u64, group: Group) -> Self {
        Self {
            frame: self.frame.max(frame),
            stamp: USED,
            group,
            ..self
        }
    }

    /// The same entry in another class.
    pub(crate) const fn in_class(self, priority: u8) -> Self {
        Self { priority, ..self }
    }

    /// Where the bucket of this rank is remembered. What is linked at a time differs in the group,
    /// or for those that come and change, in the tick in which they came.
    fn seat(self) -> usize {
        let low = |number: u64| usize::try_from(number % RECENT as u64).unwrap_or(0);
        let group = usize::from(self.group.get());
        let of_tick = if self.is_used() { 0 } else { low(self.stamp) };
        let of_held = if self.held { SEAT_OF_HELD } else { 0 };
        (group ^ of_tick ^ of_held) % RECENT
    }

    pub(crate) const fn is_used(self) -> bool {
        self.stamp == USED
    }
}

/// One resident entry, or an index without one (`bucket` is [`NIL`]), of which only the last use
/// and the history are known.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) bytes: u64,
    /// The tick in which it became resident.
    pub(crate) since: u64,
    /// The frame of the last use, in which it may have been away; before the first, the frame in
    /// which it came.
    last_used: u64,
    prev: u32,
    next: u32,
    bucket: u32,
    /// Pins, and [`EXEMPT`].
    holds: u16,
    history: History,
}

const VACANT: Entry = Entry {
    bytes: 0,
    since: 0,
    last_used: NEVER,
    prev: NIL,
    next: NIL,
    bucket: NIL,
    holds: 0,
    history: History([0; 2]),
};

// 40 bytes an index is what the engine's bookkeeping per block counts with.
const _: () = assert!(size_of::<Entry>() == 40, "Entry must stay at 40 bytes");

impl Entry {
    pub(crate) const fn pins(&self) -> u16 {
        self.holds & PINS_MAX
    }

    pub(crate) const fn is_exempt(&self) -> bool {
        self.holds & EXEMPT != 0
    }
}

/// All entries of one rank.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) rank: Rank,
    head: u32,
    tail: u32,
    pub(crate) count: u32,
    pub(crate) bytes: u64,
    /// No entry here came before this tick (a bound, not always reached).
    pub(crate) since_min: u64,
    /// No entry here came after this tick (a bound, not always reached).
    pub(crate) since_max: u64,
}

/// Entries, buckets, and the order of the buckets.
#[derive(Clone, Debug)]
pub(crate) struct Recency {
    entries: Vec<Entry>,
    buckets: Vec<Bucket>,
    vacant_buckets: Vec<u32>,
    order: BTreeMap<Rank, u32>,
    /// Buckets of the last links, each in the seat of its rank, tried first by the next link.
    recent: Box<[u32; RECENT]>,
    len: usize,
    bytes: u64,
    held_bytes: u64,
}

impl Recency {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            buckets: Vec::new(),
            vacant_buckets: Vec::new(),
            order: BTreeMap::new(),
            recent: Box::new([NIL; RECENT]),
            len: 0,
            bytes: 0,
            held_bytes: 0,
        }
    }

    /// Makes room for indices below `count`.
    pub(crate) fn reserve(&mut self, count: usize) {
        let more = count.saturating_sub(self.entries.len());
        self.entries.reserve_exact(more);
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of pinned and exempt entries.
    pub(crate) const fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// The resident entry of this index.
    pub(crate) fn get(&self, id: u32) -> Option<&Entry> {
        self.entries
            .get(id as usize)
            .filter(|entry| entry.bucket != NIL)
    }

    /// The rank of a resident entry.
    pub(crate) fn rank(&self, id: u32) -> Option<Rank> {
        self.get(id)
            .map(|entry| self.buckets[entry.bucket as usize].rank)
    }

    /// Looks at entries, and then at their neighbours in line.
    pub(crate) fn look_ahead(&self, ids: impl Iterator<Item = u32> + Clone) {
        for entry in ids.clone().filter_map(|id| self.entries.get(id as usize)) {
            black_box(entry.bucket);
        }
        for entry in ids.filter_map(|id| self.entries.get(id as usize)) {
            for neighbour in [entry.prev, entry.next] {
                let neighbour = self.entries.get(neighbour as usize);
                black_box(neighbour.map(|entry| entry.bucket));
            }
        }
    }

    /// The frame of the last use of an index and what is remembered of it, or `None` if it was
    /// never used, nor came.
    pub(crate) fn memory(&self, id: u32) -> Option<(u64, History)> {
        let entry = self.entries.get(id as usize)?;
        (entry.last_used != NEVER).then_some((entry.last_used, entry.history))
    }

    /// Notes a use of an index, resident or not. The rank of a resident one is set apart.
    pub(crate) fn remember(&mut self, id: u32, frame: u64, history: History) {
        let entry = self.slot(id);
        // The last frame is given up so that it is not taken for the mark of those never used.
        entry.last_used = frame.min(NEVER - 1);
        entry.history = history;
    }

    /// Forgets the uses of an index that is not resident.
    pub(crate) fn forget(&mut self, id: u32) {
        if let Some(entry) = self.entries.get_mut(id as usize)
            && entry.bucket == NIL
        {
            *entry = VACANT;
        }
    }

    fn slot(&mut self, id: u32) -> &mut Entry {
        let index = id as usize;
        if self.entries.len() <= index {
            self.entries.resize(index + 1, VACANT);
        }
        &mut self.entries[index]
    }

    /// Adds an entry that is not resident yet.
    pub(crate) fn insert(&mut self, id: u32, bytes: u64, since: u64, rank: Rank) {
        let entry = self.slot(id);
        assert!(entry.bucket == NIL, "K1: entry {id} is in no bucket yet");
        *entry = Entry {
            bytes,
            since,
            last_used: entry.last_used,
            history: entry.history,
            ..VACANT
        };
        self.len += 1;
        self.bytes += bytes;
        self.link(id, rank);
    }

    /// Takes a resident entry out and returns its bytes; its uses are remembered.
    pub(crate) fn remove(&mut self, id: u32) -> u64 {
        self.unlink(id);
        let entry = &mut self.entries[id as usize];
        let bytes = entry.bytes;
        *entry = Entry {
            last_used: entry.last_used,
            history: entry.history,
            ..VACANT
        };
        self.len -= 1;
        self.bytes -= bytes;
        bytes
    }

    /// Moves a resident entry to the end of the bucket of `rank`.
    pub(crate) fn rerank(&mut self, id: u32, rank: Rank) {
        self.unlink(id);
        self.link(id, rank);
    }

    /// Sets the bytes of a resident entry; the place in the order stays.
    pub(crate) fn resize(&mut self, id: u32, bytes: u64) {
        let entry = &mut self.entries[id as usize];
        let old = std::mem::replace(&mut entry.bytes, bytes);
        let bucket = &mut self.buckets[entry.bucket as usize];
        bucket.bytes = bucket.bytes - old + bytes;
        self.bytes = self.bytes - old + bytes;
        if bucket.rank.held {
            self.held_bytes = self.held_bytes - old + bytes;
        }
    }

    /// Sets pins and exemption of a resident entry and moves it where that belongs.
    pub(crate) fn set_holds(&mut self, id: u32, pins: u16, exempt: bool) {
        let entry = &mut self.entries[id as usize];
        assert!(pins <= PINS_MAX, "K3: {pins} pins can be counted");
        entry.holds = if exempt { pins | EXEMPT } else { pins };
        let held = entry.holds > 0;
        let rank = self.buckets[entry.bucket as usize].rank;
        if rank.held != held {
            self.rerank(id, Rank { held, ..rank });
        }
    }

    /// Buckets from `from` on, in the order of leaving.
    pub(crate) fn buckets_from(&self, from: Rank) -> impl Iterator<Item = &Bucket> {
        self.order
            .range(from..)
            .map(|(_, &bucket)| &self.buckets[bucket as usize])
    }

    /// The entries of a bucket, the last linked first: frames that use more than there is room for
    /// use much the same in the same order, so that what comes first in each is best kept.
    pub(crate) fn entries_of(&self, bucket: &Bucket) -> impl Iterator<Item = (u32, &Entry)> {
        let mut at = bucket.tail;
        std::iter::from_fn(move || {
            let id = at;
            let entry = self.entries.get(id as usize)?;
            at = entry.prev;
            Some((id, entry))
        })
    }

    /// The index of the bucket of this rank, made if there is none.
    fn bucket_of(&mut self, rank: Rank) -> u32 {
        let recent = self.recent[rank.seat()];
        if let Some(bucket) = self.buckets.get(recent as usize)
            && bucket.rank == rank
            && bucket.count > 0
        {
            return recent;
        }
        if let Some(&found) = self.order.get(&rank) {
            return found;
        }
        let bucket = Bucket {
            rank,
            head: NIL,
            tail: NIL,
            count: 0,
            bytes: 0,
            since_min: u64::MAX,
            since_max: 0,
        };
        let index = if let Some(index) = self.vacant_buckets.pop() {
            self.buckets[index as usize] = bucket;
            index
        } else {
            // There are never more buckets than entries, and those are counted in u32.
            let index = u32::try_from(self.buckets.len()).unwrap_or(NIL);
            assert!(index != NIL, "K1: buckets are fewer than entries");
            self.buckets.push(bucket);
            index
        };
        self.order.insert(rank, index);
        index
    }

    fn link(&mut self, id: u32, rank: Rank) {
        let index = self.bucket_of(rank);
        self.recent[rank.seat()] = index;
        let bucket = &mut self.buckets[index as usize];
        let tail = std::mem::replace(&mut bucket.tail, id);
        let entry = &mut self.entries[id as usize];
        entry.bucket = index;
        entry.prev = tail;
        entry.next = NIL;
        bucket.count += 1;
        bucket.bytes += entry.bytes;
        bucket.since_min = bucket.since_min.min(entry.since);
        bucket.since_max = bucket.since_max.max(entry.since);
        if rank.held {
            self.held_bytes += entry.bytes;
        }
        match tail {
            NIL => bucket.head = id,
            tail => self.entries[tail as usize].next = id,
        }
    }

    fn unlink(&mut self, id: u32) {
        let Entry {
            bytes,
            prev,
            next,
            bucket: index,
            ..
        } = self.entries[id as usize];
        assert!(index != NIL, "K1: entry {id} is in a bucket");
        match prev {
            NIL => self.buckets[index as usize].head = next,
            prev => self.entries[prev as usize].next = next,
        }
        match next {
            NIL => self.buckets[index as usize].tail = prev,
            next => self.entries[next as usize].prev = prev,
        }
        let bucket = &mut self.buckets[index as usize];
        bucket.count -= 1;
        bucket.bytes -= bytes;
        if bucket.rank.held {
            self.held_bytes -= bytes;
        }
        if bucket.count == 0 {
            self.order.remove(&bucket.rank);
            self.vacant_buckets.push(index);
        }
        self.entries[id as usize].bucket = NIL;
    }

    /// Walks everything and asserts what must hold between the parts.
    pub(crate) fn validate(&self) {
        let (mut len, mut bytes, mut held) = (0, 0, 0);
        for (rank, &index) in &self.order {
            let bucket = &self.buckets[index as usize];
            assert_eq!(
                *rank, bucket.rank,
                "K1: bucket {index} is filed under its rank"
            );
            assert!(bucket.count > 0, "K1: bucket {index} is not empty");
            let (mut count, mut sum, mut next) = (0, 0, NIL);
            for (id, entry) in self.entries_of(bucket) {
                assert_eq!(entry.bucket, index, "K1: entry {id} knows its bucket");
                assert_eq!(entry.next, next, "K1: entry {id} is linked both ways");
                assert!(
                    (bucket.since_min..=bucket.since_max).contains(&entry.since),
                    "K1: entry {id} came within the bounds of its bucket"
                );
                assert_eq!(
                    rank.held,
                    entry.holds > 0,
                    "K3: entry {id} is held if pinned or exempt"
                );
                assert!(
                    entry.last_used != NEVER,
                    "K1: entry {id} was used, or came, at some time"
                );
                next = id;
                count += 1;
                sum += entry.bytes;
            }
            assert_eq!(next, bucket.head, "K1: bucket {index} begins at its head");
            assert_eq!(count, bucket.count, "K1: bucket {index} counts its entries");
            assert_eq!(sum, bucket.bytes, "K2: bucket {index} sums its bytes");
            len += count as usize;
            bytes += sum;
            held += if rank.held { sum } else { 0 };
        }
        let resident = self
            .entries
            .iter()
            .filter(|entry| entry.bucket != NIL)
            .count();
        assert_eq!(len, resident, "K1: each resident entry is in one bucket");
        assert_eq!(len, self.len, "K1: the number of entries is counted");
        assert_eq!(
            bytes, self.bytes,
            "K2: resident bytes are the sum over entries"
        );
        assert_eq!(
            held, self.held_bytes,
            "K2: held bytes are the sum over held entries"
        );
    }
}
