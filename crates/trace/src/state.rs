//! What lives at a place of a trace, and so what may come next.

use smallvec::SmallVec;

use crate::error::Problem;
use crate::event::{Add, BlockId, Event, Part, PartNo};
use crate::fixed_map::{FixedMap, fixed_map};
use crate::limits::{BLOCK_BYTES_MAX, LIVE_BYTES_MAX, PARTS_MAX};
use crate::part::{Share, check_len, share_out};

/// A part that lives.
#[derive(Clone, Copy, Debug)]
struct Held {
    no: PartNo,
    /// As [`Part::stride_or_default`] says.
    stride: u32,
    bytes: u64,
}

impl Held {
    fn new(no: u32, part: &Part) -> Self {
        Self {
            no: PartNo(no),
            stride: part.stride_or_default(),
            bytes: part.bytes,
        }
    }
}

/// A block that lives.
#[derive(Clone, Debug)]
struct Block {
    owners: u32,
    pins: u32,
    /// In the order of their numbers.
    parts: SmallVec<[Held; 2]>,
}

impl Block {
    fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    fn find(&self, no: PartNo) -> Result<usize, usize> {
        self.parts.binary_search_by_key(&no, |part| part.no)
    }
}

/// The word of an event that a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Event,
    Id,
    No,
    Bytes,
}

type Checked<T = ()> = Result<T, (At, Problem)>;

/// Follows a trace: which blocks and parts live, who owns and pins them. It holds what lives, and
/// nothing of what is gone.
#[derive(Clone, Debug)]
pub struct State {
    blocks: FixedMap<u64, Block>,
    live_bytes: u64,
    started: bool,
    ended: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            blocks: fixed_map(),
            live_bytes: 0,
            started: false,
            ended: false,
        }
    }
}

impl State {
    /// Nothing lives.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of all parts that live.
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Blocks that live.
    pub fn live_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Takes an event in. What it takes can be written, and then be read.
    ///
    /// # Errors
    /// [`Problem`] when it cannot come next, or no line can say it; nothing is taken in then.
    pub fn apply(&mut self, event: &Event<'_>) -> Result<(), Problem> {
        event.check_form()?;
        self.take(event).map_err(|(_, problem)| problem)
    }

    /// Takes in what a line says.
    pub(crate) fn take(&mut self, event: &Event<'_>) -> Checked {
        match event {
            Event::Use(id)
            | Event::Priority(id, _)
            | Event::Lifetime(id, _)
            | Event::Label(id, _)
            | Event::Await(id)
            | Event::Evict(id)
            | Event::Prefetch(id) => {
                self.block(*id)?;
            }
            Event::Add(add) => self.add(add)?,
            Event::Remove(id) => self.remove(*id)?,
            Event::Update {
                id,
                parts,
                in_place,
            } => self.update(*id, parts, *in_place)?,
            Event::Part { id, no, part } => self.part(*id, *no, part)?,
            Event::PartUpdate { id, no, bytes } => self.part_update(*id, *no, *bytes)?,
            Event::PartRemove { id, no } => self.part_remove(*id, *no)?,
            Event::Share(id) => raise(&mut self.block(*id)?.owners, "owners")?,
            Event::Pin(id) => raise(&mut self.block(*id)?.pins, "pins")?,
            Event::Unpin(id) => {
                let block = self.block(*id)?;
                let pins = block.pins.checked_sub(1);
                block.pins = pins.ok_or((At::Id, Problem::NotPinned(*id)))?;
            }
            Event::Config(_) if self.started => return Err((At::Event, Problem::LateConfig)),
            Event::End if self.ended => return Err((At::Event, Problem::EndedTwice)),
            Event::End => self.ended = true,
            Event::Config(_)
            | Event::Frame { .. }
            | Event::Tick { .. }
            | Event::Budget(_)
            | Event::Compact
            | Event::Trim => {}
        }
        self.started = true;
        Ok(())
    }

    /// The lengths of a block's parts when it is updated with so many bytes in all.
    pub(crate) fn divide(&self, id: BlockId, bytes: u64) -> Checked<SmallVec<[u64; 2]>> {
        let block = self.blocks.get(&id.0).ok_or_else(|| unknown(id))?;
        if block.parts.len() == 1 {
            return Ok(SmallVec::from_slice(&[bytes]));
        }
        let share = |part: &Held| Share {
            bytes: part.bytes,
            step: part.stride.max(1).into(),
        };
        let shares: SmallVec<[Share; 2]> = block.parts.iter().map(share).collect();
        share_out(bytes, &shares).ok_or((At::Bytes, Problem::NotShared { bytes }))
    }

    /// Whether no block is there that could not be updated to these lengths.
    pub(crate) fn fits(&self, id: BlockId, lens: &[u64]) -> bool {
        let fit = |(part, &len): (&Held, &u64)| check_len(len, part.stride).is_ok();
        let block = self.blocks.get(&id.0);
        block.is_none_or(|block| block.parts.iter().zip(lens).all(fit))
    }

