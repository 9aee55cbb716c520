mod kinds;
mod model;

use geoheap_suballoc::{Align, ByteLen, ByteOffset};
use insta::assert_snapshot;

use super::rooms::ROOMS_MAX;
use super::*;
use crate::kind::{AlignRule, KindId, KindRow, WORD_BYTES};

const KIB: u64 = 1024;

fn align(bytes: u64) -> Align {
    Align::new(bytes).expect("tests give positive alignments")
}

fn kinds() -> KindTable {
    KindTable::standard(align(256), align(64))
}

/// A kind of the caller's own, in [`kinds_and_own`].
const MESHLET: KindId = KindId::new(4);

/// The standard kinds, and one with an alignment of 48.
fn kinds_and_own() -> KindTable {
    let mut kinds = kinds();
    let (name, rule) = ("meshlet", AlignRule::Fixed(align(48)));
    assert_eq!(kinds.push(KindRow { name, rule }), Ok(MESHLET));
    kinds
}

fn spec(kind: KindId, bytes: u64, stride: u32) -> PartSpec {
    PartSpec {
        kind,
        len: ByteLen::new(bytes),
        stride,
    }
}

fn pack(specs: &[PartSpec], spare: u64) -> BlockLayout {
    let layout = BlockLayout::pack(specs, &kinds(), ByteLen::new(spare), align(65_536));
    layout.expect("the specs are good")
}

fn start(layout: &BlockLayout, id: PartId) -> ByteOffset {
    layout.part(id).expect("the part is live").range.start
}

fn ids(layout: &BlockLayout) -> Vec<PartId> {
    layout.parts().map(|part| part.id).collect()
}

/// KiB that are live, retired and free, and those of the largest free room.
fn figures(layout: &BlockLayout) -> [u64; 4] {
    let lens = [
        layout.live_bytes(),
        layout.retired_bytes(),
        layout.free_bytes(),
        layout.largest_room(),
    ];
    lens.map(|len| len.get() / KIB)
}

