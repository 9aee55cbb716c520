//! What is taken up after a tick, and how a replay ends.

use geoheap::{Backend, Report};

use super::Player;
use crate::replay::blocks::PartName;
use crate::replay::check::Subject;
use crate::replay::stage::Stage;

/// Ticks in which everything that was asked for comes to rest.
const SETTLE_TICKS: u32 = 128;

impl<B: Backend, S: Stage<B>> Player<B, S> {
    /// The trace ends here: what was asked for since the last frame is carried out. Returns the
    /// engine's figures.
    pub fn finish(&mut self) -> Report {
        if let Some(ticket) = self.ticket.take() {
            // Uses behind the last frame.
            let reads = core::mem::take(&mut self.reads);
            self.stage.submit(ticket.finish(), reads, self.lag_frames);
            self.is_dirty = true;
        }
        if self.is_dirty {
            self.tick();
        }
        let report = self.report();
        self.stage.finish();
        if self.checker.is_some() {
            // What frames read is compared when the device gets there, and what was asked for
            // has to be seen some time.
            (0..SETTLE_TICKS).for_each(|_| self.tick());
            self.read_all();
            self.stage.finish();
            (0..SETTLE_TICKS / 8).for_each(|_| self.tick());
        }
        report
    }

    /// Reads each part that is resident; only what was sent last will do, but where the engine
    /// refused something.
    fn read_all(&mut self) {
        let Some(checker) = &self.checker else { return };
        let ticket = self.manager.begin_frame();
        let mut reads = Vec::new();
        for (id, block) in &self.blocks {
            let Some(handle) = block.handle else { continue };
            if self.refused.contains(&handle) || ticket.get(handle).resident().is_none() {
                continue;
            }
            for part in &block.parts {
                let PartName::Known(name) = part.name else {
                    continue;
                };
                let subject = Subject {
                    block: *id,
                    serial: block.serial,
                    part: part.no,
                    frame: self.tally.frames,
                };
                let view = ticket.part(handle, name);
                let read = view.and_then(|view| checker.read_newest(subject, part, &view));
                reads.extend(read);
            }
        }
        self.stage.submit(ticket.finish(), reads, 0);
    }

    /// Takes the engine's answers about new parts.
    pub(super) fn settle_names(&mut self) {
        let (blocks, frame) = (&mut self.blocks, self.tally.frames);
        self.unnamed.retain(|id| {
            let block = blocks.get_mut(id);
            block.is_some_and(|block| !block.take_names(frame))
        });
    }

    /// Frames have seen newer contents, so no later one may see older ones.
    pub(super) fn take_up_seen(&mut self) {
        let Some(checker) = &self.checker else { return };
        let seen = core::mem::take(&mut checker.shared.lock().seen);
        for seen in seen {
            let block = self.blocks.get_mut(&seen.subject.block);
            let block = block.filter(|block| block.serial == seen.subject.serial);
            let part = block.and_then(|block| {
                let mut parts = block.parts.iter_mut();
                parts.find(|part| part.no == seen.subject.part)
            });
            if let Some(part) = part {
                part.forget_older(seen.content);
            }
        }
    }
}
