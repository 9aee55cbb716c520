//! How many steps the placement of a batch may take, and how many of them a dispatch takes.

use crate::heap::GpuHeapDesc;
use crate::shape::Shape;

/// Priorities of runs.
const PRIORITIES: u32 = 4;
/// A step takes about a microsecond, and a dispatch of some milliseconds harms nobody.
const STEPS_OF_GPUS: u32 = 8192;
/// llvmpipe lets an invocation go through 65 535 rounds of all its loops together and then leaves
/// each loop at once. A step takes less than fifty.
const STEPS_OF_CPUS: u32 = 1024;

/// Steps of a dispatch.
pub(super) fn of_dispatch(desc: &GpuHeapDesc<'_>, device: &wgpu::Device) -> u32 {
    let suits = match device.adapter_info().device_type {
        wgpu::DeviceType::Cpu => STEPS_OF_CPUS,
        _ => STEPS_OF_GPUS,
    };
    desc.sweep_steps.unwrap_or(suits).clamp(2, suits)
}

/// The most steps that the placement of so many runs takes.
///
/// A class is begun in one step, each further step but its last places a run at least, and one
/// more may leave out all classes that are too long. Of one priority no more classes find room
/// than there are different lengths that fit beside each other.
fn of_batch(shape: &Shape, runs: u32) -> u32 {
    let lengths = (2 * shape.units).isqrt();
    let classes = runs.min(PRIORITIES * lengths);
    runs + 3 * classes + PRIORITIES
}

/// Dispatches that the placement of so many runs takes at most. One that goes on in the middle of
/// a class begins that anew, which is one of its steps.
pub(super) fn dispatches(shape: &Shape, runs: u32, of_dispatch: u32) -> u32 {
    of_batch(shape, runs).div_ceil(of_dispatch - 1)
}
