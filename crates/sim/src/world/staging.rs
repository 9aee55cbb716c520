//! Contents that clients write straight into staging.

use geoheap::{AddError, BlockDesc, ByteLen, KindId, PartData, RequestError, StagedWrite};

use super::waiting::{Answer, Purpose, Waiting};
use super::{World, broken};
use crate::fault::FaultClass;
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::oracle::{Kept, Life, Part, PartLife, Shape};
use crate::timeline::{Actor, NONE};

/// Pieces that are kept at a time, at most.
const PIECES_MAX: usize = 6;
/// Ticks after which the engine has heard of a loss.
const HEARD_TICKS: u64 = 3;

/// A piece of staging that a client has, and what for.
#[derive(Debug)]
pub(crate) struct Piece {
    purpose: Purpose,
    staged: StagedWrite,
    /// The device that it is of.
    epoch: u64,
    /// The tick in which it is used.
    due: u64,
    /// Used for the part instead of the whole block.
    by_part: bool,
}

/// What became of a piece's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    There,
    /// It is gone, and the engine may not know.
    Going,
    Gone,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::Going | Self::Gone => "gone",
        }
    }
}

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
            Purpose::Nothing => 0,
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

    /// A piece was lent: it is used at once, or kept for a while.
    fn use_staged(&mut self, purpose: Purpose, staged: StagedWrite) -> Verdict {
        let tick = self.timeline.tick();
        let mut piece = Piece {
            purpose,
            staged,
            epoch: self.epoch,
            due: tick,
            by_part: false,
        };
        let is_for_use = purpose != Purpose::Nothing;
        let may_keep = self.plan.has(FaultClass::Staging) && !self.is_calm && is_for_use;
        let random = &mut self.chances.classes[FaultClass::Staging as usize];
        if may_keep && self.pieces.len() < PIECES_MAX && random.chance(700) {
            piece.due = tick + random.magnitude(1, 256);
            piece.by_part = random.chance(300);
            let ticks = ("ticks", piece.due - tick);
            self.pieces.push(piece);
            self.timeline
                .note(Actor::Client(0), "keeps staging", None, [ticks, NONE]);
            return Ok(());
        }
        self.use_piece(piece)
    }

    /// Uses, or drops, the pieces that were kept long enough.
    pub(super) fn use_kept_pieces(&mut self) -> Verdict {
        let (tick, is_calm) = (self.timeline.tick(), self.is_calm);
        let due = self
            .pieces
            .extract_if(.., |piece| piece.due <= tick || is_calm);
        for piece in due.collect::<Vec<_>>() {
            if self.chances.classes[FaultClass::Staging as usize].chance(120) {
                self.timeline
                    .note(Actor::Client(0), "drops staging", None, [NONE, NONE]);
            } else {
                self.by_chance_of_staging(|world| world.use_piece(piece))?;
            }
        }
        Ok(())
    }

    /// A client asks for a piece, to keep it perhaps.
    pub(super) fn ask_for_a_piece(&mut self) -> Verdict {
        self.by_chance_of_staging(|world| world.ask_staging(Purpose::Add))
    }

    /// What a client does here is drawn from the sequence of this class of faults.
    fn by_chance_of_staging(&mut self, act: impl FnOnce(&mut Self) -> Verdict) -> Verdict {
        let class = FaultClass::Staging as usize;
        core::mem::swap(&mut self.chances.client, &mut self.chances.classes[class]);
        let done = act(self);
        core::mem::swap(&mut self.chances.client, &mut self.chances.classes[class]);
        done
    }

    /// The device went: some of the pieces that are kept are used before there is another one, some
    /// after that.
    pub(super) fn hurry_kept_pieces(&mut self) {
        let tick = self.timeline.tick();
        for piece in &mut self.pieces {
            let random = &mut self.chances.classes[FaultClass::Staging as usize];
            piece.due = tick + random.below(16);
        }
    }

    fn use_piece(&mut self, piece: Piece) -> Verdict {
        match piece.purpose {
            Purpose::Add => self.add_piece(piece),
            Purpose::Update(block) => self.update_with_piece(block, piece),
            Purpose::Nothing => broken(
                Check::Refusals,
                String::from("R11: a piece of staging of no bytes was lent"),
            ),
        }
    }

    fn add_piece(&mut self, mut piece: Piece) -> Verdict {
        let len = piece.staged.len().get();
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
        self.write(&mut piece, &base.bytes(len))?;
        let (fate, epoch) = (self.fate_of(&piece), piece.epoch);
        let part = PartData::staged(shape.kind, shape.stride, piece.staged);
        let desc = self.furnish(block, &kept, BlockDesc::new().part(part));
        self.note_client(0, "add staged", block, len);
        match self.client.try_add(desc) {
            Ok(handle) => {
                ensure(fate != Fate::Gone, Check::Loss, || {
                    format!("R5: block {block} is of staging of a lost device, and was taken")
                })?;
                let order = self.next_order();
                self.oracle.block_mut(block).touch(order);
                self.sent_piece(block, epoch);
                self.named(block, handle)
            }
            Err(refused) => {
                let whole = refused.item.bytes().get() == len;
                ensure(whole, Check::Refusals, || {
                    format!("R11: block {block} was refused and comes back without its contents")
                })?;
                match refused.error {
                    AddError::StagedOnLostDevice if fate != Fate::There => Ok(()),
                    error => self.judge_add(block, &error),
                }
            }
        }
    }

    fn update_with_piece(&mut self, block: u32, mut piece: Piece) -> Verdict {
        let len = piece.staged.len().get();
        let model = self.oracle.block(block);
        let present = model.present();
        let is_fit = model.life == Life::Alive
            && !model.is_changing_parts
            && present.len() == 1
            && model.bytes() == len;
        if !is_fit {
            return Ok(());
        }
        let (at, handle) = (present[0], self.handle_of(block));
        let (nth, id) = (model.parts[at].given_count(), model.parts[at].id);
        let base = self.oracle.give(block, at, len, false);
        self.write(&mut piece, &base.bytes(len))?;
        self.sent_piece(block, piece.epoch);
        let Some(id) = id.filter(|_| piece.by_part) else {
            self.note_client(0, "update staged", block, len);
            let sent = self.client.update_staged(handle, vec![piece.staged]);
            self.sent_update(block, &[(at, nth, len)], false, sent.is_ok());
            return Self::judge_send(&sent);
        };
        self.note_client(0, "stage a part", block, len);
        let sent = self.client.update_part_staged(handle, id, piece.staged);
        self.sent_part_update(block, at, nth, sent)
    }

    /// A write within the piece fails when its device is gone, and only then.
    fn write(&self, piece: &mut Piece, bytes: &[u8]) -> Verdict {
        let written = piece.staged.write_at(0, bytes);
        let fate = self.fate_of(piece);
        ensure(
            written.is_ok() == (fate == Fate::There),
            Check::Refusals,
            || {
                let done = if written.is_ok() { "taken" } else { "refused" };
                format!(
                    "R11: a write into staging was {done}, and its device is {}",
                    fate.word()
                )
            },
        )
    }

    /// What the engine can know of a piece's device.
    fn fate_of(&self, piece: &Piece) -> Fate {
        let has_heard = self.is_lost() && self.lost_ticks >= HEARD_TICKS;
        if piece.epoch != self.epoch || has_heard {
            Fate::Gone
        } else if self.is_lost() {
            Fate::Going
        } else {
            Fate::There
        }
    }

    /// A request about the block was sent with a piece of that device.
    fn sent_piece(&mut self, block: u32, epoch: u64) {
        let first = self.staged_on.entry(block).or_insert(epoch);
        *first = epoch.min(*first);
    }

    /// Whether the block was given contents in staging of a device that is gone.
    pub(super) fn is_staged_on_lost(&self, block: u32) -> bool {
        let first = self.staged_on.get(&block);
        first.is_some_and(|epoch| *epoch != self.epoch || self.is_lost())
    }

    /// A piece was lent, or refused.
    pub(super) fn staging_answered(
        &mut self,
        purpose: Purpose,
        answer: Result<StagedWrite, RequestError>,
        since: u64,
    ) -> Verdict {
        match answer {
            Ok(staged) => self.use_staged(purpose, staged),
            Err(error) => self.judge_staging(purpose, &error, since),
        }
    }

    /// Staging is lent unless there is none, now or at all.
    fn judge_staging(&self, purpose: Purpose, error: &RequestError, since: u64) -> Verdict {
        let is_true = match error {
            RequestError::ZeroSize => purpose == Purpose::Nothing,
            RequestError::StagingFull { requested, free } => requested > free,
            RequestError::OutOfMemory { .. } => self.lacks_memory(),
            RequestError::StagingTooSmall { requested, limit } => requested > limit,
            RequestError::DeviceLost => self.was_lost_since(since),
            _ => false,
        };
        ensure(is_true, Check::Refusals, || {
            format!("R11: a piece of staging was refused: {error}")
        })
    }
}
