//! What a trace comes to, in a few figures.

use std::fmt;

use geoheap_trace::Event;
use serde::Serialize;

/// Figures of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Lines that are events.
    pub events: u64,
    /// Frames that ended.
    pub frames: u64,
    /// Blocks that were added.
    pub blocks: u64,
    /// Bytes of all parts that lived at a time, at most.
    pub live_bytes_peak: u64,
    /// Bytes of all parts that live at the end.
    pub live_bytes_end: u64,
}

impl Summary {
    /// Takes an event in.
    pub fn note(&mut self, event: &Event<'_>) {
        self.events += 1;
        match event {
            Event::Frame { .. } => self.frames += 1,
            Event::Add(_) => self.blocks += 1,
            _ => {}
        }
    }

    /// Takes in how many bytes live behind it.
    pub fn live(&mut self, live_bytes: u64) {
        self.live_bytes_peak = self.live_bytes_peak.max(live_bytes);
        self.live_bytes_end = live_bytes;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} events, {} frames, {} blocks, at most {} bytes live, {} at the end",
            self.events, self.frames, self.blocks, self.live_bytes_peak, self.live_bytes_end
        )
    }
}
