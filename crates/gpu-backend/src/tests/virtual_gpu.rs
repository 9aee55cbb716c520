//! The virtual GPU: faults, stalls, and the bytes as the queue leaves them.

use std::sync::{Arc, Mutex};

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::conformance::Rig;
use crate::{
    Backend, BackendEvent, BufferDesc, BufferRole, CreateError, LeaseError, StageError,
    StagingConfig, SubmitError, VirtualBuffer, VirtualConfig, VirtualContents, VirtualControl,
    VirtualGpu, VirtualRead, conformance_tests,
};

fn rig_with(staging: &StagingConfig, contents: VirtualContents) -> Rig<VirtualGpu> {
    let config = VirtualConfig {
        staging: *staging,
        contents,
        ..VirtualConfig::default()
    };
    let (backend, control) = VirtualGpu::new(&config);
    Rig {
        backend,
        lose: Box::new(move || control.lose_device()),
    }
}

fn rig(staging: &StagingConfig) -> Rig<VirtualGpu> {
    rig_with(staging, VirtualContents::Bytes)
}

conformance_tests!(rig);

mod pace;

/// The same where memory is kept as words.
mod words {
    use super::{Rig, StagingConfig, VirtualContents, VirtualGpu, rig_with};
    use crate::conformance_tests;

    fn rig(staging: &StagingConfig) -> Rig<VirtualGpu> {
        rig_with(staging, VirtualContents::Words)
    }

    conformance_tests!(rig);
}

fn gpu(latency_polls: u32) -> (VirtualGpu, VirtualControl) {
    VirtualGpu::new(&VirtualConfig {
        latency_polls,
        ..VirtualConfig::default()
    })
}

fn create(gpu: &mut VirtualGpu, len: u64) -> Result<VirtualBuffer, CreateError> {
    gpu.create_buffer(&BufferDesc {
        label: "test",
        len: ByteLen::new(len),
        role: BufferRole::Chunk,
    })
}

fn poll(gpu: &mut VirtualGpu) -> Vec<BackendEvent> {
    let mut events = Vec::new();
    gpu.poll(&mut events);
    events
}

const ZERO: ByteOffset = ByteOffset::ZERO;

/// What is said to be free can be staged: a short buffer that is left of a larger limit leaves room
/// for another that is no crumb, though the limit alone would be one buffer and a crumb.
#[test]
fn what_is_free_under_a_lowered_limit_can_be_staged_in_one_piece() {
    let (mut gpu, _) = VirtualGpu::new(&VirtualConfig {
        staging: StagingConfig {
            buffer_bytes: ByteLen::new(64),
            limit_bytes: ByteLen::new(80),
            ..StagingConfig::default()
        },
        ..VirtualConfig::default()
    });
    let buffer = create(&mut gpu, 256).expect("memory is left");
    let start = ByteOffset::new(0);
    gpu.upload(&buffer, start, &[7; 80]).expect("all of it");
    gpu.submit().expect("nothing fails");
    assert!(
        gpu.wait_idle(16),
        "the buffers of 64 and 16 bytes come back"
    );
    gpu.set_staging_limit(ByteLen::new(72));
    assert_eq!(gpu.staging().free_bytes, ByteLen::new(72), "16 and 56");
    let too_long = gpu.upload(&buffer, start, &[8; 76]);
    let refused = matches!(too_long, Err(StageError::TooLarge { .. }));
    assert!(refused, "more than is free: {too_long:?}");
    gpu.upload(&buffer, start, &[8; 72]).expect("what is free");
}

#[test]
fn work_is_executed_as_late_as_the_latency_says() {
    let (mut gpu, control) = gpu(3);
    let buffer = create(&mut gpu, 8).expect("memory is there");
    gpu.upload(&buffer, ZERO, &[7; 8]).expect("there is room");
    let id = gpu.submit().expect("accepted").expect("not empty");
    for _ in 0..2 {
        assert_eq!(poll(&mut gpu), Vec::new(), "not yet");
        assert_eq!(control.read(&buffer, 0..8), [0; 8], "not yet");
    }
    control.stall(true);
    assert_eq!(poll(&mut gpu), Vec::new(), "a stalled device does nothing");
    assert!(!gpu.wait_idle(10), "nor when it is waited for");
    control.stall(false);
    assert_eq!(
        poll(&mut gpu),
        vec![BackendEvent::Completed(id)],
        "the third poll that counts"
    );
    assert_eq!(
        control.read(&buffer, 2..100),
        [7; 6],
        "executed; cut off at the end"
    );
}

#[test]
fn planted_creations_fail_and_no_others() {
    let (mut gpu, control) = gpu(1);
    control.fail_creation(2);
    control.fail_creation(3);
    let results: Vec<_> = (0..4).map(|_| create(&mut gpu, 64).is_ok()).collect();
    assert_eq!(
        results,
        [true, false, false, true],
        "the second and the third"
    );
}

