#![forbid(unsafe_code)]
//! Coverage-guided fuzzing of the allocators, of every parser, and of the engine's public calls,
//! and the inputs that it found. `TESTING.md` lists what each target judges.
//!
//! A *target* is a function from bytes to counts: it reads the bytes as operations, carries them
//! out on the real thing and on a naive oracle, and panics where the two differ. It returns how
//! often each operation was carried out and refused. [`TARGETS`] lists them. The
//! same functions run in three ways:
//!
//! - under libFuzzer, which mutates inputs towards code that no input has reached yet:
//!   `cargo xtask fuzz`, with the thin programs in `targets/`;
//! - over the committed [`corpus`], a small set of inputs that together reach all that was ever
//!   reached, and over random bytes: `tests/replay.rs`, with each `cargo test`;
//! - on one file: `cargo run -p geoheap-fuzz --example inputs -- replay TARGET FILE`.
//!
//! ```
//! // A space of 11 units; two ranges, of which the first is freed.
//! let reached = geoheap_fuzz::suballoc::run(&[0, 10, 0, 4, 0, 1, 3, 0, 8, 0]);
//! assert_eq!((reached.count("alloc", true), reached.count("free", false)), (3, 0));
//! ```
//!
//! # Mechanism
//!
//! An oracle keeps what is live in maps and lists and computes all else from end to end, each
//! time. It judges answers rather than calling the real thing itself: given the question and the
//! outcome, it works out every reason to refuse, as the exact errors, and then either the outcome
//! is one of them, or there is none and what was granted is where it may be. Tests tell it lies,
//! and see it object.
//!
//! Oracles know what the documentation of the crates promises, and no more. Where it leaves a
//! choice open (which of several reasons is given, which of two equal rooms is taken), any is
//! right.
//!
//! # Trade-offs
//!
//! - A byte stands for an operation, with arguments that grow with the thing under test, so that
//!   inputs of a few bytes already do something. An input means something else when the decoding
//!   changes: the corpus is then minimised anew.
//! - Everything is compared after each fourth operation only. A fault that heals within three is
//!   seen by the answers alone.

pub mod block_layout;
pub mod bytes;
pub mod camera_script;
pub mod chunk_heap;
pub mod client;
pub mod config;
pub mod corpus;
mod edits;
pub mod elevation;
pub mod gltf;
pub mod heap_dump;
pub mod suballoc;
mod tally;
pub mod trace;
pub mod trace_file;
mod verdict;

pub use tally::Tally;

/// What runs one input, and says what it reached.
pub type Run = fn(&[u8]) -> Tally;

/// All targets, by the names of their programs and corpora.
pub const TARGETS: [(&str, Run); 11] = [
    ("suballoc", suballoc::run),
    ("chunk_heap", chunk_heap::run),
    ("block_layout", block_layout::run),
    ("trace", trace::run),
    ("client", client::run),
    ("config", config::run),
    ("heap_dump", heap_dump::run),
    ("trace_file", trace_file::run),
    ("gltf", gltf::run),
    ("elevation", elevation::run),
    ("camera_script", camera_script::run),
];
