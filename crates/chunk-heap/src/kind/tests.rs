use geoheap_suballoc::{Align, ByteLen};

use super::{AlignRule, KindError, KindId, KindRow, KindTable};
use crate::layout::{LayoutError, PartSpec};

fn align(bytes: u64) -> Align {
    Align::new(bytes).expect("tests give positive alignments")
}

fn table() -> KindTable {
    KindTable::standard(align(256), align(32))
}

#[test]
fn each_rule_gives_its_alignment() {
    let mut kinds = table();
    let own = kinds.push(KindRow {
        name: "meshlet",
        rule: AlignRule::Fixed(align(6)),
    });
    let own = own.expect("the table has room");
    let aligned = kinds.push(KindRow {
        name: "aligned",
        rule: AlignRule::PerPart,
    });
    let aligned = aligned.expect("the table has room");
    let check = |kind, len, stride, expected: Result<u64, LayoutError>| {
        let spec = PartSpec {
            kind,
            len: ByteLen::new(len),
            stride,
        };
        assert_eq!(kinds.align_of(&spec).map(Align::get), expected, "{spec:?}");
    };
    check(KindId::VERTEX, 36, 12, Ok(12));
    check(KindId::VERTEX, 18, 6, Ok(12));
    check(KindId::VERTEX, 7, 7, Ok(28));
    check(KindId::INDEX, 6, 2, Ok(4));
    check(KindId::INDEX, 12, 4, Ok(4));
    check(KindId::UNIFORM, 5, 0, Ok(256));
    check(KindId::STORAGE, 48, 16, Ok(32));
    check(own, 10, 0, Ok(12));
    check(aligned, 7, 16, Ok(16));
    check(aligned, 7, 6, Ok(12));

    let bad_stride = |kind, stride| Err(LayoutError::BadStride { kind, stride });
    check(KindId::VERTEX, 36, 0, bad_stride(KindId::VERTEX, 0));
    check(KindId::INDEX, 36, 0, bad_stride(KindId::INDEX, 0));
    check(KindId::INDEX, 36, 3, bad_stride(KindId::INDEX, 3));
    check(aligned, 36, 0, bad_stride(aligned, 0));
    check(KindId::INDEX, 36, 8, bad_stride(KindId::INDEX, 8));
    let misaligned = |len, stride| {
        Err(LayoutError::Misaligned {
            len: ByteLen::new(len),
            stride,
        })
    };
    check(KindId::VERTEX, 37, 12, misaligned(37, 12));
    check(KindId::INDEX, 7, 2, misaligned(7, 2));
    check(KindId::STORAGE, 50, 16, misaligned(50, 16));
    check(KindId::VERTEX, 0, 12, Err(LayoutError::ZeroSize));
    check(
        KindId::new(9),
        4,
        4,
        Err(LayoutError::UnknownKind {
            kind: KindId::new(9),
        }),
    );
}

#[test]
fn a_kind_is_refused_for_its_name_its_alignment_or_a_full_table() {
    let mut kinds = table();
    let row = |name, bytes| KindRow {
        name,
        rule: AlignRule::Fixed(align(bytes)),
    };
    let taken = kinds.push(row("index", 4));
    assert_eq!(taken, Err(KindError::NameTaken { by: KindId::INDEX }));
    let large = kinds.push(row("odd", u64::MAX));
    assert_eq!(
        large,
        Err(KindError::AlignmentTooLarge {
            align: align(u64::MAX)
        })
    );
    assert_eq!(kinds, table(), "L6: what was refused changed nothing");

    for n in 4..KindTable::ROWS_MAX {
        let name: &'static str = Box::leak(n.to_string().into_boxed_str());
        let id = kinds.push(row(name, 4)).expect("256 rows fit");
        assert_eq!(usize::from(id.get()), n, "ids are dense");
    }
    assert_eq!(
        kinds.iter().count(),
        KindTable::ROWS_MAX,
        "all rows are seen"
    );
    let full = kinds.push(row("one more", 4));
    assert_eq!(full, Err(KindError::TableFull { max: 256 }));
}
