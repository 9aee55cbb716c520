//! The device goes, and another comes, or does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use geoheap::{ByteLen, ConfigError, Limits, Report, RestoreError};

use super::{World, broken};
use crate::fault::FaultClass;
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::{CallFaults, DeviceSetting, Faulty, Gpu};
use crate::random::Random;
use crate::timeline::{Actor, NONE};

/// Ticks without a device before another is tried.
const WITHOUT_TICKS: u64 = 3;

/// When the next device is lost, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    No,
    /// Before the engine is given it.
    Before,
    /// At a call into it, perhaps while it takes the place of the one before.
    AtCall(u64),
    /// As soon as it is there.
    After,
}

impl<G: Gpu> World<G> {
    fn loss_chance(&mut self) -> &mut Random {
        &mut self.chances.classes[FaultClass::Loss as usize]
    }

    /// The device goes at one of the engine's next calls, or between them; or somebody brings
    /// another one although it is there.
    pub(super) fn strike_device(&mut self, calls: u64) -> Verdict {
        if self.is_lost() {
            return Ok(());
        }
        let (which, how) = (self.loss_chance().below(1000), self.loss_chance().below(4));
        // Each loss costs a whole heap, so most strikes of this class pass.
        match which {
            0..60 => {}
            60..120 => return self.restore(),
            _ => return Ok(()),
        }
        if how < 2 {
            let (gpu, lost) = (self.gpu.clone(), Arc::clone(&self.is_lost));
            self.call_faults.strike_at(calls, move || lose(&gpu, &lost));
            let calls = ("in calls", calls);
            self.timeline
                .note(Actor::Fault, "loss", None, [calls, NONE]);
            return Ok(());
        }
        lose(&self.gpu, &self.is_lost);
        self.timeline
            .note(Actor::Fault, "loss at once", None, [NONE, NONE]);
        if how == 2 {
            return Ok(());
        }
        // The engine has not heard of it yet.
        self.note_lost();
        self.restore()
    }

    /// Sees whether the device was lost, and brings another after a while.
    pub(super) fn take_loss(&mut self) -> Verdict {
        if !self.is_lost() {
            return Ok(());
        }
        self.note_lost();
        self.lost_ticks += 1;
        // The engine hears of it with a poll of its own.
        let waits = self.loss_chance().chance(850);
        if self.lost_ticks < WITHOUT_TICKS || (!self.is_calm && waits) {
            return Ok(());
        }
        self.restore()
    }

    /// The device is gone: what was on it is not waited for any more.
    fn note_lost(&mut self) {
        if self.is_loss_noted {
            return;
        }
        self.is_loss_noted = true;
        self.lost_at = self.timeline.tick();
        self.timeline
            .note(Actor::Device, "lost", None, [("epoch", self.epoch), NONE]);
        self.frames.device_lost();
        self.hurry_kept_pieces();
        // The removal of the gone may not have been carried out.
        let known = [self.oracle.alive(), self.oracle.gone()].concat();
        for block in known {
            self.oracle.block_mut(block).device_lost();
        }
    }

    /// What the next device is like: as the first one, or weaker or stronger in one thing.
    fn next_device(&mut self) -> DeviceSetting {
        let mut device = self.setting.device.clone();
        if self.is_calm {
            return device;
        }
        let config = &self.setting.config;
        let (budget, chunk) = (config.budget_bytes.get(), config.chunk_bytes.get());
        let random = &mut self.chances.classes[FaultClass::Loss as usize];
        let staging = device.staging.buffer_bytes.get();
        let times = |factor: u64| ByteLen::new(staging * factor);
        match random.below(16) {
            0 | 1 => device.memory_bytes = ByteLen::new(random.between(budget / 2, budget)),
            2 => device.staging.buffer_bytes = ByteLen::new((staging / 2).max(1024)),
            3 => device.staging.buffer_bytes = times(random.between(2, 4)),
            4 => device.buffer_bytes_max = Some(ByteLen::new(random.between(chunk, chunk * 2))),
            5 => device.buffer_bytes_max = Some(ByteLen::new(chunk - 4)),
            6 => device.binding_align = 128,
            7 => device.binding_align = 512,
            8 => device.indirect_first_instance = false,
            _ => {}
        }
        device
    }

    /// Whether, and when, the next device is lost, too.
    fn when_again(&mut self) -> Again {
        if self.is_calm {
            return Again::No;
        }
        let random = self.loss_chance();
        match random.below(12) {
            0 => Again::Before,
            1 | 2 => Again::AtCall(random.magnitude(1, 12)),
            3 => Again::After,
            _ => Again::No,
        }
    }

