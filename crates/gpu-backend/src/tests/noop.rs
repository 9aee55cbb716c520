//! wgpu's own validation and real bytes, without a device.

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::conformance::Rig;
use crate::{
    Backend, BackendEvent, BufferDesc, StagingConfig, SubmitError, WgpuBackend, conformance_tests,
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
    };
    backend
        .create_buffer(&desc)
        .expect("a small buffer can be had")
}

/// Two devices of one instance.
fn neighbours() -> (WgpuBackend, WgpuBackend) {
    let noop = wgpu::NoopBackendOptions {
        enable: true,
        ..Default::default()
    };
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::NOOP,
        backend_options: wgpu::BackendOptions {
            noop,
            ..Default::default()
        },
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let make = || {
        let adapter = instance.request_adapter(&wgpu::RequestAdapterOptions::default());
        let adapter = pollster::block_on(adapter).expect("the noop adapter is always there");
        let device = adapter.request_device(&wgpu::DeviceDescriptor::default());
        let (device, queue) = pollster::block_on(device).expect("so is its device");
        WgpuBackend::new(device, queue, &StagingConfig::default())
    };
    (make(), make())
}

/// A buffer of another device passes our checks; wgpu refuses the batch, nothing panics, and the
/// next batch works.
#[test]
fn refused_batch_is_an_error_and_not_a_panic() {
    let (mut mine, mut other) = neighbours();
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
