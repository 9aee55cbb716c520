//! Contents that clients write straight into staging.

use geoheap::{BlockDesc, ByteLen, KindId, PartData, RequestError, StagedWrite};

use super::World;
use super::waiting::{Answer, Purpose, Waiting};
use crate::fault::FaultClass;
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::oracle::{Kept, Life, Part, PartLife, Shape};
use crate::timeline::{Actor, NONE};

impl<G: Gpu> World<G> {
    pub(super) fn ask_staging(&mut self, purpose: Purpose) -> Verdict {
        let len = match purpose {
            Purpose::Add => self
                .chances
                .client
                .magnitude(4, self.setting.part_bytes_max),
            Purpose::Update(block) => {
                let model = self.oracle.block(block);
                let is_retained = matches!(model.kept, Kept::Retained);
                if is_retained || model.is_changing_parts || model.present().len() != 1 {
                    return Ok(());
                }
                model.bytes()
            }
        };
        let len = ByteLen::new(if purpose == Purpose::Add {
            len / 4 * 4
        } else {
            len
        });
        self.timeline.note(
            Actor::Client(0),
            "stage",
            None,
            [("bytes", len.get()), NONE],
        );
        let asked = self.client.stage(len).map(|pending| {
            self.wait(Waiting::new(Answer::Staged { purpose, pending }));
        });
        Self::judge_send(&asked)
    }

    pub(super) fn use_staged(&mut self, purpose: Purpose, mut staged: StagedWrite) -> Verdict {
        let len = staged.len().get();
        match purpose {
            Purpose::Add => {
                let kept = match self.plan_source() {
                    Kept::Retained => Kept::Nowhere,
                    other => other,
                };
                let block = self.oracle.new_block(kept.clone());
                let shape = Shape {
                    kind: KindId::STORAGE,
                    stride: 0,
                };
                let part = Part::new(shape, PartLife::There);
                self.oracle.block_mut(block).parts.push(part);
                let base = self.oracle.give(block, 0, len, false);
                let written = staged.write_at(0, &base.bytes(len));
                self.judge_write(written.is_ok())?;
                let part = PartData::staged(shape.kind, shape.stride, staged);
                let desc = self.furnish(block, &kept, BlockDesc::new().part(part));
                self.note_client(0, "add staged", block, len);
                match self.client.try_add(desc) {
                    Ok(handle) => {
                        let order = self.next_order();
                        self.oracle.block_mut(block).touch(order);
                        self.named(block, handle)
                    }
                    Err(refused) => self.judge_add(block, &refused.error),
                }
            }
            Purpose::Update(block) => {
                let model = self.oracle.block(block);
                let present = model.present();
                let is_fit = model.life == Life::Alive
                    && !model.is_changing_parts
                    && present.len() == 1
                    && model.bytes() == len;
                if !is_fit {
                    return Ok(());
                }
                let nth = model.parts[present[0]].given_count();
                let base = self.oracle.give(block, present[0], len, false);
                let written = staged.write_at(0, &base.bytes(len));
                self.judge_write(written.is_ok())?;
                self.note_client(0, "update staged", block, len);
                let sent = self
                    .client
                    .update_staged(self.handle_of(block), vec![staged]);
                self.sent_update(block, &[(present[0], nth, len)], false, sent.is_ok());
                Self::judge_send(&sent)
            }
        }
    }

    /// A write within the piece fails only when its device is gone.
    fn judge_write(&self, is_ok: bool) -> Verdict {
        ensure(
            is_ok || self.is_lost() || self.epoch > 0,
            Check::Refusals,
            || String::from("R11: a write within a piece of staging was refused"),
        )
    }

    /// Staging is lent unless there is none, now or at all.
    pub(super) fn judge_staging(&self, error: &RequestError, since: u64) -> Verdict {
        let is_true = match error {
            RequestError::StagingFull { requested, free } => requested > free,
            RequestError::OutOfMemory { .. } => {
                self.plan.has(FaultClass::Staging) || self.plan.has(FaultClass::Creation)
            }
            RequestError::StagingTooSmall { requested, limit } => requested > limit,
            RequestError::DeviceLost => self.was_lost_since(since),
            _ => false,
        };
        ensure(is_true, Check::Refusals, || {
            format!("R11: a piece of staging was refused: {error}")
        })
    }
}
