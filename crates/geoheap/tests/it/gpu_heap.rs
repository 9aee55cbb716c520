//! Objects that shaders made, in a heap on the GPU, in blocks, and back again, on a real adapter.

mod rig;

use geoheap::gpu_bitset::{Batch, Handle as Object, List, Request};
use geoheap::{
    AddError, BlockDesc, ByteLen, HandBack, HandBackError, HandOver, HandOverError, NoObject,
    Source,
};

use rig::{Rig, STREAMS};

fn full_circle(separate: bool) {
    let mut rig = Rig::new(64, separate);
    let mut back = HandBack::new(&rig.device, &rig.heap, ByteLen::from_kib(8));
    let mut object = rig.make(7, 1_000_000);
    for round in 0..2 {
        let block = rig.hand_over(object);
        rig.check_object(object, 1_000_000);
        // Its units go to something else at once.
        let header = rig.free(object);
        assert_eq!((header.freed, header.used_units), (1, 0), "round {round}");
        let other = rig.make(3, 5_000_000);
        rig.check_object(other, 5_000_000);
        rig.check_block(block, 1_000_000);
        let returned = rig.give_back(&mut back, &[(block, 7)]);
        let [(found, Ok(again))] = returned[..] else {
            panic!("there is room for it: {returned:?}");
        };
        assert_eq!((found, again.slot), (block, 7), "as it was asked for");
        assert_eq!(again.generation, round + 1, "freed once more");
        rig.check_object(again, 1_000_000);
        rig.check_object(other, 5_000_000);
        rig.until(|rig| (rig.manager.report().blocks == 0).then_some(()));
        rig.free(other);
        object = again;
    }
    let report = rig.manager.report();
    assert!(report.outside_bytes > rig.heap.bytes_held() / 2, "counted");
    assert!(report.held_bytes <= report.budget_bytes, "R10: {report}");
}

#[test]
fn an_object_becomes_a_block_and_an_object_again() {
    full_circle(false);
}

#[test]
fn so_does_one_whose_streams_have_runs_of_their_own() {
    full_circle(true);
}

#[test]
fn what_finds_no_room_stays_a_block() {
    let mut rig = Rig::new(40, false);
    let object = rig.make(0, 1_000);
    let second = rig.make(1, 9_000);
    let blocks = [object, second].map(|object| rig.hand_over(object));
    // One is freed: there are 21 free units for two blocks that want 19 each.
    rig.free(second);
    let mut back = HandBack::new(&rig.device, &rig.heap, ByteLen::from_kib(16));
    let wanted = [(blocks[0], 4), (blocks[1], 5)];
    let returned = rig.give_back(&mut back, &wanted);
    let placed = Object {
        slot: 4,
        generation: 0,
    };
    let expected = vec![(blocks[0], Ok(placed)), (blocks[1], Err(NoObject::NoSpace))];
    assert_eq!(returned, expected);
    rig.check_object(placed, 1_000);
    rig.check_block(blocks[1], 9_000);
    assert_eq!(rig.manager.report().blocks, 1, "the other was removed");
    // A slot that is taken.
    let returned = rig.give_back(&mut back, &[(blocks[1], 4)]);
    assert_eq!(returned, vec![(blocks[1], Err(NoObject::Invalid))]);
    rig.check_block(blocks[1], 9_000);
}

#[test]
fn what_is_not_there_is_refused() {
    let mut rig = Rig::new(40, false);
    let object = rig.make(0, 1_000);
    let block = rig.hand_over(object);
    let mut encoder = rig.encoder();
    let mut back = HandBack::new(&rig.device, &rig.heap, ByteLen::from_kib(4));
    let request = Request::default();
    let ticket = rig.manager.begin_frame();
    let parts: Vec<_> = ticket.parts(block).collect();
    let full = back.copy(&mut encoder, &ticket, block, &parts, request);
    let (requested, free) = (ByteLen::new(4_800), ByteLen::from_kib(4));
    assert_eq!(full, Err(HandBackError::Full { requested, free }));
    let many = [parts[0]; 5];
    let many = back.copy(&mut encoder, &ticket, block, &many, request);
    let (given, streams) = (5, 2);
    assert_eq!(many, Err(HandBackError::Streams { given, streams }));
    drop(ticket);
    rig.manager.client().evict(block).expect("it is sent");
    rig.until(|rig| (rig.manager.report().evictions == 1).then_some(()));
    let ticket = rig.manager.begin_frame();
    let away = back.copy(&mut encoder, &ticket, block, &parts, request);
    let part = parts[0];
    assert_eq!(away, Err(HandBackError::NotResident { block, part }));
    let none: Vec<_> = ticket.parts(block).collect();
    let none = back.copy(&mut encoder, &ticket, block, &none, request);
    assert_eq!(none, Err(HandBackError::NoParts { block }));
    assert!(back.requests().is_empty(), "nothing was recorded");
}

