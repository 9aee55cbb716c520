//! Settings and requests at the ends of their ranges.

use std::time::Duration;

use geoheap::{
    AddError, BlockDesc, ByteLen, Config, ConfigError, CreateError, GeometryManager, PartData,
    Payload, RequestError, Source, StagedWrite, Threading, VirtualConfig, VirtualGpu,
};

use crate::harness::{World, mesh, small, stamped};

/// The answer to a wish for `len` bytes of staging.
fn stage(world: &mut World, len: u64) -> Result<StagedWrite, RequestError> {
    let pending = world.client.stage(ByteLen::new(len)).expect("it is sent");
    world.answer(pending)
}

#[test]
fn staging_of_impossible_lengths_is_refused_with_numbers() {
    let mut world = World::new(small());
    let none = stage(&mut world, 0).map(|_| ());
    assert_eq!(none, Err(RequestError::ZeroSize));
    for len in [u64::MAX, u64::MAX - 3, 65 * 1024] {
        let refused = stage(&mut world, len).expect_err("there is not so much");
        let RequestError::StagingTooSmall { requested, limit } = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(requested, ByteLen::new(len), "it names what was asked for");
        assert!(limit < requested, "and what there is: {limit}");
    }
}

#[test]
fn callers_who_keep_staging_cannot_stop_the_uploads() {
    let mut world = World::new(small());
    let mut kept = Vec::new();
    let full = loop {
        match stage(&mut world, 4096) {
            Ok(staged) => kept.push(staged),
            Err(full) => break full,
        }
    };
    assert!(matches!(full, RequestError::StagingFull { .. }), "{full:?}");
    assert!(kept.len() > 4, "most of it can be lent: {}", kept.len());
    let handle = world.client.add(mesh(1, 500)).expect("a valid block");
    world.flush();
    assert!(
        world.bytes(handle).is_some(),
        "the rest is enough to upload"
    );
}

#[test]
fn what_is_said_to_be_free_of_staging_is_less_than_what_was_refused() {
    let config = Config {
        staging_bytes: ByteLen::new(40 * 1024 + 8),
        ..small()
    };
    let mut world = World::new(config);
    let _kept = stage(&mut world, 28 * 1024).expect("most of it can be lent");
    // Half a word at the end is of no use to anybody.
    for len in 2044..2064 {
        match stage(&mut world, len) {
            Ok(staged) => assert_eq!(
                staged.len(),
                ByteLen::new(len),
                "it is as long as asked for"
            ),
            Err(RequestError::StagingFull { requested, free }) => {
                assert!(requested > free, "{requested} of {free} are refused");
            }
            Err(other) => panic!("{len} bytes: {other}"),
        }
    }
}

/// A read-back that waited for a job takes staging when the job ends, and that may be in a tick
/// whose uploads need all of it.
#[test]
fn a_read_back_that_waited_leaves_less_staging_to_the_uploads() {
    let (len, short) = (31 * 1024, 12 * 1024);
    let storage = |block, revision, len| Payload::from(stamped(block, revision, len));
    let mut world = World::new(small());
    let mut blocks = Vec::new();
    for block in 0..14 {
        let len = if block == 0 { short } else { len };
        let part = PartData::storage(storage(block, 0, len));
        let desc = BlockDesc::new().part(part).source(Source::None);
        blocks.push(world.client.add(desc).expect("a valid block"));
    }
    world.flush();
    // No chunk has so much room, and nothing can leave: the update fails after a long wait.
    let long = vec![storage(0, 1, 48 * 1024)];
    world.client.update(blocks[0], long).expect("it is sent");
    let mut read = world.client.read_back(blocks[0]).expect("it is sent");
    let mut answer = None;
    for revision in 1..1_000 {
        for block in [1, 2] {
            let handle = blocks[block as usize];
            let contents = vec![storage(block, revision, len)];
            let sent = world.client.update_in_place(handle, contents);
            sent.expect("the mailbox is empty");
        }
        world.ticks(1);
        answer = answer.or_else(|| read.try_take());
    }
    let bytes = answer.expect("it is answered").expect("its block is there");
    assert_eq!(bytes.parts[0].1, stamped(0, 0, short), "the update failed");
    assert_eq!(world.manager.report().gpu_errors, 0, "staging was enough");
}

