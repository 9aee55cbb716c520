//! The synchronisation that the crate is built on: std's, loom's under `--cfg geoheap_loom`, or
//! shuttle's under `--cfg geoheap_shuttle`, whose `Arc` is std's.

#[cfg(geoheap_loom)]
pub(crate) use loom::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

#[cfg(geoheap_shuttle)]
pub(crate) use shuttle::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

#[cfg(not(any(geoheap_loom, geoheap_shuttle)))]
pub(crate) use core::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(any(geoheap_loom, geoheap_shuttle)))]
pub(crate) use std::sync::Arc;