/// The example that the layout was made for: parts come and go in a block with spare room.
#[test]
fn the_seed_s_block_takes_a_uniform_part_at_300_kib_and_merges_to_800() {
    let vertices = spec(KindId::VERTEX, 200 * KIB, 32);
    let indices = spec(KindId::INDEX, 100 * KIB, 4);
    let mut layout = pack(&[vertices, indices], 700 * KIB);
    assert_eq!(layout.len(), ByteLen::from_kib(1000));
    let [vertex, index] = ids(&layout)[..] else {
        panic!("two parts were packed")
    };
    assert_eq!(start(&layout, vertex), ByteOffset::new(0));
    assert_eq!(start(&layout, index), ByteOffset::new(200 * KIB));
    assert_eq!(figures(&layout), [300, 0, 700, 700], "L7");

    let uniform = layout.add(spec(KindId::UNIFORM, 50 * KIB, 0), &kinds());
    let uniform = uniform.expect("there is room");
    assert_eq!(start(&layout, uniform), ByteOffset::new(300 * KIB));
    assert_eq!(figures(&layout), [350, 0, 650, 650], "L7");
    assert_snapshot!(layout, @"
    block of 1024000 bytes, align 256
             0 +204800     kind 0 part 0.1 live
        204800 +102400     kind 1 part 1.1 live
        307200 +51200      kind 2 part 2.1 live
        358400 +665600     free
    ");

    for (id, retired) in [(index, 100), (uniform, 150)] {
        layout.remove(id).expect("the part is live");
        let expected = [350 - retired, retired, 650, 650];
        assert_eq!(figures(&layout), expected, "L4: older versions may read it");
    }
    layout.release(index).expect("the part was removed");
    assert_eq!(figures(&layout), [200, 50, 750, 650], "L7: two rooms");
    assert!((layout.fragmentation() - 100.0 / 750.0).abs() < 1e-9, "L7");
    assert_eq!(layout.gap_bytes(), ByteLen::from_kib(100));
    layout.release(uniform).expect("the part was removed");
    layout.validate();
    assert_eq!(figures(&layout), [200, 0, 800, 800], "L7: one again");
    assert!(layout.fragmentation().abs() < 1e-9, "L7");
    assert_snapshot!(layout, @"
    block of 1024000 bytes, align 256
             0 +204800     kind 0 part 0.1 live
        204800 +819200     free
    ");
}

#[test]
fn packing_refuses_what_cannot_be_a_block() {
    let check = |specs: &[PartSpec], spare: u64, max_align: u64, expected: LayoutError| {
        let spare = ByteLen::new(spare);
        let packed = BlockLayout::pack(specs, &kinds(), spare, align(max_align));
        assert_eq!(packed, Err(expected), "{specs:?}");
    };
    let vertices = |stride| spec(KindId::VERTEX, u64::from(stride), stride);
    check(&[], 0, 64, LayoutError::ZeroSize);
    check(
        &[vertices(12), spec(KindId::INDEX, 0, 2)],
        0,
        64,
        LayoutError::ZeroSize,
    );
    let (kind, stride) = (KindId::INDEX, 3);
    check(
        &[spec(KindId::INDEX, 6, 3)],
        0,
        64,
        LayoutError::BadStride { kind, stride },
    );
    check(
        &[vertices(1_020), vertices(1_012)],
        0,
        65_536,
        LayoutError::AlignmentTooLarge {
            align: 258_060,
            max: 65_536,
        },
    );
    check(
        &[vertices(68)],
        0,
        64,
        LayoutError::AlignmentTooLarge { align: 68, max: 64 },
    );
    let max = ByteLen::new(17_179_869_176);
    let needed = ByteLen::new(u64::MAX);
    check(
        &[spec(KindId::UNIFORM, u64::MAX, 0)],
        0,
        256,
        LayoutError::TooLarge { needed, max },
    );
    check(&[], u64::MAX, 256, LayoutError::TooLarge { needed, max });
    let needed = ByteLen::new(17_179_869_176 + 12);
    check(
        &[vertices(12)],
        max.get(),
        256,
        LayoutError::TooLarge { needed, max },
    );
}

#[test]
fn a_block_with_spare_room_is_aligned_for_what_may_come() {
    let vertices = spec(KindId::VERTEX, 120, 12);
    let uniform = spec(KindId::UNIFORM, 16, 0);
    assert_eq!(pack(&[vertices], 0).align().get(), 12, "nothing comes");
    assert_eq!(pack(&[vertices], 1_024).align().get(), 768, "lcm(12, 256)");

    let tight = BlockLayout::pack(&[vertices], &kinds(), ByteLen::new(1_024), align(12));
    let mut tight = tight.expect("its own alignment is within the limit");
    assert_eq!(tight.align().get(), 12, "as far as the limit allows");
    let before = tight.clone();
    let refused = tight
        .add(uniform, &kinds())
        .expect_err("the block may start anywhere");
    assert_eq!(
        refused,
        LayoutError::Realign {
            needed: align(256),
            has: align(12)
        }
    );
    assert!(refused.must_grow());
    assert_eq!(tight, before, "L6");

    let growth = Growth {
        add: &[uniform],
        ..Growth::default()
    };
    let grown = tight
        .grown(&growth, &kinds(), align(65_536))
        .expect("the limit is wide");
    assert_eq!(grown.layout.align().get(), 768);
    assert_eq!(
        grown.layout.len(),
        tight.len(),
        "there was room, only not the alignment"
    );
}

#[test]
fn a_block_laid_out_anew_is_aligned_for_what_may_come_only_with_room_for_it() {
    let check = |spare, percent, len, expected| {
        let layout = pack(&[spec(KindId::VERTEX, 120, 12)], spare);
        let resize = [(ids(&layout)[0], ByteLen::new(len))];
        let growth = Growth {
            resize: &resize,
            percent,
            ..Growth::default()
        };
        let grown = layout.grown(&growth, &kinds(), align(65_536));
        let grown = grown.expect("the parts are good").layout;
        let (start, free) = (grown.align().get(), grown.free_bytes().get());
        assert_eq!((start, free), expected, "{spare} {percent} {len}");
    };
    check(0, 0, 120, (12, 0));
    check(0, 0, 240, (12, 0));
    check(0, 25, 240, (768, 60));
    check(0, 0, 60, (768, 60));
    check(120, 0, 240, (12, 0));
    check(120, 0, 120, (768, 120));
}

#[test]
fn a_part_that_changes_its_length_keeps_what_older_versions_read() {
    let vertices = spec(KindId::VERTEX, 40, 4);
    let mut layout = pack(&[vertices, vertices], 60);
    let [a, b] = ids(&layout)[..] else {
        panic!("two parts were packed")
    };
    let bytes = ByteLen::new;
    assert_eq!(layout.resize(a, bytes(40)), Ok(Resized::Same));
    assert_eq!(
        layout.resize(b, bytes(48)),
        Ok(Resized::InPlace),
        "the tail is behind it"
    );
    let Ok(Resized::Shrunk { tail }) = layout.resize(a, bytes(24)) else {
        panic!("L4: what is given up retires")
    };
    assert_eq!(
        (tail.range.start, tail.range.len),
        (ByteOffset::new(24), bytes(16))
    );
    let Ok(Resized::Moved { from }) = layout.resize(a, bytes(28)) else {
        panic!("L4: the room behind is retired, so the part moves")
    };
    assert_eq!(
        (from.range.start, from.range.len),
        (ByteOffset::new(0), bytes(24))
    );
    assert_snapshot!(layout, @"
    block of 140 bytes, align 256
             0 +24         kind 0 part 0.1 retired
            24 +16         kind 0 part 0.1 retired
            40 +48         kind 0 part 1.1 live
            88 +28         kind 0 part 0.1 live
           116 +24         free
    ");
    let none = layout.replace(b).expect_err("48 bytes are free nowhere");
    assert_eq!(
        none,
        LayoutError::NoRoom {
            needed: bytes(48),
            largest_room: bytes(24)
        }
    );

    let first = layout.release(a).expect("two rooms retired");
    assert_eq!(first.range, tail.range, "L4: the room that retired first");
    let second = layout.release(a).expect("two rooms retired");
    assert_eq!(second.range, from.range);
    let none = layout.release(a);
    assert_eq!(none, Err(PartError::NotRetired { part: a }));
    assert_eq!(layout.gap_bytes(), bytes(40), "the tail is no gap");
    assert_eq!(layout.free_bytes(), bytes(64));
}

#[test]
fn a_length_within_the_last_word_changes_in_place() {
    let mut layout = pack(&[spec(KindId::INDEX, 6, 2)], 0);
    let id = ids(&layout)[0];
    let used = |layout: &BlockLayout| layout.part(id).map(|part| part.used_len.get());
    assert_eq!(layout.len(), ByteLen::new(8));
    assert_eq!(used(&layout), Ok(6));
    assert_eq!(layout.resize(id, ByteLen::new(8)), Ok(Resized::InPlace));
    assert_eq!(used(&layout), Ok(8));
    assert_eq!(layout.resize(id, ByteLen::new(6)), Ok(Resized::InPlace));
    assert_eq!(used(&layout), Ok(6));
    let (len, stride) = (ByteLen::new(7), 2);
    let refused = layout.resize(id, len);
    assert_eq!(refused, Err(LayoutError::Misaligned { len, stride }));
    assert_eq!(layout.resize(id, ByteLen::ZERO), Err(LayoutError::ZeroSize));
}

#[test]
fn growing_keeps_ids_and_leaves_gaps_behind() {
    let vertices = |n: u64| spec(KindId::VERTEX, n * 20, 20);
    let mut layout = pack(&[vertices(4), vertices(5), vertices(6)], 0);
    let [a, b, c] = ids(&layout)[..] else {
        panic!("three parts were packed")
    };
    layout.remove(b).expect("the part is live");
    let refused = layout
        .add(vertices(7), &kinds())
        .expect_err("the block is full");
    assert!(refused.must_grow());

    let add = [vertices(7), vertices(1)];
    let resize = [(a, ByteLen::new(120))];
    let growth = Growth {
        add: &add,
        resize: &resize,
        percent: 50,
    };
    let grown = layout
        .grown(&growth, &kinds(), align(65_536))
        .expect("the specs are good");
    assert_eq!(grown.added.len(), 2);
    assert_snapshot!(grown.layout, @"
    block of 600 bytes, align 1280
             0 +120        kind 0 part 0.1 live
           120 +120        kind 0 part 2.1 live
           240 +140        kind 0 part 1.2 live
           380 +20         kind 0 part 3.1 live
           400 +200        free
    ");
    assert_eq!(
        grown.layout.part(b),
        Err(PartError::Stale { part: b }),
        "L5"
    );
    assert_eq!(start(&grown.layout, c), ByteOffset::new(120));
    assert_eq!(
        layout.part(b),
        Err(PartError::AlreadyRemoved { part: b }),
        "the old one stays"
    );

    let stale = Growth {
        resize: &[(b, ByteLen::new(20))],
        ..Growth::default()
    };
    let refused = layout
        .grown(&stale, &kinds(), align(65_536))
        .expect_err("the part is gone");
    assert_eq!(
        refused,
        LayoutError::Part(PartError::AlreadyRemoved { part: b })
    );
}

#[test]
fn a_block_near_the_limit_grows_up_to_it() {
    let max = 17_179_869_176;
    let check = |bytes, percent| {
        let layout = pack(&[spec(KindId::UNIFORM, bytes, 0)], 0);
        let add = [spec(KindId::INDEX, 4, 4)];
        let growth = Growth {
            add: &add,
            percent,
            ..Growth::default()
        };
        let grown = layout
            .grown(&growth, &kinds(), align(256))
            .expect("what is needed fits");
        assert_eq!(
            grown.layout.len().get(),
            max,
            "{bytes} bytes and {percent} per cent"
        );
    };
    check(max - 4_096, u32::MAX);
    // One word more than a block can have.
    check(4_252_442_866 * 4, 1);
}

#[test]
fn an_index_whose_generations_are_used_up_is_not_used_again() {
    let part = spec(KindId::VERTEX, 4, 4);
    let mut layout = pack(&[part], 4);
    let mut seen = ids(&layout)[0];
    for generation in 1..u16::MAX {
        assert_eq!(
            seen,
            PartId {
                index: 0,
                generation
            }
        );
        layout.remove(seen).expect("the part is live");
        layout.release(seen).expect("the part was removed");
        seen = layout.add(part, &kinds()).expect("there is room");
    }
    layout.remove(seen).expect("the part is live");
    layout.release(seen).expect("the part was removed");
    let next = layout.add(part, &kinds()).expect("there is room");
    assert_eq!(
        next,
        PartId {
            index: 1,
            generation: 1
        },
        "L5: index 0 is out of service"
    );
    assert_eq!(layout.part(seen), Err(PartError::Stale { part: seen }));
    layout.validate();
}

#[test]
fn a_block_has_a_limit_of_rooms() {
    let mut specs = vec![spec(KindId::VERTEX, 4, 4); ROOMS_MAX];
    let layout = pack(&specs, 0);
    assert_eq!(layout.part_count(), ROOMS_MAX);
    let mut full = layout.clone();
    let refused = full.add(specs[0], &kinds());
    assert_eq!(refused, Err(LayoutError::TooManyParts { max: ROOMS_MAX }));
    assert_eq!(full, layout, "L6");
    specs.push(specs[0]);
    let refused = BlockLayout::pack(&specs, &kinds(), ByteLen::ZERO, align(256));
    assert_eq!(refused, Err(LayoutError::TooManyParts { max: ROOMS_MAX }));
}

#[test]
fn ids_that_never_were_are_told_from_those_that_are_gone() {
    let mut layout = pack(&[spec(KindId::VERTEX, 4, 4)], 64);
    let never = [(0, 0), (0, 2), (1, 1), (u16::MAX, u16::MAX)];
    for part in never.map(|(index, generation)| PartId { index, generation }) {
        assert_eq!(layout.part(part), Err(PartError::Unknown { part }));
        assert_eq!(layout.release(part), Err(PartError::Unknown { part }));
    }
    let id = ids(&layout)[0];
    layout.remove(id).expect("the part is live");
    assert_eq!(
        layout.remove(id),
        Err(PartError::AlreadyRemoved { part: id })
    );
    layout.release(id).expect("the part was removed");
    assert_eq!(layout.release(id), Err(PartError::Stale { part: id }));
}

#[test]
fn a_layout_is_small() {
    assert!(
        size_of::<BlockLayout>() <= 80,
        "{} bytes",
        size_of::<BlockLayout>()
    );
}

#[test]
fn a_block_of_many_parts_takes_new_ones_for_those_that_are_gone() {
    let kinds = kinds();
    let spec = spec(KindId::INDEX, 4, 4);
    let specs = vec![spec; usize::from(u16::MAX)];
    let align = Align::new(1 << 16).expect("a positive number");
    let layout = BlockLayout::pack(&specs, &kinds, ByteLen::ZERO, align);
    let mut layout = layout.expect("as many parts as there can be");
    let refused = layout.add(spec, &kinds).expect_err("not one more");
    assert!(
        matches!(refused, LayoutError::TooManyParts { .. }),
        "{refused:?}"
    );
    let last = layout.parts().last().expect("it has parts").id;
    layout.remove(last).expect("it is live");
    layout.release(last).expect("it is retired");
    layout.add(spec, &kinds).expect("in its place");
}

#[test]
fn alignments_that_no_part_uses_refuse_nothing() {
    let mut kinds = kinds();
    let huge = Align::new(1 << 40).expect("a positive number");
    let row = KindRow {
        name: "huge",
        rule: AlignRule::Fixed(huge),
    };
    kinds.push(row).expect("a kind more");
    let specs = [spec(KindId::INDEX, 4, 4)];
    let max = Align::new(1 << 41).expect("a positive number");
    for spare in [0, 64] {
        let layout = BlockLayout::pack(&specs, &kinds, ByteLen::new(spare), max);
        layout.expect("no part has that kind");
    }
    let refused = BlockLayout::pack(&[], &kinds, ByteLen::new(64), Align::ONE);
    let refused = refused.expect_err("a block starts at a word");
    assert!(
        matches!(refused, LayoutError::AlignmentTooLarge { align: 4, max: 1 }),
        "{refused:?}"
    );
}
