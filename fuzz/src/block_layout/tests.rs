//! The oracle objects to answers that are wrong in one point each.

use geoheap_chunk_heap::{BlockLayout, KindId, LayoutError, PartId, PartSpec, Resized};
use geoheap_suballoc::{ByteLen, ByteOffset};

use super::shadow::Shadow;
use super::{align, kinds};
use crate::verdict::objection;

fn vertices(count: u64) -> PartSpec {
    PartSpec {
        kind: KindId::VERTEX,
        len: ByteLen::new(count * 12),
        stride: 12,
    }
}

/// Two parts of 4 and 2 vertices with 36 bytes of spare room, and the oracle.
fn pair() -> (BlockLayout, Shadow, [PartId; 2]) {
    let (kinds, max_align) = (kinds(), align(65_536));
    let specs = [vertices(4), vertices(2)];
    let layout = BlockLayout::pack(&specs, &kinds, ByteLen::new(36), max_align);
    let layout = layout.expect("the specs are good");
    let ids = [0, 1].map(|index| PartId {
        index,
        generation: 1,
    });
    let shadow = Shadow::judge_pack(&specs, &kinds, 36, max_align, Ok(ids.to_vec()));
    let shadow = shadow.expect("it was packed");
    shadow.compare(&layout);
    (layout, shadow, ids)
}

#[test]
fn an_answer_without_a_reason_is_objected_to() {
    let (mut layout, mut shadow, [first, second]) = pair();
    let no_room = LayoutError::NoRoom {
        needed: ByteLen::new(36),
        largest_room: ByteLen::new(36),
    };
    objection(|| _ = shadow.judge_add(&vertices(3), &kinds(), Err(no_room)));
    objection(|| _ = shadow.judge_add(&vertices(4), &kinds(), Ok(second)));
    let said = objection(|| _ = shadow.judge_add(&vertices(3), &kinds(), Ok(second)));
    assert!(said.starts_with("L5"), "{said}");
    objection(|| _ = shadow.judge_resize(second, ByteLen::new(48), Ok(Resized::Same)));
    objection(|| _ = shadow.judge_resize(second, ByteLen::new(24), Ok(Resized::InPlace)));
    objection(|| _ = shadow.judge_resize(first, ByteLen::new(60), Ok(Resized::InPlace)));

    let mut part = layout.remove(first).expect("it is live");
    part.range.start = ByteOffset::new(4);
    objection(|| _ = shadow.clone().judge_remove(first, Ok(part)));
    part.range.start = ByteOffset::ZERO;
    assert!(shadow.judge_remove(first, Ok(part)), "it is live");
    let said = objection(|| _ = shadow.judge_remove(first, Ok(part)));
    assert!(said.contains("AlreadyRemoved"), "{said}");
    objection(|| _ = shadow.judge_release(second, Ok(part)));
}

#[test]
fn another_state_is_objected_to() {
    let (mut layout, shadow, [first, second]) = pair();
    layout.remove(first).expect("it is live");
    let said = objection(|| shadow.compare(&layout));
    assert!(said.contains("L1"), "{said}");
    let (mut layout, shadow, _) = pair();
    layout
        .resize(second, ByteLen::new(12))
        .expect("it can shrink");
    let said = objection(|| shadow.compare(&layout));
    assert!(said.contains("L1"), "{said}");
}
