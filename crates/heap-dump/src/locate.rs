//! Where the value of a path stands in a JSON text.
//!
//! The text was parsed before, so it is known to be JSON; on any other the answer is a place in
//! it all the same.

use crate::error::Position;

/// The position of the value at `path`, such as `blocks[7].parts[1].offset`; that of the innermost
/// value around it that is there, if it is missing.
pub(crate) fn position(text: &str, path: &str) -> Position {
    let mut cursor = Cursor {
        text: text.as_bytes(),
        at: 0,
    };
    cursor.skip_space();
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        let start = cursor.at;
        let found = match step.strip_suffix(']') {
            Some(index) => index
                .parse()
                .ok()
                .and_then(|index| cursor.enter_array(index)),
            None => cursor.enter_object(step),
        };
        if found.is_none() {
            cursor.at = start;
            break;
        }
    }
    Position::of(cursor.text, cursor.at)
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Passes over `byte` and the space behind it.
    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| {
            self.at += 1;
            self.skip_space();
        })
    }

    /// To element `index` of the array here.
    fn enter_array(&mut self, index: usize) -> Option<()> {
        self.eat(b'[')?;
        for _ in 0..index {
            self.skip_value();
            self.eat(b',')?;
        }
        (self.peek() != Some(b']')).then_some(())
    }

    /// To the value of `key` in the object here.
    fn enter_object(&mut self, key: &str) -> Option<()> {
        self.eat(b'{')?;
        loop {
            let start = self.at;
            self.skip_string();
            let is_it = self.text[start..self.at]
                .strip_prefix(b"\"")
                .and_then(|rest| rest.strip_suffix(b"\""))
                == Some(key.as_bytes());
            self.skip_space();
            self.eat(b':')?;
            if is_it {
                return Some(());
            }
            self.skip_value();
            self.eat(b',')?;
        }
    }

    /// To the end of the string here; escaped quotes are part of it.
    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        self.at = self.at.min(self.text.len());
    }

    /// To what follows the value here, space included.
    fn skip_value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.skip_string();
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' | b',' if depth == 0 => break,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }
}
