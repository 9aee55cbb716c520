//! Retained copies under a budget of system memory: those that were not needed for the longest time
//! go to a file, and come back the way that reload callbacks go.
//!
//! A copy is needed when its block comes back, or gets new contents. It leaves memory when it was
//! written, and only if it is still the same by then. In the file it stays until there are other
//! contents of all parts: a block that came back may leave again without another write. Copies of
//! single parts that changed since are in memory beside it, and go before what the file has; when
//! it is their turn to leave, they are written together with what the file has of the others.
//! Where that cannot be read, this block waits; a file that takes no copy stops all for a while.

use std::collections::BTreeMap;

use geoheap_chunk_heap::PartId;
use geoheap_suballoc::ByteLen;

use crate::core::Core;
use crate::core::event::Effect;
use crate::core::record::Record;
use crate::error::FailReason;
use crate::handle::Handle;
use crate::payload::{Payload, ReloadFn};
use crate::report::{HeapEvent, SpillStep};

/// Copies that are looked at in one tick.
const LOOKED_AT_MAX: usize = 64;
/// Ticks after which writing is tried again once it failed, or reading what the file has of one
/// block.
const RETRY_TICKS: u64 = 256;

/// All copies.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Bytes in memory.
    pub(super) retained_bytes: u64,
    /// Of them, those that are being written.
    writing_bytes: u64,
    /// Bytes in the file.
    pub(super) spilled_bytes: u64,
    /// Blocks with copies in memory, the longest not needed first.
    order: BTreeMap<u64, Handle>,
    /// Nothing is written before this tick.
    retry_tick: u64,
}

impl Copies {
    /// Whether nothing is being written.
    pub(super) fn is_at_rest(&self) -> bool {
        self.writing_bytes == 0
    }
}

/// What is known of one block's copies.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    /// Its bytes in [`Copies::retained_bytes`].
    counted_bytes: u64,
    /// Its place in [`Copies::order`].
    needed: u64,
    turn: Turn,
    spilled: Option<Spilled>,
}

/// Whether a block's copies can be written when it is their turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    Open,
    /// They are being written; the number tells this write from others.
    Writing(u64),
    /// What the file has of them could not be read: not before this tick.
    Unread(u64),
}

/// Why copies were not written, in the words of the operating system.
#[derive(Debug)]
pub(crate) enum SpillError {
    /// The file took no copy, and takes none of other blocks either.
    Write(String),
    /// What the file has of this block could not be read.
    Read(String),
}

/// Copies in the file.
#[derive(Debug)]
pub(crate) struct Spilled {
    /// Which parts, and their lengths.
    pub(crate) parts: Vec<(PartId, ByteLen)>,
    /// Gives them back.
    pub(crate) make: ReloadFn,
}

impl Spilled {
    fn bytes(&self) -> u64 {
        self.parts.iter().map(|(_, len)| len.get()).sum()
    }
}

/// Copies that are to be written.
#[derive(Debug)]
pub(crate) struct Spilling {
    pub(crate) handle: Handle,
    pub(crate) seq: u64,
    /// Their bytes in memory.
    pub(crate) bytes: u64,
    parts: Vec<(PartId, Payload)>,
    /// What the file has already, and which parts that is.
    older: Option<(ReloadFn, Vec<PartId>)>,
}

impl Spilling {
    /// The copies of all parts: those in memory, and of the others those in the file.
    ///
    /// # Errors
    /// What the file has could not be read.
    pub(crate) fn whole(&self) -> Result<Vec<(PartId, Payload)>, String> {
        let mut parts = self.parts.clone();
        if let Some((make, ids)) = &self.older {
            let read = ids.iter().copied().zip(make.call(self.handle)?);
            let is_other = |id| self.parts.iter().all(|(newer, _)| *newer != id);
            parts.extend(read.filter(|(id, _)| is_other(*id)));
        }
        Ok(parts)
    }
}

impl Record {
    /// What reads the copies in the file, if there are any.
    pub(super) fn spilled(&self) -> Option<&ReloadFn> {
        let spilled = self.copied()?.spilled.as_ref()?;
        Some(&spilled.make)
    }

    /// Parts in the file, and their lengths.
    pub(super) fn spilled_parts(&self) -> &[(PartId, ByteLen)] {
        let spilled = self.copied().and_then(|copied| copied.spilled.as_ref());
        spilled.map_or(&[], |spilled| &spilled.parts)
    }

    /// Whether the copies of all parts are in memory.
    fn has_all_copies(&self) -> bool {
        let mut parts = self.layout.parts();
        parts.all(|part| self.retained.get(part.id).is_some())
    }

    /// The contents of all parts, from what was read of the file and what is newer in memory.
    pub(super) fn join_copies(
        &self,
        read: Vec<Payload>,
    ) -> Result<Vec<(PartId, Payload)>, FailReason> {
        let ids = self.spilled_parts().iter().map(|(id, _)| *id);
        let read: Vec<(PartId, Payload)> = ids.zip(read).collect();
        let parts = self.layout.parts_by_id();
        let mut out = Vec::with_capacity(parts.len());
        for part in &parts {
            let kept = self.retained.get(part.id);
            let found = read.iter().find(|(id, _)| *id == part.id);
            let payload = kept.or(found.map(|(_, payload)| payload));
            let given = payload.map_or(ByteLen::ZERO, Payload::len);
            let Some(payload) = payload.filter(|_| given == part.used_len) else {
                let expected = part.used_len;
                return Err(FailReason::ReloadLength { expected, given });
            };
            out.push((part.id, payload.clone()));
        }
        Ok(out)
    }
}

