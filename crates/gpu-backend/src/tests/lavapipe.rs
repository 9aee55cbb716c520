//! A real driver, with late completion: a software adapter if there is one, else any.

use std::sync::{Mutex, PoisonError};
use std::thread;

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::conformance::Rig;
use crate::{Backend, BackendEvent, BufferDesc, StagingConfig, WgpuBackend, conformance_tests};

/// What the validation layers said, from any test of this process.
static COMPLAINTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps wgpu's errors, which is where the validation layers speak up.
struct Listener;

impl log::Log for Listener {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() == log::Level::Error && metadata.target().starts_with("wgpu_hal")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut complaints = COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner);
            complaints.push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Fails the test that it is dropped in if the validation layers had something to say.
struct NoComplaints;

impl Drop for NoComplaints {
    fn drop(&mut self) {
        let complaints = COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(
            thread::panicking() || complaints.is_empty(),
            "validation: {complaints:?}"
        );
    }
}

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
    static LISTENER: Listener = Listener;
    // The second test of the process finds it set.
    let _set_before = log::set_logger(&LISTENER);
    log::set_max_level(log::LevelFilter::Error);
    let mut desc = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    desc.flags |= wgpu::InstanceFlags::VALIDATION | wgpu::InstanceFlags::DEBUG;
    let instance = wgpu::Instance::new(desc);
    let (device, queue) = pollster::block_on(async {
        let adapter = adapter(&instance).await;
        let desc = wgpu::DeviceDescriptor::default();
        adapter
            .request_device(&desc)
            .await
            .expect("the adapter gives a device of default limits")
    });
    let backend = WgpuBackend::new(device.clone(), queue, staging);
    let no_complaints = NoComplaints;
    let lose = move || {
        device.destroy();
        drop(no_complaints);
    };
    Rig {
        backend,
        lose: Box::new(lose),
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
    // Once submitted, the copy may be over before we look.
    let during = held(backend).expect("it reported before");
    assert!(
        during >= before + 2 * len.get(),
        "both buffers are held: {before} -> {during}"
    );
    backend.submit().expect("accepted");
    let release = backend.release_buffer(source, len);
    let mut events = Vec::new();
    assert!(backend.wait_idle(4000), "the device has to come to an end");
    backend.poll(&mut events);
    let told = BackendEvent::Released(release, len);
    assert!(events.contains(&told), "{events:?}");
    let gone = during - held(backend).expect("it reported before");
    // Small buffers of wgpu's own may come and go meanwhile.
    let expected = len.get() - (1 << 20)..len.get() + (1 << 20);
    assert!(
        expected.contains(&gone),
        "G3: {gone} bytes went by the event"
    );
}
