//! Client actors: what they ask of single parts.

use geoheap::{PartData, PartId, Pending, SendError};

use super::World;
use super::client::{plan_part, some_len};
use super::waiting::{Answer, PartAsk, Waiting};
use crate::fault::FaultClass;
use crate::finding::Verdict;
use crate::gpu::Gpu;
use crate::oracle::{Kept, Part, PartLife};

/// A block does not get more parts than that.
const PARTS_MAX: usize = 6;

impl<G: Gpu> World<G> {
    /// Whether parts of the block can be told apart by now, and none is on its way in or out.
    fn has_settled_parts(&self, block: u32) -> bool {
        let model = self.oracle.block(block);
        let is_named = |at: &usize| model.parts[*at].id.is_some();
        // The lengths that a callback has to give are those of the engine, so its parts stay.
        !matches!(model.kept, Kept::Reload(_))
            && !model.is_changing_parts
            && model.present().iter().all(is_named)
    }

    pub(super) fn add_part(&mut self, client: u32, block: u32) -> Verdict {
        if !self.has_settled_parts(block) || self.oracle.block(block).present().len() >= PARTS_MAX {
            return Ok(());
        }
        let (max, is_odd) = (self.setting.part_bytes_max, self.plan.has(FaultClass::Odd));
        let (shape, len) = plan_part(&mut self.chances.client, max, is_odd);
        let at = self.oracle.block(block).parts.len();
        let part = Part::new(shape, PartLife::Asked);
        self.oracle.block_mut(block).parts.push(part);
        let base = self.oracle.give(block, at, len, false);
        self.note_client(client, "add part", block, len);
        let data = PartData::new(shape.kind, shape.stride, base.payload(len));
        let sent = self.client.add_part(self.handle_of(block), data);
        let model = self.oracle.block_mut(block);
        match sent {
            Ok(pending) => {
                model.is_changing_parts = true;
                let order = self.next_order();
                self.oracle.block_mut(block).touch(order);
                let ask = PartAsk::Add;
                self.wait(Waiting::new(Answer::Part {
                    block,
                    at,
                    nth: 0,
                    ask,
                    pending,
                }));
                Ok(())
            }
            Err(error) => {
                model.parts.pop();
                Self::judge_send(&Err(error))
            }
        }
    }

    /// Whether new contents may have other lengths. A callback knows them before the engine does,
    /// or before they are refused, and what it gives then does not fit: that is a fault.
    pub(super) fn may_grow(&mut self, block: u32) -> bool {
        let reloads = self.plan.has(FaultClass::Reload);
        !self.oracle.block(block).has_callback()
            || (reloads && self.chances.classes[FaultClass::Reload as usize].chance(200))
    }

    pub(super) fn update_part(&mut self, client: u32, block: u32) -> Verdict {
        let present = self.oracle.block(block).present();
        let Some(at) = self
            .chances
            .client
            .index(present.len())
            .map(|nth| present[nth])
        else {
            return Ok(());
        };
        let model = self.oracle.block(block);
        let part = &model.parts[at];
        let Some(id) = part.id else {
            return Ok(());
        };
        let (shape, mut len, nth) = (part.shape, part.len(), part.given_count());
        if self.may_grow(block) && self.chances.client.chance(300) {
            let max = self.setting.part_bytes_max;
            len = some_len(&mut self.chances.client, shape, max, false);
        }
        let base = self.oracle.give(block, at, len, false);
        self.note_client(client, "update part", block, len);
        let sent = self
            .client
            .update_part(self.handle_of(block), id, base.payload(len));
        self.sent_part_update(block, at, nth, sent)
    }

    /// An update of one part was sent, or not.
    pub(super) fn sent_part_update(
        &mut self,
        block: u32,
        at: usize,
        nth: usize,
        sent: Result<Pending<PartId>, SendError>,
    ) -> Verdict {
        let order = self.next_order();
        let model = self.oracle.block_mut(block);
        let judged = match sent {
            Ok(pending) => {
                model.touch(order);
                let ask = PartAsk::Update;
                self.wait(Waiting::new(Answer::Part {
                    block,
                    at,
                    nth,
                    ask,
                    pending,
                }));
                Ok(())
            }
            Err(error) => {
                model.parts[at].refuse(nth);
                Self::judge_send(&Err(error))
            }
        };
        let model = self.oracle.block(block);
        model.kept.renew(model.newest());
        judged
    }

    pub(super) fn remove_part(&mut self, client: u32, block: u32) -> Verdict {
        let present = self.oracle.block(block).present();
        // What is left should be worth keeping.
        if !self.has_settled_parts(block) || present.len() < 2 {
            return Ok(());
        }
        let at = *self.chances.client.pick(&present);
        let id = self.oracle.block(block).parts[at]
            .id
            .expect("settled parts have ids");
        self.note_client(
            client,
            "remove part",
            block,
            self.oracle.block(block).parts[at].len(),
        );
        match self.client.remove_part(self.handle_of(block), id) {
            Ok(pending) => {
                let order = self.next_order();
                let model = self.oracle.block_mut(block);
                model.is_changing_parts = true;
                model.parts[at].life = PartLife::Leaving;
                model.touch(order);
                self.wait(Waiting::new(Answer::PartGone { block, at, pending }));
                Ok(())
            }
            Err(error) => Self::judge_send(&Err(error)),
        }
    }
}