impl Core {
    /// A block's copies in memory are others than before, or were needed.
    pub(super) fn note_copies(&mut self, handle: Handle) {
        if self.config.spill.is_none() {
            return;
        }
        let seq = self.next_seq();
        let record = self.own(handle);
        let retained = record.retained.iter();
        let bytes = retained.map(|(_, payload)| payload.len().get()).sum();
        let is_whole = record.has_all_copies();
        let copied = record.count_copies();
        let older = copied.spilled.take_if(|_| is_whole);
        copied.turn = Turn::Open;
        let counted = core::mem::replace(&mut copied.counted_bytes, bytes);
        let needed = core::mem::replace(&mut copied.needed, seq);
        let copies = &mut self.copies;
        copies.spilled_bytes -= older.map_or(0, |older| older.bytes());
        copies.retained_bytes = copies.retained_bytes - counted + bytes;
        copies.order.remove(&needed);
        if bytes > 0 {
            copies.order.insert(seq, handle);
        }
    }

    /// The engine keeps no copies of the block any more.
    pub(super) fn forget_copies(&mut self, handle: Handle) {
        let record = self.own(handle);
        record.retained.clear();
        let Some(copied) = record.take_copied() else {
            return;
        };
        let copies = &mut self.copies;
        copies.retained_bytes -= copied.counted_bytes;
        copies.order.remove(&copied.needed);
        copies.spilled_bytes -= copied.spilled.map_or(0, |spilled| spilled.bytes());
    }

    /// Has copies written as long as there are too many in memory.
    pub(super) fn spill_copies(&mut self, out: &mut Vec<Effect>) {
        let Some(spill) = &self.config.spill else {
            return;
        };
        if self.tick < self.copies.retry_tick {
            return;
        }
        let max = spill.retained_bytes_max.get();
        let cap = self.config.tick_upload_bytes.get();
        let oldest: Vec<Handle> = self
            .copies
            .order
            .values()
            .copied()
            .take(LOOKED_AT_MAX)
            .collect();
        for handle in oldest {
            let copies = &self.copies;
            let left = copies.retained_bytes.saturating_sub(copies.writing_bytes);
            if left <= max || copies.writing_bytes >= cap {
                return;
            }
            self.spill(handle, out);
        }
    }

    /// Has one block's copies written, if there are some of all its parts and nothing brings
    /// others.
    fn spill(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let record = self.record(handle).expect("copies are of blocks that live");
        let copied = record.copied().expect("it was counted");
        let turn = copied.turn;
        if let Turn::Writing(_) = turn {
            return;
        }
        if let Turn::Unread(until) = turn
            && self.tick < until
        {
            return self.put_behind(handle, turn);
        }
        let is_under_way = record.fill().is_some() || record.reloading().is_some();
        if is_under_way || !record.is_covered_by(&record.layout, &[]) {
            // It takes its turn behind the others.
            return self.note_copies(handle);
        }
        let parts: Vec<(PartId, Payload)> = record
            .retained
            .iter()
            .map(|(id, payload)| (id, payload.clone()))
            .collect();
        let bytes = copied.counted_bytes;
        let older = copied.spilled.as_ref().map(|older| {
            let ids = older.parts.iter().map(|(id, _)| *id);
            (older.make.clone(), ids.collect())
        });
        let seq = self.next_seq();
        let copied = self.own(handle).copied_mut();
        copied.expect("it was there just now").turn = Turn::Writing(seq);
        self.copies.writing_bytes += bytes;
        out.push(Effect::Spill(Spilling {
            handle,
            seq,
            bytes,
            parts,
            older,
        }));
    }

    /// A block's copies take their turn behind the others.
    fn put_behind(&mut self, handle: Handle, turn: Turn) {
        self.note_copies(handle);
        if let Some(copied) = self.own(handle).copied_mut() {
            copied.turn = turn;
        }
    }

    /// Copies were written, or not. If they are not the block's any more they are dropped.
    pub(super) fn spilled(
        &mut self,
        handle: Handle,
        seq: u64,
        bytes: u64,
        result: Result<Spilled, SpillError>,
        out: &mut Vec<Effect>,
    ) {
        self.copies.writing_bytes -= bytes;
        let copied = self.record_mut(handle).and_then(Record::copied_mut);
        let copied =
            copied.filter(|at| at.turn == Turn::Writing(seq) || is_planted!(SpilledUnchecked));
        match result {
            Ok(spilled) => {
                let Some(copied) = copied else {
                    return;
                };
                copied.turn = Turn::Open;
                let bytes = spilled.bytes();
                let older = copied.spilled.replace(spilled);
                self.copies.spilled_bytes += bytes;
                self.copies.spilled_bytes -= older.map_or(0, |older| older.bytes());
                self.own(handle).retained.clear();
                self.note_copies(handle);
            }
            Err(error) => {
                if let Some(copied) = copied {
                    copied.turn = Turn::Open;
                    if let SpillError::Read(_) = error {
                        // The others go on: only this one needs what cannot be read.
                        self.put_behind(handle, Turn::Unread(self.tick + RETRY_TICKS));
                    }
                }
                let (step, message) = match error {
                    SpillError::Read(message) => (SpillStep::Read, message),
                    SpillError::Write(message) => {
                        self.copies.retry_tick = self.tick + RETRY_TICKS;
                        (SpillStep::Write, message)
                    }
                };
                self.report.spill_failures += 1;
                out.push(Effect::Notify(HeapEvent::SpillFailed {
                    bytes: ByteLen::new(bytes),
                    step,
                    message,
                }));
            }
        }
    }
}
