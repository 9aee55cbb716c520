//! Where frames begin.

use core::cell::Cell;
use core::fmt;
use std::sync::Arc;

use crate::actor::mailbox::Mailbox;
use crate::ticket::board::{Board, Desk, Presence, SourceId, Who};
use crate::ticket::{FrameTicket, HeapReader};

/// Begins frames, on any thread. Cheap to clone.
pub struct FrameSource<Buf> {
    reader: HeapReader<Buf>,
    desk: Arc<Desk>,
    source: SourceId,
}

impl<Buf> Clone for FrameSource<Buf> {
    fn clone(&self) -> Self {
        Self {
            reader: self.reader.clone(),
            desk: Arc::clone(&self.desk),
            source: self.source,
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
}
