//! Kinds of parts as a trace names them, with alignments of their own.

use std::sync::OnceLock;

use geoheap::{Align, AlignRule, KindId, KindRow};
use geoheap_trace::{Kind, Part};

/// Names of the engine's standard kinds, in the order of their numbers.
const NAMES: [&str; 4] = ["vertex", "index", "uniform", "storage"];
/// Alignments that have kinds of their own: the powers of two from 8 to 65536.
const ALIGNS: u32 = 14;
const ALIGN_MIN: u32 = 8;

/// Rows for the kinds that a trace may align otherwise than the engine does by itself.
pub(super) fn rows() -> Vec<KindRow> {
    static ROWS: OnceLock<Vec<String>> = OnceLock::new();
    let names = ROWS.get_or_init(|| {
        let aligns = (0..ALIGNS).map(|step| ALIGN_MIN << step);
        let row = |align| NAMES.map(move |name| format!("{name}/{align}"));
        aligns.flat_map(row).collect()
    });
    let per_align = NAMES.len();
    let row = |(nth, name): (usize, &'static String)| {
        let align = u64::from(ALIGN_MIN) << (nth / per_align);
        KindRow {
            name,
            rule: AlignRule::Fixed(Align::new(align).unwrap_or(Align::ONE)),
        }
    };
    names.iter().enumerate().map(row).collect()
}

/// The kind for a part. Another alignment than the kind's own takes the place of the kind's rule,
/// rounded up to a power of two.
pub(super) fn kind_of(part: &Part) -> KindId {
    let base: u8 = match part.kind {
        Kind::Vertex | Kind::Mesh => 0,
        Kind::Index => 1,
        Kind::Uniform => 2,
        Kind::Storage => 3,
    };
    let align = part.align.next_power_of_two();
    if align < ALIGN_MIN {
        return KindId::new(base);
    }
    let step = (align / ALIGN_MIN).trailing_zeros().min(ALIGNS - 1);
    let step = u8::try_from(step).unwrap_or_default();
    KindId::new(4 + step * 4 + base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, align: u32, expected: &str) {
        let part = Part {
            align,
            ..Part::new(kind, 64)
        };
        let number = usize::from(kind_of(&part).get());
        let name = match number.checked_sub(NAMES.len()) {
            None => NAMES[number],
            Some(row) => rows()[row].name,
        };
        assert_eq!(name, expected);
    }

    #[test]
    fn kinds_by_alignment() {
        check(Kind::Vertex, 1, "vertex");
        check(Kind::Index, 4, "index");
        check(Kind::Storage, 8, "storage/8");
        check(Kind::Uniform, 256, "uniform/256");
        check(Kind::Vertex, 100, "vertex/128");
        check(Kind::Index, 65_536, "index/65536");
    }
}
