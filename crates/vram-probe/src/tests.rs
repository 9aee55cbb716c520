//! Which heaps count, by tables; and a real driver, whichever there is.

use crate::heaps::RawHeap;
use crate::{ProbeError, VideoMemory, probe};

const MIB: u64 = 1 << 20;

fn heap(size: u64, budget: u64, usage: u64, is_local: bool) -> RawHeap {
    RawHeap {
        size_bytes: size * MIB,
        budget_bytes: budget * MIB,
        usage_bytes: usage * MIB,
        is_local,
    }
}

/// Local heaps, the most free bytes, and the budget of 80 per cent for one who holds 10 MiB; in
/// MiB.
#[track_caller]
fn check(raw: &[RawHeap], heaps: usize, free: u64, budget: u64) {
    let memory = VideoMemory::of(raw).expect("one of them is local");
    assert_eq!(memory.heaps().len(), heaps, "P1: {memory}");
    assert_eq!(memory.free_bytes(), free * MIB, "{memory}");
    let given = memory.budget_bytes(80, 10 * MIB);
    assert_eq!(given, budget * MIB, "P2: {memory}");
}

#[test]
fn only_local_heaps_count_and_the_freest_decides() {
    check(&[heap(8000, 7000, 2000, true)], 1, 5000, 4010);
    let system = heap(32_000, 30_000, 100, false);
    check(&[system, heap(8000, 7000, 2000, true)], 1, 5000, 4010);
    // The window through which a processor sees a card's memory is a heap of its own.
    let window = heap(256, 256, 6, true);
    check(
        &[heap(8000, 7000, 2000, true), system, window],
        2,
        5000,
        4010,
    );
    check(&[heap(100, 90, 95, true), window], 2, 250, 210);
    check(&[heap(100, 90, 95, true)], 1, 0, 10);
    // More than there is, and a heap of nothing.
    check(&[heap(100, 900, 50, true), heap(0, 0, 0, true)], 1, 50, 50);
}

#[test]
fn heaps_that_are_not_local_are_no_answer() {
    for raw in [&[][..], &[heap(10, 10, 0, false)], &[heap(0, 9, 0, true)]] {
        let expected = ProbeError::NoLocalHeap { heaps: raw.len() };
        assert_eq!(VideoMemory::of(raw), Err(expected.clone()), "{expected}");
    }
}

#[test]
fn a_budget_is_a_share_in_whole_mebibytes() {
    let memory = VideoMemory::of(&[heap(1000, 1000, 1, true)]).expect("it is local");
    for (percent, held, expected) in [
        (0, 0, 0),
        (0, 7, 7),
        (1, 0, 9),
        (50, 0, 499),
        (100, 0, 999),
        (101, 0, 999),
        (255, 1, 1000),
    ] {
        let given = memory.budget_bytes(percent, held * MIB);
        assert_eq!(given, expected * MIB, "{percent} per cent, {held} held");
    }
    assert_eq!(memory.budget_bytes(50, u64::MAX) % MIB, 0, "no overflow");
    assert_eq!(
        memory.to_string(),
        "1048576 of 1048576000 bytes used, in a heap of 1048576000"
    );
}

#[test]
fn a_device_that_is_no_vulkan_device_says_so() {
    let (device, _queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
    let told = probe(&device).expect_err("it has no memory");
    let backend = wgpu::Backend::Noop;
    assert_eq!(told, ProbeError::Backend { backend });
    assert!(told.to_string().contains("Noop"), "{told}");
}

/// Whichever driver this is: where it lists the extension there are figures, or wgpu is said to
/// keep off it; where it does not, that is said.
#[cfg(any(windows, target_os = "linux", target_os = "android"))]
#[test]
fn a_driver_is_asked_or_told_to_lack_the_extension() {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::VULKAN,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapter =
        pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()));
    let adapter = adapter.expect("this test needs a Vulkan adapter; Mesa's lavapipe is one");
    let device = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()));
    let (device, _queue) = device.expect("the adapter has a device");
    let offers = crate::vulkan::is_offered(&device).expect("it runs on Vulkan");
    match probe(&device) {
        Ok(memory) => {
            assert!(offers, "there are figures: {memory}");
            let heaps = memory.heaps();
            assert!(heaps.iter().all(|heap| heap.budget_bytes > 0), "{memory}");
        }
        Err(ProbeError::NotEnabled { .. }) => assert!(offers, "the driver has it"),
        Err(told) => {
            assert!(!offers, "{told}");
            assert!(matches!(told, ProbeError::NotOffered { .. }), "{told}");
            assert!(told.to_string().contains("VK_EXT_memory_budget"), "{told}");
        }
    }
}
