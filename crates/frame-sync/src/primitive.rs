//! The synchronisation that the crate is built on: std's, or loom's under `--cfg geoheap_loom`.

#[cfg(geoheap_loom)]
pub(crate) use loom::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

#[cfg(not(geoheap_loom))]
pub(crate) use core::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(geoheap_loom))]
pub(crate) use std::sync::{Arc, Mutex};
