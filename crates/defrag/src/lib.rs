#![forbid(unsafe_code)]
//! Plans moves that give chunks of memory back: small, capped, and with a forecast.
//!
//! The crate only plans. It is given the layout of some chunks (which ranges lie where, and what
//! may move) and caps, and answers with moves and what will come of them. Copying the bytes, and
//! keeping the old place valid until the new one is in use, is the caller's.
//!
//! ```
//! use geoheap_defrag::{
//!     Caps, ChunkView, Goal, Layout, RangeView, Stopped, Triggers, plan,
//! };
//! use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};
//!
//! // Three chunks of 1 KiB: two are half full, in the third a range of 64 bytes is left.
//! let chunk = |id, len| ChunkView {
//!     id,
//!     capacity: ByteLen::new(1024),
//!     receives: true,
//!     evacuable: true,
//!     ranges: vec![RangeView::movable(
//!         u64::from(id),
//!         ByteRange::new(ByteOffset::ZERO, ByteLen::new(len)),
//!         Align::ONE,
//!     )],
//! };
//! let layout = Layout { chunks: vec![chunk(0, 512), chunk(1, 528), chunk(2, 64)] };
//!
//! let reason = Triggers::default().check(&layout).ok_or("nothing to do")?;
//! let plan = plan(&layout, &Caps::default(), &Goal::new(reason), None)?;
//! assert_eq!(plan.victim, Some(2), "the chunk that costs the least to empty");
//! assert_eq!(plan.moves[0].to_chunk, 1, "into the densest with room");
//! assert_eq!(plan.stopped, Stopped::Done);
//! assert_eq!(plan.forecast.chunks_returned, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Mechanism
//!
//! GPU interfaces such as WebGPU refuse copies within one buffer, so that what moves goes to
//! another chunk. [`Triggers`] say when a pass is worth a look, and the [`Reason`] decides which of
//! three things a plan does.
//!
//! *Evacuation.* [`plan`] picks the chunk with the fewest live bytes whose ranges all fit into the
//! free room of the others, which is the lowest price for a chunk, and stops where the price is too
//! high. Places are found by trial: best fit in the densest chunk, so that the emptier chunks can
//! be emptied next. Small ranges come first, so that a capped plan gets much of its work done
//! early. Where they do not all fit so, the longest come first, as in best-fit decreasing (Johnson
//! et al., *Worst-case performance bounds for simple one-dimensional packing algorithms*, 1974).
//! The moves are listed in the order of the search, and the next plan goes on with the same
//! victim: it finds the chunks as the search of this one left them, and so the rest of its places.
//! Moves lead from sparse chunks into denser ones, so that passes cannot go back and forth; only a
//! plan that finishes its victim may do otherwise. Where bytes must leave the heap anyway
//! ([`Goal::evict`]), the victim's cold ranges leave instead of moving.
//!
//! *Room for a placement that failed.* A stretch of the wanted length that costs the fewest bytes
//! begins behind a range or ends before one: these are looked at in the emptiest chunks, and what
//! lies in the cheapest stretch goes elsewhere. A plan that continues finds the same stretch, as it
//! has become cheaper still. If there is none at the price, a chunk is emptied.
//!
//! *Gaps inside blocks.* The blocks of a chunk that are marked as having them move to places of
//! the same length, where their caller lays them out anew. So they do whenever they move for
//! another reason.
//!
//! For room and gaps, a range may move inside its own chunk where no other has a place for it: by
//! two copies, through a bounce buffer of [`Goal::bounce`] bytes.
//!
//! A plan reads sums of all chunks, and the ranges of those few that it looks into. A heap that
//! keeps such sums is a [`Source`] and is planned for by [`plan_from`]; a [`Layout`] has all ranges
//! at hand. Free rooms of a chunk that receives are a sorted array, made when the first range is
//! tried there.
//!
//! A plan prints as stable text and as JSON ([`Plan::to_json`]): a dry run is the plan without its
//! execution, and tests can compare it with a stored text. The module `dump` makes layouts of heap
//! dumps, for tests with a program's own heap.
//!
//! # Invariants
//!
//! - **D1** A layout that contradicts itself is refused as a whole; on any other no plan panics.
//! - **D2** A move leaves the victim, lies in the way of the room, or closes gaps. It goes to a
//!   chunk that receives and has something live; from one place of a chunk to another only through
//!   a bounce buffer, and then not into the room that is cleared.
//! - **D3** A new place overlaps nothing live, fixed or retired and no other new place, lies within
//!   its chunk, and keeps the alignment of its range.
//! - **D4** No fixed or retired range moves, and no range twice.
//! - **D5** The caps on bytes and moves hold, except for one oversized move that is alone in its
//!   plan and named.
//! - **D6** If a plan is done, executing it leaves nothing live in the victim or the room, and the
//!   forecast is what then is so.
//! - **D7** Passes end: a layout that only plans change comes to one for which nothing is planned.
//! - **D8** The same input gives the same plan, whatever the order of the chunks.
//! - **D9** Only cold ranges of the victim are evicted, and none once [`Goal::evict`] is reached;
//!   no more than [`Goal::bounce`] bytes bounce in one plan.
//!
//! # Trade-offs
//!
//! - One victim a plan. Emptying two chunks jointly can succeed where one alone does not fit; a
//!   caller with larger caps plans again after each victim.
//! - A search reads each chunk that could take a range, by its longest free room. Where alignments
//!   spoil these rooms, that is many chunks; the cap on steps bounds it.
//! - Room is looked for in the eight emptiest chunks only, and nothing keeps small ranges out of it
//!   until it is clear.
//! - Both orders can fail where another would fit. The chunk is left alone then.
//! - Where two gaps fit equally well, the one taken is not the same in a plan that continues. With
//!   alignments beyond the unit and little room this can end a victim half-way; the next plan then
//!   names another victim, or none.

mod board;
#[cfg(feature = "heap-dump")]
pub mod dump;
mod error;
mod evacuate;
mod gaps;
mod json;
mod layout;
mod plan;
mod planner;
mod receivers;
mod room;
mod source;
mod steps;
mod trial;
mod triggers;

#[cfg(test)]
mod tests;

pub use error::LayoutError;
pub use layout::{ChunkView, Layout, RangeState, RangeView};
pub use plan::{Eviction, Forecast, Move, Plan, Room, Stopped};
pub use planner::{Caps, Goal, plan, plan_from};
pub use source::{ChunkSummary, Source};
pub use triggers::{ChunkUse, Reason, Triggers};
