//! The geometry actor's books of draw sets: which are to be written anew, and what into.
//!
//! Nothing in here touches a device: a publish asks which sets are dirty, lays out their records,
//! and says where they were put.

use core::ops::Range;
use std::collections::BTreeMap;
use std::sync::Arc;

use geoheap_chunk_heap::ChunkId;
use geoheap_suballoc::ByteLen;

use crate::actor::fixed_map::{FixedMap, fixed_map};
use crate::core::event::Change;
use crate::draw_set::{
    DrawSetId, INDEXED_RECORD_BYTES, PLAIN_RECORD_BYTES, PublishedSet, SetDraw, SetGroup,
};
use crate::rising::have_one_in_common;
use crate::slot::Slot;
use crate::ticket::Draw;

/// Buffers of a set that wait for their next use at most; as many as frames are seldom in flight.
const FREE_MAX: usize = 4;
/// Most ticks after which sets that found no memory are tried again, if nothing else is published:
/// first after one, then after twice as many each time.
const RETRY_TICKS_MAX: u32 = 64;
/// Smallest buffer of records.
const BUFFER_BYTES_MIN: u64 = 4096;

/// A buffer of records, and its length.
#[derive(Clone, Debug)]
pub(super) struct RecordBuffer<Buf> {
    pub(super) buffer: Buf,
    pub(super) len: ByteLen,
    /// Tells it from the others of its set.
    pub(super) serial: u64,
}

/// Names a buffer of records that a version stops naming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetiredRecords {
    pub(crate) set: DrawSetId,
    pub(crate) serial: u64,
}

#[derive(Debug)]
struct Set<Buf> {
    draws: Vec<SetDraw>,
    members: Arc<[u32]>,
    is_dirty: bool,
    /// What the next version shows, or the newest does.
    shown: Option<Arc<PublishedSet<Buf>>>,
    current: Option<RecordBuffer<Buf>>,
    /// Named by versions that are in use, or by one that waits to be published.
    retired: Vec<RecordBuffer<Buf>>,
    free: Vec<RecordBuffer<Buf>>,
}

/// A block of at least one set.
#[derive(Clone, Copy, Debug)]
struct Member {
    slot: Slot,
    uses: u32,
}

/// All sets.
#[derive(Debug)]
pub(super) struct DrawSets<Buf> {
    sets: BTreeMap<DrawSetId, Set<Buf>>,
    members: FixedMap<u32, Member>,
    serial: u64,
    /// Something changed that the next version is to show.
    is_changed: bool,
    /// Ticks until sets that found no memory are news again, and how many those were at first.
    retry_in: u32,
    retry_after: u32,
    is_lost: bool,
}

/// What a set's records are in one version.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) bytes: Vec<u8>,
    pub(super) groups: Box<[SetGroup]>,
    pub(super) absent: u32,
}

impl<Buf: Clone> DrawSets<Buf> {
    pub(super) fn new() -> Self {
        Self {
            sets: BTreeMap::new(),
            members: fixed_map(),
            serial: 0,
            is_changed: false,
            retry_in: 0,
            retry_after: 0,
            is_lost: false,
        }
    }

    /// A tick begins.
    pub(super) fn tick(&mut self) {
        self.retry_in = self.retry_in.saturating_sub(1);
    }

    /// Whether this alone is worth a version: something changed, or a set that found no memory is
    /// to be tried again.
    pub(super) fn is_changed(&self) -> bool {
        !self.is_lost && (self.is_changed || (self.retry_in == 0 && self.has_dirty()))
    }

    /// Whether a set waits to be written.
    pub(super) fn has_dirty(&self) -> bool {
        !self.is_lost && self.dirty().next().is_some()
    }

    /// Makes or replaces a set. `slot_at` gives a slot as the next version shows it, by its index:
    /// a handle of the set may be stale, and its slot have another block, of this set or others.
    pub(super) fn set(
        &mut self,
        id: DrawSetId,
        draws: Vec<SetDraw>,
        mut slot_at: impl FnMut(u32) -> Option<Slot>,
    ) {
        for draw in &draws {
            let index = draw.handle.index();
            let member = self.members.entry(index).or_insert_with(|| Member {
                slot: slot_at(index).unwrap_or_default(),
                uses: 0,
            });
            member.uses += 1;
        }
        let mut members: Vec<u32> = draws.iter().map(|draw| draw.handle.index()).collect();
        members.sort_unstable();
        members.dedup();
        let set = self.sets.entry(id).or_insert_with(|| Set {
            draws: Vec::new(),
            members: Arc::default(),
            is_dirty: true,
            shown: None,
            current: None,
            retired: Vec::new(),
            free: Vec::new(),
        });
        let before = core::mem::replace(&mut set.draws, draws);
        set.members = members.into();
        set.is_dirty = true;
        self.is_changed = true;
        self.forget_members(&before);
    }