#[test]
fn memory_ends_and_comes_back_with_the_last_handle() {
    let (mut gpu, control) = gpu(1);
    control.set_memory_bytes(ByteLen::new(2048));
    let first = create(&mut gpu, 1500).expect("memory is there");
    assert_eq!(
        control.live_buffer_bytes(),
        ByteLen::new(1504),
        "with its padding"
    );
    let requested = ByteLen::new(600);
    assert_eq!(
        create(&mut gpu, 600),
        Err(CreateError::OutOfMemory { requested }),
        "no memory"
    );
    let error = gpu.lease(requested).expect_err("staging lives there too");
    assert_eq!(
        error,
        LeaseError::OutOfMemory { requested },
        "no memory for staging"
    );
    let second = first.clone();
    gpu.release_buffer(first, ByteLen::new(1504));
    assert_eq!(
        control.live_buffer_bytes(),
        ByteLen::new(1504),
        "a handle is left"
    );
    drop(second);
    assert_eq!(
        control.live_buffer_bytes(),
        ByteLen::ZERO,
        "the last handle went"
    );
    create(&mut gpu, 600).expect("memory is there again");
    assert_eq!(
        control.peak_bytes(),
        ByteLen::new(1504),
        "the most that lived at once"
    );
}

#[test]
fn failed_staging_leaves_nothing_half_done() {
    let staging = StagingConfig {
        buffer_bytes: ByteLen::new(64),
        limit_bytes: ByteLen::new(1024),
        ..StagingConfig::default()
    };
    let (mut gpu, control) = VirtualGpu::new(&VirtualConfig {
        staging,
        ..VirtualConfig::default()
    });
    let buffer = create(&mut gpu, 256).expect("memory is there");
    gpu.submit().expect("accepted");
    control.fail_staging(3);
    let error = gpu
        .upload(&buffer, ZERO, &[1; 256])
        .expect_err("the third buffer fails");
    let requested = ByteLen::new(64);
    assert_eq!(
        error,
        StageError::OutOfMemory { requested },
        "the fault is named"
    );
    assert_eq!(gpu.submit(), Ok(None), "G1: nothing was recorded");
    gpu.upload(&buffer, ZERO, &[1; 256])
        .expect("the next try works");
    gpu.submit().expect("accepted");
    assert!(gpu.wait_idle(10), "executed");
    assert_eq!(control.read(&buffer, 0..256), [1; 256], "whole");
    control.fail_staging(1);
    gpu.read_back(&buffer, ZERO, ByteLen::new(8))
        .expect_err("a read-back needs memory");
    control.fail_staging(1);
    gpu.lease(ByteLen::new(8))
        .expect_err("a lease needs memory");
    assert_eq!(
        gpu.staging().one_shot_bytes,
        ByteLen::ZERO,
        "G4: nothing is counted"
    );
}

#[test]
fn refused_submit_drops_the_batch_whole() {
    let (mut gpu, control) = gpu(1);
    let buffer = create(&mut gpu, 64).expect("memory is there");
    control.fail_submit(1);
    gpu.upload(&buffer, ZERO, &[1; 64]).expect("there is room");
    let read = gpu
        .read_back(&buffer, ZERO, ByteLen::new(64))
        .expect("there is room");
    let release = gpu.release_buffer(buffer.clone(), ByteLen::new(68));
    let Err(SubmitError::Refused { message }) = gpu.submit() else {
        panic!("the planted fault has to show");
    };
    let expected = vec![
        BackendEvent::ReadFailed { id: read },
        BackendEvent::Error { message },
        BackendEvent::Released(release, ByteLen::new(68)),
    ];
    assert_eq!(poll(&mut gpu), expected, "G1: all of the batch is answered");
    assert_eq!(
        control.read(&buffer, 0..64),
        [0; 64],
        "G1: nothing was executed"
    );
    assert_eq!(
        control.live_staging_bytes(),
        ByteLen::ZERO,
        "its staging is gone"
    );
    assert_eq!(
        gpu.staging().capacity_bytes,
        ByteLen::ZERO,
        "and counted so"
    );
}

#[test]
fn queued_reads_see_the_bytes_of_their_place_in_the_queue() {
    let (mut gpu, control) = gpu(2);
    let buffer = create(&mut gpu, 4).expect("memory is there");
    let seen = Arc::new(Mutex::new(Vec::new()));
    for value in 1..=3 {
        gpu.upload(&buffer, ZERO, &[value; 4])
            .expect("there is room");
        gpu.submit().expect("accepted");
        let (sink, reads) = (
            Arc::clone(&seen),
            vec![VirtualRead {
                buffer: buffer.clone(),
                range: 0..4,
            }],
        );
        let inner = control.clone();
        control.submit_reads(reads, move |bytes| {
            // What a read calls may use the control.
            let queued = inner.queued();
            sink.lock().expect("no reader panics").push((bytes, queued));
        });
    }
    assert!(gpu.wait_idle(10), "executed");
    let seen = seen.lock().expect("no reader panics");
    let bytes: Vec<_> = seen.iter().map(|(bytes, _)| bytes[0][0]).collect();
    assert_eq!(bytes, [1, 2, 3], "in queue order");
}

