#![forbid(unsafe_code)]
#![no_std]
//! Aligned best-fit sub-allocation of ranges in one linear space.
//!
//! A [`Space`] hands out ranges of numbers `0..capacity`. It never touches the memory that these
//! numbers may stand for, so it serves GPU buffers, files, index ranges or any other space whose
//! bytes the caller moves himself. `no_std` with `alloc`, no dependency, no `unsafe`.
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
//! All lengths are whole multiples of the space's *unit*. The space is tiled by nodes, each one
//! live or free, in an arena indexed by `u32`; each node knows its neighbours in address order,
//! so that a free merges with both in O(1) (boundary tags, Knuth, *The Art of Computer
//! Programming* 1, 2.5). Free nodes are filed by length into segregated bins: one for each length
//! up to 4096 units, thirty-two for each power of two above. A two-level bitmap names the first
//! bin at or above a length that is not empty, with two find-first-set operations (as in TLSF:
//! Masmano, Ripoll, Crespo, Real, *TLSF: a new dynamic memory allocator for real-time systems*,
//! 2004). Where a bin holds one length, its first node is a best fit; where it holds several, the
//! shortest that fits is looked for.
//!
//! An aligned request takes the first node, by ascending length, that holds it together with the
//! padding in front. After a bounded number of nodes that do not, it takes one which is long
//! enough wherever it starts (`len + align - unit`), and only where none is, it tries on through
//! all that are left. The padding becomes a free node of its own, at once usable by others.
//!
//! # Invariants
//!
//! [`Space::validate`] walks them; assertions and tests cite them by number.
//!
//! - **S1** The nodes tile the space: the first starts at 0, each starts where the one before
//!   ends, the last ends at the capacity, and none is empty.
//! - **S2** No two neighbours are both free.
//! - **S3** Each free node is filed in the bin of its length, exactly once, and nothing else is.
//! - **S4** The bitmap marks exactly the bins that are not empty.
//! - **S5** Live + free = capacity, and the running sums and counts equal those of a recount.
//! - **S6** Each live range starts at a multiple of the alignment it was asked with.
//! - **S7** An id resolves only while the range it was issued for is live; a slot whose
//!   generations are used up is taken out of service.
//! - **S8** A request that fits in some free node is served; an empty space serves its whole
//!   capacity.
//! - **S9** An operation that fails changes nothing.
//!
//! # Trade-offs
//!
//! - Best fit is worth a scan of a few nodes: it fails far later in a churned space than the
//!   constant-time good fit that rounds a request up to the next bin.
//! - The bins cost up to 20 KiB for each space. A space of fewer than 4096 units has only the
//!   bins that its capacity can fill.
//! - [`Space::alloc_at`] and [`Strategy::LowestAddress`] have no index of their own. The first
//!   walks from where it placed last, so that restoring a layout in address order is O(1) a
//!   range; the second looks at each free node that is long enough.
//! - Ids of one space mean nothing to another. They are not told apart.

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
mod space;
mod tree;
mod validate;

pub use bytes::{Align, ByteLen, ByteOffset, ByteRange};
pub use error::{AllocError, FreeError, ResizeError, SpaceError};
pub use iter::{Iter, Span};
pub use nodes::RangeId;
pub use report::{FreeClass, Report};
pub use space::{Allocation, Space, Strategy};
