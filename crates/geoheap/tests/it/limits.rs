//! Settings and requests at the ends of their ranges.

use std::time::Duration;

use geoheap::{
    AddError, BlockDesc, ByteLen, Config, ConfigError, CreateError, GeometryManager, PartData,
    RequestError, StagedWrite, Threading, VirtualConfig, VirtualGpu,
};

use crate::harness::{World, mesh, small};

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
        let RequestError::StagingFull { requested, free } = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(requested, ByteLen::new(len), "it names what was asked for");
        assert!(free < requested, "and what there is: {free}");
    }
}

#[test]
fn callers_who_keep_staging_cannot_stop_the_uploads() {
    let mut world = World::new(small());
    let mut kept = Vec::new();
    while let Ok(staged) = stage(&mut world, 4096) {
        kept.push(staged);
    }
    assert!(kept.len() > 4, "most of it can be lent: {}", kept.len());
    let handle = world.client.add(mesh(1, 500)).expect("a valid block");
    world.flush();
    assert!(
        world.bytes(handle).is_some(),
        "the rest is enough to upload"
    );
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
