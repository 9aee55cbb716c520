//! Calls with bad input: each is refused, and changes nothing (R11).

use geoheap::{AddError, BlockDesc, ByteLen, Handle, KindId, PartData, Payload};

use super::waiting::{Answer, Purpose, Waiting};
use super::{World, broken};
use crate::fault::FaultClass;
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::oracle::{Life, Update};
use crate::random::Random;
use crate::timeline::{Actor, NONE};

/// A handle that nobody was given.
const NOBODY: u64 = 0x0000_7FFF_7FFF_FFF0;

/// The bad calls, in the timeline's words.
const WAYS: [&str; 13] = [
    "adds no parts",
    "adds half a vertex",
    "adds odd indices",
    "adds stride 0",
    "asks with a stale handle",
    "updates too many parts",
    "sets too low a budget",
    "updates too long in place",
    "adds an empty part",
    "updates with nothing",
    "updates a part with nothing",
    "adds nothing to a block",
    "stages nothing",
];

impl<G: Gpu> World<G> {
    pub(super) fn misuse(&mut self, client: u32) -> Verdict {
        if !self.plan.has(FaultClass::Misuse) {
            return Ok(());
        }
        let which = self.misuse_chance().below(WAYS.len() as u64);
        let way = WAYS[usize::try_from(which).expect("a small number")];
        self.timeline
            .note(Actor::Client(client), way, None, [NONE, NONE]);
        match which {
            0 => self.refused_add(BlockDesc::new(), "a block without parts"),
            1 => {
                let part = PartData::vertex(Payload::from(vec![0; 10]), 12);
                self.refused_add(BlockDesc::new().part(part), "vertices of no whole stride")
            }
            2 => {
                let part = PartData::new(KindId::INDEX, 3, Payload::from(vec![0; 9]));
                self.refused_add(BlockDesc::new().part(part), "indices of three bytes")
            }
            3 => {
                let part = PartData::vertex(Payload::from(vec![0; 8]), 0);
                self.refused_add(BlockDesc::new().part(part), "vertices of stride 0")
            }
            4 => self.stale_requests(),
            5 => self.wrong_count(),
            6 => self.too_low_a_budget(),
            7 => self.wrong_length_in_place(),
            8 => self.empty_part(),
            9 => self.empty_update(),
            10 => self.empty_update_of_part(),
            11 => self.empty_part_for_a_block(),
            _ => {
                let asked = self.client.stage(ByteLen::ZERO).map(|pending| {
                    let purpose = Purpose::Nothing;
                    self.wait(Waiting::new(Answer::Staged { purpose, pending }));
                });
                Self::judge_send(&asked)
            }
        }
    }

    fn misuse_chance(&mut self) -> &mut Random {
        &mut self.chances.classes[FaultClass::Misuse as usize]
    }

    /// A block for a bad call, often one in the middle of an upload or a move.
    fn misused_block(&mut self) -> Option<u32> {
        let busy = self.under_way.len();
        if self.misuse_chance().chance(400)
            && let Some(at) = self.misuse_chance().index(busy)
            && self.oracle.block(self.under_way[at]).life == Life::Alive
        {
            return Some(self.under_way[at]);
        }
        let count = self.oracle.alive().len();
        let at = self.misuse_chance().index(count)?;
        Some(self.oracle.alive()[at])
    }

    fn too_low_a_budget(&mut self) -> Verdict {
        let least = self.client.budget_bytes_min();
        let is_close = self.misuse_chance().chance(700);
        let budget = if is_close {
            least - ByteLen::new(1)
        } else {
            ByteLen::ZERO
        };
        let refused = self.client.set_budget(budget);
        ensure(refused.is_err(), Check::Refusals, || {
            format!("R11: a budget of {budget} bytes was taken; {least} are the least")
        })
    }

    /// A part of no bytes, alone or beside another.
    fn empty_part(&mut self) -> Verdict {
        let empty = PartData::storage(Payload::from(Vec::new()));
        let whole = PartData::storage(Payload::from(vec![0xEE; 16]));
        let desc = match self.misuse_chance().below(3) {
            0 => BlockDesc::new().part(empty),
            1 => BlockDesc::new().part(empty).part(whole),
            _ => BlockDesc::new().part(whole).part(empty),
        };
        self.refused_add(desc, "a part of no bytes")
    }

