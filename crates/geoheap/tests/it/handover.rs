//! Blocks whose first bytes lie in buffers of the program's own, on the GPU.

use geoheap::{
    AddError, BlockDesc, ByteLen, ByteOffset, Client, Config, FailReason, GeometryManager,
    GpuBytes, GpuBytesError, Handle, HeapEvent, KindId, Lookup, PartData, RequestError, SendError,
    Source, VirtualBuffer, wgpu,
};

use crate::harness::{STRIDE, World, fill, is_resident, mesh, small, stamped, vertices};

/// Where the object of `object` lies in its buffer: behind something else.
const BEGIN: u64 = 64;

/// `len` bytes of an object: no two of its words are alike.
fn made(object: u32, len: usize) -> Vec<u8> {
    let words = (object << 20..).take(len.div_ceil(4));
    let mut bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
    bytes.truncate(len);
    bytes
}

/// A buffer with `len` bytes of an object that begins at [`BEGIN`], as a shader would have made
/// it, and others behind them.
fn object(world: &World, stamp: u32, len: usize) -> VirtualBuffer {
    let mut bytes = vec![0xaa; 64];
    bytes.extend(made(stamp, len));
    bytes.extend([0xbb; 64]);
    let made = world.control.make_buffer("of a shader", &bytes);
    made.expect("the device has memory")
}

fn bytes_of(client: &Client, buffer: &VirtualBuffer, len: u64) -> GpuBytes {
    let bytes = client.gpu_bytes(buffer.clone(), ByteOffset::new(BEGIN), ByteLen::new(len));
    bytes.expect("a range of the buffer")
}

/// A block of an object's vertices.
fn adopted(world: &World, buffer: &VirtualBuffer, len: u64) -> BlockDesc {
    let bytes = bytes_of(&world.client, buffer, len);
    BlockDesc::new().part(PartData::on_gpu(KindId::VERTEX, STRIDE, bytes))
}

/// The buffer as [`object`] has made it.
#[track_caller]
fn check_untouched(world: &World, buffer: &VirtualBuffer, stamp: u32, len: u64) {
    let bytes = world.control.read(buffer, BEGIN..BEGIN + len);
    let len = usize::try_from(len).expect("small");
    assert_eq!(bytes, made(stamp, len), "nobody wrote to it");
}

/// The engine keeps the buffer no more.
#[track_caller]
fn check_given_up(world: &mut World, buffer: VirtualBuffer) {
    world.ticks(8);
    let (before, len) = (world.control.live_buffer_bytes(), buffer.len());
    drop(buffer);
    let now = world.control.live_buffer_bytes();
    assert_eq!(now + len, before, "the device has its memory back");
}

#[track_caller]
fn check_bytes(world: &mut World, handle: Handle, expected: &[u8]) {
    let bytes = world.bytes(handle).expect("it is resident");
    assert_eq!(&bytes[..expected.len()], expected, "its bytes");
}

/// Evicts a block, and brings it back.
fn there_and_back(world: &mut World, handle: Handle) {
    world.client.evict(handle).expect("it is sent");
    world.ticks(20);
    assert!(!is_resident(world, handle), "it has left");
    let back = world.client.resident(handle).expect("it is sent");
    world.answer(back).expect("it comes back");
}

#[test]
fn an_object_becomes_a_block_that_leaves_and_comes_back() {
    let mut world = World::new(small());
    let buffer = object(&world, 5, 10_000);
    let block = adopted(&world, &buffer, 10_000);
    let (handle, there) = world.client.adopt(block).expect("a valid block");
    world.answer(there).expect("there is room");
    // Whoever writes over it from now on does so behind the copy.
    world.control.poison(&buffer, 0..u64::MAX, 0xdead_dead);
    check_bytes(&mut world, handle, &made(5, 10_000));
    assert_eq!(world.manager.report().upload_bytes, 10_000, "counted");
    check_given_up(&mut world, buffer);
    there_and_back(&mut world, handle);
    check_bytes(&mut world, handle, &made(5, 10_000));
    there_and_back(&mut world, handle);
    check_bytes(&mut world, handle, &made(5, 10_000));
}

#[test]
fn the_engine_keeps_the_buffer_until_it_has_copied() {
    let mut world = World::new(small());
    let buffer = object(&world, 5, 2_000);
    let block = adopted(&world, &buffer, 2_000);
    world.control.stall(true);
    let (handle, there) = world.client.adopt(block).expect("a valid block");
    drop(buffer);
    world.ticks(4);
    world.control.stall(false);
    world.answer(there).expect("there is room");
    check_bytes(&mut world, handle, &made(5, 2_000));
}

