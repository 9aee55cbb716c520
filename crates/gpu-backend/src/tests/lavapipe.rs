//! A real driver, with late completion: a software adapter if there is one, else any.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::conformance::Rig;
use crate::{
    Backend, BackendEvent, BufferDesc, BufferRole, StagingConfig, WgpuBackend, conformance_tests,
};

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

/// Whose turn it is to have devices.
static DRIVER: Mutex<()> = Mutex::new(());

thread_local! {
    /// A test has the driver to itself from its first rig until its thread ends, after all that it
    /// made is gone. Validation layers of 2023 find their own device in a table that others change
    /// without a lock as they come and go: they crash then, or complain of what is not so.
    static TURN: MutexGuard<'static, ()> = DRIVER.lock().unwrap_or_else(PoisonError::into_inner);
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
    TURN.with(|_held| ());
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
        role: BufferRole::Chunk,
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

/// wgpu calls what was deferred in an encoder also when it refuses its submit; that must not end
/// the batch after it.
#[test]
fn a_refused_submit_completes_nothing_else() {
    let mut rig = rig(&StagingConfig::default());
    let backend = &mut rig.backend;
    let len = ByteLen::from_mib(16);
    let mut create = |label| {
        let desc = BufferDesc {
            label,
            len,
            role: BufferRole::Chunk,
        };
        backend.create_buffer(&desc).expect("16 MiB can be had")
    };
    let (first, second) = (create("first"), create("second"));
    backend.submit().expect("accepted");
    assert!(backend.wait_idle(4000), "it ends");
    backend.poll(&mut Vec::new());
    // A buffer that is still mapped is refused by the submit, not by the copy.
    let mapped = backend.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 256,
        usage: wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: true,
    });
    let (zero, short) = (ByteOffset::ZERO, ByteLen::new(256));
    let copy = backend.copy(&mapped, zero, &first, zero, short);
    copy.expect("a correct copy");
    backend.submit().expect_err("the buffer is mapped");
    for _ in 0..8 {
        for (from, to) in [(&first, &second), (&second, &first)] {
            let copy = backend.copy(from, zero, to, zero, len);
            copy.expect("a correct copy");
        }
    }
    let id = backend.submit().expect("accepted").expect("not empty");
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    let queue = backend.queue();
    queue.on_submitted_work_done(move || is_done.store(true, Ordering::Release));
    let mut events = Vec::new();
    while !events.contains(&BackendEvent::Completed(id)) {
        backend.poll(&mut events);
    }
    assert!(
        done.load(Ordering::Acquire),
        "G2: {id} is told while the device still works on it"
    );
}

#[test]
fn a_loss_reported_before_the_device_is_destroyed_waits_for_writers() {
    let mut rig = rig(&StagingConfig::default());
    let len = ByteLen::from_mib(8);
    let mut lease = rig.backend.lease(len).expect("there is room");
    let (started, has_started) = std::sync::mpsc::channel();
    let writer = thread::spawn(move || {
        let bytes = vec![7; 8 << 20];
        while lease.write_at(0, &bytes).is_ok() {
            // Nobody listens any more once it has begun.
            let _ = started.send(());
        }
    });
    has_started.recv().expect("it writes");
    rig.backend.loss().report("the program ends it");
    rig.backend.device().destroy();
    rig.backend.poll(&mut Vec::new());
    writer.join().expect("it was refused, not torn down");
    assert!(rig.backend.is_lost(), "and the loss is told");
}
