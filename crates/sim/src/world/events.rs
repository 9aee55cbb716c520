//! What the engine tells by itself.

use geoheap::{FailReason, HeapEvent, Lifetime, Op, RequestError, SpillStep};

use super::{World, words};
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::timeline::{Actor, NONE};

/// Blocks that failed and are asked about more often than others.
const FAILED_MAX: usize = 8;

impl<G: Gpu> World<G> {
    /// What the engine tells by itself.
    pub(super) fn take_events(&mut self) -> Verdict {
        for event in self.manager.events() {
            match &event {
                HeapEvent::Refused { handle, op, error } => {
                    let block = self.oracle.by_handle(*handle);
                    let refuses = words::op(*op)[2];
                    self.timeline
                        .note(Actor::Engine, refuses, block, [NONE, NONE]);
                    let Some(block) = block else { continue };
                    if *op == Op::SetLifetime {
                        self.oracle.block_mut(block).lifetime = Lifetime::Dynamic;
                    }
                    if *op == Op::Update {
                        self.update_refused(block, error);
                    }
                    // It is told of within the tick in which it is refused.
                    let since = self.timeline.tick().saturating_sub(1);
                    self.judge_refusal(block, Some(*op), Some(error), since)?;
                }
                HeapEvent::Failed { handle, reason } => {
                    let block = self.oracle.by_handle(*handle);
                    self.timeline
                        .note(Actor::Engine, "fails", block, [NONE, NONE]);
                    if let Some(block) = block {
                        self.check_reload(block, reason)?;
                        self.block_failed(block);
                    }
                }
                HeapEvent::SpillFailed {
                    bytes,
                    step,
                    message,
                } => {
                    let bytes = ("bytes", bytes.get());
                    self.timeline
                        .note(Actor::Engine, "cannot write", None, [bytes, NONE]);
                    let faults = &self.disk_faults;
                    let is_true = match step {
                        // What the file has of a block is read to be written with the rest.
                        SpillStep::Read => faults.read_is_told(),
                        _ => faults.write_is_told(),
                    };
                    ensure(is_true, Check::Contents, || {
                        format!("the disk took all copies, and one was not written: {message}")
                    })?;
                }
                HeapEvent::DeviceLost { .. } => {
                    self.timeline
                        .note(Actor::Engine, "device lost", None, [NONE, NONE]);
                }
                HeapEvent::OutOfMemory { requested, .. } => {
                    let bytes = ("bytes", requested.get());
                    self.timeline
                        .note(Actor::Engine, "out of memory", None, [bytes, NONE]);
                }
                HeapEvent::Degraded(_) => {
                    self.timeline
                        .note(Actor::Engine, "degraded", None, [NONE, NONE]);
                }
                HeapEvent::GpuError { message } => self.check_gpu_error(message)?,
                HeapEvent::PublishStalled { .. } => {
                    self.timeline
                        .note(Actor::Engine, "publish stalled", None, [NONE, NONE]);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The device refuses only what it was told to.
    fn check_gpu_error(&mut self, message: &str) -> Verdict {
        self.timeline
            .note(Actor::Engine, "GPU error", None, [NONE, NONE]);
        // What is planted says so; a device that is going says what it likes.
        let planted = ["has no memory", "planted fault"];
        let mut is_planted = self.is_lost() || planted.iter().any(|words| message.contains(words));
        // Staging that the device has no memory for cannot grow as far as it may.
        is_planted |= self.lacks_memory() && message.contains("of staging asked for");
        ensure(is_planted, Check::Device, || {
            format!("the device refuses what the engine asks: {message}")
        })
    }

    /// The copies of a block without a callback can be read, unless the disk fails.
    fn check_reload(&mut self, block: u32, reason: &FailReason) -> Verdict {
        let is_reload = matches!(
            reason,
            FailReason::Reload { .. } | FailReason::ReloadLength { .. }
        );
        if !is_reload || self.oracle.block(block).has_callback() {
            return Ok(());
        }
        ensure(self.disk_faults.read_is_told(), Check::Contents, || {
            format!("the disk gave all copies back, and those of block {block} are not: {reason}")
        })
    }

    /// A block could not be made resident, or its update failed.
    fn block_failed(&mut self, block: u32) {
        self.oracle.block_mut(block).failed();
        self.failed.retain(|other| *other != block);
        self.failed.push(block);
        if self.failed.len() > FAILED_MAX {
            self.failed.remove(0);
        }
    }

    /// A whole update was refused: one that no block can take, or one of the others.
    fn update_refused(&mut self, block: u32, error: &RequestError) {
        let model = self.oracle.block_mut(block);
        let is_misuse = matches!(
            error,
            RequestError::PartCount { .. } | RequestError::LengthDiffers { .. }
        );
        if !(is_misuse && model.misuse_refused()) {
            model.update_refused();
        }
    }
}
