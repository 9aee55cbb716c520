//! Which blocks something recorded asked for, and whether one of them changed since.

use crate::rising::have_one_in_common;
use crate::ticket::{FrameTicket, Stamp};

/// Slots of blocks that were asked for, resident or not, and in which version.
#[derive(Debug)]
pub(super) struct Asked {
    stamp: Stamp,
    slots: Vec<u32>,
    /// They are sorted, and none comes twice.
    is_sorted: bool,
}

impl Asked {
    /// Nothing yet, of the ticket's version.
    pub(super) fn new(ticket: &FrameTicket<wgpu::Buffer>) -> Self {
        Self {
            stamp: ticket.stamp(),
            slots: Vec::new(),
            is_sorted: false,
        }
    }

    #[inline]
    pub(super) fn note(&mut self, slot: u32) {
        self.slots.push(slot);
        self.is_sorted = false;
    }

    /// Whether what was recorded shows what the ticket's version shows: no block that was asked for
    /// changed in between. It then belongs to that version.
    pub(super) fn refresh(&mut self, ticket: &FrameTicket<wgpu::Buffer>) -> bool {
        if !self.is_sorted {
            self.slots.sort_unstable();
            self.slots.dedup();
            self.is_sorted = true;
        }
        let moved = ticket.moved_since_stamp(self.stamp);
        let moved = moved.slots();
        let is_current = moved.is_some_and(|moved| !have_one_in_common(moved, &self.slots));
        if is_current {
            self.stamp = ticket.stamp();
        }
        is_current
    }

    /// The blocks count as used by the ticket's frame. After `refresh` has answered.
    pub(super) fn mark(&self, ticket: &FrameTicket<wgpu::Buffer>) {
        ticket.mark_slots(&self.slots);
    }
}
