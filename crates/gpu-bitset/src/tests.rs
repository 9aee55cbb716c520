//! The shaders against the model, on a real driver.

mod bytes;
mod edges;
mod equality;
mod random;
mod rig;