#[test]
fn long_objects_and_parts_from_elsewhere_come_in_pieces() {
    let mut world = World::new(small());
    let len = 120_000;
    assert!(
        len > small().tick_upload_bytes.get(),
        "more than a tick has"
    );
    let buffer = object(&world, 5, 120_000);
    let block = adopted(&world, &buffer, len)
        .part(PartData::index_u16(stamped(6, 0, 602)))
        .part(PartData::on_gpu(
            KindId::STORAGE,
            0,
            bytes_of(&world.client, &buffer, 400),
        ));
    let (handle, mut there) = world.client.adopt(block).expect("a valid block");
    world.ticks(1);
    assert!(there.try_take().is_none(), "it takes several ticks");
    assert!(matches!(
        world.manager.begin_frame().get(handle),
        Lookup::Pending
    ));
    world.answer(there).expect("there is room");
    for _ in 0..2 {
        let read = world.client.read_back(handle).expect("it is sent");
        // The block is longer than staging, so it is read as frames read it.
        drop(read);
        let bytes = world.bytes(handle).expect("it is resident");
        assert_eq!(&bytes[..120_000], made(5, 120_000));
        assert_eq!(&bytes[120_000..120_602], stamped(6, 0, 602));
        assert!(
            bytes.windows(400).any(|part| part == made(5, 400)),
            "the third part"
        );
        there_and_back(&mut world, handle);
    }
}

#[test]
fn what_cannot_be_copied_is_refused_with_its_numbers() {
    let world = World::new(small());
    let buffer = object(&world, 5, 872);
    let check = |offset, len, expected| {
        let (offset, len) = (ByteOffset::new(offset), ByteLen::new(len));
        let made = world.client.gpu_bytes(buffer.clone(), offset, len);
        assert_eq!(made.err(), expected);
    };
    let misaligned = |offset, len| {
        let (offset, len) = (ByteOffset::new(offset), ByteLen::new(len));
        Some(GpuBytesError::Misaligned { offset, len })
    };
    let outside = |offset, len| {
        Some(GpuBytesError::OutOfBounds {
            offset: ByteOffset::new(offset),
            len: ByteLen::new(len),
            bounds: ByteLen::new(1_000),
        })
    };
    check(0, 1_000, None);
    check(996, 4, None);
    check(0, 0, Some(GpuBytesError::ZeroSize));
    check(2, 8, misaligned(2, 8));
    check(0, 6, misaligned(0, 6));
    check(4, 1_000, outside(4, 1_000));
    check(u64::MAX - 3, 8, outside(u64::MAX - 3, 8));
    let (device, _queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
    let foreign = buffer_of_wgpu(&device, wgpu::BufferUsages::COPY_SRC);
    let made = world
        .client
        .gpu_bytes(foreign, ByteOffset::ZERO, ByteLen::new(16));
    assert_eq!(made.err(), Some(GpuBytesError::OtherBackend));
    let retained = adopted(&world, &buffer, 40).source(Source::Retained);
    let refused = world.client.adopt(retained).err();
    assert!(matches!(refused, Some(AddError::StagedCannotRetain)));
    world.control.lose_device();
    assert_eq!(world.manager.report().blocks, 0, "nothing was added");
}

fn buffer_of_wgpu(device: &wgpu::Device, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("of a shader"),
        size: 4_096,
        usage,
        mapped_at_creation: false,
    })
}

#[test]
fn one_that_is_removed_on_its_way_is_not_read_any_more() {
    let mut world = World::new(small());
    let buffer = object(&world, 5, 120_000);
    let block = adopted(&world, &buffer, 120_000);
    let (handle, there) = world.client.adopt(block).expect("a valid block");
    world.ticks(1);
    world.client.remove(handle).expect("it is sent");
    let answer = world.answer(there);
    assert_eq!(answer, Err(RequestError::Stale { handle }));
    check_untouched(&world, &buffer, 5, 120_000);
    check_given_up(&mut world, buffer);
}

