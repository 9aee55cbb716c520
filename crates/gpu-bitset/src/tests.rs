//! The shaders against the model, on a real driver.

mod bytes;
mod edges;
mod equality;
mod mirror;
mod random;
mod rig;
