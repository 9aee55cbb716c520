//! A real driver, with late completion: a software adapter if there is one, else any.

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::conformance::Rig;
use crate::{Backend, BackendEvent, BufferDesc, StagingConfig, WgpuBackend, conformance_tests};

async fn adapter(instance: &wgpu::Instance) -> wgpu::Adapter {
    for force_fallback_adapter in [true, false] {
        let options = wgpu::RequestAdapterOptions {
            force_fallback_adapter,
            ..Default::default()
        };
        if let Ok(adapter) = instance.request_adapter(&options).await {
            return adapter;
        }
    }
    panic!("this test needs a Vulkan, Metal or DX12 adapter; Mesa's lavapipe is one");
}

fn rig(staging: &StagingConfig) -> Rig<WgpuBackend> {
    let instance =
        wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let (device, queue) = pollster::block_on(async {
        let adapter = adapter(&instance).await;
        let desc = wgpu::DeviceDescriptor::default();
        adapter
            .request_device(&desc)
            .await
            .expect("the adapter gives a device of default limits")
    });
    let backend = WgpuBackend::new(device.clone(), queue, staging);
    Rig {
        backend,
        lose: Box::new(move || device.destroy()),
    }
}

conformance_tests!(rig);

/// Dropped buffers leave the device with the `Released` event, as its allocator reports it.
#[test]
fn released_memory_is_back() {
    let mut rig = rig(&StagingConfig::default());
    let backend = &mut rig.backend;
    let held = |backend: &WgpuBackend| {
        let report = backend.device().generate_allocator_report()?;
        Some(report.total_allocated_bytes)
    };
    let Some(before) = held(backend) else {
        // Only Vulkan and DX12 report their allocator.
        return;
    };
    let len = ByteLen::from_mib(4);
    let desc = BufferDesc {
        label: "large",
        len,
    };
    let source = backend.create_buffer(&desc).expect("4 MiB can be had");
    let target = backend.create_buffer(&desc).expect("4 MiB can be had");
    backend
        .copy(&source, ByteOffset::ZERO, &target, ByteOffset::ZERO, len)
        .expect("a correct copy");
    backend.submit().expect("accepted");
    let release = backend.release_buffer(source, len);
    let mut events = Vec::new();
    let during = held(backend).expect("it reported before");
    assert!(
        during >= before + 2 * len.get(),
        "both buffers are held: {before} -> {during}"
    );
    while !events.contains(&BackendEvent::Released(release, len)) {
        backend.poll(&mut events);
        std::thread::yield_now();
    }
    let after = held(backend).expect("it reported before");
    assert_eq!(
        after,
        during - (during - before) / 2,
        "G3: one of two went by the event"
    );
}
