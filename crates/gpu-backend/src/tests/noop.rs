//! wgpu's own validation and real bytes, without a device.

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::conformance::Rig;
use crate::{
    Backend, BackendEvent, BufferDesc, BufferRole, CreateError, LeaseError, LeaseWriteError,
    StagingConfig, SubmitError, WgpuBackend, conformance_tests,
};

fn rig(staging: &StagingConfig) -> Rig<WgpuBackend> {
    let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
    let backend = WgpuBackend::new(device.clone(), queue, staging);
    Rig {
        backend,
        lose: Box::new(move || device.destroy()),
    }
}

conformance_tests!(rig);

fn buffer(backend: &mut WgpuBackend) -> wgpu::Buffer {
    let desc = BufferDesc {
        label: "test",
        len: ByteLen::new(256),
        role: BufferRole::Chunk,
    };
    backend
        .create_buffer(&desc)
        .expect("a small buffer can be had")
}

/// Two devices of one instance, with this limit on buffers.
fn neighbours(max_buffer_size: u64) -> (WgpuBackend, WgpuBackend) {
    let limits = wgpu::Limits {
        max_buffer_size,
        ..wgpu::Limits::default()
    };
    let noop = wgpu::NoopBackendOptions {
        enable: true,
        limits: Some(limits.clone()),
        ..Default::default()
    };
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::NOOP,
        // The checks of indirect draws would cap buffers at 4 GiB.
        flags: wgpu::InstanceFlags::empty(),
        backend_options: wgpu::BackendOptions {
            noop,
            ..Default::default()
        },
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let make = || {
        let adapter = instance.request_adapter(&wgpu::RequestAdapterOptions::default());
        let adapter = pollster::block_on(adapter).expect("the noop adapter is always there");
        let required_limits = limits.clone();
        let desc = wgpu::DeviceDescriptor {
            required_limits,
            ..Default::default()
        };
        let device = adapter.request_device(&desc);
        let (device, queue) = pollster::block_on(device).expect("so is its device");
        WgpuBackend::new(device, queue, &StagingConfig::default())
    };
    (make(), make())
}

/// Memory that runs out is an error that names the length; the device goes on.
#[test]
fn out_of_memory_is_an_error_and_not_a_loss() {
    let (mut backend, _) = neighbours(1 << 60);
    let len = ByteLen::new(1 << 50);
    let error = backend
        .create_buffer(&BufferDesc {
            label: "huge",
            len,
            role: BufferRole::Chunk,
        })
        .expect_err("a pebibyte");
    assert_eq!(
        error,
        CreateError::OutOfMemory { requested: len },
        "the number to act on"
    );
    backend.set_staging_limit(ByteLen::new(1 << 55));
    let error = backend.lease(len).expect_err("a pebibyte");
    assert_eq!(
        error,
        LeaseError::OutOfMemory { requested: len },
        "staging too"
    );
    assert_eq!(
        backend.staging().capacity_bytes,
        ByteLen::ZERO,
        "G4: nothing is counted"
    );
    assert!(!backend.is_lost(), "the device goes on");
    buffer(&mut backend);
    backend.submit().expect("and works");
}

/// Views into a lost device's memory are not touched any more.
#[test]
fn lease_of_a_lost_device_cannot_be_written() {
    let mut rig = rig(&StagingConfig::default());
    let mut lease = rig.backend.lease(ByteLen::new(64)).expect("there is room");
    lease.write_at(0, &[1]).expect("the device is there");
    (rig.lose)();
    rig.backend.poll(&mut Vec::new());
    assert_eq!(
        lease.write_at(0, &[1]),
        Err(LeaseWriteError::DeviceLost),
        "it went"
    );
}

