//! The committed inputs: one file for each target, one input for each line.
//!
//! A line is the input's bytes in hexadecimal, two digits a byte. A `#` and what follows it is a
//! comment, and lines without anything else do not count. So a change of the corpus can be read
//! and merged like one of a source, and an input that once found a fault can say which.

use std::fmt::Write as _;
use std::path::PathBuf;

/// The file of a target's corpus, wherever the checkout lies today.
pub fn path(target: &str) -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let folder = PathBuf::from(package).join("corpus");
    folder.join(target).with_extension("hex")
}

/// The inputs in a text, in order.
///
/// # Errors
/// The number of the first line, from 1, that is not written as it should be.
pub fn parse(text: &str) -> Result<Vec<Vec<u8>>, usize> {
    let mut inputs = Vec::new();
    for (number, line) in (1_usize..).zip(text.lines()) {
        let digits = line.split('#').next().unwrap_or_default().trim();
        if !digits.is_empty() {
            inputs.push(bytes(digits).ok_or(number)?);
        }
    }
    Ok(inputs)
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    pairs.map(byte).collect()
}

fn digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// The text of a corpus, shortest inputs first.
pub fn render(mut inputs: Vec<Vec<u8>>) -> String {
    inputs.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    inputs.dedup();
    let mut text = String::new();
    for input in inputs.iter().filter(|input| !input.is_empty()) {
        for byte in input {
            // Writing to a string cannot fail.
            _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    text
}

/// The random input of a number: fewer than `len_max` bytes.
pub fn random(number: u64, len_max: usize) -> Vec<u8> {
    // The number's bits are spread first (`splitmix64`), so that neighbours differ; then
    // xorshift64 (Marsaglia, 2003).
    let mut seed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    seed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    seed = (seed ^ seed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) | 1;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let len = usize::try_from(next() % len_max.max(1) as u64).unwrap_or(0);
    (0..len).map(|_| next().to_le_bytes()[4]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_it_was_written() {
        let inputs = vec![vec![0, 255, 16], vec![7]];
        let text = render(inputs.clone());
        assert_eq!(text, "07\n00ff10\n");
        assert_eq!(parse(&text), Ok(vec![vec![7], vec![0, 255, 16]]));
        assert_eq!(parse("# all\n\n0A # ten\n"), Ok(vec![vec![10]]));
    }

    #[test]
    fn the_line_that_is_wrong_is_named() {
        for wrong in ["0", "0g", "000", "+1", "0 1"] {
            assert_eq!(parse(&format!("00\n{wrong}\n")), Err(2), "{wrong}");
        }
    }
}