    fn forget_members(&mut self, draws: &[SetDraw]) {
        for draw in draws {
            let index = draw.handle.index();
            let member = self.members.get_mut(&index);
            let member = member.expect("a set's blocks are members");
            member.uses -= 1;
            if member.uses == 0 {
                self.members.remove(&index);
            }
        }
    }

    /// Forgets a set, with its buffers: those that no version names, and the one that the next
    /// version stops naming.
    pub(super) fn remove(
        &mut self,
        id: DrawSetId,
    ) -> (Vec<RecordBuffer<Buf>>, Option<RetiredRecords>) {
        let Some(set) = self.sets.get_mut(&id) else {
            return (Vec::new(), None);
        };
        let draws = core::mem::take(&mut set.draws);
        set.members = Arc::default();
        set.is_dirty = false;
        set.shown = None;
        let retired = retire_current(id, set);
        let free = core::mem::take(&mut set.free);
        if set.retired.is_empty() {
            self.sets.remove(&id);
        }
        self.is_changed = true;
        self.forget_members(&draws);
        (free, retired)
    }

    /// Notes what the next version changes.
    pub(super) fn apply(&mut self, changes: &[Change]) {
        if self.members.is_empty() {
            return;
        }
        let mut touched = Vec::new();
        for change in changes {
            if let Some(member) = self.members.get_mut(&change.index)
                && member.slot != change.slot
            {
                member.slot = change.slot;
                touched.push(change.index);
            }
        }
        if touched.is_empty() {
            return;
        }
        touched.sort_unstable();
        for set in self.sets.values_mut().filter(|set| !set.is_dirty) {
            set.is_dirty = have_one_in_common(&set.members, &touched);
            self.is_changed |= set.is_dirty;
        }
    }

    /// Sets that are to be written before the next version is published.
    pub(super) fn dirty(&self) -> impl Iterator<Item = DrawSetId> {
        let dirty = self.sets.iter().filter(|(_, set)| set.is_dirty);
        dirty.map(|(id, _)| *id)
    }

    /// The records of a set as the next version shows its blocks.
    pub(super) fn records(&self, id: DrawSetId) -> Records {
        let draws = self.sets.get(&id).map_or(&[][..], |set| &set.draws);
        let mut shown: Vec<(ChunkId, Draw, &SetDraw)> = Vec::with_capacity(draws.len());
        for draw in draws {
            let slot = &self.members[&draw.handle.index()].slot;
            if slot.shows(draw.handle)
                && let Some(place) = slot.draw()
            {
                shown.push((ChunkId::new(slot.chunk), place, draw));
            }
        }
        let absent = u32::try_from(draws.len() - shown.len()).unwrap_or(u32::MAX);
        // Stable, so that draws of a group keep the caller's order.
        shown.sort_by_key(|(chunk, place, _)| (*chunk, place.index_format));
        let mut records = Records {
            bytes: Vec::with_capacity(shown.len() * usize_of(INDEXED_RECORD_BYTES)),
            groups: Box::default(),
            absent,
        };
        let mut groups: Vec<SetGroup> = Vec::new();
        for (chunk, place, draw) in shown {
            let index_format = place.index_format;
            match groups.last_mut() {
                Some(last) if (last.chunk, last.index_format) == (chunk, index_format) => {
                    last.count += 1;
                }
                _ => groups.push(SetGroup {
                    chunk,
                    index_format,
                    offset_bytes: records.bytes.len() as u64,
                    count: 1,
                }),
            }
            write_record(&mut records.bytes, &place, &draw.instances);
        }
        records.groups = groups.into();
        records
    }

    /// A free buffer of the set for `len` bytes.
    pub(super) fn take_free(&mut self, id: DrawSetId, len: ByteLen) -> Option<RecordBuffer<Buf>> {
        let set = self.sets.get_mut(&id)?;
        let fits = set.free.iter().position(|free| free.len >= len)?;
        Some(set.free.swap_remove(fits))
    }

