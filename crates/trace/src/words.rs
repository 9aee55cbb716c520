//! A line as words, each with its place.

use std::str::FromStr;

use crate::error::Fault;

/// A word and the byte at which it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

impl<'a> Word<'a> {
    #[cold]
    pub(crate) fn unexpected(self, expected: &'static str) -> Fault {
        Fault::expected(self.at, expected, self.text)
    }

    /// The name and the value of `name=value`; a word without `=` has no value.
    pub(crate) fn split(self) -> (&'a str, Option<Word<'a>>) {
        // A loop over bytes beats the library's searches in words this short.
        let Some(len) = self.text.bytes().position(|byte| byte == b'=') else {
            return (self.text, None);
        };
        let value = Word {
            text: &self.text[len + 1..],
            at: self.at + len + 1,
        };
        (&self.text[..len], Some(value))
    }

    /// The pieces between separators, which are ASCII.
    pub(crate) fn pieces(self, separator: u8) -> impl Iterator<Item = Word<'a>> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let Word { text, at } = rest?;
            let len = text.bytes().position(|byte| byte == separator);
            rest = len.map(|len| Word {
                text: &text[len + 1..],
                at: at + len + 1,
            });
            let text = &text[..len.unwrap_or(text.len())];
            Some(Word { text, at })
        })
    }

    /// Digits that stand for a number in a range.
    pub(crate) fn number<T>(self, min: T, max: T, expected: &'static str) -> Result<T, Fault>
    where
        T: TryFrom<u64> + PartialOrd + Copy,
    {
        digits(self.text)
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| *number >= min && *number <= max)
            .ok_or_else(|| self.unexpected(expected))
    }

    /// One of the names of a type.
    pub(crate) fn name<T: FromStr>(self, expected: &'static str) -> Result<T, Fault> {
        self.text.parse().map_err(|_| self.unexpected(expected))
    }
}

/// The number that nothing but digits stand for.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// The words of a line up to a comment: a `#` at the line's start or behind white space.
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        Self { line, at: 0 }
    }

    /// The next word, or a fault that says what it should have been.
    pub(crate) fn expect(&mut self, expected: &'static str) -> Result<Word<'a>, Fault> {
        self.next()
            .ok_or_else(|| Fault::expected(self.at, expected, ""))
    }

    /// A fault unless the line ends here.
    pub(crate) fn end(mut self) -> Result<(), Fault> {
        match self.next() {
            Some(word) => Err(word.unexpected("the end of the line")),
            None => Ok(()),
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let bytes = self.line.as_bytes();
        let mut at = self.at;
        while at < bytes.len() && is_blank(bytes[at]) {
            at += 1;
        }
        let start = at;
        if bytes.get(at).is_none_or(|&byte| byte == b'#') {
            return None;
        }
        while at < bytes.len() && !is_blank(bytes[at]) {
            at += 1;
        }
        self.at = at;
        Some(Word {
            text: &self.line[start..at],
            at: start,
        })
    }
}
