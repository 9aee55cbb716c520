extern crate std;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::String;

use crate::nodes::NONE;
use crate::{Align, ByteLen, Space};

/// Three live ranges of 4 units with free ones of 4 units between and behind.
fn striped() -> Space {
    let mut space = Space::new(ByteLen::new(24), ByteLen::new(1)).expect("a valid space");
    let ids: [_; 6] = core::array::from_fn(|_| {
        space
            .alloc(ByteLen::new(4), Align::ONE)
            .expect("room for six")
            .id
    });
    for id in [ids[1], ids[3], ids[5]] {
        space.free(id).expect("live");
    }
    space.validate();
    space
}

/// Each invariant broken by hand is found, by its number.
#[test]
fn a_broken_space_is_found() {
    fn check(invariant: &str, damage: impl Fn(&mut Space)) {
        let mut space = striped();
        damage(&mut space);
        let result = catch_unwind(AssertUnwindSafe(|| space.validate()));
        let message = match result {
            Ok(()) => String::from("nothing"),
            Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
        };
        assert!(
            message.starts_with(invariant),
            "{invariant} is broken, found was: {message}"
        );
    }
    let first = |space: &Space| space.nodes.first();
    let second = |space: &Space| space.nodes.at(space.nodes.first()).next;
    check("S1", |space| space.nodes.at_mut(second(space)).set_start(0));
    check("S1", |space| space.nodes.at_mut(second(space)).prev = NONE);
    check("S1", |space| {
        let node = second(space);
        space.nodes.vacate(node);
    });
    check("S1", |space| space.nodes.at_mut(NONE).set_start(25));
    check("S1", |space| space.units += 1);
    check("S1", |space| space.nodes.set_live(first(space), 5));
    check("S2", |space| {
        space.nodes.set_free(first(space));
    });
    check("S3", |space| {
        let node = second(space);
        space.bins.remove(&mut space.nodes, node, 3);
    });
    check("S5", |space| {
        space.nodes.set_live(second(space), 4);
    });
    check("S5", |space| space.live_units += 1);
    check("S5", |space| space.live_count += 1);
    check("S5", |space| space.free_count -= 1);
    check("S3: bin 3 holds 7", |space| {
        let node = second(space);
        let next = space.nodes.at(node).next;
        space.nodes.at_mut(next).set_start(11);
        space.nodes.set_live(next, 1);
        space.live_units -= 3;
    });
    check("S3: bin 3 runs", |space| {
        let node = second(space);
        space.nodes.at_mut(node).bin_next = node;
    });
}
