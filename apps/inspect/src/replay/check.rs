//! What a replay compares: the bytes that frames read, where blocks lie, what chunks add up to.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use geoheap::{Backend, FrameTicket, HeapMap, Lookup, PartView, RangeState};
use geoheap_trace::PartNo;

use super::blocks::{LiveBlock, LivePart, PartName};

/// Violations that are told in words; the others are only counted.
const TOLD_MAX: usize = 20;

/// The part of a block that a frame read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The block, by the trace's number.
    pub block: u64,
    /// The how manieth block of the trace it is.
    pub serial: u64,
    /// The part, by the trace's number.
    pub part: PartNo,
    /// The frame.
    pub frame: u64,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (block, part, frame) = (self.block, self.part.0, self.frame);
        write!(f, "frame {frame}: part {part} of block {block}")
    }
}

/// A frame found one of several contents that it could have found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whose.
    pub subject: Subject,
    /// Which.
    pub content: &'static [u8],
}

/// What was found so far.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// How much is wrong.
    pub violations: u64,
    /// The first of it, in words.
    pub told: Vec<String>,
    /// Contents that frames have seen, to be taken up by the player.
    pub seen: Vec<Seen>,
}

/// Findings as device and player share them.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<Findings>>);

impl Shared {
    /// What was found so far.
    pub fn lock(&self) -> MutexGuard<'_, Findings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is wrong.
    pub fn violation(&self, what: impl FnOnce() -> String) {
        let mut findings = self.lock();
        findings.violations += 1;
        if findings.told.len() < TOLD_MAX {
            findings.told.push(what());
        }
    }
}

/// A range of a buffer that a frame reads, and what it may find there.
#[derive(Clone, Debug)]
pub struct Read<Buf> {
    /// The buffer.
    pub buffer: Buf,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub len: u64,
    contents: Vec<&'static [u8]>,
    /// Counts how often the part is written over where it lies, and where it stood.
    overwrites: (Arc<AtomicU64>, u64),
    is_settled: bool,
    subject: Subject,
    shared: Shared,
}

impl<Buf> Read<Buf> {
    /// Compares what was read.
    pub fn compare(&self, bytes: &[u8]) {
        // The newest first: that is what is nearly always there.
        let found = self.contents.iter().rposition(|content| *content == bytes);
        match found {
            Some(0) => {}
            Some(nth) => {
                let (subject, content) = (self.subject, self.contents[nth]);
                self.shared.lock().seen.push(Seen { subject, content });
            }
            None if self.is_overwritten() => {}
            None => self.shared.violation(|| {
                let (subject, start, len) = (self.subject, self.start, self.len);
                format!("{subject}: {len} bytes at {start} are not its own")
            }),
        }
    }

    /// Whether the part was written over where it lies since, or was not whole before: then it
    /// may be anything.
    fn is_overwritten(&self) -> bool {
        let (count, stood) = &self.overwrites;
        !self.is_settled || count.load(Ordering::Relaxed) != *stood
    }

    /// The range could not be read.
    pub fn failed(&self) {
        let (subject, start, len) = (self.subject, self.start, self.len);
        self.shared
            .violation(|| format!("{subject}: {len} bytes at {start} are outside of the chunk"));
    }
}

/// Checks a replay as it goes.
#[derive(Debug, Default)]
pub struct Checker {
    /// What was found so far.
    pub shared: Shared,
    /// Chunk, start, end and block of all that is resident; kept to be used again.
    places: Vec<(u32, u64, u64, u64)>,
}

impl Checker {
    /// The read of a part as a frame finds it.
    pub fn read<Buf: Clone>(
        &self,
        subject: Subject,
        part: &LivePart,
        view: &PartView<'_, Buf>,
    ) -> Option<Read<Buf>> {
        let len = view.len().get();
        if part
            .contents
            .iter()
            .all(|content| content.len() as u64 != len)
        {
            self.shared
                .violation(|| format!("{subject}: {len} bytes; nobody wrote so many"));
            return None;
        }
        Some(Read {
            buffer: view.buffer().clone(),
            start: view.offset().get(),
            len,
            contents: part.contents.to_vec(),
            overwrites: (
                Arc::clone(&part.overwrites),
                part.overwrites.load(Ordering::Relaxed),
            ),
            is_settled: part.is_settled,
            subject,
            shared: self.shared.clone(),
        })
    }