/// A buffer of another device passes our checks; wgpu refuses the batch, nothing panics, and the
/// next batch works.
#[test]
fn refused_batch_is_an_error_and_not_a_panic() {
    let (mut mine, mut other) = neighbours(1 << 20);
    let (target, foreign) = (buffer(&mut mine), buffer(&mut other));
    let backend = &mut mine;
    let (zero, len) = (ByteOffset::ZERO, ByteLen::new(256));
    backend
        .upload(&target, zero, &[1; 256])
        .expect("there is room");
    let read = backend
        .read_back(&target, zero, len)
        .expect("there is room");
    backend
        .copy(&foreign, zero, &target, zero, len)
        .expect("only wgpu can tell");
    let Err(SubmitError::Refused { message }) = backend.submit() else {
        panic!("wgpu has to refuse a buffer of another device");
    };
    let mut events = Vec::new();
    backend.poll(&mut events);
    let expected = vec![
        BackendEvent::ReadFailed { id: read },
        BackendEvent::Error { message },
    ];
    assert_eq!(events, expected, "G1: all of the batch is answered");
    assert_eq!(
        backend.staging().capacity_bytes,
        ByteLen::ZERO,
        "its staging is gone"
    );

    backend
        .upload(&target, zero, &[2; 256])
        .expect("there is room");
    let read = backend
        .read_back(&target, zero, len)
        .expect("there is room");
    backend.submit().expect("the backend is as good as before");
    assert!(backend.wait_idle(10), "a device that executes at once");
    events.clear();
    backend.poll(&mut events);
    let expected = BackendEvent::ReadBack {
        id: read,
        bytes: vec![2; 256],
    };
    assert!(
        events.contains(&expected),
        "the next batch is executed: {events:?}"
    );
}

/// A program that keeps the device-lost callback for itself passes the news on.
#[test]
fn loss_can_be_passed_on() {
    let mut rig = rig(&StagingConfig::default());
    let loss = rig.backend.loss();
    rig.backend
        .device()
        .set_device_lost_callback(move |_, _| loss.report("passed on"));
    (rig.lose)();
    let mut events = Vec::new();
    rig.backend.poll(&mut events);
    let expected = vec![BackendEvent::DeviceLost {
        reason: "passed on".to_owned(),
    }];
    assert_eq!(
        events, expected,
        "the program's callback reached the backend"
    );
}

/// Several threads write into their leases while the backend goes on.
#[test]
fn leases_are_written_on_other_threads() {
    let mut rig = rig(&StagingConfig::default());
    let backend = &mut rig.backend;
    let target = buffer(backend);
    let lease = |backend: &mut WgpuBackend| backend.lease(ByteLen::new(64)).expect("there is room");
    let leases = [
        lease(backend),
        lease(backend),
        lease(backend),
        lease(backend),
    ];
    let written = std::thread::scope(|scope| {
        let write = |(value, mut lease): (u8, crate::StagingLease)| {
            scope.spawn(move || {
                for start in 0..64 {
                    lease
                        .write_at(start, &[value + 1])
                        .expect("within the lease");
                }
                lease
            })
        };
        let writers: Vec<_> = (0..).zip(leases).map(write).collect();
        backend.submit().expect("the backend waits for no writer");
        writers
            .into_iter()
            .map(|writer| writer.join().expect("it ends well"))
            .collect::<Vec<_>>()
    });
    for (index, mut lease) in (0..).zip(written) {
        let at = ByteOffset::new(index * 64);
        backend
            .upload_leased(&target, at, &mut lease, 0, ByteLen::new(64))
            .expect("a correct upload");
    }
    let read = backend
        .read_back(&target, ByteOffset::ZERO, ByteLen::new(256))
        .expect("room");
    backend.submit().expect("accepted");
    assert!(backend.wait_idle(10), "a device that executes at once");
    let mut events = Vec::new();
    backend.poll(&mut events);
    let bytes = (1..=4).flat_map(|value| [value; 64]).collect();
    assert!(
        events.contains(&BackendEvent::ReadBack { id: read, bytes }),
        "{events:?}"
    );
}
