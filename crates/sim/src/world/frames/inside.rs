//! Render actors that act inside a tick: between two calls of the engine into the device.

use std::sync::PoisonError;

use super::{Frame, NUMBERS, Stage, look, reads};
use crate::finding::Verdict;
use crate::gpu::Gpu;
use crate::random::Random;
use crate::world::World;

/// Frames that begin inside one tick, at most.
const BEGUN_MAX: usize = 3;

impl<G: Gpu> World<G> {
    /// Lets frames begin at any call into the device, as they do where render threads run beside
    /// the geometry actor. Half of them submit their commands there and then, so that these lie
    /// between the engine's own.
    pub(crate) fn watch_inside_ticks(&mut self) {
        let source = self.frames.source.clone();
        let inside = self.frames.inside.clone();
        let gpu = self.gpu.clone();
        let lost = self.is_lost.clone();
        let mut random = Random::fork(self.frames.seed, 7 + self.epoch);
        self.call_faults.set_meanwhile(move || {
            let mut inside = inside.lock().unwrap_or_else(PoisonError::into_inner);
            let is_lost = lost.load(core::sync::atomic::Ordering::Acquire);
            if inside.wanted.is_empty() || inside.begun.len() >= BEGUN_MAX || is_lost {
                return;
            }
            if !random.chance(150) {
                return;
            }
            let ticket = source.begin_frame();
            let version = ticket.version();
            let sights = look(&ticket, &inside.wanted);
            inside.next_id += NUMBERS;
            let id = inside.next_id;
            let stage = if random.chance(500) && !ticket.is_void() {
                gpu.submit_reads(id, reads(&sights, &[]), ticket.in_flight());
                drop(ticket.finish());
                Stage::Submitted
            } else {
                Stage::Held(ticket)
            };
            inside.begun.push(Frame {
                id,
                renderer: u32::try_from(id / NUMBERS).unwrap_or(0) % 4,
                version,
                sights,
                groups: Vec::new(),
                stage,
                due: 0,
            });
        });
    }

    /// What frames inside the next tick will look at: blocks that changed last, for their places
    /// are those that are being published.
    pub(crate) fn share_sights(&mut self) {
        if self.is_resting() {
            return;
        }
        let mut wanted = self.choose_seen();
        let alive = self.oracle.alive();
        let newest = alive.iter().rev().take(4).map(|block| {
            let handle = self.oracle.block(*block).handle;
            (
                *block,
                handle.expect("blocks among the living have handles"),
            )
        });
        wanted.extend(newest);
        let mut inside = self
            .frames
            .inside
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        inside.wanted = wanted;
    }

    /// Frames that began inside the tick that has just ended.
    pub(crate) fn take_started(&mut self) -> Verdict {
        let begun = {
            let mut inside = self
                .frames
                .inside
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            core::mem::take(&mut inside.begun)
        };
        for mut frame in begun {
            if self.is_lost() && matches!(frame.stage, Stage::Submitted) {
                // Its commands went with the device.
                continue;
            }
            frame.due = self.timeline.tick() + self.chances.render.below(3);
            self.started(frame)?;
        }
        Ok(())
    }
}
