//! What is known of every block without asking the engine: whose bytes are whose, who owns what,
//! and what its parts must hold once everything was answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use geoheap::{Handle, PartId, ReadBack, Version};

/// States that a block can be in are told apart up to so many; beyond, any content of its own is
/// taken.
const STATES_MAX: usize = 64;

/// Bytes that were sent once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) block: u32,
    /// Names it among all.
    pub(super) number: u32,
    pub(super) len: usize,
    pub(super) stride: u32,
}

impl Write {
    /// Bytes that tell at every eighth which block and write they are of.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut stamp = [0; 8];
        stamp[..4].copy_from_slice(&self.block.to_le_bytes());
        stamp[4..].copy_from_slice(&self.number.to_le_bytes());
        stamp.iter().copied().cycle().take(self.len).collect()
    }
}

/// What a reload gives: the newest contents that were sent.
pub(super) type Contents = Arc<Mutex<Vec<Write>>>;

/// A change of a block, in the order in which they were sent.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Of all parts. Whether it was refused is told by an event that does not say which.
    Update {
        writes: Vec<Write>,
        in_place: bool,
    },
    Add {
        write: Write,
    },
    UpdatePart {
        part: PartId,
        write: Write,
    },
    RemovePart {
        part: PartId,
    },
}

/// What became of a change that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Not answered, or never.
    Open,
    Refused,
    Done,
    /// Done, and the part has this id.
    Part(PartId),
}

/// The parts of a block in the order of their ids.
pub(super) type Parts = BTreeMap<PartId, Write>;

/// A block.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) handle: Handle,
    /// Owners by the calls that were taken; 0 for one that was removed.
    pub(super) owners: u32,
    /// Everything that was ever sent for it.
    pub(super) writes: Vec<Write>,
    first: Vec<Write>,
    changes: Vec<(Change, Fate)>,
    refused_updates: usize,
    /// A change of it found no room. Whole updates that it had replaced went with it.
    has_failed: bool,
    /// Readers of older versions may see newer bytes.
    pub(super) in_place: bool,
    /// Where a reload takes its contents from.
    pub(super) contents: Option<Contents>,
}

impl Entry {
    /// Its parts as they will be if nothing more is refused.
    pub(super) fn likely(&self) -> Parts {
        self.states(0).pop().unwrap_or_default()
    }

    /// Everything that its parts can be, `refused` of the whole updates at most being refused.
    fn states(&self, refused: usize) -> Vec<Parts> {
        let parts = (0..).zip(&self.first).map(|(index, write)| {
            let generation = 1;
            (PartId { index, generation }, *write)
        });
        // With how many updates refused so far.
        let mut states = vec![(refused, parts.collect::<Parts>())];
        for (change, fate) in &self.changes {
            let before = std::mem::take(&mut states);
            for (left, parts) in before {
                follow(change, *fate, (left, parts), &mut states);
            }
            states.truncate(STATES_MAX + 1);
        }
        states.into_iter().map(|(_, parts)| parts).collect()
    }

    /// Whether bytes were sent for it, as long as these.
    pub(super) fn is_own(&self, bytes: &[u8]) -> bool {
        if self.in_place && !bytes.is_empty() {
            let id = self.writes[0].block.to_le_bytes();
            return bytes.chunks(8).all(|stamp| {
                let head = stamp.len().min(4);
                stamp[..head] == id[..head]
            });
        }
        let same_len = self.writes.iter().filter(|w| w.len == bytes.len());
        same_len.into_iter().any(|write| write.bytes() == bytes)
    }
}

/// The states behind a change.
fn follow(
    change: &Change,
    fate: Fate,
    (left, mut parts): (usize, Parts),
    states: &mut Vec<(usize, Parts)>,
) {
    if fate == Fate::Refused {
        states.push((left, parts));
        return;
    }
    match change {
        Change::Update { writes, in_place } => {
            let lens = writes.iter().zip(parts.values());
            let same = lens.clone().all(|(new, old)| new.len == old.len);
            let fits = writes.len() == parts.len() && (same || !in_place);
            if left > 0 {
                states.push((left - 1, parts.clone()));
            }
            if fits {
                parts
                    .values_mut()
                    .zip(writes)
                    .for_each(|(old, new)| *old = *new);
                states.push((left, parts));
            }
            return;
        }
        Change::Add { write } => {
            let next = parts.keys().map(|part| part.index + 1).max();
            let guess = PartId {
                index: next.unwrap_or(0),
                generation: 1,
            };
            let id = if let Fate::Part(id) = fate { id } else { guess };
            parts.insert(id, *write);
        }
        Change::UpdatePart { part, write } => {
            if parts.remove(part).is_some() {
                let id = if let Fate::Part(id) = fate { id } else { *part };
                parts.insert(id, *write);
            }
        }
        Change::RemovePart { part } => {
            parts.remove(part);
        }
    }
    states.push((left, parts));
}

/// All blocks, by the number that their bytes name them with.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) entries: BTreeMap<u32, Entry>,
    by_handle: BTreeMap<Handle, u32>,
    writes: u32,
    blocks: u32,
    /// What a version showed of a part.
    seen: BTreeMap<(Version, u32, PartId), Vec<u8>>,
    /// Handles that were made up: they may be given out later.
    pub(super) guessed: BTreeSet<Handle>,
    /// Events were lost, so nobody knows what was refused.
    pub(super) is_deaf: bool,
}

impl Book {
    /// A number for a block to come.
    pub(super) fn next_block(&mut self) -> u32 {
        self.blocks += 1;
        self.blocks
    }

    /// Bytes to send.
    pub(super) fn write(&mut self, block: u32, len: usize, stride: u32) -> Write {
        self.writes += 1;
        Write {
            block,
            number: self.writes,
            len,
            stride,
        }
    }

