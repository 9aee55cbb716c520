//! A wgpu device without a window.

use geoheap::wgpu;

use crate::outcome::BadInput;

/// A device of the adapter that `WGPU_ADAPTER_NAME` names, else of the fastest, else of a software
/// driver, and the adapter's name. `WGPU_BACKEND` restricts the choice; `noop` moves bytes and
/// validates, on any machine.
///
/// # Errors
/// [`BadInput`] where there is none.
pub fn open() -> Result<(wgpu::Device, wgpu::Queue, String), BadInput> {
    let mut desc = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    // Who names this backend alone means it.
    desc.backend_options.noop.enable |= desc.backends == wgpu::Backends::NOOP;
    let instance = wgpu::Instance::new(desc);
    let adapter = wgpu::util::initialize_adapter_from_env_or_default(&instance, None);
    let adapter = pollster::block_on(adapter).map_err(|error| {
        BadInput(format!(
            "no GPU and no software driver found ({error}); on Debian and Ubuntu `apt-get install \
             mesa-vulkan-drivers` brings one, and `--backend virtual` needs none"
        ))
    })?;
    let desc = wgpu::DeviceDescriptor {
        label: Some("geoheap-inspect"),
        required_limits: adapter.limits(),
        ..wgpu::DeviceDescriptor::default()
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&desc))
        .map_err(|error| BadInput(format!("{}: {error}", adapter.get_info().name)))?;
    Ok((device, queue, adapter.get_info().name))
}
