//! Bad input is refused with the limit and the value, and nothing is lost or half done (R11).

use std::time::Duration;

use geoheap::{
    AddError, Batch, BlockDesc, ByteLen, Config, ConfigError, CreateError, GeometryManager, Handle,
    HeapEvent, LayoutError, Lifetime, MailboxLimit, Op, PartData, RequestError, SendError, Source,
    VirtualConfig, VirtualGpu,
};

use crate::harness::{World, mesh, small, stamped, vertices};

/// The refusal of a configuration.
fn refused(config: Config) -> ConfigError {
    let (gpu, _control) = VirtualGpu::new(&VirtualConfig::default());
    match GeometryManager::with_backend(gpu, config) {
        Err(CreateError::Config(error)) => error,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn a_budget_below_one_chunk_is_refused() {
    let error = refused(Config {
        budget_bytes: ByteLen::from_mib(1),
        ..Config::default()
    });
    let text = error.to_string();
    assert!(
        text.contains("1048576") && text.contains("16773120"),
        "both numbers: {text}"
    );
    let world = World::new(small());
    let error = world
        .client
        .set_budget(ByteLen::from_kib(60))
        .expect_err("below a chunk");
    assert!(error.to_string().contains("61440"), "the value: {error}");
    let min = world.client.budget_bytes_min();
    assert!(
        min > ByteLen::from_kib(64) && min < ByteLen::from_kib(130),
        "the limit: {min}"
    );
    assert_eq!(
        world.manager.report().budget_bytes,
        512 * 1024,
        "nothing changed"
    );
}

#[test]
fn settings_of_zero_or_beyond_the_device_are_refused() {
    let error = refused(Config {
        tick_copies: 0,
        ..Config::default()
    });
    assert_eq!(
        error,
        ConfigError::Zero {
            field: "tick_copies"
        }
    );
    let chunk_bytes = ByteLen::from_mib(512);
    let budget_bytes = ByteLen::from_mib(4096);
    let error = refused(Config {
        chunk_bytes,
        budget_bytes,
        ..Config::default()
    });
    let ConfigError::AboveDeviceLimit { field, bytes, max } = error else {
        panic!("another error: {error}");
    };
    assert_eq!(
        (field, bytes, max),
        ("chunk_bytes", chunk_bytes, ByteLen::from_mib(256))
    );
}

#[test]
fn blocks_that_cannot_be_are_refused_where_they_are_made() {
    let world = World::new(small());
    let refusal = |block: BlockDesc| world.client.add(block).expect_err("it is not valid");
    assert_eq!(refusal(BlockDesc::new()), AddError::NoParts);
    let empty = BlockDesc::new().part(PartData::vertex(Vec::new(), 20));
    assert!(matches!(
        refusal(empty),
        AddError::Layout(LayoutError::ZeroSize)
    ));
    let odd = BlockDesc::new().part(PartData::vertex(vec![0; 50], 20));
    let error = refusal(odd);
    assert!(matches!(
        error,
        AddError::Layout(LayoutError::Misaligned { stride: 20, .. })
    ));
    assert!(error.to_string().contains("50"), "the value: {error}");
    let half = BlockDesc::new().part(PartData::index_u16(vec![0; 3]));
    assert!(matches!(
        refusal(half),
        AddError::Layout(LayoutError::Misaligned { .. })
    ));
    let strideless = BlockDesc::new().part(PartData::vertex(vec![0; 50], 0));
    assert!(matches!(
        refusal(strideless),
        AddError::Layout(LayoutError::BadStride { .. })
    ));
    let coprime =
        [65_521, 65_519].map(|stride: u32| PartData::vertex(vec![0; stride as usize], stride));
    let unalignable = coprime.into_iter().fold(BlockDesc::new(), BlockDesc::part);
    assert!(matches!(
        refusal(unalignable),
        AddError::Layout(LayoutError::AlignmentTooLarge { max: 65_536, .. })
    ));
    let huge = BlockDesc::new().part(PartData::storage(vec![0; 600 * 1024]));
    let AddError::TooLarge { requested, max } = refusal(huge) else {
        panic!("600 KiB do not fit a budget of 512 KiB");
    };
    assert_eq!(requested, ByteLen::from_kib(600));
    assert_eq!(max, ByteLen::from_kib(448), "the budget less staging");
    let unknown = PartData::new(geoheap::KindId::new(9), 0, vec![0; 4]);
    let error = refusal(BlockDesc::new().part(unknown));
    assert!(matches!(
        error,
        AddError::Layout(LayoutError::UnknownKind { .. })
    ));
    assert_eq!(
        world.manager.report().blocks_added,
        0,
        "nothing came of any of them"
    );
}

#[test]
fn a_block_beyond_the_devices_buffers_is_refused() {
    let config = Config {
        budget_bytes: ByteLen::from_mib(1024),
        ..Config::default()
    };
    let (gpu, _control) = VirtualGpu::new(&VirtualConfig::default());
    let manager = GeometryManager::with_backend(gpu, config).expect("a valid configuration");
    let huge = BlockDesc::new().part(PartData::storage(vec![0; 257 << 20]));
    let error = manager
        .client()
        .add(huge)
        .expect_err("the device makes 256 MiB at most");
    let max = ByteLen::from_mib(256);
    assert_eq!(
        error,
        AddError::TooLarge {
            requested: ByteLen::from_mib(257),
            max
        }
    );
}

#[test]
fn a_refused_block_comes_back_whole() {
    let mut config = small();
    config.mailbox_messages = 2;
    let world = World::new(config);
    for nth in 0..2 {
        world
            .client
            .add(mesh(nth, 1))
            .expect("there is room for two");
    }
    let full = SendError::MailboxFull {
        limit: MailboxLimit::Messages(2),
    };
    let back = world.client.try_add(mesh(2, 30)).expect_err("it is full");
    assert_eq!(back.error, AddError::Send(full.clone()));
    assert_eq!(back.item.bytes(), ByteLen::new(600), "the block is whole");
    // Where the caller drives, waiting could never end, so every form returns at once.
    let error = world.client.add(mesh(3, 1)).expect_err("it is full");
    assert_eq!(error, AddError::Send(full));
    let batch = Batch::new().add(mesh(4, 1)).add(mesh(5, 1));
    assert!(
        world.client.batch(batch).is_err(),
        "a batch enters whole or not"
    );
    let batch = (0..3).fold(Batch::new(), |batch, nth| batch.add(mesh(nth, 1)));
    let back = world.client.batch(batch).expect_err("three never fit two");
    let AddError::Send(SendError::LargerThanMailbox { needed: 3, .. }) = back.error else {
        panic!("another error: {}", back.error);
    };
}

#[test]
fn the_mailbox_is_bounded_in_bytes_too() {
    let mut config = small();
    config.mailbox_bytes = ByteLen::new(1_000);
    let mut world = World::new(config);
    world.client.add(mesh(1, 40)).expect("800 of 1000 bytes");
    let back = world
        .client
        .try_add(mesh(2, 20))
        .expect_err("400 more do not fit");
    let limit = MailboxLimit::Bytes(1_000);
    assert_eq!(back.error, AddError::Send(SendError::MailboxFull { limit }));
    world.ticks(3);
    let handle = world.client.try_add(*back.item).expect("now they do");
    world.flush();
    assert_eq!(world.bytes(handle), Some(stamped(2, 0, 400)), "and arrive");
    let error = world.client.add(mesh(3, 60)).expect_err("1200 never fit");
    assert!(matches!(
        error,
        AddError::Send(SendError::LargerThanMailbox { needed: 1_200, .. })
    ));
}

#[test]
fn the_deadline_form_names_the_limit_and_the_time() {
    let mut config = small();
    config.threading = geoheap::Threading::Actor;
    config.mailbox_messages = 1;
    config.mailbox_bytes = ByteLen::new(100_000);
    let world = World::new(config);
    // A device that never gets on: staging fills, what waits for it fills, then the mailbox.
    world.control.stall(true);
    let mut refused = None;
    for nth in 0..200 {
        let added = world
            .client
            .add_deadline(mesh(nth, 2_000), Duration::from_millis(30));
        if let Err(back) = added {
            refused = Some(back);
            break;
        }
    }
    let back = refused.expect("a mailbox that is never emptied is full in the end");
    let AddError::Send(SendError::Deadline { waited, limit }) = back.error else {
        panic!("another error: {}", back.error);
    };
    assert!(waited >= Duration::from_millis(30), "it waited: {waited:?}");
    assert_eq!(limit, MailboxLimit::Messages(1), "and names the limit");
    assert_eq!(
        back.item.bytes(),
        ByteLen::new(40_000),
        "the block is whole"
    );
}

#[test]
fn stale_handles_are_refused_by_every_request() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 10)).expect("a valid block");
    world.flush();
    world.client.remove(handle).expect("it is sent");
    world.flush();
    let client = world.client.clone();
    let stale = RequestError::Stale { handle };
    client.remove(handle).expect("it is sent");
    client
        .update(handle, vec![vec![0; 20].into()])
        .expect("it is sent");
    client.share(handle).expect("it is sent");
    client
        .set_lifetime(handle, Lifetime::LongLived)
        .expect("it is sent");
    client.set_priority(handle, 1).expect("it is sent");
    client.unpin(handle).expect("it is sent");
    world.flush();
    let ops: Vec<Op> = world
        .manager
        .events()
        .into_iter()
        .map(|event| match event {
            HeapEvent::Refused {
                handle: about,
                op,
                error,
            } => {
                assert_eq!((about, &error), (handle, &stale));
                op
            }
            other => panic!("another event: {other}"),
        })
        .collect();
    let expected = [
        Op::Remove,
        Op::Update,
        Op::Share,
        Op::SetLifetime,
        Op::SetPriority,
        Op::Unpin,
    ];
    assert_eq!(ops, expected, "each is told once");
    let pending = client.pin(handle).expect("it is sent");
    assert_eq!(world.answer(pending), Err(stale.clone()));
    let pending = client.resident(handle).expect("it is sent");
    assert_eq!(world.answer(pending), Err(stale.clone()));
    let pending = client
        .add_part(handle, vertices(1, 0, 1))
        .expect("it is sent");
    assert_eq!(world.answer(pending), Err(stale.clone()));
    let pending = client.read_back(handle).expect("it is sent");
    assert_eq!(world.answer(pending).err(), Some(stale));
    let nonsense = Handle::from_bits(u64::MAX / 3);
    let pending = client.pin(nonsense).expect("it is sent");
    assert!(
        world.answer(pending).is_err(),
        "a number that never was a handle"
    );
}