    /// Whether a block lives.
    pub(crate) fn lives(&self, id: BlockId) -> bool {
        self.blocks.contains_key(&id.0)
    }

    fn block(&mut self, id: BlockId) -> Checked<&mut Block> {
        find(&mut self.blocks, id)
    }

    fn add(&mut self, add: &Add<'_>) -> Checked {
        if self.blocks.contains_key(&add.id.0) {
            return Err((At::Id, Problem::BlockLives(add.id)));
        }
        self.live_bytes = live_with(self.live_bytes, 0, add.bytes())?;
        let parts = (0..).zip(&add.parts);
        let block = Block {
            owners: 1,
            pins: 0,
            parts: parts.map(|(no, part)| Held::new(no, part)).collect(),
        };
        self.blocks.insert(add.id.0, block);
        Ok(())
    }

    fn remove(&mut self, id: BlockId) -> Checked {
        let block = self.block(id)?;
        block.owners -= 1;
        if block.owners == 0 {
            let bytes = block.bytes();
            self.live_bytes -= bytes;
            self.blocks.remove(&id.0);
        }
        Ok(())
    }

    fn update(&mut self, id: BlockId, lens: &[u64], in_place: bool) -> Checked {
        let block = find(&mut self.blocks, id)?;
        if lens.len() != block.parts.len() {
            let (given, has) = (lens.len(), block.parts.len());
            return Err((At::Bytes, Problem::PartCount { given, has }));
        }
        for (part, &len) in block.parts.iter().zip(lens) {
            if in_place && part.bytes != len {
                let (given, has) = (len, part.bytes);
                return Err((At::Bytes, Problem::InPlaceLength { given, has }));
            }
            check_len(len, part.stride).map_err(|problem| (At::Bytes, problem))?;
        }
        let old = block.bytes();
        let new = lens
            .iter()
            .fold(0, |sum: u64, &len| sum.saturating_add(len));
        let live = live_with(self.live_bytes, old, new)?;
        for (part, &len) in block.parts.iter_mut().zip(lens) {
            part.bytes = len;
        }
        self.live_bytes = live;
        Ok(())
    }

    fn part(&mut self, id: BlockId, no: PartNo, part: &Part) -> Checked {
        let block = find(&mut self.blocks, id)?;
        let Err(place) = block.find(no) else {
            return Err((At::No, Problem::PartLives(id, no)));
        };
        if block.parts.len() >= PARTS_MAX {
            return Err((At::Id, Problem::TooManyParts { max: PARTS_MAX }));
        }
        let old = block.bytes();
        let live = live_with(self.live_bytes, old, old.saturating_add(part.bytes))?;
        block.parts.insert(place, Held::new(no.0, part));
        self.live_bytes = live;
        Ok(())
    }

    fn part_update(&mut self, id: BlockId, no: PartNo, bytes: u64) -> Checked {
        let block = find(&mut self.blocks, id)?;
        let place = block.find(no).map_err(|_| unknown_part(id, no))?;
        let part = block.parts[place];
        check_len(bytes, part.stride).map_err(|problem| (At::Bytes, problem))?;
        let old = block.bytes();
        let new = (old - part.bytes).saturating_add(bytes);
        let live = live_with(self.live_bytes, old, new)?;
        block.parts[place].bytes = bytes;
        self.live_bytes = live;
        Ok(())
    }

    fn part_remove(&mut self, id: BlockId, no: PartNo) -> Checked {
        let block = self.block(id)?;
        let place = block.find(no).map_err(|_| unknown_part(id, no))?;
        if block.parts.len() == 1 {
            return Err((At::No, Problem::LastPart(id, no)));
        }
        let part = block.parts.remove(place);
        self.live_bytes -= part.bytes;
        Ok(())
    }
}

/// Apart from the other figures, which change while the block is looked at.
fn find(blocks: &mut FixedMap<u64, Block>, id: BlockId) -> Checked<&mut Block> {
    blocks.get_mut(&id.0).ok_or_else(|| unknown(id))
}

/// What would live, where `live` bytes do, if a block of `old` bytes had `new` ones.
fn live_with(live: u64, old: u64, new: u64) -> Checked<u64> {
    if new > BLOCK_BYTES_MAX {
        return Err((At::Bytes, Problem::BlockBytes { found: new }));
    }
    let live = live - old + new;
    if live > LIVE_BYTES_MAX {
        return Err((At::Bytes, Problem::LiveBytes { found: live }));
    }
    Ok(live)
}

fn unknown(id: BlockId) -> (At, Problem) {
    (At::Id, Problem::UnknownBlock(id))
}

fn unknown_part(id: BlockId, no: PartNo) -> (At, Problem) {
    (At::No, Problem::UnknownPart(id, no))
}

fn raise(count: &mut u32, what: &'static str) -> Checked {
    let raised = count.checked_add(1);
    let found = u64::from(*count) + 1;
    *count = raised.ok_or((At::Id, Problem::TooMany { what, found }))?;
    Ok(())
}
