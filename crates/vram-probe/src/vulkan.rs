//! The one module with raw handles.

use core::ffi::CStr;

use ash::{ext, vk};
use wgpu::hal::api::Vulkan;

use crate::ProbeError;
use crate::heaps::RawHeap;

/// What the extension is called.
const EXTENSION: &CStr = ext::memory_budget::NAME;
/// The same for messages.
const EXTENSION_NAME: &str = "VK_EXT_memory_budget";

/// All heaps of the device; none if it does not run on Vulkan.
pub(crate) fn heaps(device: &wgpu::Device) -> Option<Result<Vec<RawHeap>, ProbeError>> {
    // SAFETY: the handle is only read from, and not destroyed; the guard keeps the device alive.
    let hal = unsafe { device.as_hal::<Vulkan>() }?;
    let name = || device.adapter_info().name;
    let query = ash::khr::get_physical_device_properties2::NAME;
    let can_ask = hal.shared_instance().extensions().contains(&query);
    if !can_ask || !hal.enabled_device_extensions().contains(&EXTENSION) {
        let (extension, device) = (EXTENSION_NAME, name());
        let instance = hal.shared_instance().raw_instance();
        return Some(Err(if offers(instance, hal.raw_physical_device()) {
            ProbeError::NotEnabled { extension, device }
        } else {
            ProbeError::NotOffered { extension, device }
        }));
    }
    let shared = hal.shared_instance();
    let (instance, physical) = (shared.raw_instance(), hal.raw_physical_device());
    Some(Ok(ask(shared.entry(), instance, physical)))
}

/// Whether the driver's own list of extensions has it; none if the device does not run on Vulkan.
#[cfg(test)]
pub(crate) fn is_offered(device: &wgpu::Device) -> Option<bool> {
    // SAFETY: the handle is only read from, and not destroyed; the guard keeps the device alive.
    let hal = unsafe { device.as_hal::<Vulkan>() }?;
    let instance = hal.shared_instance().raw_instance();
    Some(offers(instance, hal.raw_physical_device()))
}

/// Whether the driver's own list of extensions has it.
fn offers(instance: &ash::Instance, physical: vk::PhysicalDevice) -> bool {
    // SAFETY: the physical device is one of this instance.
    let listed = unsafe { instance.enumerate_device_extension_properties(physical) };
    let is_it = |listed: &vk::ExtensionProperties| {
        listed
            .extension_name_as_c_str()
            .is_ok_and(|name| name == EXTENSION)
    };
    listed.is_ok_and(|listed| listed.iter().any(is_it))
}

fn ask(entry: &ash::Entry, instance: &ash::Instance, physical: vk::PhysicalDevice) -> Vec<RawHeap> {
    // The call is that of the instance's extension, which the caller has looked for: the one
    // without suffix came with Vulkan 1.1, and an instance may be older.
    let query = ash::khr::get_physical_device_properties2::Instance::new(entry, instance);
    let mut budget = vk::PhysicalDeviceMemoryBudgetPropertiesEXT::default();
    let mut properties = vk::PhysicalDeviceMemoryProperties2::default().push_next(&mut budget);
    // SAFETY: the physical device is one of this instance, the extension of the chained structure
    // is enabled, and both structures live until the call returns.
    unsafe { query.get_physical_device_memory_properties2(physical, &mut properties) };
    let memory = properties.memory_properties;
    let count = usize::try_from(memory.memory_heap_count).unwrap_or_default();
    let heaps = memory.memory_heaps.iter().take(count).enumerate();
    let heaps = heaps.map(|(nth, heap)| RawHeap {
        size_bytes: heap.size,
        budget_bytes: budget.heap_budget[nth],
        usage_bytes: budget.heap_usage[nth],
        is_local: heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL),
    });
    heaps.collect()
}