#[test]
fn a_device_that_goes_meanwhile_takes_the_block_and_no_other() {
    let mut world = World::new(small());
    let kept = world.client.add(mesh(1, 100)).expect("a valid block");
    world.flush();
    let buffer = object(&world, 5, 120_000);
    let late = bytes_of(&world.client, &buffer, 400);
    let block = adopted(&world, &buffer, 120_000);
    let (handle, there) = world.client.adopt(block).expect("a valid block");
    world.ticks(1);
    world.control.lose_device();
    assert_eq!(world.answer(there), Err(RequestError::DeviceLost));
    assert!(world.manager.events().iter().any(|event| matches!(
        event,
        HeapEvent::BlocksLost { handles, .. } if handles == &[handle]
    )));
    let lost = world
        .client
        .gpu_bytes(buffer, ByteOffset::ZERO, ByteLen::new(4));
    assert_eq!(lost.err(), Some(GpuBytesError::DeviceLost));
    world.restore();
    world.ticks(4);
    assert!(is_resident(&world, kept), "its source brings it back");
    let part = PartData::on_gpu(KindId::VERTEX, STRIDE, late.clone());
    let refused = world.client.adopt(BlockDesc::new().part(part)).err();
    assert!(matches!(refused, Some(AddError::StagedOnLostDevice)));
    // A lost block takes new contents, of the device that is there.
    world
        .client
        .update_on_gpu(handle, vec![late])
        .expect("it is sent");
    world.flush();
    assert!(world.manager.events().iter().any(|event| matches!(
        event,
        HeapEvent::Refused {
            error: RequestError::StagedOnLostDevice,
            ..
        }
    )));
    let buffer = object(&world, 8, 600);
    let bytes = bytes_of(&world.client, &buffer, 600);
    world
        .client
        .update_on_gpu(handle, vec![bytes])
        .expect("it is sent");
    world.flush();
    check_bytes(&mut world, handle, &made(8, 600));
}

#[test]
fn without_room_the_object_stays_where_it_is() {
    let mut world = World::new(small());
    let filling = fill(&mut world, 40);
    for handle in &filling {
        drop(world.client.pin(*handle).expect("it is sent"));
    }
    world.ticks(20);
    let buffer = object(&world, 5, 30_000);
    let block = adopted(&world, &buffer, 30_000);
    let (handle, there) = world.client.adopt(block).expect("a valid block");
    let answer = world.answer(there);
    let Err(RequestError::Failed { reason, .. }) = answer else {
        panic!("it cannot be set aside, and all else is pinned: {answer:?}");
    };
    assert!(matches!(reason, FailReason::NoRoom { .. }), "{reason}");
    check_untouched(&world, &buffer, 5, 30_000);
    let ticket = world.manager.begin_frame();
    assert!(matches!(ticket.get(handle), Lookup::Failed));
    drop(ticket);
    for handle in filling {
        world.client.remove(handle).expect("it is sent");
    }
    // The same object, once there is room.
    let bytes = bytes_of(&world.client, &buffer, 30_000);
    world
        .client
        .update_on_gpu(handle, vec![bytes])
        .expect("it is sent");
    world.flush();
    check_bytes(&mut world, handle, &made(5, 30_000));
}

#[test]
fn memory_that_the_device_does_not_have_fails_the_block_alone() {
    let mut world = World::new(small());
    let buffer = object(&world, 5, 10_000);
    world
        .control
        .set_memory_bytes(world.control.live_buffer_bytes());
    let block = adopted(&world, &buffer, 10_000);
    let (_, there) = world.client.adopt(block).expect("a valid block");
    let answer = world.answer(there);
    let Err(RequestError::Failed { reason, .. }) = answer else {
        panic!("there is no memory: {answer:?}");
    };
    assert!(matches!(reason, FailReason::OutOfMemory { .. }), "{reason}");
    check_untouched(&world, &buffer, 5, 10_000);
}

#[test]
fn parts_and_contents_can_come_from_the_gpu_later() {
    let mut world = World::new(small());
    let buffer = object(&world, 5, 4_000);
    let block = BlockDesc::new()
        .part(vertices(1, 0, 100))
        .source(Source::ReadBack);
    let handle = world.client.add(block).expect("a valid block");
    world.flush();
    let part = PartData::on_gpu(KindId::STORAGE, 0, bytes_of(&world.client, &buffer, 800));
    let added = world.client.add_part(handle, part).expect("it is sent");
    let part = world.answer(added).expect("there is room");
    let ticket = world.manager.begin_frame();
    let view = ticket.part(handle, part).expect("it is there");
    let range = view.offset().get()..view.offset().get() + 800;
    let bytes = world.control.read(view.buffer(), range);
    drop(ticket);
    // Submitted when it was answered; executed some ticks later.
    assert_ne!(bytes, made(5, 800), "the device is behind");
    check_has(&mut world, handle, &made(5, 800));
    let both = vec![
        bytes_of(&world.client, &buffer, 1_000),
        bytes_of(&world.client, &buffer, 4_000),
    ];
    world
        .client
        .update_on_gpu(handle, both)
        .expect("it is sent");
    world.flush();
    check_has(&mut world, handle, &made(5, 4_000));
    let updates = world.manager.report().blocks_updated;
    assert_eq!(updates, 2, "a part, and the whole");
}