#[test]
fn copies_that_are_not_submitted_are_forgotten() {
    let mut rig = Rig::new(64, false);
    let blocks = [(0, 1_000), (1, 9_000)].map(|(slot, seed)| {
        let object = rig.make(slot, seed);
        let block = rig.hand_over(object);
        rig.free(object);
        block
    });
    let mut back = HandBack::new(&rig.device, &rig.heap, ByteLen::from_kib(16));
    let mut encoder = rig.encoder();
    let ticket = rig.manager.begin_frame();
    let parts: Vec<_> = ticket.parts(blocks[0]).collect();
    let copied = back.copy(&mut encoder, &ticket, blocks[0], &parts, Request::default());
    copied.expect("it is resident");
    drop((encoder, ticket));
    back.forget();
    let returned = rig.give_back(&mut back, &[(blocks[1], 5)]);
    let [(found, Ok(object))] = returned[..] else {
        panic!("there is room for it: {returned:?}");
    };
    assert_eq!((found, object.slot), (blocks[1], 5));
    rig.check_object(object, 9_000);
    rig.check_block(blocks[0], 1_000);
}

#[test]
fn an_object_that_cannot_come_stays() {
    let mut rig = Rig::new(40, false);
    let object = rig.make(0, 1_000);
    let mut over = HandOver::new();
    let stale = Object {
        generation: 1,
        ..object
    };
    let no_slot = Object { slot: 16, ..object };
    for (object, error) in [
        (stale, HandOverError::Gone),
        (no_slot, HandOverError::Unread),
    ] {
        rig.begin(&mut over, object);
        assert_eq!(rig.arrived(&mut over), (object, Err(error)));
    }
    // Kinds of a stream that there is not.
    let mut encoder = rig.encoder();
    let block = BlockDesc::new();
    let (device, heap) = (&rig.device, &rig.heap);
    let streams = [STREAMS[0], STREAMS[1], STREAMS[1]];
    over.begin(device, &mut encoder, heap, object, &streams, block);
    rig.queue.submit([encoder.finish()]);
    let (given, streams) = (3, 2);
    let refused = HandOverError::Streams { given, streams };
    assert_eq!(rig.arrived(&mut over), (object, Err(refused)));
    // Its commands are dropped.
    let block = BlockDesc::new();
    let (device, heap) = (&rig.device, &rig.heap);
    over.begin(device, &mut rig.encoder(), heap, object, &STREAMS, block);
    let unread = (object, Err(HandOverError::Unread));
    assert_eq!(rig.arrived(&mut over), unread);
    // A source that would need the bytes in memory.
    let mut encoder = rig.encoder();
    let block = BlockDesc::new().source(Source::Retained);
    let (device, heap) = (&rig.device, &rig.heap);
    over.begin(device, &mut encoder, heap, object, &STREAMS, block);
    rig.queue.submit([encoder.finish()]);
    let refused = HandOverError::Add(AddError::StagedCannotRetain);
    assert_eq!(rig.arrived(&mut over), (object, Err(refused)));
    assert_eq!(rig.manager.report().blocks, 0, "none of them was added");
    rig.check_object(object, 1_000);
}

#[test]
fn a_batch_that_was_not_read_back_leaves_the_blocks() {
    let mut rig = Rig::new(64, false);
    let object = rig.make(0, 1_000);
    let block = rig.hand_over(object);
    let mut back = HandBack::new(&rig.device, &rig.heap, ByteLen::from_kib(8));
    let mut encoder = rig.encoder();
    let ticket = rig.manager.begin_frame();
    let parts: Vec<_> = ticket.parts(block).collect();
    let request = Request {
        slot: 1,
        ..Request::default()
    };
    let copied = back.copy(&mut encoder, &ticket, block, &parts, request);
    copied.expect("it is resident");
    drop(ticket);
    let requests = back.requests().to_vec();
    let sources = back.sources(&rig.heap);
    let batch = Batch {
        requests: List::Known(&requests),
        sources: &sources,
        ..Batch::default()
    };
    let recorded = rig.heap.record(&rig.device, &mut encoder, &batch);
    recorded.expect("within the heap's limits");
    back.recorded(&rig.heap);
    let next = Batch::default();
    rig.record(&mut encoder, &next);
    rig.queue.submit([encoder.finish()]);
    rig.wait();
    let applied = rig.mirror.apply_next().expect("it was executed");
    let returned = back.applied(&rig.manager.client(), &applied);
    assert_eq!(returned[0].object, Err(NoObject::Unread));
    // The mirror has read the whole table by now.
    let object = Object {
        slot: 1,
        generation: 0,
    };
    rig.check_object(object, 1_000);
    rig.check_block(block, 1_000);
}
