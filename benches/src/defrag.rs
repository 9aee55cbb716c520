//! Heaps that are compacted: what it costs, what it brings, and whether anybody could see it.
//!
//! A [`Heap`](heap::Heap) is `geoheap-chunk-heap` and `geoheap-defrag` under the engine's default
//! caps, a tick a frame, with stamps for contents. What a move leaves is kept for three frames, as
//! frames in flight would; a [`Memory`](memory::Memory) of its own tells whether each block lies
//! where the frames that can still look will look. What is counted to compare with (the emptiest
//! chunks, the bytes held) is counted here, not asked from the planner.

pub mod churn;
pub mod flight;
pub mod heap;
pub mod many;
pub mod memory;
pub mod source;
pub mod vma;