    /// Contents of no bytes for one part of a block, or for all.
    fn empty_update(&mut self) -> Verdict {
        let Some(block) = self.misused_block() else {
            return Ok(());
        };
        let model = self.oracle.block(block);
        let lens: Vec<_> = model
            .present()
            .iter()
            .map(|at| model.parts[*at].len())
            .collect();
        let only = self.misuse_chance().index(lens.len() * 2);
        let in_place = self.misuse_chance().chance(300);
        let Some(only) = only else {
            return Ok(());
        };
        let is_empty = |at: usize| only == at || only >= lens.len();
        let bytes = lens.iter().enumerate().map(|(at, len)| {
            let len = if is_empty(at) { 0 } else { *len };
            vec![0xEE; usize::try_from(len).expect("parts are small")]
        });
        let contents = bytes.map(Payload::from).collect();
        self.given_nothing.insert(block);
        let handle = self.handle_of(block);
        let sent = if in_place {
            self.client.update_in_place(handle, contents)
        } else {
            self.client.update(handle, contents)
        };
        self.will_be_refused(block, sent.is_ok());
        Self::judge_send(&sent)
    }

    /// Nobody waits for the answer: that it was refused shows in the part's contents.
    fn empty_update_of_part(&mut self) -> Verdict {
        let Some(block) = self.misused_block() else {
            return Ok(());
        };
        let model = self.oracle.block(block);
        let Some(id) = model.parts.iter().find_map(|part| part.id) else {
            return Ok(());
        };
        let handle = self.handle_of(block);
        let sent = self
            .client
            .update_part(handle, id, Payload::from(Vec::new()));
        Self::judge_send(&sent.map(drop))
    }

    /// Nobody waits for the answer: that it was refused shows in the block's parts.
    fn empty_part_for_a_block(&mut self) -> Verdict {
        let Some(block) = self.misused_block() else {
            return Ok(());
        };
        let part = PartData::vertex(Payload::from(Vec::new()), 12);
        let sent = self.client.add_part(self.handle_of(block), part);
        Self::judge_send(&sent.map(drop))
    }

    fn refused_add(&mut self, desc: BlockDesc, what: &str) -> Verdict {
        match self.client.try_add(desc) {
            Err(refused) if !matches!(refused.error, AddError::TooLarge { .. }) => Ok(()),
            Err(refused) => broken(
                Check::Refusals,
                format!("R11: {what} is refused as: {}", refused.error),
            ),
            Ok(handle) => broken(
                Check::Refusals,
                format!("R11: {what} was taken as {handle}"),
            ),
        }
    }

    /// A handle of a block that is gone, or of none.
    fn stale_handle(&mut self) -> Handle {
        let gone = self.oracle.gone();
        match self.chances.classes[FaultClass::Misuse as usize].index(gone.len()) {
            Some(at) => self.handle_of(gone[at]),
            None => Handle::from_bits(NOBODY),
        }
    }

    fn stale_requests(&mut self) -> Verdict {
        let handle = self.stale_handle();
        let sent = match self.misuse_chance().below(6) {
            0 => self.client.remove(handle),
            1 => self.client.update(handle, vec![Payload::from(vec![1; 16])]),
            2 => self.client.share(handle),
            3 => self.client.unpin(handle),
            4 => self.client.evict(handle),
            _ => self.client.set_priority(handle, 1),
        };
        Self::judge_send(&sent)
    }

    /// Contents for more parts than a block has. Whether it was refused shows in its contents:
    /// these are of nobody.
    fn wrong_count(&mut self) -> Verdict {
        let Some(block) = self.misused_block() else {
            return Ok(());
        };
        let count = self.oracle.block(block).parts.len() + 1;
        let contents = (0..count).map(|_| Payload::from(vec![0xEE; 16])).collect();
        let sent = self.client.update(self.handle_of(block), contents);
        self.will_be_refused(block, sent.is_ok());
        Self::judge_send(&sent)
    }

    fn wrong_length_in_place(&mut self) -> Verdict {
        let Some(block) = self.misused_block() else {
            return Ok(());
        };
        let present = self.oracle.block(block).present();
        if present.is_empty() || self.oracle.block(block).is_changing_parts {
            return Ok(());
        }
        // No part of a run is that long, and the mailbox takes it.
        let chunk = self.setting.config.chunk_bytes.get();
        let mut len = usize::try_from(chunk * 2 + 64).expect("chunks of a run are small");
        let mut contents = Vec::new();
        for _ in present {
            contents.push(Payload::from(vec![0xEE; len]));
            len = 16;
        }
        let sent = self.client.update_in_place(self.handle_of(block), contents);
        self.will_be_refused(block, sent.is_ok());
        Self::judge_send(&sent)
    }

    /// An update without contents that anybody may see.
    fn will_be_refused(&mut self, block: u32, is_sent: bool) {
        if is_sent {
            let order = self.next_order();
            self.oracle.block_mut(block).sent(Update {
                order,
                contents: Vec::new(),
                is_in_place: false,
                is_doubtful: false,
            });
        }
    }
}
