//! The story of the watched block that no request tells: where it lies, and what frames see of it.
//! Nothing of this counts for the number of a run (C10), which is the same without it.

use geoheap::{HeapMap, PartId, RangeState};

use super::Frame;
use crate::gpu::Gpu;
use crate::timeline::{Actor, NONE};
use crate::world::World;

impl<G: Gpu> World<G> {
    /// Notes when the block has another place than after the tick before; without a device it has
    /// none.
    pub(in crate::world) fn watch_place(&mut self, map: Option<&HeapMap>) {
        let Some(block) = self.timeline.watch() else {
            return;
        };
        let handle = self.oracle.handle_of(block);
        let chunks = map.into_iter().flat_map(|map| &map.chunks);
        let mut ranges =
            chunks.flat_map(|chunk| chunk.ranges.iter().map(move |range| (chunk.id, range)));
        let live = ranges.find(|(_, range)| {
            range.state == RangeState::Live && handle.is_some() && range.handle == handle
        });
        let place = live.map(|(chunk, range)| (u64::from(chunk.get()), range.offset.get()));
        let before = core::mem::replace(&mut self.watched_place, place);
        let (what, figures) = match (before, place) {
            (None, Some((chunk, at))) => ("is placed", [("chunk", chunk), ("byte", at)]),
            (Some(old), Some((chunk, at))) if old != (chunk, at) => {
                ("lies elsewhere", [("chunk", chunk), ("byte", at)])
            }
            (Some(_), None) => ("has left", [NONE, NONE]),
            _ => return,
        };
        self.timeline
            .note_aside(Actor::Engine, what, block, figures);
    }

    /// Notes what a frame that begins sees of the block, and each step of the frame after that.
    pub(super) fn watch_frame(&mut self, frame: &Frame<G::Buffer>, what: &'static str) {
        let Some(block) = self.timeline.watch() else {
            return;
        };
        let Some(sight) = frame.sights.iter().find(|sight| sight.block == block) else {
            return;
        };
        let word = if what == "begins" {
            sight.seen.word()
        } else {
            what
        };
        let figures = [("frame", frame.id), ("version", frame.version.get())];
        let actor = Actor::Renderer(frame.renderer);
        self.timeline.note_aside(actor, word, block, figures);
    }

    /// Notes which contents of the block the device read for a frame, part by part; it comes before
    /// they are judged, so that a story ends with what was found wrong.
    pub(super) fn watch_read(&mut self, frame: u64, block: u32, part: PartId, bytes: &[u8]) {
        if self.timeline.watch() != Some(block) {
            return;
        }
        let known = self.oracle.round_of(block, part, bytes);
        let (what, figures) = match known {
            Some((at, round)) => (
                "its part reads",
                [("part", at as u64), ("round", u64::from(round))],
            ),
            None => ("reads other bytes", [NONE, NONE]),
        };
        let frame = ("frame", frame);
        self.timeline
            .note_aside(Actor::Device, "executes", block, [frame, NONE]);
        self.timeline
            .note_aside(Actor::Device, what, block, figures);
    }
}