#[test]
fn spare_room_beyond_all_bounds_is_refused() {
    let world = World::new(small());
    for spare in [u64::MAX, u64::MAX - 100, 1 << 40, (1 << 34) - 4, 1 << 34] {
        let block = mesh(1, 1).spare(ByteLen::new(spare));
        let refused = world.client.add(block).expect_err("no chunk holds it");
        let told = matches!(refused, AddError::Layout(_) | AddError::TooLarge { .. });
        assert!(told, "{refused:?}");
    }
}

#[test]
fn caps_without_end_are_caps() {
    let mut config = small();
    config.tick_upload_bytes = ByteLen::new(u64::MAX);
    config.tick_copies = u32::MAX;
    config.defrag.move_bytes = ByteLen::new(u64::MAX);
    config.defrag.moves = u32::MAX;
    config.defrag.every_ticks = 1;
    config.keep_empty_ticks = u64::MAX;
    let mut world = World::new(config);
    let mut handles = Vec::new();
    for nth in 0..100 {
        handles.push(world.client.add(mesh(nth, 200)).expect("a valid block"));
        world.ticks(1);
    }
    for (nth, handle) in handles.iter().enumerate() {
        if nth % 8 != 0 {
            world.client.remove(*handle).expect("it is sent");
        }
    }
    let trim = world.client.trim().expect("it is sent");
    world.answer(trim).expect("it is done");
    world.ticks(50);
    assert!(
        world.manager.report().moves > 0,
        "and they let moves through"
    );
}

#[test]
fn an_interval_without_end_still_ends() {
    let mut config = small();
    config.threading = Threading::Actor;
    config.tick_interval = Duration::MAX;
    let world = World::new(config);
    world.client.add(mesh(1, 10)).expect("a valid block");
    let ended = world.manager.shutdown();
    assert!(!ended.actor_panicked, "the actor waits for a point in time");
}

