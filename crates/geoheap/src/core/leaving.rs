//! Blocks whose bytes are on the GPU alone, on their way out.
//!
//! Such a block leaves in steps: its bytes are copied back, in pieces under the caps of a tick and
//! of staging; when the last one has arrived they are what the block comes back from, and only
//! then does a version show it as evicted. Until then it is resident like any other: frames draw
//! it, it can be pinned, moved, updated and removed. Whatever gives it other contents voids the
//! copy, so that what arrives is compared with what was asked for: the block may be gone, its slot
//! may be another's, and a second copy may be on its way. A copy that fails leaves the block where
//! it is, and counts as a use of it, so that others leave before it is tried again.

use geoheap_residency::Frame;
use geoheap_suballoc::ByteLen;

use crate::config::whole_words;
use crate::core::event::{Effect, Reading};
use crate::core::figures::cut;
use crate::core::record::SourceKind;
use crate::core::transfer::Allowance;
use crate::core::{Core, entry};
use crate::handle::Handle;
use crate::payload::Payload;

/// A piece takes at most this part of staging, so that uploads get on beside it.
const PIECE_SHARE: u64 = 4;

/// Why a block is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It will not be used soon, as far as the policy can tell: it stays if it is used meanwhile.
    Age,
    /// A caller, a claim or a lowered budget wants it: it leaves also if it is used.
    Order,
}

/// A block whose bytes are on their way back.
#[derive(Debug)]
pub(crate) struct Leaving {
    /// Tells this leaving from others of the block.
    seq: u64,
    cause: Cause,
    /// The contents that are copied.
    revision: u64,
    /// The newest frame when it began.
    frame: u64,
    /// What has arrived.
    bytes: Vec<u8>,
    /// Whether a piece is on its way.
    is_reading: bool,
}

impl Core {
    /// Whether the block cannot leave at once: its bytes are asked for, unless they are already.
    pub(super) fn begin_leaving(&mut self, handle: Handle, cause: Cause) -> bool {
        let record = self.record(handle).expect("the caller looked it up");
        let is_only_there = record.source == SourceKind::ReadBack && !record.is_covered();
        if record.place.is_none() || !is_only_there {
            return false;
        }
        let (revision, frame) = (record.revision, self.frame);
        let seq = self.next_seq();
        let record = self.own(handle);
        if let Some(leaving) = record.leaving_mut() {
            if cause == Cause::Order {
                leaving.cause = cause;
            }
            return true;
        }
        record.unsettled().leaving = Some(Box::new(Leaving {
            seq,
            cause,
            revision,
            frame,
            bytes: Vec::new(),
            is_reading: false,
        }));
        self.leaving.insert(seq, handle);
        if is_planted!(LeftBeforeCopied) {
            self.leave(handle);
        }
        true
    }

    /// The block stays, or goes without its bytes: what is on its way back is void.
    pub(super) fn stop_leaving(&mut self, handle: Handle) {
        if let Some(leaving) = self.own(handle).take_leaving() {
            self.leaving.remove(&leaving.seq);
        }
    }

    /// Asks for the next pieces of what is to leave, with at most half of the tick's allowance.
    pub(super) fn read_leaving(&mut self, left: &mut Allowance, out: &mut Vec<Effect>) {
        if self.leaving.is_empty() {
            return;
        }
        let piece_max = whole_words(self.budget.staging.get() / PIECE_SHARE);
        let mut bytes = whole_words(left.bytes.div_ceil(2)).max(whole_words(left.bytes).min(4));
        let mut copies = left.copies.div_ceil(2);
        let buffer = self.config.staging_buffer().get();
        for (seq, handle) in self.leaving.clone() {
            let record = self.record(handle).expect("what leaves is there");
            let place = record.place.and_then(|place| self.heap.range(place));
            let (Some(leaving), Some(place)) = (record.leaving(), place) else {
                continue;
            };
            let done = leaving.bytes.len() as u64;
            let whole = record.layout.len().get() - done;
            let len = whole.min(piece_max).min(bytes).min(left.staging);
            if leaving.is_reading || len == 0 || copies == 0 {
                continue;
            }
            out.push(Effect::ReadBack {
                read: Reading::Leaving { handle, seq },
                chunk: place.chunk,
                offset: place.range.start + ByteLen::new(done),
                len: ByteLen::new(len),
            });
            bytes -= len;
            copies -= 1;
            left.bytes -= len.min(left.bytes);
            // Its memory is no buffer of the ring, and may take the place of whole ones.
            let taken = len.next_multiple_of(buffer);
            left.staging = left.staging.saturating_sub(taken);
            left.copies -= 1;
            let leaving = self.own(handle).leaving_mut();
            leaving.expect("it was there just now").is_reading = true;
        }
    }

    /// The leaving that a read-back was for, if it is still under way.
    fn leaving_of(&mut self, handle: Handle, seq: u64) -> Option<&mut Leaving> {
        let leaving = self.record_mut(handle)?.leaving_mut()?;
        (leaving.seq == seq).then_some(leaving)
    }

    /// There was no staging memory for a piece: it is asked for again.
    pub(super) fn leaving_delayed(&mut self, read: &Reading) {
        if let Reading::Leaving { handle, seq } = *read
            && let Some(leaving) = self.leaving_of(handle, seq)
        {
            leaving.is_reading = false;
        }
    }

    /// A piece arrived, or did not.
    pub(super) fn leaving_read(&mut self, handle: Handle, seq: u64, bytes: Option<Vec<u8>>) {
        let Some(leaving) = self.leaving_of(handle, seq) else {
            return;
        };
        let Some(bytes) = bytes else {
            self.stop_leaving(handle);
            let frame = Frame::new(self.frame);
            self.residency.touch(entry(handle), frame);
            return;
        };
        leaving.is_reading = false;
        leaving.bytes.extend_from_slice(&bytes);
        let arrived = leaving.bytes.len() as u64;
        let record = self.record(handle).expect("it is leaving");
        if arrived >= record.layout.len().get() {
            self.end_leaving(handle);
        }
    }

    /// All bytes are here: the block leaves with them, unless it is to stay by now.
    fn end_leaving(&mut self, handle: Handle) {
        let record = self.own(handle);
        let leaving = record.take_leaving().expect("its bytes arrived");
        let stays = record.is_busy() || record.is_exempt();
        let is_other = record.revision != leaving.revision && !is_planted!(CopyUnchecked);
        self.leaving.remove(&leaving.seq);
        let used = self.residency.get(entry(handle));
        let used = used.and_then(|known| known.last_used);
        let is_used = used.is_some_and(|frame| frame.get() > leaving.frame);
        if stays || is_other || (is_used && leaving.cause == Cause::Age) {
            return;
        }
        let record = self.own(handle);
        let parts: Vec<_> = record
            .layout
            .parts()
            .map(|part| (part.id, part.range.start, part.used_len))
            .collect();
        let Some(parts) = cut(&parts, &leaving.bytes) else {
            return;
        };
        for (id, bytes) in parts {
            record.retained.put(id, Payload::from(bytes));
        }
        let is_placed = record.place.is_some();
        self.note_copies(handle);
        if is_placed {
            self.leave(handle);
        }
    }
}