#[test]
fn loss_drops_what_is_queued_without_a_call() {
    let (mut gpu, control) = gpu(2);
    let buffer = create(&mut gpu, 4).expect("memory is there");
    gpu.upload(&buffer, ZERO, &[1; 4]).expect("there is room");
    gpu.submit().expect("accepted");
    let token = Arc::new(());
    let held = Arc::clone(&token);
    control.submit_reads(Vec::new(), move |_| {
        panic!("a lost device executes nothing {held:?}")
    });
    control.lose_device();
    assert_eq!(
        Arc::strong_count(&token),
        1,
        "what the read held is dropped"
    );
    poll(&mut gpu);
    assert_eq!(
        control.read(&buffer, 0..4),
        [0; 4],
        "the upload was not executed"
    );
    assert_eq!(
        control.live_staging_bytes(),
        ByteLen::ZERO,
        "the staging went with the device"
    );
}

#[test]
fn a_release_does_not_wait_for_what_others_have_on_the_queue() {
    let (mut gpu, control) = gpu(1);
    let chunk = create(&mut gpu, 4096).expect("memory is there");
    gpu.submit().expect("accepted");
    assert!(gpu.wait_idle(10), "nothing else is on the queue");
    poll(&mut gpu);
    control.submit_reads(Vec::new(), |_| {});
    let bytes = ByteLen::new(4096);
    let release = gpu.release_buffer(chunk, bytes);
    for _ in 0..10 {
        // Frames keep coming, so the queue is never empty.
        control.submit_reads(Vec::new(), |_| {});
        if poll(&mut gpu).contains(&BackendEvent::Released(release, bytes)) {
            return;
        }
    }
    panic!("G3: the release is told though nobody's batch reads the buffer");
}

#[test]
fn staging_that_could_not_be_made_is_not_counted() {
    let (mut gpu, control) = gpu(1);
    let target = create(&mut gpu, 64).expect("memory is there");
    let before = gpu.counters();
    control.fail_staging(1);
    let failed = gpu.upload(&target, ZERO, &[1; 4]);
    assert_eq!(
        failed,
        Err(StageError::OutOfMemory {
            requested: ByteLen::new(1 << 20)
        })
    );
    assert_eq!(gpu.counters(), before, "G1: a refused call counts nothing");
}

#[test]
fn padding_counts_against_the_memory() {
    let (mut gpu, control) = gpu(1);
    let padding = gpu.limits().vertex_padding.get();
    assert!(padding > 0, "the virtual device pads as wgpu does");
    control.set_memory_bytes(ByteLen::new(4096 + padding - 1));
    let refused = create(&mut gpu, 4096).expect_err("the padding does not fit");
    assert!(
        matches!(refused, CreateError::OutOfMemory { .. }),
        "{refused:?}"
    );
    control.set_memory_bytes(ByteLen::new(4096 + padding));
    create(&mut gpu, 4096).expect("now it does");
}

#[test]
fn a_lease_dropped_elsewhere_in_the_middle_of_an_upload_is_room() {
    let config = VirtualConfig {
        staging: StagingConfig {
            buffer_bytes: ByteLen::new(1024),
            limit_bytes: ByteLen::new(4096),
            ..StagingConfig::default()
        },
        ..VirtualConfig::default()
    };
    let (mut gpu, _control) = VirtualGpu::new(&config);
    let target = create(&mut gpu, 4096).expect("memory is there");
    let (leases, to_drop) = std::sync::mpsc::channel::<crate::StagingLease>();
    let dropper = std::thread::spawn(move || to_drop.into_iter().for_each(drop));
    for _ in 0..2_000 {
        let lease = gpu.lease(ByteLen::new(4096));
        leases
            .send(lease.expect("all of it is free"))
            .expect("it runs");
        // Whether there is room yet or not: neither is a panic.
        while gpu.upload(&target, ZERO, &[1; 1024]).is_err() {}
        gpu.submit().expect("accepted");
        assert!(gpu.wait_idle(10), "it ends");
        poll(&mut gpu);
    }
    drop(leases);
    dropper.join().expect("it does not panic");
}

#[test]
fn any_length_of_staging_buffers_is_one_under_any_limit() {
    for limit in [0, 7, 8, 4096, u64::MAX] {
        for asked in [0, 1, 4095, u64::MAX] {
            let mut config = VirtualConfig::default();
            config.limits.buffer_bytes_max = ByteLen::new(limit);
            config.staging.buffer_bytes = ByteLen::new(asked);
            let (gpu, _) = VirtualGpu::new(&config);
            let free = gpu.staging().free_bytes;
            assert!(
                free <= config.staging.limit_bytes,
                "{asked} under {limit}: {free}"
            );
        }
    }
}
