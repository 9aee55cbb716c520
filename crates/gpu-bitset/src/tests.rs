//! The shaders against the model, on a real driver.

mod bytes;
mod draws;
mod edges;
mod equality;
mod from_gpu;
mod mirror;
mod planted;
mod random;
mod rig;
mod threads;

pub(crate) use planted::planted;