    /// Gives the engine another device. It has to refuse one that is lost or does not fit, and
    /// any as long as it has one, and nothing changes then.
    pub(super) fn restore(&mut self) -> Verdict {
        let (device, again) = (self.next_device(), self.when_again());
        let (backend, gpu) = G::make(&device);
        let faults = CallFaults::default();
        let backend = Faulty::new(backend, faults.clone());
        let lost = Arc::new(AtomicBool::new(false));
        match again {
            Again::Before => lose(&gpu, &lost),
            Again::AtCall(n) => {
                let (gpu, lost) = (gpu.clone(), Arc::clone(&lost));
                faults.strike_at(n, move || lose(&gpu, &lost));
            }
            Again::After | Again::No => {}
        }
        let (before, limits) = (self.manager.report(), *self.manager.limits());
        match self.manager.restore_backend(backend) {
            Ok(restored) => self.restored = restored,
            Err(error) => {
                let is_lost_again = lost.load(Ordering::Acquire);
                self.judge_not_restored(&error, &device, &limits, is_lost_again)?;
                return self.check_as_before(&before, &limits);
            }
        }
        // What was planted may have struck while the engine looked for a loss.
        ensure(
            self.is_lost() && again != Again::Before,
            Check::Loss,
            || {
                String::from(
                    "R5: a device that is there, or one that is lost, took the place of another",
                )
            },
        )?;
        self.note_lost();
        self.gpu = gpu;
        self.call_faults = faults;
        self.is_lost = lost;
        self.epoch += 1;
        self.lost_ticks = 0;
        self.restored_tick = self.timeline.tick();
        self.is_loss_noted = false;
        self.is_tight |= device.memory_bytes < self.setting.device.memory_bytes;
        self.heap.forget_device();
        if self.is_calm {
            self.gpu.hurry();
        } else {
            self.watch_inside_ticks();
        }
        let memory = ("memory bytes", device.memory_bytes.get());
        let figures = [("epoch", self.epoch), memory];
        self.timeline.note(Actor::Device, "restored", None, figures);
        if again == Again::After {
            lose(&self.gpu, &self.is_lost);
        }
        let report = self.manager.report();
        let is_counted = report.restores == self.epoch && report.blocks == before.blocks;
        ensure(is_counted, Check::Loss, || {
            format!(
                "{} restores left {} blocks of {}; the engine counts {}",
                self.epoch, report.blocks, before.blocks, report.restores
            )
        })
    }

    /// Whether the engine is right not to go on with that device.
    fn judge_not_restored(
        &mut self,
        error: &RestoreError,
        device: &DeviceSetting,
        first: &Limits,
        is_lost_again: bool,
    ) -> Verdict {
        let config = &self.setting.config;
        let staging = self.setting.device.staging.buffer_bytes;
        let (word, is_true) = match error {
            RestoreError::NotLost => ("refused: not lost", !self.is_lost()),
            RestoreError::LostAgain { .. } => ("refused: lost again", is_lost_again),
            RestoreError::Config(ConfigError::AboveDeviceLimit { .. }) => {
                let longest = config.chunk_bytes.max(config.long_lived_chunk_bytes);
                let max = device.buffer_bytes_max;
                (
                    "refused: short buffers",
                    max.is_some_and(|max| max < longest),
                )
            }
            RestoreError::Config(ConfigError::StagingTooSmall { limit }) => {
                let buffer = device.staging.buffer_bytes;
                (
                    "refused: staging too small",
                    buffer > staging && buffer > *limit,
                )
            }
            RestoreError::Alignment { .. } => {
                let align = device.binding_align;
                (
                    "refused: alignment",
                    align > self.setting.device.binding_align,
                )
            }
            RestoreError::FirstInstance => {
                let is_less = first.indirect_first_instance && !device.indirect_first_instance;
                ("refused: first instance", is_less)
            }
            _ => ("refused", false),
        };
        // A device that is there comes first: nothing else is looked at then.
        let is_lost = self.is_lost();
        let is_true = is_true && (is_lost || *error == RestoreError::NotLost);
        self.timeline.note(Actor::Device, word, None, [NONE, NONE]);
        ensure(is_true, Check::Loss, || {
            format!("R5: another device was refused, and lost is {is_lost}: {error}")
        })
    }

    /// A device that was refused changes nothing.
    fn check_as_before(&self, before: &Report, limits: &Limits) -> Verdict {
        let now = self.manager.report();
        // With a loss that was not told before, contents on their way become those of blocks that
        // are evicted.
        let is_same = now.blocks == before.blocks
            && (now.world_bytes == before.world_bytes || now.device_losses > before.device_losses)
            && now.budget_bytes == before.budget_bytes
            && now.restores == before.restores
            && self.manager.limits() == limits;
        let is_told = self.lost_ticks < WITHOUT_TICKS || now.device_lost;
        if is_same && is_told {
            return Ok(());
        }
        broken(
            Check::Loss,
            format!("R11: a device was refused, and the heap changed: {before:?}, now {now:?}"),
        )
    }
}

impl<G: Gpu> World<G> {
    /// The device goes now.
    pub(super) fn lose_device(&mut self) {
        lose(&self.gpu, &self.is_lost);
    }
}

/// The device goes.
fn lose<G: Gpu>(gpu: &G, is_lost: &AtomicBool) {
    is_lost.store(true, Ordering::Release);
    gpu.lose();
}
