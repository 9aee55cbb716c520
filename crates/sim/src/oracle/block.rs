//! One block as clients know it.

use std::sync::{Arc, Mutex, PoisonError};

use geoheap::{Handle, Lifetime, PartId, Version};

use super::doubt::Doubt;
use super::part::{BINDING_ALIGN, Part, PartLife};
use crate::contents::Base;

/// Where the block's bytes come from once they left the GPU.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    Retained,
    /// A callback gives what is in here.
    Reload(Arc<Mutex<Vec<(Base, u64)>>>),
    /// The engine copies them back before the block leaves.
    OnGpu,
    Nowhere,
}

impl Kept {
    /// Tells the callback the newest contents of all parts.
    pub(crate) fn renew(&self, newest: Vec<(Base, u64)>) {
        if let Self::Reload(shared) = self {
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = newest;
        }
    }

    /// Whether the block can leave, and come back.
    pub(crate) fn can_leave(&self) -> bool {
        !matches!(self, Self::Nowhere)
    }

    /// Whether its bytes are there whatever becomes of the device.
    pub(crate) fn outlives_device(&self) -> bool {
        matches!(self, Self::Retained | Self::Reload(_))
    }
}

/// Whether a block is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Alive,
    /// Its removal was sent.
    Leaving,
    /// It is gone from this version on.
    Gone(Version),
}

/// A whole update on its way.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    /// Its place among all requests.
    pub(crate) order: u64,
    /// Which contents it has for which part; none if it has to be refused.
    pub(crate) contents: Vec<(usize, usize)>,
    pub(crate) is_in_place: bool,
    /// It may be the one that was refused.
    pub(crate) is_doubtful: bool,
}

impl Update {
    fn is_misuse(&self) -> bool {
        self.contents.is_empty()
    }
}

/// A block.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) number: u32,
    pub(crate) handle: Option<Handle>,
    pub(crate) life: Life,
    pub(crate) parts: Vec<Part>,
    pub(crate) kept: Kept,
    pub(crate) lifetime: Lifetime,
    /// Room for parts to come, in bytes.
    pub(crate) spare: u64,
    /// Most bytes that its parts took, and what they all were aligned to.
    room_bytes: u64,
    room_align: u64,
    /// It was asked to change between lifetimes: it moves when there is room where it belongs.
    pub(crate) changes_lifetime: bool,
    pub(crate) owners: u32,
    /// Pins that were answered.
    pub(crate) pins: u32,
    /// A change of parts is under way: whole updates would not know how many parts there are.
    pub(crate) is_changing_parts: bool,
    /// Refusals of which nobody tells what was refused, since contents of all parts were surely
    /// taken.
    pub(crate) vague_refusals: u32,
    /// The last of them that was of single parts, in the order of all requests.
    part_refused_at: u64,
    /// Whole updates that no flush has confirmed yet.
    pub(crate) unconfirmed: Vec<Update>,
    /// It was told that the block could not be made resident.
    pub(crate) has_failed: Doubt,
    /// A device went with its only bytes, or might have.
    pub(crate) may_be_lost: Doubt,
    /// The tick in which the last doubts about its contents ended.
    pub(crate) revived_tick: u64,
    /// The block is in versions from here on.
    pub(crate) known_from: Option<Version>,
    /// No request that could move it is under way, from this version on.
    pub(crate) quiet_from: Option<Version>,
    /// The last request that could move it, in the order of all.
    pub(crate) changed_at: u64,
    /// Where it was last seen since it is quiet: the version, its chunk's number, the offset.
    pub(crate) place: Option<(Version, u32, u64)>,
}

impl Block {
    pub(crate) fn new(number: u32, kept: Kept) -> Self {
        Self {
            number,
            handle: None,
            life: Life::Alive,
            parts: Vec::new(),
            kept,
            lifetime: Lifetime::Dynamic,
            spare: 0,
            room_bytes: 0,
            room_align: 1,
            changes_lifetime: false,
            owners: 1,
            pins: 0,
            is_changing_parts: false,
            vague_refusals: 0,
            part_refused_at: 0,
            unconfirmed: Vec::new(),
            has_failed: Doubt::None,
            may_be_lost: Doubt::None,
            revived_tick: 0,
            known_from: None,
            quiet_from: None,
            changed_at: 0,
            place: None,
        }
    }

