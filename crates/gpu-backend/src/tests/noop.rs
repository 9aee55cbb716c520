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

/// A buffer of another device passes our checks; wgpu refuses the batch, nothing panics, and the
/// next batch works.
#[test]
fn refused_batch_is_an_error_and_not_a_panic() {
    let staging = StagingConfig::default();
    let (mut mine, mut other) = (rig(&staging), rig(&staging));
    let (target, foreign) = (buffer(&mut mine.backend), buffer(&mut other.backend));
    let backend = &mut mine.backend;
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
