//! What lies under the pointer.

use crate::figures;
use crate::heap::Segment;

/// What a pixel of a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The segment with the most bytes there; none where all is free.
    pub(crate) segment: Option<Segment>,
    /// How many segments the pixel shows.
    pub(crate) count: usize,
    /// The byte in the middle of the pixel.
    pub(crate) offset: u64,
}

/// What the pixel from `share` to `share + pixel` of a chunk shows, both as shares of the row's
/// width. Costs as much as there are segments in that pixel.
pub(crate) fn hit(segments: &[Segment], capacity: u64, share: f32, pixel: f32) -> Hit {
    let at = |share: f32| scaled(capacity, share);
    let (start, end) = (
        at(share),
        at(share + pixel).max(at(share).saturating_add(1)),
    );
    let first = segments.partition_point(|segment| segment.end <= start);
    let seen = segments[first..]
        .iter()
        .take_while(|segment| segment.start < end);
    let mut best: Option<(u64, Segment)> = None;
    let mut count = 0;
    for segment in seen {
        count += 1;
        let bytes = segment.end.min(end) - segment.start.max(start);
        if best.is_none_or(|(most, _)| bytes > most) {
            best = Some((bytes, *segment));
        }
    }
    Hit {
        segment: best.map(|(_, segment)| segment),
        count,
        offset: start.midpoint(end).min(capacity.saturating_sub(1)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of the capacity, which saturates"
)]
fn scaled(capacity: u64, share: f32) -> u64 {
    (figures::to_f64(capacity) * f64::from(share)) as u64
}

#[cfg(test)]
mod tests;