    /// A block was taken.
    ///
    /// # Panics
    /// When its handle was given out before (R7).
    pub(super) fn added(
        &mut self,
        block: u32,
        handle: Handle,
        first: Vec<Write>,
        contents: Option<Contents>,
    ) {
        let before = self.by_handle.insert(handle, block);
        assert_eq!(before, None, "R7: {handle} names one block for ever");
        let entry = Entry {
            handle,
            owners: 1,
            writes: first.clone(),
            first,
            changes: Vec::new(),
            refused_updates: 0,
            has_failed: false,
            in_place: false,
            contents,
        };
        self.entries.insert(block, entry);
    }

    /// The block of a handle that was given out.
    pub(super) fn find(&self, handle: Handle) -> Option<u32> {
        self.by_handle.get(&handle).copied()
    }

    /// Whether a handle's block has an owner.
    pub(super) fn lives(&self, handle: Handle) -> bool {
        let entry = self.find(handle).and_then(|block| self.entries.get(&block));
        entry.is_some_and(|entry| entry.owners > 0)
    }

    /// Blocks with an owner.
    pub(super) fn live(&self) -> BTreeSet<Handle> {
        let live = self.entries.values().filter(|entry| entry.owners > 0);
        live.map(|entry| entry.handle).collect()
    }

    /// A change was sent. Returns how the answer names it.
    pub(super) fn sent(&mut self, block: u32, change: Change) -> usize {
        let Some(entry) = self.entries.get_mut(&block) else {
            return 0;
        };
        match &change {
            Change::Update { writes, in_place } => {
                entry.writes.extend(writes);
                entry.in_place |= in_place;
                if let Some(contents) = &entry.contents {
                    let mut contents = contents.lock().unwrap_or_else(PoisonError::into_inner);
                    contents.clone_from(writes);
                }
            }
            Change::Add { write } | Change::UpdatePart { write, .. } => entry.writes.push(*write),
            Change::RemovePart { .. } => {}
        }
        entry.changes.push((change, Fate::Open));
        entry.changes.len() - 1
    }

    /// A change was answered.
    pub(super) fn answered(&mut self, block: u32, nth: usize, fate: Fate) {
        if let Some(entry) = self.entries.get_mut(&block) {
            entry.changes[nth].1 = fate;
        }
    }

    /// A whole update was refused.
    pub(super) fn update_refused(&mut self, handle: Handle) {
        let block = self.find(handle);
        if let Some(entry) = block.and_then(|block| self.entries.get_mut(&block)) {
            entry.refused_updates += 1;
        }
    }

    /// A change of the block could not be carried out for want of room.
    pub(super) fn failed(&mut self, handle: Handle) {
        let block = self.find(handle);
        if let Some(entry) = block.and_then(|block| self.entries.get_mut(&block)) {
            entry.has_failed = true;
        }
    }

    /// Judges what a frame's read of a part found, in the version that it is of.
    ///
    /// # Panics
    /// When these are not the block's bytes, or not those that the version showed before.
    pub(super) fn judge_seen(&mut self, version: Version, block: u32, part: PartId, bytes: &[u8]) {
        let entry = &self.entries[&block];
        assert!(
            entry.is_own(bytes),
            "R1, R3: {} shows {} bytes that were never sent for block {block}: {:?}",
            entry.handle,
            bytes.len(),
            &bytes[..bytes.len().min(16)]
        );
        if entry.in_place {
            return;
        }
        let seen = self.seen.entry((version, block, part));
        let before = seen.or_insert_with(|| bytes.to_vec());
        assert!(
            before == bytes,
            "R3: {} changed under {version:?}: {:?} was {:?}",
            entry.handle,
            &bytes[..bytes.len().min(16)],
            &before[..before.len().min(16)]
        );
    }

    /// Judges a block's bytes once everything that was sent is answered.
    ///
    /// # Panics
    /// When they are not those of the changes that were carried out.
    pub(super) fn judge_settled(&self, block: u32, read: &ReadBack) {
        let entry = &self.entries[&block];
        for (part, bytes) in &read.parts {
            assert!(
                entry.is_own(bytes),
                "R1: part {part:?} of {} has {} bytes of others: {:?}",
                entry.handle,
                bytes.len(),
                &bytes[..bytes.len().min(16)]
            );
        }
        // A reload gives what was sent last, whether or not that is carried out; half of an update
        // in place may have arrived before it failed.
        let has_lost = entry.refused_updates > 0 || entry.has_failed;
        let is_vague = entry.contents.is_some() || entry.in_place && has_lost;
        let refused = if self.is_deaf || entry.has_failed {
            usize::MAX
        } else {
            entry.refused_updates
        };
        let states = entry.states(refused);
        if is_vague || states.len() > STATES_MAX {
            return;
        }
        let is_there = states.iter().any(|parts| {
            let same = |(part, bytes): &(PartId, Vec<u8>)| {
                let write = parts.get(part);
                write.is_some_and(|write| write.bytes() == *bytes)
            };
            parts.len() == read.parts.len() && read.parts.iter().all(same)
        });
        assert!(
            is_there,
            "R11: {} has none of the contents that it can have: {:?}, not one of {states:?} after \
             {:?}",
            entry.handle,
            told(read),
            entry.changes
        );
    }
}

/// Parts by id, length and first bytes.
fn told(read: &ReadBack) -> Vec<(PartId, usize, Vec<u8>)> {
    let parts = read.parts.iter();
    parts
        .map(|(id, bytes)| (*id, bytes.len(), bytes[..bytes.len().min(8)].to_vec()))
        .collect()
}
