//! Entries in buckets of equal rank: recency with constant-time touches.
//!
//! A bucket holds the entries of one [`Rank`] in a doubly linked list threaded through the entries.
//! A touch unlinks an entry and appends it to the bucket of the new frame, which nearly always is
//! the bucket of the touch before, so it costs no search. The ordered map from rank to bucket is
//! searched only when a bucket is made, left empty, or switched to.

use std::collections::BTreeMap;

/// No entry, no bucket.
pub(crate) const NIL: u32 = u32::MAX;
/// The `stamp` of entries that were used at least once.
const USED: u64 = u64::MAX;

/// Where an entry stands in the order of leaving; the smallest leaves first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Pinned or exempt: sorts behind everything that may leave.
    pub(crate) held: bool,
    pub(crate) priority: u8,
    /// The newest frame of use, or for a never used entry the frame in which it came.
    pub(crate) frame: u64,
    /// The tick in which a never used entry came, else [`USED`].
    stamp: u64,
}

impl Rank {
    /// The rank of an entry that has just come.
    pub(crate) const fn fresh(priority: u8, frame: u64, tick: u64) -> Self {
        // The last tick is given up so that it is not taken for the mark of used entries.
        let stamp = if tick == USED { USED - 1 } else { tick };
        Self {
            held: false,
            priority,
            frame,
            stamp,
        }
    }

    /// The lowest rank of a class and frame.
    pub(crate) const fn lowest(held: bool, priority: u8, frame: u64) -> Self {
        Self {
            held,
            priority,
            frame,
            stamp: 0,
        }
    }

    /// The same entry after a use in `frame`.
    pub(crate) fn used_in(self, frame: u64) -> Self {
        Self {
            frame: self.frame.max(frame),
            stamp: USED,
            ..self
        }
    }

    /// The same entry in another class.
    pub(crate) const fn in_class(self, priority: u8) -> Self {
        Self { priority, ..self }
    }

    pub(crate) const fn is_used(self) -> bool {
        self.stamp == USED
    }
}

/// One resident entry, or a vacant index (`bucket` is [`NIL`]).
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) bytes: u64,
    /// The tick in which it became resident.
    pub(crate) since: u64,
    prev: u32,
    next: u32,
    bucket: u32,
    pub(crate) pins: u16,
    pub(crate) exempt: bool,
}

const VACANT: Entry = Entry {
    bytes: 0,
    since: 0,
    prev: NIL,
    next: NIL,
    bucket: NIL,
    pins: 0,
    exempt: false,
};

// 32 bytes an index is what the engine's bookkeeping per block counts with.
const _: () = assert!(size_of::<Entry>() == 32, "Entry must stay at 32 bytes");

/// All entries of one rank.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) rank: Rank,
    pub(crate) head: u32,
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
    /// The bucket of the last link, tried first by the next one.
    recent: u32,
    len: usize,
    bytes: u64,
    held_bytes: u64,
}

impl Recency {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            buckets: Vec::new(),
            vacant_buckets: Vec::new(),
            order: BTreeMap::new(),
            recent: NIL,
            len: 0,
            bytes: 0,
            held_bytes: 0,
        }
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

    /// Adds an entry that is not resident yet.
    pub(crate) fn insert(&mut self, id: u32, bytes: u64, since: u64, rank: Rank) {
        let index = id as usize;
        if self.entries.len() <= index {
            self.entries.resize(index + 1, VACANT);
        }
        assert!(
            self.entries[index].bucket == NIL,
            "K1: entry {id} is in no bucket yet"
        );
        self.entries[index] = Entry {
            bytes,
            since,
            ..VACANT
        };
        self.len += 1;
        self.bytes += bytes;
        self.link(id, rank);
    }

    /// Takes a resident entry out and returns its bytes.
    pub(crate) fn remove(&mut self, id: u32) -> u64 {
        self.unlink(id);
        let bytes = self.entries[id as usize].bytes;
        self.entries[id as usize] = VACANT;
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
        entry.pins = pins;
        entry.exempt = exempt;
        let rank = self.buckets[entry.bucket as usize].rank;
        let held = pins > 0 || exempt;
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

    /// The entries of a bucket, the longest waiting first.
    pub(crate) fn entries_of(&self, bucket: &Bucket) -> impl Iterator<Item = (u32, &Entry)> {
        let mut at = bucket.head;
        std::iter::from_fn(move || {
            let id = at;
            let entry = self.entries.get(id as usize)?;
            at = entry.next;
            Some((id, entry))
        })
    }

    /// The index of the bucket of this rank, made if there is none.
    fn bucket_of(&mut self, rank: Rank) -> u32 {
        if let Some(bucket) = self.buckets.get(self.recent as usize)
            && bucket.rank == rank
            && bucket.count > 0
        {
            return self.recent;
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
        self.recent = index;
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
            let (mut count, mut sum, mut prev) = (0, 0, NIL);
            for (id, entry) in self.entries_of(bucket) {
                assert_eq!(entry.bucket, index, "K1: entry {id} knows its bucket");
                assert_eq!(entry.prev, prev, "K1: entry {id} is linked both ways");
                assert!(
                    (bucket.since_min..=bucket.since_max).contains(&entry.since),
                    "K1: entry {id} came within the bounds of its bucket"
                );
                let is_held = entry.pins > 0 || entry.exempt;
                assert_eq!(
                    rank.held, is_held,
                    "K3: entry {id} is held if pinned or exempt"
                );
                prev = id;
                count += 1;
                sum += entry.bytes;
            }
            assert_eq!(prev, bucket.tail, "K1: bucket {index} ends at its tail");
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
