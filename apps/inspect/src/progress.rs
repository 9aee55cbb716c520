//! How far long work has come: a bar on the error stream where that is a terminal, else nothing.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// Steps between two looks at the clock.
const STEPS: u64 = 4096;

/// Work under way.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    steps: u64,
}

impl Progress {
    /// Starts at nothing; `total` in whatever [`Progress::step`] counts, if it is known.
    pub fn new(what: &'static str, total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let (bar, template) = match total {
                Some(total) => (
                    ProgressBar::new(total),
                    "{prefix} [{bar:32}] {percent}%, {eta} left  {msg}",
                ),
                None => (
                    ProgressBar::new_spinner(),
                    "{prefix} {spinner} {elapsed}  {msg}",
                ),
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(what);
            bar
        });
        Self { bar, steps: 0 }
    }

    /// One step; `say` gives how far it is, and a few words about it. Called now and then only.
    pub fn step(&mut self, say: impl FnOnce() -> (u64, String)) {
        self.steps += 1;
        if let Some(bar) = &self.bar
            && self.steps.is_multiple_of(STEPS)
        {
            let (done, words) = say();
            bar.set_position(done);
            bar.set_message(words);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
