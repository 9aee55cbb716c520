#![forbid(unsafe_code)]
#![no_std]
//! Aligned best-fit sub-allocation of ranges in one linear space.
//!
//! A [`Space`] hands out ranges of numbers `0..capacity`. It never touches the memory that these
//! numbers may stand for, so it serves GPU buffers, files, index ranges or any other space whose
//! bytes the caller moves himself. Up to 1 TiB, in units of any size, at alignments of any size.
//! `no_std` with `alloc`, no dependency, no `unsafe`.
//!
//! ```
//! use geoheap_suballoc::{Align, AllocError, ByteLen, Space};
//!
//! let mut space = Space::new(ByteLen::from_kib(64), ByteLen::new(4))?;
//!
//! // 100 vertices of 36 bytes: aligned to the stride, so that `offset / 36` is a base vertex.
//! let indices = space.alloc(ByteLen::new(500), Align::new(4).ok_or("zero")?)?;
//! let vertices = space.alloc(ByteLen::new(3_600), Align::new(36).ok_or("zero")?)?;
//! assert_eq!(vertices.range.start.get() % 36, 0);
//!
//! let freed = space.free(indices.id)?;
//! assert_eq!(freed, indices.range);
//! assert!(space.free(indices.id).is_err(), "a second free is an error, never an alias");
//!
//! let full = space.alloc(ByteLen::from_kib(64), Align::ONE);
//! assert!(matches!(full, Err(AllocError::NoSpace { .. })));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Mechanism
//!
//! All starts and lengths are whole multiples of the space's *unit*, so that an alignment takes
//! effect as its least common multiple with the unit: choose a unit that divides what you align to
//! (4 bytes for vertex strides, rather than 16). Everything below counts in units.
//!
//! **Nodes.** The space is tiled by nodes, each one live or free. A node is 24 bytes in an arena
//! and is named by its index there: its start, its generation, its neighbours in address order,
//! and 8 bytes that hold the length of a live node, or the two links by which the bins hold a free
//! one, whose length is the distance to the next one's start. A bitmap says which nodes are live:
//! a range that goes looks at the bits of its neighbours, and at themselves only to merge with
//! them, in O(1) (boundary tags, Knuth, *The Art of Computer Programming* 1, 2.5).
//!
//! **Bins.** Free nodes are filed by length: in one bin for each length up to 4096, and in 128
//! bins for each power of two above. A bin of one length is a doubly linked list, last freed
//! first. A bin of several lengths is a treap, ordered by length and then by address; most of
//! these hold one node, which costs no more than a list. A bitmap in two levels says which bins
//! are not empty.
//!
//! ```text
//!  top words    1 0 0 ... 0 0 1 0 ...            a bit for each word that is not zero
//!               |             |
//!  words        [..1.......]  [....1....]        a bit for each bin that is not empty
//!                  |               |
//!  bins       1 2  3 ... 4096 | 4097..4127 ... 8160..8191 | 8192..8255 ...
//!                  |               |
//!                list            treap, of pairs of length and start
//!            starts 300,         4110, 5000
//!               871, 12         /          \
//!                       4100, 9600          4126, 40
//!
//!  nodes      0         200       300    303     323                    capacity
//!             |  live   |  live   | free | live  |  free                |
//!             '<------->'<------->'<---->'<----->'<-------------------->'   neighbour links
//! ```
//!
//! **Best fit.** A request without an alignment beyond the unit looks for the first bin, from its
//! own length on, that is not empty: a find-first-set operation in its bin's word, and if that has
//! none, one in the top word and one in the word found there (as in two-level segregated fit:
//! Masmano, Ripoll, Crespo, Real, *TLSF: a new dynamic memory allocator for real-time systems*,
//! 2004). In a bin of one length any node is a best fit; in a treap the lowest of the shortest that
//! fit is looked for. What is left of the node behind the range is filed again.
//!
//! **Alignment.** An aligned request takes the first node, by ascending length, that holds it
//! together with the padding in front. After four nodes that do not, it takes one which is long
//! enough wherever it starts (`len + align - 1`, in units), and only where none is, it tries on
//! through all that are left. The padding becomes a free node of its own, at once usable by others.
//!
//! # A worked example
//!
//! Three ranges go into a space of 1000 units, and the middle one goes again:
//!
//! ```
//! use geoheap_suballoc::{Align, ByteLen, Space};
//!
//! let mut space = Space::new(ByteLen::new(1_000), ByteLen::new(1))?;
//! let align = |bytes| Align::new(bytes).ok_or("zero");
//! let mut alloc = |len, at| space.alloc(ByteLen::new(len), at).map(|new| (new.id, new.range));
//!
//! let (_, first) = alloc(200, Align::ONE)?;      // cut from 0..1000, of which 800 are filed again
//! let (middle, _) = alloc(103, Align::ONE)?;     // cut from 200..1000
//! let (_, last) = alloc(20, Align::ONE)?;        // cut from 303..1000
//! assert_eq!(last.start.get(), 303);
//!
//! space.free(middle)?;                           // both neighbours are live: filed in bin 103
//! assert_eq!((space.free_count(), space.largest_free().get()), (2, 677));
//!
//! // Best fit: bin 100 is empty, the first one from there that is not is bin 103, not bin 677.
//! let snug = space.alloc(ByteLen::new(100), Align::ONE)?;
//! assert_eq!(snug.range.start, first.end());
//!
//! // At a multiple of 36, 3 units at 300 are too few; 323..1000 has a place at 324, and the one
//! // unit of padding before it is a free range of its own.
//! let stride = space.alloc(ByteLen::new(72), align(36)?)?;
//! assert_eq!(stride.range.start.get(), 324);
//! assert_eq!(space.free_count(), 3);
//!
//! // What is freed last merges with what is free on both its sides.
//! space.free(stride.id)?;
//! assert_eq!((space.free_count(), space.largest_free().get()), (2, 677));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Invariants
//!
//! [`Space::validate`] walks them; assertions and tests cite them by number.
//!
//! - **S1** The nodes tile the space: the first starts at 0, each starts where the one before
//!   ends, the last ends at the capacity, none is empty, and each live one knows its length.
//! - **S2** No two neighbours are both free.
//! - **S3** Each free node is filed in the bin of its length, exactly once, and nothing else is.
//! - **S4** The bitmap marks exactly the bins that are not empty.
//! - **S5** Live + free = capacity, and the running sums and counts equal those of a recount.
//! - **S6** Each live range starts at a multiple of the alignment it was asked with.
//! - **S7** An id resolves only while the range it was issued for is live; a slot whose
//!   generations are used up (some eight million) is taken out of service.
//! - **S8** A request that fits in some free node is served, up to exactly as many live ranges as
//!   the space may have; an empty space serves its whole capacity.
//! - **S9** An operation that fails changes nothing.
//!
//! # Costs
//!
//! | operation | cost |
//! |---|---|
//! | [`Space::alloc`] | O(1); O(log n) where it takes or leaves more than 4096 free units |
//! | ... aligned to more than the unit | the same and four nodes more; at worst O(n log n) |
//! | [`Space::free`], [`Space::grow_in_place`], [`Space::shrink_in_place`] | as `alloc` |
//! | [`Space::alloc_at`] | O(1) in address order, else O(n) |
//! | [`Strategy::LowestAddress`] | O(n log n) over the free ranges that are long enough |
//! | all figures | O(1); O(log n) for the largest free range among many of about its length |
//! | [`Space::iter`], [`Space::report`], [`Space::validate`] | O(n) |
//!
//! n counts ranges, live and free. An arena that grows moves, which costs O(n) then, and O(1) for
//! each range in the long run. The worst of an aligned request is that of a space in which hardly
//! anything fits any more. The books take 24 bytes and a bit for each of them, in an
//! arena that grows by a sixteenth, and for each space a bitmap of 1 KiB and 4 bytes a bin: 20 KiB
//! in a space of 16 MiB in units of 16 bytes, 30 KiB at most, and less in a space that is too
//! short to fill the bins. [`Space::memory_bytes`] tells. After a churn there is a free range for
//! every five to fourteen live ones, which makes 27 to 34 bytes for each live one.
//!
//! In a large space most of an operation's time is spent on cache misses: one for the node of a
//! range that goes, one for each neighbour that it merges with, and one or two for the other nodes
//! in the bins. With millions of ranges that come and go in random order the operations take
//! several times as long as with thousands, as does any access to a record for each range.
//!
//! # Trade-offs
//!
//! - Best fit fails far later in a churned space than the constant-time good fit that rounds a
//!   request up to the next bin, and one bin for each length makes it as fast. The price is the
//!   fixed cost of the bins, for each space.
//! - Of equal lengths the one freed last is taken, since it is in the cache. The lowest would be
//!   the textbook's choice; filing by region of the space was tried, and lifted the fill at the
//!   first failure by 0.05 points in a space of 65 536 units, while in large spaces it looked
//!   for cold nodes all the time.
//! - The aligned search is a best fit among the first four candidates only. Eight of them cost
//!   more and brought no fill.
//! - [`Space::alloc_at`] and [`Strategy::LowestAddress`] have no index of their own. The first
//!   walks from where it placed last, so that restoring a layout in address order is O(1) a
//!   range.
//! - Ids of one space mean nothing to another, and are not told apart: used there, one may name a
//!   range of that space. A caller with many spaces keeps the space with the id.
//!
//! # When to choose something else
//!
//! - Thousands of spaces with a few ranges each: the fixed cost of the bins dominates.
//!   `offset-allocator` has 256 bins, a sorted list as in `range-alloc` has none.
//! - A few dozen ranges in all: any sorted list is as good and simpler to read.
//! - Ranges that all go at once, as those of one frame do: a bump pointer.
//! - Real memory with pointers into it: an allocator that keeps its books in that memory, such as
//!   `rlsf` or `talc`.
//! - Padding that Vulkan asks for between buffers and images: AMD's VMA, which knows about it.

extern crate alloc;

mod bins;
mod bitmap;
mod bytes;
mod error;
mod iter;
mod nodes;
mod report;
mod resize;
mod scale;
mod search;
#[cfg(test)]
mod small_scope;
mod space;
mod tree;
mod validate;

pub use bytes::{Align, ByteLen, ByteOffset, ByteRange, ParseLenError};
pub use error::{AllocError, FreeError, ResizeError, SpaceError};
pub use iter::{Iter, Span};
pub use nodes::RangeId;
pub use report::{FreeClass, Report};
pub use space::{Allocation, Space, Strategy};
