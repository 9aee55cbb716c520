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
//! residency.evict(tree)?;
//! assert!(!residency.touch(tree, Frame(101)), "it is away");
//! residency.wish(tree, 4096, Priority::default(), Frame(101));
//! let mut wishes = Vec::new();
//! residency.wishes(1 << 20, 16, Now::new(101, 101), &mut wishes);
//! assert_eq!(wishes, [tree]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Mechanism
//!
//! Entries leave class by class of [`Priority`], and within a class the one first that the
//! [`Policy`] holds worth least. A policy is told of uses and keeps two bytes of [`History`] of
//! each entry, also while that is away; entries of like history are a [`Group`], and the worth of
//! an entry follows from its group and from how long it was not used. There are two: [`Lru`], and
//! [`HitDensity`], the default, which learns after how many frames the entries of a group are used
//! again and keeps those that promise the most uses for their stay.
//!
//! So each entry has a rank: priority, the frame of its last use, group. Entries of equal rank form
//! a bucket, a doubly linked list threaded through a flat array of 40 bytes an entry. A touch moves
//! an entry to the end of the bucket of that frame and group in constant time; only the first touch
//! of a frame and group makes a bucket, filed in an ordered map. Victims are read off bucket by
//! bucket, sorted by worth when they are asked for: exact, no sampling, no clock hand. Within a
//! bucket the last one leaves first: where a frame needs more than there is room for, its
//! successors need much the same in the same order, and what comes first is there for them. Pinned
//! and exempt entries are filed behind all others, so that the search never meets them.
//!
//! A policy guesses what the next frames look at. That they look at what was in sight a moment ago
//! is no guess: who turns round turns back. So what was used within [`Config::recent_frames`]
//! leaves after the rest of its class, and not at all for demands that can wait
//! ([`Residency::victims_not_recent`]).
//!
//! A never used entry counts as used in the frame it came, only earlier within that frame, and
//! among such the earlier tick leaves first. Uses protect for [`Config::protect_frames`]; never
//! used entries are protected by ticks alone, so that a loading screen which renders no frame does
//! not come to a stand.
//!
//! Among equals recency protects: what recent frames used does not leave for what they miss. An
//! entry of a higher class that they miss may take the room of lower ones all the same
//! ([`Residency::victims_below`]), so that what is drawn is what fits by priority. No two entries
//! can push each other out in turn by that, as one of the two is not of a lower class.
//!
//! Bytes go when the held ones cross the high-water mark, and then down to the low one
//! ([`Residency::evaluate`]), in a batch no larger than that ([`Residency::victims`]). What frames
//! ask for and miss is a wish ([`Residency::wish`]): ordered by priority and then by how recently
//! it was wished, void after [`Config::wish_max_age_frames`]. If the recent frames need more than
//! the budget, eviction cannot help; that state has a name and numbers ([`Residency::degraded`]).
//!
//! # How near the optimum
//!
//! Bytes streamed in by the clairvoyant optimum's (Belady's, greedy), the first time of each entry
//! included, with the budget as a share of the most bytes that exist at a time. The flight is one
//! of a real voxel game, the loop is one of nine made-up mixes (`cargo xtask compare residency`,
//! which has the others, and also 2Q, S3-FIFO, SIEVE and CLOCK):
//!
//! | | 3 % | 5 % | 7 % | 10 % | 25 % |
//! |---|---|---|---|---|---|
//! | flight, `HitDensity` | 1.04 | 1.06 | 1.08 | 1.14 | 1.00 |
//! | flight, least recently used | 1.06 | 1.08 | 1.11 | 1.17 | 1.00 |
//! | a loop longer than the memory | 1.01 | 1.01 | 1.01 | 1.01 | 1.02 |
//! | the same, least recently used | 1.02 | 1.04 | 1.05 | 1.08 | 1.20 |
//!
//! # Invariants
//!
//! - **K1** Each resident entry is in exactly one bucket, the one of its rank; no bucket is empty.
//! - **K2** Resident and held bytes are the sums over entries, at all times.
//! - **K3** An entry is held exactly while it is pinned or exempt; a held entry is never a victim.
//! - **K4** A victim is neither used within `protect_frames` nor younger than
//!   `min_resident_ticks`; victims come by priority, then those first that were not used within
//!   `recent_frames`, then by worth, then by rank, and without its last entry a batch would be too
//!   small.
//! - **K5** There is at most one wish for an entry and none for a resident one.
//! - **K6** A call that returns an error has changed nothing.
//! - **K7** What makes way for an entry is of a lower class than it, and neither held nor younger
//!   than `min_resident_ticks`; it comes in the order of K4.
//!
//! # Trade-offs
//!
//! - Exact order needs a write at each first use in a frame (about one cache line for the entry and
//!   two for its neighbours). A clock or sampling policy writes less and evicts worse.
//! - Victims cost a look at each bucket of their class: as many as there are pairs of a frame of
//!   last use and a group among the entries.
//! - Priorities are strict classes: a low class starves under pressure. That is predictable, but
//!   a caller who wants a gradual preference must raise and lower priorities itself.
//! - [`HitDensity`] does not know that a camera turns before it turns. What a caller knows ahead it
//!   can say with a wish.
//! - Memory follows the largest index, not the number of entries: indices should be reused.

mod config;
mod error;
mod hit_density;
mod leaving;
mod policy;
mod pressure;
mod recency;
mod residency;
mod units;
mod wishes;

#[cfg(test)]
mod tests;

pub use config::Config;
pub use error::{ConfigError, EntryError};
pub use hit_density::HitDensity;
pub use policy::{History, Lru, Policy, PolicyKind};
pub use pressure::{Degraded, Pressure};
pub use residency::{EntryInfo, Figures, Residency};
pub use units::{EntryId, Frame, Group, Now, Priority, Tick, Worth};