    /// A request that may move the block, or may fail, is sent.
    pub(crate) fn touch(&mut self, order: u64) {
        self.changed_at = order;
        self.quiet_from = None;
        self.place = None;
    }

    /// A whole update was sent.
    pub(crate) fn sent(&mut self, update: Update) {
        self.unconfirmed.push(update);
    }

    /// One that had to be refused was.
    pub(crate) fn misuse_refused(&mut self) -> bool {
        let found = self.unconfirmed.iter().position(Update::is_misuse);
        found.map(|at| self.unconfirmed.remove(at)).is_some()
    }

    /// A whole update was refused. Of several that are under way nobody tells which it was.
    pub(crate) fn update_refused(&mut self) {
        let is_certain = self.vague_refusals == 0 && self.unconfirmed.len() == 1;
        if is_certain && !self.has_callback() {
            let refused = self.unconfirmed.remove(0);
            for (at, nth) in refused.contents {
                self.parts[at].refuse(nth);
            }
        } else {
            self.update_doubted(1);
        }
    }

    /// The block failed. Updates that were on their way went with that, kept or not: one that came
    /// later may have taken the place of those before, so that they all may be gone.
    pub(crate) fn failed(&mut self) {
        self.has_failed.begin();
        let under_way = u32::try_from(self.unconfirmed.len()).expect("few updates wait");
        if under_way > 0 {
            self.update_doubted(under_way);
        }
    }

    /// So many whole updates were refused, of those that are under way.
    fn update_doubted(&mut self, count: u32) {
        self.vague_refusals += count;
        self.parts.iter_mut().for_each(Part::lose_track);
        for sent in &mut self.unconfirmed {
            sent.is_doubtful = true;
        }
    }

    /// An update of one part was refused, with `order` the newest of all requests.
    pub(crate) fn part_refused(&mut self, at: usize, nth: usize, order: u64) {
        if self.has_callback() {
            self.vague_refusals += 1;
            self.part_refused_at = order;
            self.parts[at].lose_track();
        } else {
            self.parts[at].refuse(nth);
        }
    }

    /// A flush that was sent as request number `order` says that what came before it shows from
    /// `version` on. Whole contents that were surely taken end all doubts about those before.
    pub(crate) fn confirm(&mut self, order: u64, version: Version, tick: u64) {
        let later = self.unconfirmed.iter().position(|sent| sent.order > order);
        let later = self
            .unconfirmed
            .split_off(later.unwrap_or(self.unconfirmed.len()));
        let done = core::mem::replace(&mut self.unconfirmed, later);
        let Some(newest) = done.last() else { return };
        let is_certain = !newest.is_doubtful
            && !newest.is_misuse()
            && !newest.is_in_place
            && newest.order > self.part_refused_at
            && self.unconfirmed.iter().all(|sent| !sent.is_doubtful);
        if is_certain {
            if !self.is_certain() {
                self.revived_tick = tick;
            }
            self.vague_refusals = 0;
            self.has_failed.end(version);
            self.may_be_lost.end(version);
            for (at, _) in &newest.contents {
                self.parts[*at].find_track(version);
            }
        }
    }

    /// The device went, and perhaps the block's only bytes with it.
    pub(crate) fn device_lost(&mut self) {
        self.place = None;
        self.quiet_from = None;
        if !self.kept.outlives_device() {
            self.may_be_lost.begin();
            for sent in &mut self.unconfirmed {
                sent.is_doubtful = true;
            }
        }
    }

    /// Whether somebody who asked in that tick may be told that the contents are lost.
    pub(crate) fn was_lost_since(&self, tick: u64) -> bool {
        let is_over = self.may_be_lost != Doubt::None && tick <= self.revived_tick;
        self.may_be_lost.is_now() || is_over
    }

