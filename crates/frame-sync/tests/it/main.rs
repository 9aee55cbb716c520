//! Tests of the crate through its public surface.

#![cfg(not(geoheap_loom))]

mod device;
mod model;
mod publish;
mod retire;
mod threads;
