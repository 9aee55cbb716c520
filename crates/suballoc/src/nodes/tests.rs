use core::num::NonZeroU32;

use super::{GENERATION_WORN, State};
use crate::bins::LEN_MAX_UNITS;
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
    let almost = GENERATION_WORN - 1;
    space.nodes.at_mut(first.index()).set_generation(almost);
    let last = RangeId::new(first.index(), NonZeroU32::new(almost).expect("not zero"));

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
    assert_eq!(space.nodes.state(first.index()), State::Vacant, "S7");
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
    assert_eq!(size_of::<super::Node>(), 24, "what the crate's head says");
    assert_eq!(size_of::<Option<RangeId>>(), 8, "an id has a niche");
}

/// The start and the generation of a node share a word.
#[test]
fn starts_and_generations_leave_each_other_alone() {
    fn check(start: u64, generation: u32) {
        let mut nodes = super::Nodes::new(LEN_MAX_UNITS);
        let node = nodes.at_mut(1);
        node.set_generation(generation);
        node.set_start(start);
        assert_eq!(node.start(), start, "beside generation {generation}");
        assert_eq!(node.generation().get(), generation, "beside {start}");
        node.set_generation(1);
        assert_eq!(node.start(), start, "beside another generation");
    }
    for start in [0, 1, LEN_MAX_UNITS - 1, LEN_MAX_UNITS] {
        for generation in [1, 2, GENERATION_WORN] {
            check(start, generation);
        }
    }
}
