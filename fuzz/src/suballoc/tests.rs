//! The oracle objects to answers that are wrong in one point each.

use geoheap_suballoc::{
    Align, AllocError, Allocation, ByteLen, ByteOffset, ByteRange, FreeError, ResizeError, Space,
};

use super::shadow::{Asked, Shadow};
use crate::verdict::objection;

/// A space of 100 bytes with 20..30 and 50..60 live, and its oracle.
fn pair() -> (Space, Shadow, Vec<Allocation>) {
    let mut space = Space::new(ByteLen::new(100), ByteLen::new(1)).expect("100 by 1");
    let mut shadow = Shadow::new(100, 1, 3);
    let live = [20, 50].map(|start| {
        let made = space.alloc_at(ByteOffset::new(start), ByteLen::new(10));
        let kept = shadow.judge_alloc_at(start, 10, made);
        assert!(kept.is_some(), "{start} is free");
        made.expect("it was granted")
    });
    shadow.compare(&space);
    (space, shadow, live.to_vec())
}

#[test]
fn a_wrong_place_is_objected_to() {
    fn check(len: u64, align: u64, lowest: bool, told: (u64, u64), says: &str) {
        let (mut space, mut shadow, _) = pair();
        let asked = Asked { len, align, lowest };
        let fresh = space.alloc(ByteLen::new(1), Align::ONE).expect("room");
        let range = ByteRange::new(ByteOffset::new(told.0), ByteLen::new(told.1));
        let told = Ok(Allocation { range, ..fresh });
        if says.is_empty() {
            assert!(shadow.judge_alloc(&asked, told).is_some(), "{asked:?}");
            return;
        }
        let said = objection(|| _ = shadow.judge_alloc(&asked, told));
        assert!(said.contains(says), "{said}");
    }
    check(15, 1, false, (0, 15), "");
    check(15, 1, false, (5, 15), "");
    check(15, 1, false, (30, 15), "");
    check(15, 1, false, (60, 15), "the best fit");
    check(15, 1, true, (30, 15), "the lowest address");
    check(15, 1, false, (6, 15), "S1");
    check(15, 1, false, (90, 15), "S1");
    check(15, 1, false, (0, 14), "whole units");
    check(15, 7, false, (30, 15), "S6");
    check(15, 7, false, (35, 15), "");
    check(0, 1, false, (0, 0), "S8");
    check(41, 1, false, (60, 41), "S8");
    check(30, 64, false, (64, 30), "");
    check(40, 64, false, (60, 40), "S8");
}

#[test]
fn a_refusal_without_a_reason_is_objected_to() {
    let (_, mut shadow, live) = pair();
    let asked = Asked {
        len: 40,
        align: 1,
        lowest: false,
    };
    let no_space = |free| AllocError::NoSpace {
        requested: ByteLen::new(asked.len),
        align: Align::ONE,
        free: ByteLen::new(free),
        largest_free: ByteLen::new(40),
    };
    objection(|| _ = shadow.judge_alloc(&asked, Err(no_space(80))));
    let asked = Asked { len: 41, ..asked };
    let wrong = AllocError::NoSpace {
        requested: ByteLen::new(41),
        align: Align::ONE,
        free: ByteLen::new(81),
        largest_free: ByteLen::new(40),
    };
    let said = objection(|| _ = shadow.judge_alloc(&asked, Err(wrong)));
    assert!(said.contains("ByteLen(81)"), "{said}");
    let too_many = AllocError::TooManyRanges { max: 3 };
    objection(|| _ = shadow.judge_alloc_at(0, 5, Err(too_many)));
    let id = live[0].id;
    objection(|| _ = shadow.judge_free(id, Err(FreeError::Stale { id })));
    let range = live[0].range;
    let no_room = ResizeError::NoRoom {
        requested: ByteLen::new(30),
        available: ByteLen::new(30),
    };
    objection(|| shadow.judge_resize(id, 30, true, Err(no_room)));
    objection(|| shadow.judge_resize(id, 31, true, Ok(range)));
    objection(|| shadow.judge_resize(id, 5, false, Ok(range)));
    assert!(shadow.judge_free(id, Ok(range)), "it is live");
    let said = objection(|| _ = shadow.judge_free(id, Ok(range)));
    assert!(said.starts_with("S7"), "{said}");
}

#[test]
fn another_state_is_objected_to() {
    let (mut space, shadow, live) = pair();
    space.free(live[0].id).expect("it is live");
    let said = objection(|| shadow.compare(&space));
    assert!(said.contains("S5"), "{said}");
    space
        .alloc_at(ByteOffset::new(21), ByteLen::new(10))
        .expect("room");
    let said = objection(|| shadow.compare(&space));
    assert!(said.contains("S1, S2"), "{said}");
}
