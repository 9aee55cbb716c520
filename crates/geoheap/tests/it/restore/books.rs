//! What is known of blocks outlives their device.

use geoheap::{Handle, HeapEvent, Lookup, RequestError, SetDraw};

use super::Blocks;
use crate::harness::{World, is_resident, mesh, small};

#[test]
fn pins_and_owners_are_what_they_were() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 500)).expect("a valid block");
    let pin = world.client.pin(handle).expect("it is sent");
    world.answer(pin).expect("it comes");
    world.client.share(handle).expect("it is sent");
    world.control.lose_device();
    world.ticks(1);
    let refused = world.client.pin(handle).expect("it is sent");
    assert_eq!(world.answer(refused), Err(RequestError::DeviceLost));
    world.restore();
    world.ticks(10);
    assert!(is_resident(&world, handle), "what is pinned is resident");
    world.manager.events();
    world.client.evict(handle).expect("it is sent");
    world.ticks(1);
    let told = world.manager.events();
    let pinned = RequestError::Pinned { handle };
    let refused =
        |event: &HeapEvent| matches!(event, HeapEvent::Refused { error, .. } if *error == pinned);
    assert!(told.iter().any(refused), "{told:?}");
    world.client.unpin(handle).expect("it is sent");
    world.client.evict(handle).expect("it is sent");
    world.ticks(2);
    assert!(!is_resident(&world, handle), "there was one pin");
    world.client.remove(handle).expect("it is sent");
    world.ticks(2);
    let ticket = world.manager.begin_frame();
    assert!(
        !matches!(ticket.get(handle), Lookup::Stale),
        "one owner is left"
    );
}

#[test]
fn draw_sets_are_written_again() {
    let mut world = World::new(small());
    let blocks = Blocks::resident(&mut world);
    let draws = |count: usize| {
        let handles = blocks.0[..count].iter();
        let draws = handles.map(|(_, _, handle)| SetDraw {
            handle: *handle,
            instances: 0..1,
        });
        draws.collect::<Vec<_>>()
    };
    let kept = world.client.add_draw_set(draws(5)).expect("it is sent");
    let removed = world.client.add_draw_set(draws(3)).expect("it is sent");
    let empty = world.client.add_draw_set(draws(0)).expect("it is sent");
    world.flush();
    let old = world.manager.begin_frame();
    assert_eq!(old.draw_set(kept).map(|set| set.draws()), Some(5));
    world.client.remove_draw_set(removed).expect("it is sent");
    world.ticks(1);
    world.control.lose_device();
    world.ticks(1);
    assert!(old.draw_set(kept).is_none(), "R5");
    world.restore();
    world.ticks(20);
    let ticket = world.manager.begin_frame();
    let set = ticket.draw_set(kept).expect("it is written");
    assert_eq!((set.draws(), set.absent()), (5, 0));
    let records = set.records().expect("there are some");
    let bytes = world.control.read(records, 0..16);
    assert_eq!(
        bytes[..8],
        [244, 1, 0, 0, 1, 0, 0, 0],
        "500 vertices, one instance"
    );
    let set = ticket.draw_set(empty).map(|set| set.draws());
    assert_eq!(
        set,
        Some(0),
        "it is there, though none of its blocks changed"
    );
    assert!(ticket.draw_set(removed).is_none(), "it was removed");
}

/// Any number is safe as a handle: one that never was given out names nothing, also where the slot
/// of that number never had a block.
#[test]
fn made_up_handles_name_nothing_after_a_loss() {
    let mut world = World::new(small());
    let handles: Vec<Handle> = (0..3)
        .map(|index| Handle::from_bits(index | 1 << 32))
        .collect();
    let added = world.client.add(mesh(1, 10)).expect("a valid block");
    assert_eq!(added, handles[1], "the others are in no use");
    world.flush();
    world.control.lose_device();
    world.ticks(4);
    let ticket = world.manager.begin_frame();
    for handle in [handles[0], handles[2]] {
        let found = ticket.get(handle);
        let nothing = matches!(found, Lookup::NotYetPublished | Lookup::Lost);
        assert!(nothing, "{handle}: {found:?}");
    }
}
