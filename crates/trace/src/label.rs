//! Labels as words: what would end a word, or begin a comment, is percent-encoded.

use crate::error::Fault;
use crate::limits::LABEL_BYTES_MAX;
use crate::words::Word;

const EXPECTED: &str = "a name in UTF-8 with `%` and two hexadecimal digits for special bytes";

/// Whether a label holds this character only encoded. All white space is, beyond the two that
/// separate words here: other languages split lines at more.
fn is_special(c: char) -> bool {
    matches!(c, '%' | '#' | '=') || is_unseen(c)
}

/// Whether a word shows nothing of the character, so that it may stand in no label as it is.
fn is_unseen(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// Appends a label as one word.
pub(crate) fn encode(label: &str, line: &mut String) {
    for c in label.chars() {
        if is_special(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
                line.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        } else {
            line.push(c);
        }
    }
}

/// The label that a word stands for, in `scratch` where it differs from the word.
pub(crate) fn decode<'a>(word: Word<'a>, scratch: &'a mut String) -> Result<&'a str, Fault> {
    if word.text.len() > 3 * LABEL_BYTES_MAX {
        return Err(too_long(word));
    }
    if let Some(at) = word.text.find(is_unseen) {
        return Err(Fault::expected(word.at + at, EXPECTED, &word.text[at..]));
    }
    if !word.text.contains('%') {
        let short = word.text.len() <= LABEL_BYTES_MAX;
        return short.then_some(word.text).ok_or_else(|| too_long(word));
    }
    let mut bytes = std::mem::take(scratch).into_bytes();
    bytes.clear();
    let mut rest = word.text.bytes().enumerate();
    while let Some((at, byte)) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let (_, digit) = rest.next()?;
            char::from(digit).to_digit(16)
        };
        let code = digit().zip(digit()).map(|(high, low)| high * 16 + low);
        let Some(Ok(code)) = code.map(u8::try_from) else {
            return Err(Fault::expected(word.at + at, EXPECTED, &word.text[at..]));
        };
        bytes.push(code);
    }
    if bytes.len() > LABEL_BYTES_MAX {
        return Err(too_long(word));
    }
    *scratch = String::from_utf8(bytes).map_err(|_| word.unexpected(EXPECTED))?;
    Ok(scratch)
}

fn too_long(word: Word<'_>) -> Fault {
    word.unexpected("a name of at most 65536 bytes")
}

/// As much of a label as a trace takes.
pub fn shortened_label(label: &str) -> &str {
    &label[..label.floor_char_boundary(LABEL_BYTES_MAX)]
}
