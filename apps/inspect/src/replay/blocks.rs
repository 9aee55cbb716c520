//! The blocks of a trace as the engine knows them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use geoheap::{Handle, KindId, PartData, PartId, Payload, Pending};
use geoheap_trace::{Part, PartNo};
use smallvec::SmallVec;

use super::kinds::kind_and_stride;

/// A part's id in the engine, or the answer that will bring it.
#[derive(Debug)]
pub enum PartName {
    /// It is known.
    Known(PartId),
    /// It was asked for.
    Asked(Box<Pending<PartId>>),
    /// The engine refused the part.
    Refused,
}

/// One part.
#[derive(Debug)]
pub struct LivePart {
    /// Its number in the trace.
    pub no: PartNo,
    /// Its name in the engine.
    pub name: PartName,
    /// Its kind.
    pub kind: KindId,
    /// Bytes of an element, 0 where there are none.
    pub stride: u32,
    /// How often it was written.
    pub written: u64,
    /// Contents that a frame may find in it, oldest first; the last is what was sent last.
    pub contents: SmallVec<[&'static [u8]; 1]>,
    /// Whether reads under way may see anything.
    pub overwritten: Arc<AtomicBool>,
}

impl LivePart {
    /// A part as it is added.
    pub fn new(no: PartNo, name: PartName, part: &Part, content: &'static [u8]) -> Self {
        let (kind, stride) = kind_and_stride(part);
        Self {
            no,
            name,
            kind,
            stride,
            written: 1,
            contents: SmallVec::from_elem(content, 1),
            overwritten: Arc::default(),
        }
    }

    /// What was sent last.
    pub fn newest(&self) -> &'static [u8] {
        self.contents.last().copied().unwrap_or_default()
    }

    /// The part as the engine takes it.
    pub fn data(&self) -> PartData {
        PartData::new(self.kind, self.stride, Payload::owned(self.newest()))
    }

    /// Other contents were sent; the older ones are still to be seen for a while, where somebody
    /// looks.
    pub fn write(&mut self, content: &'static [u8], keeps_older: bool) {
        if !keeps_older {
            self.contents.clear();
        }
        self.contents.push(content);
        self.written += 1;
    }

    /// It is written over where it lies: until a frame has seen the whole of the new contents,
    /// frames may see anything.
    pub fn overwrite(&mut self) {
        self.overwritten.store(true, Ordering::Relaxed);
    }

    /// A frame has seen `content`, so older ones are not to be seen any more.
    pub fn forget_older(&mut self, content: &'static [u8]) {
        let mut contents = self.contents.iter();
        if let Some(nth) = contents.position(|other| core::ptr::eq(*other, content)) {
            self.contents.drain(..nth);
            // From here on frames see the whole of it.
            self.overwritten = Arc::default();
        }
    }

    /// Takes the engine's answer, if it is waited for and there. Returns whether the name is
    /// settled.
    pub fn take_name(&mut self) -> bool {
        if let PartName::Asked(asked) = &mut self.name {
            match asked.try_take() {
                None => return false,
                Some(Ok(name)) => self.name = PartName::Known(name),
                Some(Err(_)) => self.name = PartName::Refused,
            }
        }
        true
    }
}

/// What a reload callback gives: the newest contents of each part.
#[derive(Clone, Debug, Default)]
pub struct Reloads(Arc<Mutex<Vec<&'static [u8]>>>);

impl Reloads {
    /// Takes over what the block has now.
    fn set(&self, parts: &[LivePart]) {
        let newest = parts.iter().map(LivePart::newest);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = newest.collect();
    }

    /// One payload for each part.
    pub fn payloads(&self) -> Vec<Payload> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().map(|bytes| Payload::owned(*bytes)).collect()
    }
}

/// One block.
#[derive(Debug)]
pub struct LiveBlock {
    /// Its handle; `None` if the engine refused it.
    pub handle: Option<Handle>,
    /// Owners that the trace has given it.
    pub owners: u64,
    /// Parts by number.
    pub parts: SmallVec<[LivePart; 2]>,
    /// What its callback gives, if it has one.
    pub reloads: Option<Reloads>,
}

impl LiveBlock {
    /// The callback gives what was sent last.
    pub fn refresh_reloads(&self) {
        if let Some(reloads) = &self.reloads {
            reloads.set(&self.parts);
        }
    }
}