    /// Whether clients knew the contents all the time since that tick.
    pub(crate) fn was_certain_since(&self, tick: u64) -> bool {
        self.is_certain() && self.revived_tick < tick
    }

    /// Whether clients know what the block's contents are, from now on.
    pub(crate) fn is_certain(&self) -> bool {
        self.vague_refusals == 0 && !self.may_be_lost.is_now() && !self.has_failed.is_now()
    }

    /// Whether the block comes back if it has left.
    pub(crate) fn comes_back(&self) -> bool {
        let is_there = self.kept.outlives_device() || !self.may_be_lost.is_now();
        self.kept.can_leave() && is_there && !self.has_failed.is_now()
    }

    /// Whether a callback gives the contents. It gives new ones as soon as there are any, so those
    /// may be seen whatever becomes of the request that told of them.
    pub(crate) fn has_callback(&self) -> bool {
        matches!(self.kept, Kept::Reload(_))
    }

    /// Parts that an update has to bring contents for, in the order of their ids.
    pub(crate) fn present(&self) -> Vec<usize> {
        let parts = self.parts.iter().enumerate();
        let there = parts.filter(|(_, part)| part.life == PartLife::There);
        let mut there: Vec<_> = there.map(|(at, part)| (part.id, at)).collect();
        // Parts whose ids nobody has seen yet are those that the block began with, in their order.
        there.sort();
        there.into_iter().map(|(_, at)| at).collect()
    }

    /// The newest contents of all parts that are there, for a callback.
    pub(crate) fn newest(&self) -> Vec<(Base, u64)> {
        let present = self.present();
        let newest = present.iter().filter_map(|at| self.parts[*at].newest());
        newest.collect()
    }

    /// Whether nobody asked for other contents or parts since it was added.
    pub(crate) fn is_as_it_came(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.all(|part| part.life == PartLife::There && part.given_count() == 1)
    }

    /// Learns the ids of the parts that the block began with.
    pub(crate) fn learn_ids(&mut self, ids: &[PartId]) {
        let is_first = self.parts.iter().all(|part| part.id.is_none());
        if is_first && ids.len() == self.parts.len() {
            for (part, id) in self.parts.iter_mut().zip(ids) {
                part.id = Some(*id);
            }
        }
    }

    /// Which part has that id.
    pub(crate) fn part_of(&self, id: PartId) -> Option<usize> {
        self.parts.iter().position(|part| part.id == Some(id))
    }

    /// Contents were given: notes how long that makes the block.
    pub(crate) fn note_room(&mut self) {
        // Spare room is for parts of any kind.
        let (mut bytes, mut align) = (self.spare, BINDING_ALIGN);
        let parts = self.parts.iter();
        for part in parts.filter(|part| part.life != PartLife::Gone) {
            let own = part.shape.align();
            bytes += part.len().next_multiple_of(4) + own;
            align = lcm(align, own);
        }
        self.room_bytes = self.room_bytes.max(bytes);
        self.room_align = lcm(self.room_align, align);
    }

    /// The most bytes that the block can have: its parts as they were when they were longest, with
    /// padding, spare room and what is added to a block that grows.
    pub(crate) fn length_max(&self) -> u64 {
        self.room_bytes * 2
    }

    /// A free range of so many bytes takes the block, wherever it begins: its own bytes, and what
    /// the alignment of its parts all together may skip.
    pub(crate) fn room_bytes_max(&self) -> u64 {
        self.length_max() + self.room_align
    }

    /// Bytes of all parts.
    pub(crate) fn bytes(&self) -> u64 {
        self.present().iter().map(|at| self.parts[*at].len()).sum()
    }
}

/// The least common multiple, by Euclid's algorithm.
fn lcm(a: u64, b: u64) -> u64 {
    let (mut rest, mut divisor) = (a, b);
    while rest > 0 {
        (rest, divisor) = (divisor % rest, rest);
    }
    a / divisor * b
}
