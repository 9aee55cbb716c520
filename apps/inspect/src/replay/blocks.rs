//! The blocks of a trace as the engine knows them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use geoheap::{Handle, KindId, PartData, PartId, Payload, Pending};
use geoheap_trace::{Part, PartNo};
use smallvec::SmallVec;

use super::kinds::kind_and_stride;

/// Contents of a part that are remembered at most.
const CONTENTS_MAX: usize = 256;

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
    /// The frame in which the name was settled: later ones find the part where its block is.
    pub named_frame: u64,
    /// Its kind.
    pub kind: KindId,
    /// Bytes of an element, 0 where there are none.
    pub stride: u32,
    /// How often it was written.
    pub written: u64,
    /// Contents that a frame may find in it, oldest first; the last is what was sent last.
    pub contents: SmallVec<[&'static [u8]; 1]>,
    /// How often it was written over where it lies. Reads under way may see anything then.
    pub overwrites: Arc<AtomicU64>,
    /// Whether frames see the whole of the last of those.
    pub is_settled: bool,
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
            named_frame: 0,
            overwrites: Arc::default(),
            is_settled: true,
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
        } else if self.contents.len() == CONTENTS_MAX {
            // Nobody looks at it; versions that are alive show none of these.
            self.contents.drain(..CONTENTS_MAX / 2);
        }
        self.contents.push(content);
        self.written += 1;
    }

    /// It is written over where it lies: until a frame has seen the whole of the new contents,
    /// frames may see anything.
    pub fn overwrite(&mut self) {
        self.overwrites.fetch_add(1, Ordering::Relaxed);
        self.is_settled = false;
    }

    /// A frame has seen `content`, so older ones are not to be seen any more.
    pub fn forget_older(&mut self, content: &'static [u8]) {
        let mut contents = self.contents.iter();
        if let Some(nth) = contents.position(|other| core::ptr::eq(*other, content)) {
            self.contents.drain(..nth);
            self.is_settled |= self.contents.len() == 1;
        }
    }

    /// Takes the engine's answer, if it is waited for and there. Returns whether the name is
    /// settled.
    fn take_name(&mut self) -> bool {
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
    /// Takes over what the block has now, in the order of the engine's ids.
    fn set(&self, parts: &[LivePart]) {
        let newest = in_engine_order(parts).into_iter().map(|(_, bytes)| bytes);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = newest.collect();
    }

    /// One payload for each part.
    pub fn payloads(&self) -> Vec<Payload> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().map(|bytes| Payload::owned(*bytes)).collect()
    }
}

/// The parts that the engine has, by its ids, with what was sent last.
pub(super) fn in_engine_order(parts: &[LivePart]) -> SmallVec<[(PartId, &'static [u8]); 2]> {
    let mut named: SmallVec<[(PartId, &'static [u8]); 2]> = SmallVec::new();
    for part in parts {
        if let PartName::Known(name) = part.name {
            named.push((name, part.newest()));
        }
    }
    named.sort_unstable_by_key(|(name, _)| name.index);
    named
}

/// One block.
#[derive(Debug)]
pub struct LiveBlock {
    /// The how manieth of the trace: its number may be given again.
    pub serial: u64,
    /// The last frame that read it to compare it; frames count from 1.
    pub read_frame: u64,
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
    /// Takes the engine's answers about new parts. Returns whether all names are settled.
    pub fn take_names(&mut self, frame: u64) -> bool {
        let mut settled = true;
        for part in &mut self.parts {
            if matches!(part.name, PartName::Asked(_)) {
                settled &= part.take_name();
                part.named_frame = frame;
            }
        }
        self.refresh_reloads();
        settled
    }

    /// The callback gives what was sent last.
    pub fn refresh_reloads(&self) {
        if let Some(reloads) = &self.reloads {
            reloads.set(&self.parts);
        }
    }
}
