//! Where generated events go, until they are enough.

use std::fmt;
use std::io;

use geoheap_trace::{Event, State};

use crate::summary::Summary;

/// How long a trace becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many events, the last of them a frame.
    Events(u64),
    /// So many frames.
    Frames(u64),
}

/// Why a program stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// The trace is as long as it was to be.
    Enough,
    /// It cannot be written.
    Io(io::Error),
}

/// Takes events to where they are written, and follows what they come to.
pub struct Sink<'a> {
    write: &'a mut dyn FnMut(&Event<'_>) -> io::Result<()>,
    limit: Limit,
    state: State,
    summary: Summary,
}

impl fmt::Debug for Sink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("limit", &self.limit)
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

impl<'a> Sink<'a> {
    /// Events go through `write`.
    pub fn new(write: &'a mut dyn FnMut(&Event<'_>) -> io::Result<()>, limit: Limit) -> Self {
        Self {
            write,
            limit,
            state: State::new(),
            summary: Summary::default(),
        }
    }

    /// What was written so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Writes an event, unless only the last frame's end is still to come.
    pub(super) fn put(&mut self, event: &Event<'_>) -> Result<(), Stop> {
        if let Limit::Events(events) = self.limit
            && self.summary.events + 1 >= events
        {
            return Err(Stop::Enough);
        }
        self.write(event).map_err(Stop::Io)
    }

    /// Ends a frame.
    pub(super) fn end_frame(&mut self) -> Result<(), Stop> {
        let full = match self.limit {
            Limit::Events(events) => self.summary.events + 1 >= events,
            Limit::Frames(frames) => self.summary.frames + 1 >= frames,
        };
        if full {
            return Err(Stop::Enough);
        }
        self.write(&Event::Frame { lag: None }).map_err(Stop::Io)
    }

    /// Ends the last frame.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.write(&Event::Frame { lag: None })
    }

    fn write(&mut self, event: &Event<'_>) -> io::Result<()> {
        let applied = self.state.apply(event);
        assert_eq!(applied, Ok(()), "a program writes what may come: {event:?}");
        (self.write)(event)?;
        self.summary.note(event);
        self.summary.live(self.state.live_bytes());
        Ok(())
    }
}
