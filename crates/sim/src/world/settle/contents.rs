//! Each block comes back, with the contents that it was given last (C8).

use geoheap::{FailReason, Lifetime, ReadBack, RequestError};

use super::RETURN_TICKS;
use crate::finding::{Broken, Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::oracle::Block;
use crate::timeline::{Actor, NONE};
use crate::world::{World, broken, words};

/// Times that a block is asked for that is told it cannot come, or leaves again at once.
const LOOKS: u32 = 4;
/// So few blocks may all be such as fit nowhere.
const FEW_BLOCKS: usize = 10;

impl<G: Gpu> World<G> {
    /// Each block comes back, with the contents that it was given last.
    pub(super) fn check_contents(&mut self) -> Verdict {
        let known = self.oracle.alive().to_vec();
        let is_known = |model: &Block| !model.has_failed.is_now() && !model.may_be_lost.is_now();
        let compared = self.compare(&known, is_known)?;
        ensure(
            compared > 0 || known.len() < FEW_BLOCKS,
            Check::Contents,
            || format!("none of {} blocks could be compared", known.len()),
        )
    }

    /// What had failed comes back after a loss like all others that have a source.
    pub(super) fn check_failed_contents(&mut self) -> Verdict {
        let known = self.oracle.alive().to_vec();
        let is_meant = |model: &Block| model.has_failed.is_now() && model.kept.outlives_device();
        self.compare(&known, is_meant).map(|_| ())
    }

    /// Compares the contents of those blocks that are meant, as far as they can come back; returns
    /// how many.
    fn compare(
        &mut self,
        blocks: &[u32],
        is_meant: impl Fn(&Block) -> bool,
    ) -> Result<usize, Broken> {
        let mut compared = 0;
        for block in blocks {
            let block = *block;
            if !is_meant(self.oracle.block(block)) {
                continue;
            }
            self.timeline
                .note(Actor::Client(0), "final look", Some(block), [NONE, NONE]);
            let Some(read) = self.read_now(block)? else {
                continue;
            };
            self.check_last(block, &read)?;
            compared += 1;
        }
        Ok(compared)
    }

    /// What a block shows at the end is what it was given last.
    fn check_last(&self, block: u32, read: &ReadBack) -> Verdict {
        let model = self.oracle.block(block);
        let present = model.present();
        let ids: Vec<_> = read.parts.iter().map(|(id, _)| *id).collect();
        let expected: Vec<_> = present.iter().map(|at| model.parts[*at].id).collect();
        let is_same = ids.iter().copied().map(Some).eq(expected.iter().copied());
        ensure(is_same || expected.contains(&None), Check::Contents, || {
            let (ids, expected) = (words::parts(&ids), words::given_parts(&expected));
            format!("block {block} has parts {ids}; it was given {expected}")
        })?;
        for (at, (id, bytes)) in present.iter().zip(&read.parts) {
            let behind = model.parts[*at].behind(bytes);
            // Refused updates are told by their number alone.
            let is_last = behind.is_some_and(|behind| behind <= model.vague_refusals as usize);
            ensure(is_last, Check::Contents, || {
                format!(
                    "block {block} part {id} ends with {} {}; {} updates were refused",
                    words::behind(behind),
                    model.parts[*at],
                    model.vague_refusals
                )
            })?;
        }
        Ok(())
    }

    /// The block's bytes, once it is resident; `None` if it was told that it cannot be.
    fn read_now(&mut self, block: u32) -> Result<Option<ReadBack>, Broken> {
        let handle = self.handle_of(block);
        let mut untrue = 0;
        for _ in 0..LOOKS {
            let resident = self.sent(|client| client.resident(handle))?;
            let Some(answer) = self.until(resident)? else {
                return Err(self.never_came(block));
            };
            if let Err(error) = answer {
                if self.has_room_for(block, &error) {
                    untrue += 1;
                    continue;
                }
                return Self::excuse(block, &error).map(|()| None);
            }
            let read = self.sent(|client| client.read_back(handle))?;
            match self.until(read)? {
                None => return Err(self.never_came(block)),
                Some(Ok(read)) => return Ok(Some(read)),
                // It left again at once, or staging has no room for the moment.
                Some(Err(RequestError::NotResident { .. } | RequestError::StagingFull { .. })) => {}
                Some(Err(error)) => return Self::excuse(block, &error).map(|()| None),
            }
        }
        ensure(untrue < LOOKS, Check::Liveness, || {
            let (room, hole) = (
                self.oracle.block(block).room_bytes_max(),
                self.longest_hole(),
            );
            format!(
                "block {block} was told {LOOKS} times that there is no room; it needs {room} \
                 bytes at most, and {hole} are free in one piece"
            )
        })?;
        Ok(None)
    }

    /// Whether it is not true that there is no room for a block.
    fn has_room_for(&self, block: u32, error: &RequestError) -> bool {
        let model = self.oracle.block(block);
        let is_told = matches!(
            error,
            RequestError::Failed {
                reason: FailReason::NoRoom { .. },
                ..
            }
        );
        is_told
            && model.lifetime == Lifetime::Dynamic
            && self.is_taken_by(self.longest_hole(), block)
    }

    fn never_came(&self, block: u32) -> Broken {
        Broken {
            check: Check::Liveness,
            message: format!(
                "block {block} of {} bytes did not come back in {RETURN_TICKS} calm ticks; {:?}",
                self.oracle.block(block).bytes(),
                self.manager.report()
            ),
        }
    }

    /// A block that lives may be refused when there is no room that it could have.
    fn excuse(block: u32, error: &RequestError) -> Verdict {
        match error {
            RequestError::TooLarge { .. }
            | RequestError::StagingTooSmall { .. }
            | RequestError::Failed { .. } => Ok(()),
            other => broken(
                Check::Liveness,
                format!("block {block} lives, and nothing is wrong; it was told: {other}"),
            ),
        }
    }
}
