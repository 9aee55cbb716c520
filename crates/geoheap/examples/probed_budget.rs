//! A budget that the driver has a say in: most of what it says is free when the program starts, or
//! a number of the program's own where it says nothing.
//!
//! ```text
//! cargo run -p geoheap --example probed_budget
//! ```

use std::time::Duration;

use geoheap::{BudgetOrigin, ByteLen, Config, GeometryManager, wgpu};
use geoheap_vram_probe::probe;

/// How much of what is free a program takes that does not know its neighbours.
const PERCENT: u8 = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter =
        pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))?;
    let (device, queue) =
        pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()))?;

    let mut config = Config::default();
    match probe(&device) {
        Ok(memory) => {
            println!("the driver says: {memory}");
            let bytes = ByteLen::new(memory.budget_bytes(PERCENT, 0));
            // A card that is full would leave room for no chunk at all.
            if bytes > config.budget_bytes {
                config.budget_bytes = bytes;
                config.budget_origin = Some(BudgetOrigin::Probe);
            }
        }
        Err(why) => println!("no figures: {why}"),
    }
    let manager = GeometryManager::new(device.clone(), queue, config)?;
    println!("{}", manager.report());

    // Other programs come and go: now and then the driver is asked again.
    if let Ok(memory) = probe(&device) {
        let held = manager.report().held_bytes;
        let bytes = ByteLen::new(memory.budget_bytes(PERCENT, held));
        let client = manager.client();
        if bytes >= client.budget_bytes_min() {
            let set = client.set_budget_from(bytes, BudgetOrigin::Probe)?;
            set.wait(Duration::from_secs(10))?;
            println!("{}", manager.report());
        }
    }
    Ok(())
}
