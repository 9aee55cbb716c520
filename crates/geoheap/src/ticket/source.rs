//! Where frames begin.

use core::cell::Cell;
use core::fmt;
use std::sync::Arc;

use crate::actor::mailbox::Mailbox;
#[cfg(feature = "planted-bugs")]
use crate::sync::{Mutex, PoisonError};
#[cfg(feature = "planted-bugs")]
use crate::ticket::HeapTicket;
use crate::ticket::board::{Board, Desk, Presence, SourceId, Who};
use crate::ticket::{FrameTicket, HeapReader};

/// Begins frames, on any thread. Cheap to clone.
pub struct FrameSource<Buf> {
    reader: HeapReader<Buf>,
    desk: Arc<Desk>,
    source: SourceId,
    /// What a planted bug begins frames with again.
    #[cfg(feature = "planted-bugs")]
    before: Arc<Mutex<Option<HeapTicket<Buf>>>>,
}

impl<Buf> Clone for FrameSource<Buf> {
    fn clone(&self) -> Self {
        Self {
            reader: self.reader.clone(),
            desk: Arc::clone(&self.desk),
            source: self.source,
            #[cfg(feature = "planted-bugs")]
            before: Arc::clone(&self.before),
        }
    }
}

impl<Buf> fmt::Debug for FrameSource<Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameSource")
            .field("frames", &self.desk.board.frames())
            .finish_non_exhaustive()
    }
}

impl<Buf> FrameSource<Buf> {
    pub(crate) fn new(reader: HeapReader<Buf>, mailbox: Mailbox, board: Arc<Board>) -> Self {
        Self {
            reader,
            source: board.name("frames"),
            desk: Arc::new(Desk { board, mailbox }),
            #[cfg(feature = "planted-bugs")]
            before: Arc::default(),
        }
    }

    /// The same source under a name of its own, by which
    /// [`Report::holders`](crate::Report::holders) tells whose ticket keeps a version in use. Take
    /// one for each thread or pass, and keep it: names are never forgotten.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self {
            source: self.desk.board.name(name),
            ..self.clone()
        }
    }

    /// Pins the newest version for a new frame. Takes no lock and never waits.
    pub fn begin_frame(&self) -> FrameTicket<Buf> {
        let ticket = self.reader.ticket();
        #[cfg(feature = "planted-bugs")]
        let ticket = self.older_again(ticket);
        let who = Who {
            frame: self.desk.board.next_frame(),
            version: ticket.version(),
            source: self.source,
            is_fork: false,
        };
        FrameTicket {
            ticket,
            presence: Presence::begin(&self.desk, who),
            hidden_uses: Cell::new(0),
            stale_lookups: Cell::new(0),
        }
    }

    /// In place of the newest version now and then one that was seen before.
    #[cfg(feature = "planted-bugs")]
    fn older_again(&self, newest: HeapTicket<Buf>) -> HeapTicket<Buf> {
        if !is_planted!(OlderVersionAgain) {
            return newest;
        }
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        match newest.version().get() % 8 {
            0 => *before = Some(newest.fork()),
            5 => return before.take().unwrap_or(newest),
            _ => {}
        }
        newest
    }
}
