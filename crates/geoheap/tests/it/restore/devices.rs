//! Which devices can follow a lost one.

use geoheap::{AddError, Align, ByteLen, Limits, RestoreError, VirtualGpu};

use super::Blocks;
use crate::harness::{World, device_for, mesh, small};

/// A device that cannot follow changes nothing: the heap waits for one that can.
#[track_caller]
fn check_refused(change: impl FnOnce(&mut Limits), is_right: impl FnOnce(&RestoreError) -> bool) {
    let mut world = World::new(small());
    let blocks = Blocks::resident(&mut world);
    world.control.lose_device();
    let mut config = device_for(&small());
    change(&mut config.limits);
    let (gpu, _) = VirtualGpu::new(&config);
    let error = world.manager.restore_backend(gpu).expect_err("it is less");
    assert!(is_right(&error), "{error:?}");
    assert!(world.manager.report().device_lost, "{error}");
    world.restore();
    blocks.check(&mut world);
}

#[test]
fn a_device_that_demands_more_is_refused() {
    let align = |bytes| Align::new(bytes).expect("a positive number");
    check_refused(
        |limits| limits.buffer_bytes_max = ByteLen::from_kib(32),
        |error| matches!(error, RestoreError::Config(_)),
    );
    check_refused(
        |limits| limits.uniform_align = align(512),
        |error| {
            matches!(
                error,
                RestoreError::Alignment {
                    kind: "uniform",
                    ..
                }
            )
        },
    );
    check_refused(
        |limits| limits.storage_align = align(1024),
        |error| {
            matches!(
                error,
                RestoreError::Alignment {
                    kind: "storage",
                    ..
                }
            )
        },
    );
    check_refused(
        |limits| limits.indirect_first_instance = false,
        |error| matches!(error, RestoreError::FirstInstance),
    );
}

#[test]
fn a_device_that_demands_less_is_taken() {
    let mut world = World::new(small());
    let blocks = Blocks::resident(&mut world);
    world.control.lose_device();
    let mut config = device_for(&small());
    config.limits.uniform_align = Align::new(64).expect("a positive number");
    config.limits.buffer_bytes_max = ByteLen::from_kib(64);
    let (gpu, control) = VirtualGpu::new(&config);
    world.control = control;
    let restored = world.manager.restore_backend(gpu);
    restored.expect("smaller alignments fit");
    assert_eq!(*world.manager.limits(), config.limits);
    blocks.check(&mut world);
    let refused = world.client.add(mesh(1, 4_000)).expect_err("80 000 bytes");
    assert!(matches!(refused, AddError::TooLarge { .. }), "{refused:?}");
}

#[test]
fn a_device_is_followed_only_when_it_is_lost_and_only_by_one_that_is_not() {
    let mut world = World::new(small());
    let blocks = Blocks::resident(&mut world);
    let device = || VirtualGpu::new(&device_for(&small()));
    let refused = world.manager.restore_backend(device().0);
    assert_eq!(refused, Err(RestoreError::NotLost));
    world.control.lose_device();
    let (gpu, control) = device();
    control.lose_device();
    let refused = world.manager.restore_backend(gpu);
    let again = matches!(&refused, Err(RestoreError::LostAgain { reason }) if !reason.is_empty());
    assert!(again, "{refused:?}");
    world.restore();
    blocks.check(&mut world);
    let report = world.manager.report();
    assert_eq!(
        (report.device_losses, report.restores),
        (1, 1),
        "{report:?}"
    );
}
