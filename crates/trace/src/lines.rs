//! A text line by line, with bounded memory.

use std::io::{self, BufRead, Read as _};

use crate::error::{Fault, Problem};
use crate::limits::LINE_BYTES_MAX;

/// Reads lines into one buffer.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    line: String,
    number: u64,
    /// The line is to be read once more.
    held: bool,
    /// The newest line has an end.
    complete: bool,
    /// The last line may go without an end.
    lenient: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            line: String::new(),
            number: 0,
            held: false,
            complete: true,
            lenient: true,
        }
    }

    /// The newest line, without its end.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    /// Its number, from 1; 0 before the first.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn input(&self) -> &R {
        &self.input
    }

    /// Lets the next call give the newest line again.
    pub(crate) fn hold(&mut self) {
        self.held = true;
    }

    /// Asks for an end of the last line, too, be it the newest.
    pub(crate) fn ask_for_ends(&mut self) -> Result<(), Fault> {
        self.lenient = false;
        self.check_end()
    }

    fn check_end(&self) -> Result<(), Fault> {
        if self.complete || self.lenient {
            Ok(())
        } else {
            Err(Fault::new(self.line.len(), Problem::CutOff))
        }
    }

    /// Reads the next line. `false` at the end of the text.
    pub(crate) fn advance(&mut self) -> Result<bool, Fault> {
        if std::mem::take(&mut self.held) {
            return Ok(true);
        }
        let mut bytes = std::mem::take(&mut self.line).into_bytes();
        bytes.clear();
        // Room for the longest line and both bytes of its end.
        let most = LINE_BYTES_MAX as u64 + 2;
        let read = (&mut self.input).take(most).read_until(b'\n', &mut bytes);
        self.number += u64::from(read.is_err() || !bytes.is_empty());
        if let Err(error) = read {
            return Err(Fault::new(bytes.len(), unreadable(&error)));
        }
        if bytes.is_empty() {
            return Ok(false);
        }
        self.complete = bytes.last() == Some(&b'\n');
        if self.complete {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.len() > LINE_BYTES_MAX {
            return Err(Fault::new(LINE_BYTES_MAX, Problem::LineTooLong));
        }
        self.line = String::from_utf8(bytes)
            .map_err(|error| Fault::new(error.utf8_error().valid_up_to(), Problem::NotUtf8))?;
        self.check_end()?;
        Ok(true)
    }
}

fn unreadable(error: &io::Error) -> Problem {
    Problem::Unreadable(format!("expected more to read: {error}"))
}
