//! Calls with bad input: each is refused, and changes nothing (R11).

use geoheap::{AddError, BlockDesc, ByteLen, Handle, KindId, PartData, Payload};

use super::{World, broken};
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::oracle::Update;
use crate::timeline::{Actor, NONE};

/// A handle that nobody was given.
const NOBODY: u64 = 0x0000_7FFF_7FFF_FFF0;

/// The bad calls, in the timeline's words.
const WAYS: [&str; 8] = [
    "adds no parts",
    "adds half a vertex",
    "adds odd indices",
    "adds stride 0",
    "asks with a stale handle",
    "updates too many parts",
    "sets too low a budget",
    "updates too long in place",
];

impl<G: Gpu> World<G> {
    pub(super) fn misuse(&mut self, client: u32) -> Verdict {
        let which = self.chances.client.below(WAYS.len() as u64);
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
            6 => {
                let least = self.client.budget_bytes_min();
                let refused = self.client.set_budget(least - ByteLen::new(1));
                ensure(refused.is_err(), Check::Refusals, || {
                    format!("R11: a budget one byte below {least} was taken")
                })
            }
            _ => self.wrong_length_in_place(),
        }
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
        match self.chances.client.index(gone.len()) {
            Some(at) => self.handle_of(gone[at]),
            None => Handle::from_bits(NOBODY),
        }
    }

    fn stale_requests(&mut self) -> Verdict {
        let handle = self.stale_handle();
        let sent = match self.chances.client.below(6) {
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
        let Some(block) = self.some_block() else {
            return Ok(());
        };
        let count = self.oracle.block(block).parts.len() + 1;
        let contents = (0..count).map(|_| Payload::from(vec![0xEE; 16])).collect();
        let sent = self.client.update(self.handle_of(block), contents);
        self.will_be_refused(block, sent.is_ok());
        Self::judge_send(&sent)
    }

    fn wrong_length_in_place(&mut self) -> Verdict {
        let Some(block) = self.some_block() else {
            return Ok(());
        };
        let present = self.oracle.block(block).present();
        if present.is_empty() || self.oracle.block(block).is_changing_parts {
            return Ok(());
        }
        // No part of a run is that long.
        let len = 1 << 22;
        let contents = present
            .iter()
            .map(|_| Payload::from(vec![0xEE; len]))
            .collect();
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