    /// As [`Checker::read`], where only what was sent last will do.
    pub fn read_newest<Buf: Clone>(
        &self,
        subject: Subject,
        part: &LivePart,
        view: &PartView<'_, Buf>,
    ) -> Option<Read<Buf>> {
        let mut read = self.read(subject, part, view)?;
        read.contents = vec![part.newest()];
        read.is_settled = true;
        Some(read)
    }

    /// A resident block lacks a part that it must have.
    pub fn missing(&self, subject: Subject) {
        self.shared
            .violation(|| format!("{subject}: the version does not have it"));
    }

    /// No two blocks of a version share a byte, and none ends behind its chunk. The ticket is not
    /// to be finished, so that these lookups count for nothing.
    pub fn check_places<'b, B: Backend>(
        &mut self,
        ticket: &FrameTicket<B::Buffer>,
        blocks: impl Iterator<Item = (u64, &'b LiveBlock)>,
        frame: u64,
    ) {
        self.places.clear();
        for (id, block) in blocks {
            let Some(handle) = block.handle else { continue };
            if let Lookup::Resident(view) = ticket.get(handle) {
                let start = view.offset().get();
                let end = start + view.len().get();
                self.places.push((view.chunk().get(), start, end, id));
                self.check_parts::<B>(ticket, block, (id, frame), start..end);
            }
        }
        self.places.sort_unstable();
        for pair in self.places.windows(2) {
            let ((chunk, _, end, one), (next_chunk, start, _, other)) = (pair[0], pair[1]);
            if chunk == next_chunk && start < end {
                self.shared.violation(|| {
                    format!("frame {frame}: blocks {one} and {other} overlap in chunk {chunk}")
                });
            }
        }
    }

    fn check_parts<B: Backend>(
        &self,
        ticket: &FrameTicket<B::Buffer>,
        block: &LiveBlock,
        (id, frame): (u64, u64),
        room: core::ops::Range<u64>,
    ) {
        let Some(handle) = block.handle else { return };
        for part in &block.parts {
            let PartName::Known(name) = part.name else {
                continue;
            };
            let Some(view) = ticket.part(handle, name) else {
                continue;
            };
            let start = view.offset().get();
            if start < room.start || start + view.len().get() > room.end {
                let no = part.no.0;
                self.shared.violation(|| {
                    format!("frame {frame}: part {no} of block {id} lies outside of its block")
                });
            }
        }
    }

    /// In each chunk the ranges lie in order, none reaches into the next, and what they add up to
    /// is what the books say.
    pub fn check_map(&mut self, map: &HeapMap, frame: u64) {
        for chunk in &map.chunks {
            let id = chunk.id.get();
            let (mut at, mut sums) = (0, [0_u64; 3]);
            for range in &chunk.ranges {
                let (start, len) = (range.offset.get(), range.len.get());
                if start < at {
                    self.shared.violation(|| {
                        format!("frame {frame}: ranges of chunk {id} overlap at {start}")
                    });
                }
                at = start + len;
                sums[match range.state {
                    RangeState::Live => 0,
                    RangeState::Reserved => 1,
                    RangeState::Retired => 2,
                }] += len;
            }
            let [live, reserved, retired] = sums;
            let books = [chunk.live, chunk.reserved, chunk.retired];
            let held = live + reserved + retired + chunk.free.get();
            let capacity = chunk.capacity.get();
            if at > capacity || held != capacity || books.map(geoheap::ByteLen::get) != sums {
                self.shared.violation(|| {
                    format!(
                        "frame {frame}: chunk {id} of {capacity} bytes has {live} live, \
                         {reserved} reserved, {retired} retired and {} free",
                        chunk.free
                    )
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
