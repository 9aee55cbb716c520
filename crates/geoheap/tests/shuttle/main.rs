//! The engine's threads under shuttle, which runs them in one thread and draws at each step which
//! of them goes on: clients, geometry actor, render actors, reload worker.
//!
//! `RUSTFLAGS="--cfg geoheap_shuttle" cargo test -p geoheap --profile schedules --test shuttle
//! --target-dir target/shuttle`, or `cargo xtask test`. Each area says how many schedules were
//! explored, and has planted bugs that it catches.
#![cfg(geoheap_shuttle)]

mod clients;
mod explore;
mod pool;
mod reload;
mod rules;
mod world;
