//! Client actors: what they ask for as whole blocks.

use geoheap::{
    AddError, Batch, BlockDesc, ByteLen, Handle, KindId, LayoutError, Lifetime, PartData, Payload,
    SendError,
};

use super::World;
use super::requests::{Ask, choose};
use super::waiting::{Expected, Purpose};
use crate::fault::FaultClass;
use crate::finding::{Broken, Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::oracle::{Kept, Life, Part, PartLife, Shape, Update};
use crate::random::Random;

/// Of a thousand requests about a block, so many are about one that is being filled or moved.
const UNDER_WAY_RATE: u64 = 250;
/// And so many about one of these or one that failed of late.
const TROUBLED_RATE: u64 = 330;

/// A part that is to be: its type and its bytes.
type Planned = (Shape, u64);

impl<G: Gpu> World<G> {
    /// One client does one thing.
    pub(super) fn client_acts(&mut self, client: u32) -> Verdict {
        let alive = self.oracle.alive().len() as u64;
        let goal = self.setting.blocks_goal;
        let ask = choose(&mut self.chances.client, alive, goal);
        match ask {
            Ask::Add => self.add(client),
            Ask::AddStaged => self.ask_staging(Purpose::Add),
            Ask::Batch => self.batch(client),
            Ask::DrawSet => self.change_draw_set(client),
            Ask::Flush => self.flush(),
            Ask::Compact => self.ask_done(Expected::Compact, None),
            Ask::Trim => self.ask_done(Expected::Trim, None),
            Ask::Misuse => self.misuse(client),
            other => match self.some_block() {
                Some(block) => self.ask_block(client, other, block),
                None => Ok(()),
            },
        }
    }

    fn ask_block(&mut self, client: u32, ask: Ask, block: u32) -> Verdict {
        match ask {
            Ask::Remove => self.remove(client, block),
            Ask::Share => self.share(client, block),
            Ask::Update => self.update(client, block, false),
            Ask::UpdateInPlace => self.update(client, block, true),
            Ask::UpdateStaged => self.ask_staging(Purpose::Update(block)),
            Ask::AddPart => self.add_part(client, block),
            Ask::UpdatePart => self.update_part(client, block),
            Ask::RemovePart => self.remove_part(client, block),
            Ask::Pin => self.ask_done(Expected::Pin, Some(block)),
            Ask::Unpin => self.unpin(client, block),
            Ask::SetLifetime => self.set_lifetime(client, block),
            Ask::SetPriority => self.set_priority(client, block),
            Ask::Resident => self.ask_done(Expected::Resident, Some(block)),
            Ask::ReadBack => self.read_back(block),
            Ask::Evict => self.evict(client, block),
            Ask::Prefetch => self.prefetch(client, block),
            _ => unreachable!("requests without a block are handled before"),
        }
    }

    /// A block that nobody asked to remove, more often one in the middle of a move or an upload.
    pub(super) fn some_block(&mut self) -> Option<u32> {
        let random = &mut self.chances.client;
        let few = match random.below(1000) {
            0..UNDER_WAY_RATE => &self.under_way,
            UNDER_WAY_RATE..TROUBLED_RATE => &self.failed,
            _ => &Vec::new(),
        };
        if let Some(at) = random.index(few.len())
            && self.oracle.block(few[at]).life == Life::Alive
        {
            return Some(few[at]);
        }
        let at = self.chances.client.index(self.oracle.alive().len())?;
        Some(self.oracle.alive()[at])
    }

    /// A block's parts-to-be.
    pub(super) fn plan_parts(&mut self) -> Vec<Planned> {
        let is_odd = self.plan.has(FaultClass::Odd);
        let max = self.setting.part_bytes_max;
        let random = &mut self.chances.client;
        let count = *random.pick(&[1, 1, 1, 2, 2, 3, 4]);
        let mut parts: Vec<_> = (0..count).map(|_| plan_part(random, max, is_odd)).collect();
        if random.chance(15) && is_odd {
            // A block of a buffer of its own.
            let chunk = self.setting.config.chunk_bytes.get();
            parts.truncate(1);
            parts[0] = (
                shape(KindId::STORAGE, 0),
                random.between(chunk / 2, chunk * 2),
            );
        }
        parts
    }

    /// A new block with contents, and what describes it.
    fn describe(&mut self) -> (u32, BlockDesc) {
        let kept = self.plan_source();
        let planned = self.plan_parts();
        let block = self.oracle.new_block(kept.clone());
        let mut desc = BlockDesc::new();
        for (nth, (shape, len)) in planned.into_iter().enumerate() {
            self.oracle
                .block_mut(block)
                .parts
                .push(Part::new(shape, PartLife::There));
            let base = self.oracle.give(block, nth, len, false);
            desc = desc.part(PartData::new(shape.kind, shape.stride, base.payload(len)));
        }
        (block, self.furnish(block, &kept, desc))
    }

    /// Source, lifetime, priority and spare room of a new block.
    pub(super) fn furnish(&mut self, block: u32, kept: &Kept, desc: BlockDesc) -> BlockDesc {
        let desc = desc.source(self.source(kept));
        let model = self.oracle.block_mut(block);
        kept.renew(model.newest());
        let random = &mut self.chances.client;
        if random.chance(80) {
            model.lifetime = Lifetime::LongLived;
        }
        let priority = u8::try_from(random.below(256)).expect("below 256");
        if random.chance(200) {
            model.spare = random.below(2048);
            model.note_room();
        }
        let spare = model.spare;
        desc.lifetime(model.lifetime)
            .priority(priority)
            .spare(ByteLen::new(spare))
    }

    fn add(&mut self, client: u32) -> Verdict {
        let (block, desc) = self.describe();
        let bytes = desc.bytes().get();
        self.note_client(client, "add", block, bytes);
        match self.client.try_add(desc) {
            Ok(handle) => {
                let order = self.next_order();
                self.oracle.block_mut(block).touch(order);
                self.named(block, handle)
            }
            Err(refused) => {
                let whole = refused.item.bytes().get() == bytes;
                ensure(whole, Check::Refusals, || {
                    format!("R11: block {block} was refused and comes back without its contents")
                })?;
                self.judge_add(block, &refused.error)
            }
        }
    }

    /// The block has its handle, which nobody had before, and which its slot may give out (R7).
    pub(super) fn named(&mut self, block: u32, handle: Handle) -> Verdict {
        let max = self.setting.config.generation_max;
        ensure(handle.generation() <= max, Check::Handles, || {
            format!("R7: {handle} is of a higher generation than {max}")
        })?;
        let is_lost = self.is_lost();
        let model = self.oracle.block_mut(block);
        // Nothing brings it to the next device.
        if is_lost && !model.kept.outlives_device() {
            model.may_be_lost.begin();
        }
        self.oracle.named(block, handle)
    }

    fn batch(&mut self, client: u32) -> Verdict {
        let removes = self.chances.client.below(4);
        let mut leaving = Vec::new();
        for _ in 0..removes {
            if let Some(block) = self.some_block()
                && self.oracle.block(block).owners == 1
                && !leaving.contains(&block)
            {
                leaving.push(block);
            }
        }
        let adds = self.chances.client.between(1, 4);
        let mut batch = Batch::new();
        let mut blocks = Vec::new();
        for _ in 0..adds {
            let (block, desc) = self.describe();
            self.note_client(client, "add in batch", block, desc.bytes().get());
            blocks.push(block);
            batch = batch.add(desc);
        }
        for block in &leaving {
            self.note_client(client, "remove in batch", *block, 0);
            batch = batch.remove(self.handle_of(*block));
        }
        match self.client.batch(batch) {
            Ok(handles) => {
                let order = self.next_order();
                for block in leaving {
                    self.leave(block, order);
                }
                for (block, handle) in blocks.into_iter().zip(handles) {
                    self.oracle.block_mut(block).touch(order);
                    self.named(block, handle)?;
                }
                Ok(())
            }
            Err(refused) => self.judge_add(blocks[0], &refused.error),
        }
    }

    /// A valid block may be refused for want of room only.
    pub(super) fn judge_add(&mut self, block: u32, error: &AddError) -> Verdict {
        match error {
            AddError::Send(SendError::MailboxFull { .. } | SendError::LargerThanMailbox { .. })
            | AddError::TooLarge { .. }
            | AddError::Layout(LayoutError::AlignmentTooLarge { .. })
            | AddError::HandlesExhausted { .. } => Ok(()),
            AddError::DeviceLost if self.is_lost() => Ok(()),
            other => Err(Broken {
                check: Check::Refusals,
                message: format!("R11: block {block} is valid and was refused: {other}"),
            }),
        }
    }

    /// What a request that was sent needs no more than a place in the mailbox for.
    pub(super) fn judge_send(sent: &Result<(), SendError>) -> Verdict {
        match sent {
            Ok(()) | Err(SendError::MailboxFull { .. } | SendError::LargerThanMailbox { .. }) => {
                Ok(())
            }
            Err(other) => Err(Broken {
                check: Check::Refusals,
                message: format!("R11: the mailbox refused a request: {other}"),
            }),
        }
    }

    pub(super) fn handle_of(&self, block: u32) -> Handle {
        let handle = self.oracle.block(block).handle;
        handle.expect("a block among the living has a handle")
    }

    fn remove(&mut self, client: u32, block: u32) -> Verdict {
        self.note_client(client, "remove", block, 0);
        let sent = self.client.remove(self.handle_of(block));
        if sent.is_ok() {
            let order = self.next_order();
            if self.oracle.block(block).owners > 1 {
                self.oracle.block_mut(block).owners -= 1;
            } else {
                self.leave(block, order);
            }
        }
        Self::judge_send(&sent)
    }

    /// The last ownership was given up.
    pub(super) fn leave(&mut self, block: u32, order: u64) {
        let model = self.oracle.block_mut(block);
        model.life = Life::Leaving;
        model.touch(order);
        self.oracle.removed(block);
    }

    fn share(&mut self, client: u32, block: u32) -> Verdict {
        self.note_client(client, "share", block, 0);
        let sent = self.client.share(self.handle_of(block));
        if sent.is_ok() {
            self.oracle.block_mut(block).owners += 1;
        }
        Self::judge_send(&sent)
    }

    /// New contents of the lengths that the parts have.
    pub(super) fn update_as_it_is(&mut self, block: u32) -> Verdict {
        self.update_with(0, block, false, false)
    }

    fn update(&mut self, client: u32, block: u32, in_place: bool) -> Verdict {
        if self.oracle.block(block).is_changing_parts {
            return Ok(());
        }
        let may_grow = !in_place && self.may_grow(block);
        self.update_with(client, block, in_place, may_grow)
    }

    fn update_with(&mut self, client: u32, block: u32, in_place: bool, may_grow: bool) -> Verdict {
        let present = self.oracle.block(block).present();
        let (given, payloads) = self.new_contents(block, &present, may_grow, in_place);
        let what = if in_place {
            "update in place"
        } else {
            "update"
        };
        let bytes = given.iter().map(|(_, _, len)| len).sum();
        self.note_client(client, what, block, bytes);
        let handle = self.handle_of(block);
        let sent = if in_place {
            self.client.update_in_place(handle, payloads)
        } else {
            self.client.update(handle, payloads)
        };
        self.sent_update(block, &given, in_place, sent.is_ok());
        Self::judge_send(&sent)
    }

    /// New contents for these parts of a block: which part, which of its contents, and its bytes.
    pub(super) fn new_contents(
        &mut self,
        block: u32,
        present: &[usize],
        may_grow: bool,
        in_place: bool,
    ) -> (Vec<(usize, usize, u64)>, Vec<Payload>) {
        let mut given = Vec::with_capacity(present.len());
        let mut payloads = Vec::with_capacity(present.len());
        let grows = may_grow && self.chances.client.chance(300);
        for at in present {
            let part = &self.oracle.block(block).parts[*at];
            let (shape, mut len, nth) = (part.shape, part.len(), part.given_count());
            if grows {
                let max = self.setting.part_bytes_max;
                len = some_len(&mut self.chances.client, shape, max, false);
            }
            let base = self.oracle.give(block, *at, len, in_place);
            given.push((*at, nth, len));
            payloads.push(base.payload(len));
        }
        (given, payloads)
    }

    /// An update was sent, or not.
    pub(super) fn sent_update(
        &mut self,
        block: u32,
        given: &[(usize, usize, u64)],
        is_in_place: bool,
        is_ok: bool,
    ) {
        let order = self.next_order();
        let is_lost = self.is_lost();
        let model = self.oracle.block_mut(block);
        if is_ok {
            model.touch(order);
            // The engine may take them before it hears that the device is gone.
            let is_doubtful = is_lost && !model.kept.outlives_device();
            let contents = given.iter().map(|(at, nth, _)| (*at, *nth));
            let update = Update {
                order,
                contents: contents.collect(),
                is_in_place,
                is_doubtful,
            };
            model.sent(update);
        } else {
            for (at, nth, _) in given {
                model.parts[*at].refuse(*nth);
            }
        }
        let newest = model.newest();
        model.kept.renew(newest);
    }

    fn unpin(&mut self, client: u32, block: u32) -> Verdict {
        if self.oracle.block(block).pins == 0 {
            return Ok(());
        }
        self.note_client(client, "unpin", block, 0);
        let sent = self.client.unpin(self.handle_of(block));
        if sent.is_ok() {
            let order = self.next_order();
            let model = self.oracle.block_mut(block);
            model.pins -= 1;
            model.touch(order);
        }
        Self::judge_send(&sent)
    }

    fn set_lifetime(&mut self, client: u32, block: u32) -> Verdict {
        let long = self.chances.client.chance(400);
        let lifetime = if long {
            Lifetime::LongLived
        } else {
            Lifetime::Dynamic
        };
        let what = if long {
            "make long-lived"
        } else {
            "make dynamic"
        };
        self.note_client(client, what, block, 0);
        let sent = self.client.set_lifetime(self.handle_of(block), lifetime);
        if sent.is_ok() {
            let order = self.next_order();
            let model = self.oracle.block_mut(block);
            model.lifetime = lifetime;
            model.changes_lifetime = true;
            model.touch(order);
        }
        Self::judge_send(&sent)
    }

    fn set_priority(&mut self, client: u32, block: u32) -> Verdict {
        let priority = u8::try_from(self.chances.client.below(256)).expect("below 256");
        self.note_client(client, "set priority", block, u64::from(priority));
        Self::judge_send(&self.client.set_priority(self.handle_of(block), priority))
    }

    fn evict(&mut self, client: u32, block: u32) -> Verdict {
        self.note_client(client, "evict", block, 0);
        Self::judge_send(&self.client.evict(self.handle_of(block)))
    }

    fn prefetch(&mut self, client: u32, block: u32) -> Verdict {
        self.note_client(client, "prefetch", block, 0);
        Self::judge_send(&self.client.prefetch(self.handle_of(block)))
    }
}

fn shape(kind: KindId, stride: u32) -> Shape {
    Shape { kind, stride }
}

pub(super) fn plan_part(random: &mut Random, max: u64, is_odd: bool) -> Planned {
    let shape = match random.below(10) {
        0..5 => {
            let usual: &[u32] = &[4, 12, 16, 20, 24, 32, 36, 48];
            let odd: &[u32] = &[1, 2, 6, 7, 18, 28, 44, 52, 60, 100];
            let strides = if random.chance(400) && is_odd {
                odd
            } else {
                usual
            };
            shape(KindId::VERTEX, *random.pick(strides))
        }
        5..8 => shape(KindId::INDEX, *random.pick(&[2, 4])),
        8 => shape(KindId::UNIFORM, 0),
        _ => shape(KindId::STORAGE, 0),
    };
    let len = some_len(random, shape, max, is_odd);
    (shape, len)
}

/// A length that such a part can have, of four bytes at least, so that its contents have a name.
pub(super) fn some_len(random: &mut Random, shape: Shape, max: u64, is_odd: bool) -> u64 {
    let step = match shape.stride {
        0 if is_odd => 1,
        0 => 4,
        stride => u64::from(stride),
    };
    let least = 4_u64.div_ceil(step);
    step * random.magnitude(least, (max / step).max(least))
}
