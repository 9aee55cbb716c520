//! Which blocks something recorded asked for, and whether one of them changed since.

use geoheap_frame_sync::Version;

use crate::rising::have_one_in_common;
use crate::ticket::FrameTicket;

/// Slots of blocks that were asked for, resident or not.
#[derive(Debug, Default)]
pub(super) struct Asked {
    slots: Vec<u32>,
    /// They are sorted, and none comes twice.
    is_sorted: bool,
}

impl Asked {
    #[inline]
    pub(super) fn note(&mut self, slot: u32) {
        self.slots.push(slot);
        self.is_sorted = false;
    }

    /// Whether what was recorded in the version `since` shows what the ticket's version shows: no
    /// block that was asked for changed in between.
    pub(super) fn is_current(
        &mut self,
        since: Version,
        ticket: &FrameTicket<wgpu::Buffer>,
    ) -> bool {
        if !self.is_sorted {
            self.slots.sort_unstable();
            self.slots.dedup();
            self.is_sorted = true;
        }
        if ticket.version() == since {
            return !ticket.is_void();
        }
        let moved = ticket.moved_since(since);
        let moved = moved.slots();
        moved.is_some_and(|moved| !have_one_in_common(moved, &self.slots))
    }

    /// The blocks count as used by the ticket's frame. After `is_current` has answered.
    pub(super) fn mark(&self, ticket: &FrameTicket<wgpu::Buffer>) {
        ticket.mark_slots(&self.slots);
    }
}
