//! Changes to a document that is right, chosen by bytes: most of what is wrong with real files is
//! small.

use crate::bytes::Bytes;

/// Words that values are replaced with.
const WORDS: [&str; 24] = [
    "0",
    "1",
    "-1",
    "4294967295",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "1e999",
    "0.5",
    "null",
    "true",
    "\"\"",
    "\"1v1\"",
    "\"live\"",
    "\"x\"",
    "[]",
    "{}",
    "[0]",
    "9223372036854775807",
    "16",
    "4096",
    "5126",
    "\"data:,\"",
    "\"/dev/null\"",
];

/// Edits that one input can make.
const EDITS_MAX: usize = 12;

/// Edits a document until the bytes end.
pub(crate) fn apply(document: &mut Vec<u8>, bytes: &mut Bytes<'_>) {
    for _ in 0..EDITS_MAX {
        let Some(kind) = bytes.next() else { return };
        edit(document, kind, bytes);
    }
}

fn edit(document: &mut Vec<u8>, kind: u8, bytes: &mut Bytes<'_>) {
    let place = usize::from(bytes.byte()) << 8 | usize::from(bytes.byte());
    let at = place % (document.len() + 1);
    match kind % 8 {
        // A value of the text, or of what is in it.
        0..=3 => {
            let values = values(document);
            let Some(&(start, end)) = values.get(place % values.len().max(1)) else {
                return;
            };
            let byte = bytes.byte();
            let other = values[usize::from(byte) % values.len()];
            let word = if byte < 160 {
                WORDS[usize::from(byte) % WORDS.len()].as_bytes().to_vec()
            } else if byte < 224 {
                // Another value of the same text.
                document[other.0..other.1].to_vec()
            } else {
                bytes.word().to_string().into_bytes()
            };
            document.splice(start..end, word);
        }
        4 => {
            let end = (at + usize::from(bytes.byte())).min(document.len());
            document.drain(at..end);
        }
        5 => {
            let end = (at + usize::from(bytes.byte())).min(document.len());
            let again = document[at..end].to_vec();
            document.splice(end..end, again);
        }
        6 => {
            if let Some(byte) = document.get_mut(at) {
                *byte = bytes.byte();
            }
        }
        _ => document.truncate(at),
    }
}

/// Where the numbers and texts of a JSON text are.
fn values(document: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < document.len() {
        let start = at;
        let rest = &document[at..];
        let len = match rest[0] {
            b'"' => 2 + rest[1..].iter().take_while(|byte| **byte != b'"').count(),
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &&u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'0'..=b'9');
                rest.iter().take_while(is_part).count()
            }
            _ => {
                at += 1;
                continue;
            }
        };
        at = (start + len).min(document.len());
        found.push((start, at));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_replaced_as_a_whole() {
        let edited = |input: &[u8]| {
            let mut document = b"{\"a\": -1.5, \"b\": [20]}".to_vec();
            apply(&mut document, &mut Bytes::new(input));
            String::from_utf8(document).expect("as it was")
        };
        assert_eq!(edited(&[]), "{\"a\": -1.5, \"b\": [20]}");
        assert_eq!(edited(&[0, 0, 1, 10]), "{\"a\": true, \"b\": [20]}");
        assert_eq!(edited(&[0, 0, 3, 160]), "{\"a\": -1.5, \"b\": [\"a\"]}");
        assert_eq!(edited(&[7, 0, 5]), "{\"a\":");
        assert_eq!(edited(&[4, 0, 5, 255]), "{\"a\":");
    }
}