#[test]
fn updates_that_do_not_match_are_refused() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 10)).expect("a valid block");
    world.flush();
    let contents = |lens: &[usize]| lens.iter().map(|len| vec![9; *len].into()).collect();
    world
        .client
        .update(handle, contents(&[20, 20]))
        .expect("it is sent");
    world
        .client
        .update(handle, contents(&[30]))
        .expect("it is sent");
    world
        .client
        .update(handle, contents(&[0]))
        .expect("it is sent");
    world
        .client
        .update_in_place(handle, contents(&[220]))
        .expect("it is sent");
    world
        .client
        .update(handle, contents(&[600 * 1024 / 20 * 20]))
        .expect("it is sent");
    world.client.unpin(handle).expect("it is sent");
    world.flush();
    let errors: Vec<String> = world
        .manager
        .events()
        .iter()
        .map(ToString::to_string)
        .collect();
    for (error, expected) in errors.iter().zip([
        "the block has 1 parts; 2 were given",
        "30 bytes are no whole number of elements of 20 bytes",
        "no bytes",
        "200 bytes, 220 given",
        "at most 458752 bytes",
        "is not pinned",
    ]) {
        assert!(
            error.contains(expected),
            "{error:?} should say {expected:?}"
        );
    }
    assert_eq!(errors.len(), 6, "{errors:?}");
    assert_eq!(
        world.bytes(handle),
        Some(stamped(1, 0, 200)),
        "the block is as it was"
    );
}

