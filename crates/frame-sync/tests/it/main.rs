//! Tests of the crate through its public surface.

mod device;
mod model;
mod publish;
mod retire;
mod threads;
