//! The device goes, and another comes.

use std::sync::atomic::Ordering;

use super::{World, broken};
use crate::finding::{Check, Verdict};
use crate::gpu::{Faulty, Gpu};
use crate::timeline::{Actor, NONE};

impl<G: Gpu> World<G> {
    /// Sees whether the device was lost, and brings another after a while.
    pub(super) fn take_loss(&mut self) -> Verdict {
        if !self.is_lost() {
            return Ok(());
        }
        if self.lost_ticks == 0 {
            self.timeline
                .note(Actor::Device, "lost", None, [("epoch", self.epoch), NONE]);
            self.frames.device_lost();
            self.hurry_kept_pieces();
            for block in self.oracle.alive().to_vec() {
                let model = self.oracle.block_mut(block);
                model.place = None;
                model.quiet_from = None;
                if !model.kept.is_source() {
                    model.may_be_lost = true;
                }
            }
        }
        self.lost_ticks += 1;
        // The engine hears of it with a poll of its own.
        if self.lost_ticks < 3 || (!self.is_calm && self.chances.fault.chance(850)) {
            return Ok(());
        }
        self.restore()
    }

    /// Gives the engine another device.
    pub(super) fn restore(&mut self) -> Verdict {
        let (backend, gpu) = G::make(&self.setting);
        self.call_faults.forget_device();
        let backend = Faulty::new(backend, self.call_faults.clone());
        if let Err(error) = self.manager.restore_backend(backend) {
            return broken(
                Check::Loss,
                format!("R5: another device was refused: {error}"),
            );
        }
        self.gpu = gpu;
        self.epoch += 1;
        self.lost_ticks = 0;
        self.is_lost.store(false, Ordering::Release);
        self.heap.forget_device();
        if self.is_calm {
            self.gpu.hurry();
        } else {
            self.watch_inside_ticks();
        }
        self.timeline.note(
            Actor::Device,
            "restored",
            None,
            [("epoch", self.epoch), NONE],
        );
        Ok(())
    }
}
