//! Reads a trace, and says what it holds and how long an event took.
//!
//! `cargo run --release -p geoheap-trace --example read -- flight.trace.gz`

use std::error::Error;
use std::time::Instant;

use geoheap_trace::{Event, TraceError};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: read TRACE")?;
    let start = Instant::now();
    let mut reader = geoheap_trace::open(&path)?;
    let mut events = 0_u32;
    let mut frames = 0_u32;
    let mut peak_bytes = 0;
    let mut read = || -> Result<bool, TraceError> {
        let Some(event) = reader.next_event()? else {
            return Ok(false);
        };
        events += 1;
        frames += u32::from(matches!(event, Event::Frame { .. }));
        peak_bytes = peak_bytes.max(reader.state().live_bytes());
        Ok(true)
    };
    while read()? {}
    let ns_per_event = start.elapsed().as_secs_f64() * 1e9 / f64::from(events.max(1));
    let (format, line) = (reader.format(), reader.line());
    println!("{path}: {format}, {line} lines, {events} events, {frames} frames");
    println!("at most {peak_bytes} bytes live; {ns_per_event:.0} ns an event");
    Ok(())
}
