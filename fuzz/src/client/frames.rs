//! Frames: lookups through tickets, reads that the device executes later, and what is kept of them.

use std::sync::{Arc, Mutex, PoisonError};

use geoheap::{FrameTicket, Lookup, VirtualBuffer, VirtualRead};

use super::world::{Reading, World};
use crate::bytes::Bytes;

/// Tickets and tokens that are kept at a time.
const KEPT_MAX: usize = 6;

impl World {
    /// A frame that looks at everything and reads some of it.
    pub(super) fn frame(&mut self, bytes: &mut Bytes<'_>) {
        let ticket = self.begin();
        self.look(&ticket, bytes);
        let in_flight = ticket.finish();
        if bytes.flag() && self.in_flight.len() < KEPT_MAX {
            self.in_flight.push(in_flight);
        }
        self.ticks(1);
    }

    /// A ticket that is kept, or one that is looked through again.
    pub(super) fn hold(&mut self, bytes: &mut Bytes<'_>) {
        let byte = bytes.byte();
        if self.tickets.len() < KEPT_MAX && byte < 128 {
            let ticket = self.begin();
            self.tickets.push(ticket);
        } else if !self.tickets.is_empty() {
            let at = usize::from(byte) % self.tickets.len();
            let ticket = self.tickets.swap_remove(at);
            self.look(&ticket, bytes);
            if byte & 1 > 0 && self.tickets.len() < KEPT_MAX {
                let fork = ticket.fork();
                self.look(&fork, bytes);
                self.tickets.push(fork);
            }
            self.tickets.push(ticket);
        }
    }

    /// Finishes or drops what is kept.
    pub(super) fn give_back(&mut self, bytes: &mut Bytes<'_>) {
        let byte = bytes.byte();
        if byte & 1 > 0 && !self.in_flight.is_empty() {
            self.in_flight
                .remove(usize::from(byte) % self.in_flight.len());
        } else if !self.tickets.is_empty() {
            let ticket = self.tickets.remove(usize::from(byte) % self.tickets.len());
            if byte & 2 > 0 {
                let in_flight = ticket.finish();
                if byte & 4 > 0 && self.in_flight.len() < KEPT_MAX {
                    self.in_flight.push(in_flight);
                }
            }
        }
    }

    fn begin(&mut self) -> FrameTicket<VirtualBuffer> {
        let ticket = self.manager.begin_frame();
        let version = ticket.version();
        assert!(
            version >= self.version,
            "R4: {version:?} comes after {:?}",
            self.version
        );
        self.version = version;
        ticket
    }

    /// Looks every block up, judges the answers, and queues reads of some.
    fn look(&mut self, ticket: &FrameTicket<VirtualBuffer>, bytes: &mut Bytes<'_>) {
        let is_newest = ticket.version() == self.version;
        let (mut parts, mut reads) = (Vec::new(), Vec::new());
        let skip = bytes.byte();
        for (block, entry) in &self.book.entries {
            let handle = entry.handle;
            match ticket.get(handle) {
                Lookup::Resident(view) => {
                    let end = view.offset().get() + view.len().get();
                    let room = view.buffer().len().get();
                    assert!(end <= room, "R6: {handle} ends at {end} of {room}");
                }
                Lookup::Stale => {
                    let lives = entry.owners > 0;
                    assert!(!lives, "R7: {handle} has an owner");
                }
                Lookup::Lost => assert!(self.is_lost, "R5: {handle}: the device is there"),
                Lookup::Failed | Lookup::Evicted | Lookup::Pending | Lookup::NotYetPublished => {}
            }
            if skip > 0 && *block % u32::from(skip) == 0 {
                continue;
            }
            for part in ticket.parts(handle) {
                let view = ticket.part(handle, part);
                let view = view.unwrap_or_else(|| panic!("R4: {handle} has {part:?}, and not"));
                let start = view.offset().get();
                parts.push((*block, part));
                reads.push(VirtualRead {
                    buffer: view.buffer().clone(),
                    range: start..start + view.len().get(),
                });
            }
        }
        self.tally.count_in("lookups", is_newest);
        self.look_further(ticket, bytes);
        let result = Arc::new(Mutex::new(None));
        let into = Arc::clone(&result);
        let in_flight = ticket.in_flight();
        self.control.submit_reads(reads, move |read| {
            *into.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
            drop(in_flight);
        });
        self.readings.push(Reading {
            version: ticket.version(),
            parts,
            bytes: result,
        });
    }

    /// The less common questions to a ticket.
    fn look_further(&mut self, ticket: &FrameTicket<VirtualBuffer>, bytes: &mut Bytes<'_>) {
        let handle = self.handle(bytes);
        match ticket.fallback(handle) {
            Ok(fallback) => self.fallback = Some(fallback),
            Err(error) => _ = error.to_string(),
        }
        if let Some(fallback) = &self.fallback {
            let found = ticket.get_or(handle, fallback);
            let stale = matches!(ticket.get(handle), Lookup::Stale);
            let answered = matches!(found, Lookup::Stale);
            assert_eq!(stale, answered, "a stale handle stays stale");
        }
        for older in self.tickets.iter().map(FrameTicket::version) {
            let moved = ticket.moved_since(older);
            _ = moved.names(handle);
        }
        for set in &self.draw_sets {
            let Some(view) = ticket.draw_set(*set) else {
                continue;
            };
            let room = view.records().map_or(0, |buffer| buffer.len().get());
            for group in view.groups() {
                let record = if group.index_format.is_some() { 20 } else { 16 };
                let end = group.offset_bytes + u64::from(group.count) * record;
                assert!(end <= room, "R1: {group:?} ends behind {room} bytes");
                assert!(
                    !view.chunk_buffer(group).is_empty(),
                    "{group:?} has a chunk"
                );
            }
            view.mark_used();
        }
    }
}