/// Why the settings are refused.
fn refused(config: Config) -> ConfigError {
    let (gpu, _control) = VirtualGpu::new(&VirtualConfig::default());
    match GeometryManager::with_backend(gpu, config) {
        Err(CreateError::Config(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn generations_end_before_their_number_does() {
    let config = Config {
        generation_max: u32::MAX - 1,
        ..Config::default()
    };
    let error = refused(config);
    assert!(
        matches!(
            error,
            ConfigError::AboveMax {
                field: "generation_max",
                ..
            }
        ),
        "R7: the number after the last one marks its slot as vacant: {error:?}"
    );
}

#[test]
fn staging_without_end_is_cut_to_its_share() {
    let (gpu, _control) = VirtualGpu::new(&VirtualConfig::default());
    let config = Config {
        staging_bytes: ByteLen::new(u64::MAX),
        ..Config::default()
    };
    let manager = GeometryManager::with_backend(gpu, config).expect("it is cut to an eighth");
    drop(manager);
}

#[test]
fn the_largest_block_that_is_let_in_finds_a_place() {
    let mut config = small();
    // A budget that dedicated buffers, which are rounded up, do not divide.
    config.budget_bytes = ByteLen::new(512 * 1024 + 4681);
    let mut world = World::new(config);
    let storage = |len: u64| {
        let bytes = vec![0; usize::try_from(len).expect("small")];
        BlockDesc::new().part(PartData::storage(bytes))
    };
    let Err(AddError::TooLarge { max, .. }) = world.client.add(storage(600 * 1024)) else {
        panic!("it is larger than the budget");
    };
    let block = storage(max.get() / 4 * 4);
    let handle = world.client.add(block).expect("it is not too large");
    let pending = world.client.resident(handle).expect("it is sent");
    world.answer(pending).expect("what is let in finds a place");
}

#[test]
fn pins_have_no_number_at_which_they_break() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 50)).expect("a valid block");
    world.flush();
    let pins = u32::from(u16::MAX) + 10;
    let mut sent = 0;
    while sent < pins {
        for _ in 0..1_000.min(pins - sent) {
            drop(world.client.pin(handle).expect("the mailbox has room"));
            sent += 1;
        }
        world.ticks(1);
    }
    let client = world.client.clone();
    let newer = vec![stamped(1, 1, 1_000).into()];
    client.update(handle, newer).expect("it is sent");
    world.flush();
    assert_eq!(world.bytes(handle), Some(stamped(1, 1, 1_000)));
}

#[test]
fn caps_that_are_no_whole_words_are_cut_to_some() {
    for odd in [1, 4097, 4098, 2001] {
        let mut config = small();
        config.tick_upload_bytes = ByteLen::new(odd);
        let mut world = World::new(config);
        let handle = world.client.add(mesh(1, 100)).expect("a valid block");
        world.flush();
        assert_eq!(world.bytes(handle), Some(stamped(1, 0, 2_000)), "cap {odd}");
        assert_eq!(world.manager.report().gpu_errors, 0, "cap {odd}");
    }
}

#[test]
fn more_handles_than_the_policy_can_name_are_refused() {
    let mut config = Config::default();
    config.residency.entries_max = 1 << 20;
    let error = refused(config);
    assert!(
        matches!(
            error,
            ConfigError::AboveMax {
                field: "handles_max",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn contents_that_wait_behind_a_change_of_their_block_are_bounded() {
    let mut config = small();
    config.tick_upload_bytes = ByteLen::new(4096);
    config.mailbox_bytes = ByteLen::from_kib(64);
    let mut world = World::new(config);
    let handle = world.client.add(mesh(1, 1_000)).expect("a valid block");
    world.flush();
    let part = world.manager.begin_frame().parts(handle).next();
    let part = part.expect("it has one");
    let (mut taken, mut full) = (0, 0);
    for revision in 0..300 {
        let newer = stamped(1, revision, 20_000);
        match world.client.update_part(handle, part, newer) {
            Ok(pending) => {
                drop(pending);
                taken += 1;
            }
            Err(_) => full += 1,
        }
        world.ticks(1);
    }
    // Five ticks an update: what was taken and not uploaded fits the bound, doubled.
    assert!(taken < 75, "{taken} were taken in 300 ticks");
    assert!(full > 200, "the mailbox presses back: {full} were refused");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let config = Config {
        long_lived_chunk_bytes: ByteLen::from_mib(250),
        ..Config::default()
    };
    let error = refused(config);
    assert!(
        matches!(
            error,
            ConfigError::AboveMax {
                field: "long_lived_chunk_bytes",
                ..
            }
        ),
        "no such chunk fits the budget: {error:?}"
    );
    let config = Config {
        part_align_max: 3,
        ..Config::default()
    };
    let error = refused(config);
    assert!(
        matches!(
            error,
            ConfigError::BelowMin {
                field: "part_align_max",
                ..
            }
        ),
        "every part is aligned to words: {error:?}"
    );
    let config = Config {
        replicas: 1,
        ..Config::default()
    };
    let error = refused(config);
    assert!(matches!(error, ConfigError::Ring(_)), "{error:?}");
}

#[test]
fn the_least_budget_is_one_that_is_taken() {
    let mut config = small();
    config.staging_buffer_bytes = ByteLen::from_kib(32);
    let mut world = World::new(config);
    let least = world.client.budget_bytes_min();
    let below = ByteLen::new(least.get() - 8);
    let refused = world.client.set_budget(below).map(|_| ());
    assert!(
        matches!(refused, Err(RequestError::Budget(_))),
        "{refused:?}"
    );
    let taken = world.client.set_budget(least).expect("it is the least");
    world.answer(taken).expect("it is done");
}

#[test]
fn a_read_back_longer_than_staging_is_refused_with_both_numbers() {
    let mut world = World::new(small());
    let handle = world.client.add(mesh(1, 5_000)).expect("a valid block");
    world.flush();
    let read = world.client.read_back(handle).expect("it is sent");
    let refused = world.answer(read).expect_err("staging has 64 KiB");
    let RequestError::StagingTooSmall { requested, limit } = refused else {
        panic!("{refused:?}");
    };
    let numbers = (requested.get(), limit.get());
    assert_eq!(
        numbers,
        (100_000, 64 * 1024),
        "what was asked, what there is"
    );
    assert_eq!(
        world.manager.report().gpu_errors,
        0,
        "that is no device error"
    );
}
