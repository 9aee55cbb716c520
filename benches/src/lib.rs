#![deny(unsafe_code)]
//! Comparisons and benchmarks of the geoheap crates.
//!
//! Peers run in the same process on the same operations, in short turns one after the other, since
//! wall-clock numbers of shared machines drift and only ratios of one run can be compared.
//!
//! - `cargo bench -p geoheap-benches` runs the criterion benchmarks in `benches/`.
//! - `cargo xtask compare suballoc` runs `geoheap-compare`, which plays the [`workload`]s to our
//!   allocator and to its [`peers`], prints a table, and writes it as JSON ([`table`]).
//! - `cargo xtask compare frames` does the same for what a frame costs ([`frames`]).
//! - `cargo xtask compare engine` measures the engine under [`load`]: operations, books, uploads.
//! - `cargo xtask compare gpu-bitset` has geometry placed on the GPU ([`gpu_bitset`]).
//! - `cargo xtask compare residency` counts what is streamed in under a budget ([`residency`]).
//!
//! ```
//! use geoheap_benches::peers::{Allocator, Ours, Setup};
//! use geoheap_benches::replay::Player;
//! use geoheap_benches::workload::churn::Churn;
//!
//! let script = Churn::C.script(7, 1_000);
//! let mut player = Player::<Ours>::new(&script).ok_or("ours takes every setup")?;
//! let failed = player.play(&script.warm_up);
//! assert_eq!(failed, 0, "the space has room for 85 %");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod compare;
pub mod defrag;
pub mod frames;
pub mod gpu_bitset;
pub mod heaps;
pub mod load;
pub mod measure;
pub mod meter;
pub mod peers;
pub mod random;
pub mod replay;
pub mod residency;
pub mod table;
pub mod trace;
pub mod turns;
pub mod workload;
