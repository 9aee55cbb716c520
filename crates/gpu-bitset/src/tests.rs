//! The shaders against the model, on a real driver.
#![expect(
    clippy::cast_possible_truncation,
    reason = "the numbers of these heaps are small, and those of chance are cut on purpose"
)]

mod bytes;
mod draws;
mod edges;
mod equality;
mod from_gpu;
mod held;
mod mirror;
mod planted;
mod random;
mod rig;
mod threads;

pub(crate) use planted::planted;
