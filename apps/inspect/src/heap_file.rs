//! Heaps from files, and texts to where they are wanted.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use geoheap_heap_dump::{HeapDump, vma};
use serde::Serialize;

use crate::outcome::BadInput;
use crate::output::{self, STANDARD};

/// Bytes of a heap at most, unpacked: a small file may unpack to more than a machine holds.
const BYTES_MAX: u64 = 4 << 30;

/// Bytes in which the first sign is looked for.
const SIGN_WITHIN_BYTES: u64 = 1 << 16;

/// The bytes of a file, unpacked where its name ends in `.gz`; of standard input for `-`.
///
/// # Errors
/// [`BadInput`] with the name, also for more than 4 GiB.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, BadInput> {
    let read = if path.as_os_str() == STANDARD {
        read_at_most(io::stdin().lock(), BYTES_MAX)
    } else {
        File::open(path).and_then(|file| {
            if output::is_gzip(path) {
                read_at_most(MultiGzDecoder::new(file), BYTES_MAX)
            } else {
                read_at_most(file, BYTES_MAX)
            }
        })
    };
    let because = |error| BadInput::new(format_args!("{}: cannot be read: {error}", name(path)));
    read.map_err(because)
}

fn read_at_most(from: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let why = format!("expected at most {bytes_max} bytes, unpacked; found more");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

/// A heap: one of ours, or a dump of AMD's allocators.
///
/// # Errors
/// [`BadInput`] with the file's name and, but for one that cannot be read, the position.
pub fn read_heap(path: &Path) -> Result<HeapDump, BadInput> {
    let bytes = read_bytes(path)?;
    let dump = match std::str::from_utf8(&bytes) {
        Ok(text) if vma::is_vma(text) => vma::read(text),
        _ => HeapDump::from_bytes(&bytes),
    };
    dump.map_err(|error| BadInput::new(format_args!("{}: {error}", name(path))))
}

/// Whether a file holds a JSON object, as heaps do and traces do not, by its first sign. Not so
/// for standard input and for pipes, which can be read only once, nor for what cannot be read.
pub fn is_json(path: &Path) -> bool {
    let is_file = path.metadata().is_ok_and(|meta| meta.is_file());
    if !is_file || path.as_os_str() == STANDARD {
        return false;
    }
    let Ok(file) = File::open(path) else {
        return false;
    };
    let file: Box<dyn Read> = if output::is_gzip(path) {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut signs = BufReader::new(file.take(SIGN_WITHIN_BYTES))
        .bytes()
        .map_while(Result::ok);
    signs.find(|sign| !sign.is_ascii_whitespace()) == Some(b'{')
}

/// Writes a text to standard output, with a line's end behind it. A reader who has seen enough is
/// no error.
///
/// # Errors
/// [`BadInput`] where there is nowhere to write to.
pub fn say(text: &str) -> Result<(), BadInput> {
    output::write_bytes(
        None,
        format!("{}\n", text.trim_end_matches('\n')).as_bytes(),
    )
}

/// Writes a value to standard output, as JSON over several lines.
///
/// # Errors
/// [`BadInput`] where there is nowhere to write to.
pub fn say_json(value: &impl Serialize) -> Result<(), BadInput> {
    say(&serde_json::to_string_pretty(value).map_err(BadInput::new)?)
}

/// A label as a table shows it: on one line, not too long, and never empty.
pub fn shown(label: &str) -> String {
    const LETTERS_MAX: usize = 24;
    if label.is_empty() {
        return "(none)".to_owned();
    }
    let plain = label.escape_debug().to_string().replace("\\\"", "\"");
    if plain.chars().count() <= LETTERS_MAX {
        return plain;
    }
    plain
        .chars()
        .take(LETTERS_MAX - 2)
        .chain("..".chars())
        .collect()
}

/// The name for messages.
pub fn name(path: &Path) -> String {
    if path.as_os_str() == STANDARD {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Bytes as people read them: `17`, `1.5 KiB`, `256 MiB`.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let unit = (bytes.ilog2() / 10).clamp(1, 6);
    #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
    let value = bytes as f64 / (1_u64 << (10 * unit)) as f64;
    let decimals = usize::from(value < 99.95) + usize::from(value < 9.995);
    let text = format!("{value:.decimals$}");
    let short = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{short} {}", UNITS[unit as usize - 1])
}

#[cfg(test)]
mod tests {
    use super::{human, read_at_most};

    #[test]
    fn no_more_is_read_than_the_limit() {
        assert_eq!(read_at_most(&b"1234"[..], 4).expect("as many"), b"1234");
        let refused = read_at_most(std::io::repeat(0), 4).expect_err("one more");
        let expected = "expected at most 4 bytes, unpacked; found more";
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn bytes_for_people() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (10_000, "9.77 KiB"),
            (102_400, "100 KiB"),
            (1 << 20, "1 MiB"),
            ((16 << 20) - 4096, "16 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(human(bytes), expected, "{bytes}");
        }
    }
}
