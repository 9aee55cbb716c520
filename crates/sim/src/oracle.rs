//! What must be true of each block, from what clients asked and were answered alone.
//!
//! The engine decides when a request is carried out, so the oracle knows for each part a sequence
//! of contents, and of each version no more than that it shows one of them: whole, the same at each
//! read of that version, never an older one than a version before, and none older than what an
//! answer said to be published. A callback gives new contents as soon as there are any, so only the
//! last of these holds for its block: what a request brings that is carried out after the callback
//! was asked may be older. Contents that were written in place form one class with those that
//! they wrote over: older versions may see either, word by word.

mod block;
mod doubt;
mod part;

use std::collections::BTreeMap;

use geoheap::{Handle, PartId, Version};

use crate::contents::{Base, Contents, Stamp, word_at};
use crate::finding::{Broken, Check, Verdict, ensure};

pub(crate) use block::{Block, Kept, Life, Update};
pub(crate) use part::{Part, PartLife, Shape};

/// All blocks of a run.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) contents: Contents,
    blocks: Vec<Block>,
    by_handle: BTreeMap<Handle, u32>,
    /// Blocks whose removal was not asked for yet.
    alive: Vec<u32>,
    /// The newest that were removed.
    gone: Vec<u32>,
}

/// Blocks that are gone and still asked about now and then.
const GONE_MAX: usize = 64;

impl Oracle {
    /// A block that nobody knows yet; [`Oracle::named`] tells its handle.
    pub(crate) fn new_block(&mut self, kept: Kept) -> u32 {
        let number = u32::try_from(self.blocks.len()).expect("a run makes fewer blocks than that");
        self.blocks.push(Block::new(number, kept));
        number
    }

    /// The block was taken.
    pub(crate) fn named(&mut self, number: u32, handle: Handle) -> Verdict {
        let before = self.by_handle.insert(handle, number);
        self.blocks[number as usize].handle = Some(handle);
        self.alive.push(number);
        ensure(before.is_none(), Check::Handles, || {
            let before = before.unwrap_or_default();
            format!("R7: {handle} was given out twice, for blocks {before} and {number}")
        })
    }

    /// The last ownership of the block was given up.
    pub(crate) fn removed(&mut self, number: u32) {
        self.alive.retain(|other| *other != number);
        self.gone.push(number);
        if self.gone.len() > GONE_MAX {
            self.gone.remove(0);
        }
    }

    pub(crate) fn block(&self, number: u32) -> &Block {
        &self.blocks[number as usize]
    }

    pub(crate) fn block_mut(&mut self, number: u32) -> &mut Block {
        &mut self.blocks[number as usize]
    }

    /// The handle of a block, if there is a block of that number yet and the engine took it.
    pub(crate) fn handle_of(&self, number: u32) -> Option<Handle> {
        self.blocks.get(number as usize)?.handle
    }

    pub(crate) fn by_handle(&self, handle: Handle) -> Option<u32> {
        self.by_handle.get(&handle).copied()
    }

    /// Blocks that nobody asked to remove, oldest first.
    pub(crate) fn alive(&self) -> &[u32] {
        &self.alive
    }

    /// Some that were removed.
    pub(crate) fn gone(&self) -> &[u32] {
        &self.gone
    }

    /// New contents for a part.
    pub(crate) fn give(&mut self, block: u32, part: usize, len: u64, in_place: bool) -> Base {
        let model = &mut self.blocks[block as usize];
        let runs_ahead = model.has_callback();
        let model = &mut model.parts[part];
        model.runs_ahead = runs_ahead;
        let stamp = Stamp {
            block,
            part: u32::try_from(part).expect("few parts"),
            nth: u32::try_from(model.given_count()).expect("few contents"),
            len,
        };
        let base = self.contents.make(stamp);
        self.blocks[block as usize].parts[part].give(base, len, in_place);
        self.blocks[block as usize].note_room();
        base
    }

    /// What a read of a part saw at `version` (C1).
    pub(crate) fn check_read(
        &mut self,
        block: u32,
        part: PartId,
        version: Version,
        bytes: &[u8],
    ) -> Verdict {
        let model = &mut self.blocks[block as usize];
        let Some(at) = model.part_of(part) else {
            return Err(Broken {
                check: Check::Handles,
                message: format!("block {block} shows part {part}, which nobody gave it"),
            });
        };
        let model = &mut model.parts[at];
        let Some(class) = model.class_at(version, bytes) else {
            return Err(self.wrong_bytes(block, at, version, bytes));
        };
        let behind = model.behind(bytes).map_or_else(
            || String::from("contents"),
            |behind| format!("the contents {behind} before the last"),
        );
        model.note_shown(version, class).map_err(|why| Broken {
            check: Check::Bytes,
            message: format!(
                "block {block} part {at} at version {version}: {why}; these are {behind} of {model}"
            ),
        })
    }

    /// Which part of a block `bytes` are contents of, and of which round.
    pub(crate) fn round_of(&self, block: u32, part: PartId, bytes: &[u8]) -> Option<(usize, u32)> {
        let model = self.block(block);
        let at = model.part_of(part)?;
        Some((at, model.parts[at].class_of(bytes)?))
    }

    fn wrong_bytes(&self, block: u32, part: usize, version: Version, bytes: &[u8]) -> Broken {
        let first = word_at(bytes, 0);
        let (at, word) = match self.contents.beginning_with(first) {
            Some((base, _)) => {
                let at = base.first_difference(bytes).unwrap_or(0);
                (at, word_at(bytes, at))
            }
            None => (0, first),
        };
        let (seen, begins) = (self.contents.name(word), self.contents.name(first));
        let known = &self.blocks[block as usize].parts[part];
        Broken {
            check: Check::Bytes,
            message: format!(
                "block {block} part {part} of {} bytes at version {version} shows {seen} at byte \
                 {at}, and begins with {begins}; its contents so far: {known}",
                bytes.len()
            ),
        }
    }

    /// Forgets what only versions below `oldest` showed.
    pub(crate) fn forget_before(&mut self, oldest: Version) {
        for number in self.alive.iter().chain(&self.gone) {
            for part in &mut self.blocks[*number as usize].parts {
                part.forget_before(oldest);
            }
        }
    }
}
