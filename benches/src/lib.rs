#![forbid(unsafe_code)]
//! Comparisons and benchmarks of the geoheap crates.
//!
//! Each file in `benches/` is one benchmark, run with `cargo bench -p geoheap-benches`. Its peers
//! run in the same process on the same operations, since wall-clock numbers of shared machines
//! drift and only ratios of one run can be compared.
