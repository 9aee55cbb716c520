//! Kinds of parts as a trace names them, with alignments of their own.

use geoheap::{AlignRule, HeapDump, KindId, KindRow};
use geoheap_trace::{Kind, Part};

/// Rows for parts that a trace aligns otherwise than the engine does by itself, in the order of
/// the engine's own kinds and right behind them.
const ALIGNED: [&str; 4] = [
    "vertex-aligned",
    "index-aligned",
    "uniform-aligned",
    "storage-aligned",
];
/// What their names have beside the plain ones.
const ALIGNED_SUFFIX: &str = "-aligned";
/// Kinds that the engine has by itself.
const STANDARD: u8 = 4;

/// Kinds beside the engine's own.
pub(super) fn rows() -> Vec<KindRow> {
    let rule = AlignRule::PerPart;
    ALIGNED.map(|name| KindRow { name, rule }).into()
}

/// The kind and the stride with which the engine places a part as the trace says. A part with an
/// alignment starts at a multiple of that and of its stride.
pub(super) fn kind_and_stride(part: &Part) -> (KindId, u32) {
    let kind: u8 = match part.kind {
        Kind::Vertex | Kind::Mesh => 0,
        Kind::Index => 1,
        Kind::Uniform => 2,
        Kind::Storage => 3,
    };
    let stride = part.stride_or_default();
    if part.align <= 1 {
        return (KindId::new(kind), stride);
    }
    (KindId::new(STANDARD + kind), lcm(part.align, stride.max(1)))
}

/// Gives the kinds in a dump the names that the trace has for them.
pub(super) fn rename(dump: &mut HeapDump) {
    let parts = dump.blocks.iter_mut().flat_map(|block| &mut block.parts);
    for part in parts {
        if let Some(plain) = part.kind.strip_suffix(ALIGNED_SUFFIX) {
            part.kind = plain.to_owned();
        }
    }
}

/// The least common multiple; what does not fit 32 bits is refused by the engine as too large.
fn lcm(one: u32, other: u32) -> u32 {
    let (mut a, mut b) = (one, other);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    (one / a).saturating_mul(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, (align, stride): (u32, u32), expected: (u8, u32)) {
        let part = Part {
            align,
            ..Part::new(kind, 64).stride(stride)
        };
        let (kind, stride) = kind_and_stride(&part);
        assert_eq!((kind.get(), stride), expected, "kind and stride");
    }

    #[test]
    fn kinds_by_alignment() {
        check(Kind::Vertex, (1, 20), (0, 20));
        check(Kind::Index, (1, 0), (1, 2));
        check(Kind::Storage, (64, 0), (7, 64));
        check(Kind::Uniform, (256, 0), (6, 256));
        check(Kind::Vertex, (16, 20), (4, 80));
        check(Kind::Vertex, (7, u32::MAX), (4, u32::MAX));
    }
}