#[test]
fn a_full_mailbox_gives_the_block_back_or_takes_it_whole() {
    let mut world = World::new(Config {
        mailbox_messages: 1,
        ..small()
    });
    let buffer = object(&world, 5, 2_000);
    let [first, second] = [0, 1].map(|_| adopted(&world, &buffer, 2_000));
    let (handle, there) = world.client.try_adopt(first).expect("it is empty");
    let refused = world.client.try_adopt(second).expect_err("it is full");
    assert!(matches!(
        refused.error,
        AddError::Send(SendError::MailboxFull { .. })
    ));
    world.answer(there).expect("there is room");
    let adopted = world.client.adopt(*refused.item);
    let (again, there) = adopted.expect("it is empty again");
    world.answer(there).expect("there is room");
    for handle in [handle, again] {
        check_bytes(&mut world, handle, &made(5, 2_000));
    }
}

/// The bytes are somewhere in the block.
#[track_caller]
fn check_has(world: &mut World, handle: Handle, part: &[u8]) {
    let bytes = world.bytes(handle).expect("it is resident");
    let found = bytes.windows(part.len()).any(|window| window == part);
    assert!(found, "the part's bytes");
}

/// Two objects that come in one tick, in which the first `refusals` submits are refused.
fn with_refusals(refusals: u64) -> (World, [Handle; 2]) {
    let mut world = World::new(small());
    fill(&mut world, 1);
    world.ticks(8);
    let handles = [5, 6].map(|stamp| {
        let buffer = object(&world, stamp, 1_000);
        let block = adopted(&world, &buffer, 1_000);
        world.client.add(block).expect("a valid block")
    });
    (1..=refusals).for_each(|nth| world.control.fail_submit(nth));
    world.ticks(1);
    (world, handles)
}

#[test]
fn who_is_to_blame_for_a_refused_copy_is_found() {
    // The batch of both is refused, then that of the first.
    for (refusals, there) in [(0, [true; 2]), (1, [true; 2]), (2, [false, true])] {
        let (mut world, handles) = with_refusals(refusals);
        let found = handles.map(|handle| is_resident(&world, handle));
        assert_eq!(found, there, "after {refusals} refused submits");
        world.ticks(1);
        for (stamp, handle) in [5, 6].into_iter().zip(handles) {
            check_bytes(&mut world, handle, &made(stamp, 1_000));
        }
    }
}

#[test]
fn a_destroyed_buffer_fails_its_block_and_nothing_else() {
    let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
    let manager = GeometryManager::new(device.clone(), queue.clone(), small());
    let mut manager = manager.expect("a valid configuration");
    let client = manager.client();
    let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    let [good, bad] = [0, 1].map(|_| buffer_of_wgpu(&device, usage));
    let storage = buffer_of_wgpu(&device, wgpu::BufferUsages::STORAGE);
    let len = ByteLen::new(2_000);
    let refused = client.gpu_bytes(storage, ByteOffset::ZERO, len);
    assert_eq!(refused.err(), Some(GpuBytesError::NoCopySource));
    queue.write_buffer(&good, 96, &made(3, 2_000));
    queue.submit([]);
    let adopt = |buffer: &wgpu::Buffer| {
        let bytes = client.gpu_bytes(buffer.clone(), ByteOffset::new(96), len);
        let part = PartData::on_gpu(KindId::STORAGE, 0, bytes.expect("a range of it"));
        let (handle, there) = client
            .adopt(BlockDesc::new().part(part))
            .expect("a valid block");
        (handle, there)
    };
    let (of_bad, mut bad_there) = adopt(&bad);
    let (of_good, mut good_there) = adopt(&good);
    let beside = client.add(mesh(1, 100)).expect("a valid block");
    bad.destroy();
    manager.poll();
    assert_eq!(good_there.try_take(), Some(Ok(())), "it came at once");
    let ticket = manager.begin_frame();
    assert!(matches!(ticket.get(beside), Lookup::Resident(_)));
    drop(ticket);
    let mut read = client.read_back(of_good).expect("it is sent");
    let read = loop {
        manager.poll();
        if let Some(read) = read.try_take() {
            break read.expect("it is resident");
        }
    };
    assert_eq!(read.parts[0].1, made(3, 2_000), "its bytes");
    for _ in 0..8 {
        manager.poll();
    }
    let reason = FailReason::Transfer { attempts: 8 };
    let failed = RequestError::Failed {
        handle: of_bad,
        reason,
    };
    assert_eq!(bad_there.try_take(), Some(Err(failed)), "after eight tries");
    assert_eq!(manager.report().failed, 1, "no other");
}
