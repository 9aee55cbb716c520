//! Numbers as people read them, and the few conversions that pixels need.

/// Bytes with a binary unit and three digits: `17 B`, `4.00 KiB`, `15.9 MiB`, `256 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut scaled = to_f64(bytes) / 1024.0;
    let mut unit = 0;
    // 1023.5 would be written with four digits.
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let digits = match scaled {
        scaled if scaled < 9.995 => 2,
        scaled if scaled < 99.95 => 1,
        _ => 0,
    };
    format!("{scaled:.digits$} {}", UNITS[unit])
}

/// A count with its thousands apart: `12 345`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `part` of `whole` in percent; 0 of nothing.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    let hundredfold = u128::from(part) * 100;
    let percent = hundredfold.checked_div(u128::from(whole)).unwrap_or(0);
    u64::try_from(percent).unwrap_or(u64::MAX)
}

/// `part` of `whole`, from 0 to 1.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a share needs no more digits"
)]
pub(crate) fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 {
        0.0
    } else {
        (to_f64(part) / to_f64(whole)).min(1.0) as f32
    }
}

/// The nearest double.
#[expect(clippy::cast_precision_loss, reason = "figures for the eye")]
pub(crate) const fn to_f64(number: u64) -> f64 {
    number as f64
}

/// Pixels or rows as a coordinate.
#[expect(
    clippy::cast_precision_loss,
    reason = "a screen has some thousand pixels"
)]
pub(crate) const fn to_f32(pixels: usize) -> f32 {
    pixels as f32
}

/// A coordinate as whole pixels or rows, rounded down; 0 for what is below and for no number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates"
)]
pub(crate) const fn to_pixels(at: f32) -> usize {
    at as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits() {
        for (given, said) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (10_234, "9.99 KiB"),
            (10_240, "10.0 KiB"),
            (16 << 20, "16.0 MiB"),
            ((16 << 20) - 4096, "16.0 MiB"),
            (256 << 20, "256 MiB"),
            (1023 << 20, "1.00 GiB"),
            (3 << 30, "3.00 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(given), said, "{given}");
        }
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        for (given, said) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 000"),
            (1_234_567, "1 234 567"),
        ] {
            assert_eq!(count(given), said, "{given}");
        }
    }

    #[test]
    fn shares_of_nothing_are_nothing() {
        assert_eq!(percent(5, 0), 0);
        assert_eq!(percent(u64::MAX, 1), u64::MAX, "saturates");
        assert_eq!(percent(1, 3), 33);
        for (part, whole, of) in [(5, 0, 0.0), (1, 2, 0.5), (9, 3, 1.0)] {
            assert!((share(part, whole) - of).abs() < 1e-6, "{part} of {whole}");
        }
    }

    #[test]
    fn coordinates_saturate() {
        for (at, pixels) in [(-3.0, 0), (f32::NAN, 0), (7.9, 7)] {
            assert_eq!(to_pixels(at), pixels, "{at}");
        }
    }
}
