//! How far a flight has come, on the error stream: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Lines without a terminal come at least this far apart, but for the first and the last.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// A flight's progress.
#[derive(Debug)]
pub enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// Into a file or a pipe.
    Lines {
        /// Frames in all.
        frames: u64,
        /// When the last line was written.
        last: Option<Instant>,
    },
}

impl Progress {
    /// Starts at frame 0 of `frames`.
    pub fn new(frames: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { frames, last: None };
        }
        let bar = ProgressBar::new(frames);
        if let Ok(style) = ProgressStyle::with_template(
            "flying [{bar:32}] {pos}/{len} frames, {per_sec}, {eta} left  {msg}",
        ) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self::Bar(bar)
    }

    /// `frame` frames are done; `say` makes a few words about them.
    pub fn set(&mut self, frame: u64, say: impl FnOnce() -> String) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(frame);
                bar.set_message(say());
            }
            Self::Lines { frames, last } => {
                let due = last.is_none_or(|at| at.elapsed() >= LINE_EVERY);
                if due || frame == *frames {
                    line(&format!("frame {frame} of {frames}  {}", say()));
                    *last = Some(Instant::now());
                }
            }
        }
    }

    /// Ends the bar.
    pub fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish();
        }
    }
}

/// Writes a line; an error stream that is closed is no reason to end a flight.
fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