    /// Length of a new buffer for `len` bytes: with room for a set that grows.
    pub(super) fn buffer_len(len: ByteLen) -> ByteLen {
        ByteLen::new(len.get().max(BUFFER_BYTES_MIN).next_power_of_two())
    }

    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The set's records were written (or are none); returns the buffer that the next version
    /// stops naming.
    pub(super) fn written(
        &mut self,
        id: DrawSetId,
        buffer: Option<RecordBuffer<Buf>>,
        records: Records,
    ) -> Option<RetiredRecords> {
        let set = self.sets.get_mut(&id).expect("only sets are written");
        let retired = retire_current(id, set);
        set.shown = Some(Arc::new(PublishedSet {
            id,
            records: buffer.as_ref().map(|buffer| buffer.buffer.clone()),
            groups: records.groups,
            members: Arc::clone(&set.members),
            absent: records.absent,
        }));
        set.current = buffer;
        set.is_dirty = false;
        retired
    }

    /// The set could not be written: the next version does not show it, and a later one tries
    /// again. Returns the buffer that the next version stops naming.
    pub(super) fn not_written(&mut self, id: DrawSetId) -> Option<RetiredRecords> {
        let set = self.sets.get_mut(&id).expect("only sets are written");
        set.shown = None;
        retire_current(id, set)
    }

    /// Everything that the next version shows, by id; changes are taken note of until here.
    pub(super) fn publish(&mut self) -> Vec<Arc<PublishedSet<Buf>>> {
        self.is_changed = false;
        self.retry_after = if self.has_dirty() {
            (self.retry_after * 2).clamp(1, RETRY_TICKS_MAX)
        } else {
            0
        };
        self.retry_in = self.retry_after;
        let shown = self.sets.values().filter_map(|set| set.shown.clone());
        shown.collect()
    }

    /// No version in use names the buffer any more. Gives it back if the set has enough.
    pub(super) fn released(&mut self, retired: RetiredRecords) -> Option<RecordBuffer<Buf>> {
        let set = self.sets.get_mut(&retired.set)?;
        let at = set
            .retired
            .iter()
            .position(|buffer| buffer.serial == retired.serial)?;
        let buffer = set.retired.swap_remove(at);
        let largest = set
            .current
            .as_ref()
            .map_or(ByteLen::ZERO, |current| current.len);
        if set.free.len() < FREE_MAX && buffer.len >= largest && !set.draws.is_empty() {
            set.free.push(buffer);
            return None;
        }
        if set.retired.is_empty()
            && set.draws.is_empty()
            && set.current.is_none()
            && set.shown.is_none()
        {
            self.sets.remove(&retired.set);
        }
        Some(buffer)
    }

    /// The device took all buffers.
    pub(super) fn device_lost(&mut self) {
        // A set that was removed only waited for its buffers.
        self.sets
            .retain(|_, set| set.is_dirty || set.shown.is_some() || !set.draws.is_empty());
        for set in self.sets.values_mut() {
            set.shown = None;
            set.current = None;
            set.retired.clear();
            set.free.clear();
            set.is_dirty = true;
        }
        self.is_lost = true;
    }

    /// There is a device again: all sets are to be written.
    pub(super) fn restored(&mut self) {
        self.is_lost = false;
        self.is_changed = !self.sets.is_empty();
        self.retry_in = 0;
        self.retry_after = 0;
    }
}

fn retire_current<Buf>(id: DrawSetId, set: &mut Set<Buf>) -> Option<RetiredRecords> {
    let buffer = set.current.take()?;
    let serial = buffer.serial;
    set.retired.push(buffer);
    Some(RetiredRecords { set: id, serial })
}

fn write_record(bytes: &mut Vec<u8>, place: &Draw, instances: &Range<u32>) {
    let count = instances.end.saturating_sub(instances.start);
    let mut put = |word: u32| bytes.extend_from_slice(&word.to_le_bytes());
    put(place.count);
    put(count);
    put(place.first);
    if place.index_format.is_some() {
        put(place.base_vertex.cast_unsigned());
    }
    put(instances.start);
}

fn usize_of(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

const _: () = assert!(
    INDEXED_RECORD_BYTES == 5 * 4 && PLAIN_RECORD_BYTES == 4 * 4,
    "a record is what `write_record` writes"
);
