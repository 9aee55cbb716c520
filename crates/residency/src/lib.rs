#![forbid(unsafe_code)]
//! Which entries stay in scarce memory, which leave, and what comes back.
//!
//! The crate decides, the caller acts: it knows of each entry an index, bytes, a priority and when
//! it was used, but not where the bytes lie. It reads no clock and draws no random number, so the
//! same calls always give the same answers.
//!
//! ```
//! use geoheap_residency::{Config, EntryId, Frame, Now, Priority, Residency};
//!
//! let mut residency = Residency::new(Config::default())?;
//! let (rock, tree, house) = (EntryId(0), EntryId(1), EntryId(2));
//! for id in [rock, tree, house] {
//!     residency.insert(id, 4096, Priority::default(), Now::new(0, 0))?;
//! }
//! // Frames use what they draw; the house is pinned.
//! residency.touch(rock, Frame(90));
//! residency.touch(tree, Frame(40));
//! residency.pin(house)?;
//!
//! // At frame 100 the caller holds 10 KiB more than it should.
//! let now = Now::new(100, 100);
//! let mut victims = Vec::new();
//! assert_eq!(residency.victims(10 * 1024, now, &mut victims), 8192);
//! assert_eq!(victims, [tree, rock], "the longest unused first, the pinned one never");
//!
//! // The tree leaves, a later frame misses it, and it is the next to stream in.
//! residency.remove(tree)?;
//! residency.wish(tree, 4096, Priority::default(), Frame(101));
//! let mut wishes = Vec::new();
//! residency.wishes(1 << 20, 16, Now::new(101, 101), &mut wishes);
//! assert_eq!(wishes, [tree]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Mechanism
//!
//! Each entry has a rank: priority, then the frame of its last use. Entries of equal rank form a
//! bucket, a doubly linked list threaded through a flat array of 32 bytes an entry. A touch moves
//! an entry to the end of the bucket of that frame in constant time; only the first touch of a
//! frame makes a bucket, filed in an ordered map. Victims are read off from the lowest rank up,
//! which is exactly least recently used (LRU) in frames within each class: no sampling, no clock
//! hand. Pinned and exempt entries are filed behind all others, so that the search never meets
//! them.
//!
//! A never used entry counts as used in the frame it came, only earlier within that frame, and
//! among such the earlier tick leaves first. Uses protect for [`Config::protect_frames`]; never
//! used entries are protected by ticks alone, so that a loading screen which renders no frame does
//! not come to a stand.
//!
//! Bytes go when the held ones cross the high-water mark, and then down to the low one
//! ([`Residency::evaluate`]), in a batch no larger than that ([`Residency::victims`]). What frames
//! ask for and miss is a wish ([`Residency::wish`]): ordered by priority and then by how recently
//! it was wished, void after [`Config::wish_max_age_frames`]. If the recent frames need more than
//! the budget, eviction cannot help; that state has a name and numbers ([`Residency::degraded`]).
//!
//! # Invariants
//!
//! - **K1** Each resident entry is in exactly one bucket, the one of its rank; no bucket is empty.
//! - **K2** Resident and held bytes are the sums over entries, at all times.
//! - **K3** An entry is held exactly while it is pinned or exempt; a held entry is never a victim.
//! - **K4** A victim is neither used within `protect_frames` nor younger than
//!   `min_resident_ticks`; victims come in the order of rank, and without its last entry a batch
//!   would be too small.
//! - **K5** There is at most one wish for an entry and none for a resident one.
//! - **K6** A call that returns an error has changed nothing.
//!
//! # Trade-offs
//!
//! - Exact LRU needs a write at each first use in a frame (about one cache line for the entry and
//!   two for its neighbours). A clock or sampling policy writes less and evicts worse.
//! - Priorities are strict classes: a low class starves under pressure. That is predictable, but
//!   a caller who wants a gradual preference must raise and lower priorities itself.
//! - Memory follows the largest index, not the number of entries: indices should be reused.

mod config;
mod error;
mod policy;
mod pressure;
mod recency;
mod units;
mod wishes;

#[cfg(test)]
mod tests;

pub use config::Config;
pub use error::{ConfigError, EntryError};
pub use policy::{EntryInfo, Figures, Residency};
pub use pressure::{Degraded, Pressure};
pub use units::{EntryId, Frame, Now, Priority, Tick};