#[test]
fn staged_parts_cannot_be_retained() {
    let mut world = World::new(small());
    let pending = world.client.stage(ByteLen::new(40)).expect("it is sent");
    let staged = world.answer(pending).expect("staging is empty");
    let part = PartData::staged(geoheap::KindId::STORAGE, 0, staged);
    let block = BlockDesc::new().part(part).source(Source::Retained);
    assert_eq!(world.client.add(block), Err(AddError::StagedCannotRetain));
    let pending = world
        .client
        .stage(ByteLen::from_mib(1))
        .expect("it is sent");
    let error = world.answer(pending).expect_err("staging has 64 KiB");
    assert!(
        matches!(error, RequestError::StagingTooSmall { .. }),
        "{error}"
    );
}

#[test]
fn after_shutdown_everything_is_refused() {
    let world = World::new(small());
    let client = world.client.clone();
    let frames = world.manager.frames();
    drop(world.manager.shutdown());
    assert_eq!(
        client.add(mesh(1, 1)),
        Err(AddError::Send(SendError::ShutDown))
    );
    let back = client
        .add_deadline(mesh(1, 1), Duration::from_millis(1))
        .expect_err("it is over");
    assert_eq!(back.item.bytes(), ByteLen::new(20), "the block is whole");
    assert!(client.flush().is_err() && client.pin(Handle::from_bits(5)).is_err());
    drop(frames.begin_frame().finish());
}

/// It may be what makes the room that the mailbox waits for.
#[test]
fn a_full_mailbox_takes_a_budget() {
    let mut config = small();
    config.mailbox_messages = 2;
    let mut world = World::new(config);
    let handles: Vec<_> = (0..2).map(|id| world.client.add(mesh(id, 4))).collect();
    assert!(handles.iter().all(Result::is_ok), "{handles:?}");
    assert!(world.client.flush().is_err(), "it is full");
    let budget = ByteLen::from_kib(256);
    let pending = world.client.set_budget(budget).expect("taken");
    world.answer(pending).expect("a chunk fits");
    assert_eq!(world.manager.report().budget_bytes, budget.get());
}
