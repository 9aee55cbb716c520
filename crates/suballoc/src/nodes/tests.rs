use core::num::NonZeroU32;

use super::{GENERATION_WORN, State};
use crate::{Align, ByteLen, FreeError, RangeId, Space};

fn bytes(space: &mut Space, len: u64) -> RangeId {
    let allocation = space.alloc(ByteLen::new(len), Align::ONE);
    allocation.expect("the test's space has room").id
}

/// S7: a slot whose generations are used up serves no range any more, wherever it is when that
/// happens, and the space goes on with fresh slots.
#[test]
fn a_worn_slot_is_taken_out_of_service() {
    let mut space = Space::new(ByteLen::new(16), ByteLen::new(1)).expect("a valid space");
    let first = bytes(&mut space, 4);
    let behind = bytes(&mut space, 4);
    let last = RangeId::new(
        first.index(),
        GENERATION_WORN
            .get()
            .checked_sub(1)
            .and_then(NonZeroU32::new)
            .expect("not zero"),
    );
    space.nodes.generations[first.index() as usize] = last.generation();

    space.free(last).expect("the last id of the slot is live");
    space.validate();
    assert_eq!(space.free(last), Err(FreeError::Stale { id: last }), "S7");

    let fresh = bytes(&mut space, 4);
    space.validate();
    assert_ne!(
        space.nodes.vacant,
        first.index(),
        "S7: the worn slot waits to be reused"
    );
    assert_ne!(
        fresh.index(),
        first.index(),
        "S7: the worn slot was issued again"
    );
    assert_eq!(space.nodes.at(first.index()).state(), State::Vacant, "S7");
    assert_eq!(space.get(fresh).map(|range| range.start.get()), Some(0));

    space.free(fresh).expect("live");
    space.free(behind).expect("live");
    for _ in 0..8 {
        let id = bytes(&mut space, 2);
        assert_ne!(
            id.index(),
            first.index(),
            "S7: the worn slot was issued again"
        );
    }
    space.validate();
}

#[test]
fn a_node_is_small() {
    assert!(
        size_of::<super::Node>() <= 40,
        "two nodes a live range are within its bookkeeping"
    );
    assert_eq!(size_of::<Option<RangeId>>(), 8, "an id has a niche");
}
