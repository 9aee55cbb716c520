//! The shaders against the model, on a real driver.

mod equality;
mod rig;
