#![forbid(unsafe_code)]
//! A heap that grows and shrinks in chunks and holds blocks of mixed parts.
//!
//! Two levels of placement, and nothing else: a [`ChunkHeap`] places *blocks* in *chunks* (one
//! GPU buffer each, 16 MiB less 4 KiB by default), and a [`BlockLayout`] places *parts* (vertices,
//! indices, uniform and storage data, kinds of the caller's own) in a block. The crate knows no GPU
//! and touches no bytes: it hands out numbers, and the caller makes the buffers and moves the
//! bytes.
//!
//! ```
//! use geoheap_chunk_heap::{
//!     BlockLayout, ChunkHeap, HeapConfig, KindId, KindTable, Lifetime, Owner, PartSpec, Request,
//!     ReserveError,
//! };
//! use geoheap_suballoc::{Align, ByteLen, ByteOffset};
//!
//! let align = |bytes| Align::new(bytes).ok_or("zero");
//! let kinds = KindTable::standard(align(256)?, align(256)?);
//!
//! // A block: 1000 vertices of 36 bytes, and their indices.
//! let vertices = PartSpec { kind: KindId::VERTEX, len: ByteLen::new(36_000), stride: 36 };
//! let indices = PartSpec { kind: KindId::INDEX, len: ByteLen::new(9_000), stride: 2 };
//! let parts = [vertices, indices];
//! let layout = BlockLayout::pack(&parts, &kinds, ByteLen::ZERO, align(65_536)?)?;
//!
//! // A heap opens chunks only when told to: the caller makes the buffer.
//! let mut heap = ChunkHeap::new(HeapConfig::default())?;
//! let request = Request {
//!     len: layout.len(),
//!     align: layout.align(),
//!     lifetime: Lifetime::Dynamic,
//!     owner: Owner(7),
//!     class: 0,
//! };
//! let Err(ReserveError::NeedsChunk { capacity, lifetime, dedicated }) =
//!     heap.reserve(&request, None)
//! else {
//!     return Err("an empty heap has no room".into());
//! };
//! let chunk = heap.open_chunk(capacity, lifetime, dedicated, 0)?;
//! let key = heap.reserve(&request, None)?;
//! heap.chunk_ready(chunk)?;
//!
//! // Bytes are copied, then the range is committed; later it retires, and is freed at last.
//! heap.commit(key)?;
//! let place = heap.range(key).ok_or("reserved above")?.range;
//! for part in layout.parts() {
//!     let in_chunk = place.start + (part.range.start - ByteOffset::ZERO);
//!     assert!(part.align.divides(in_chunk), "base_vertex is a whole number");
//! }
//! heap.retire(key)?;
//! assert_eq!(heap.release(key)?, place);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Mechanism
//!
//! **Chunks.** Each chunk is a `geoheap_suballoc::Space` (best fit; for an alignment above the unit
//! the best of the four shortest rooms that are long enough, then the shortest that holds the range
//! wherever it starts, and any only where there is none). A range goes to the
//! densest chunk that has room, so that the others empty out and can be given back: chunks are
//! filed by how full they are in 8 steps, in a step by the size class of their largest free room
//! (those of two-level segregated fit, four to an octave), the tightest first, in a class by their
//! ids, the lowest first, and are filed anew only when one of these changes.
//! Ready chunks come before empty ones, those before chunks whose buffer is still being made. A
//! chunk whose largest free room holds the block wherever that room starts is taken first; only
//! where there is none, two are tried in which this depends on the alignment. A block above half a
//! chunk (`dedicated_above_bytes`) gets a dedicated buffer, rounded up to 64 KiB: the tightest that
//! is empty, if it is longer than needed by at most a quarter. Where there is no memory for one,
//! [`ChunkHeap::reserve_shared`] places the block among others, in a shared chunk that has room.
//! Long-lived blocks have chunks of their own, so that they never keep an ill-used chunk alive;
//! classes of blocks have too, if the configuration says so.
//! [`ChunkHeap::change_lifetime`] promotes a block to the long-lived ones or releases it from them:
//! a dedicated chunk changes sides with its block, if that is dedicated under the new lifetime,
//! too, and any other block gets a second range, so that its old one can be read until it retires.
//!
//! A chunk is `Opening`, then `Ready`; `Draining` keeps new ranges out while it is evacuated;
//! `Closing` means that its buffer is to be given back, and its id is free once it is gone. An
//! empty chunk stays for a number of ticks; in a heap that is not small a spare one stays while the
//! others have little room, and [`ChunkHeap::wants_spare`] asks for one ahead of need. Both ends
//! have slack, so that a heap that swings around the edge of a chunk does not make and drop buffers
//! all the time.
//! [`ChunkHeap::report`] says of each chunk why it is held, and how few would do.
//!
//! A range is `Reserved` (bytes on their way), `Live` (the newest version names it), `Retired`
//! (older versions may still read it), and then free.
//!
//! **Parts.** [`BlockLayout::pack`] lays parts out tight, in the order given. A block starts at a
//! multiple of the least common multiple of its parts' alignments, so that each part lies at a
//! multiple of its own from the start of the chunk: a vertex part at a multiple of its stride,
//! which makes `base_vertex` a whole number in a chunk that is bound once. Rooms of 24 bytes in
//! one array in address order describe a block; free room is what lies between them. Parts come
//! and go, and where older versions may still read a room, it retires first.
//!
//! **Figures.** Blocks, chunks and the heap know their bytes by state and their fragmentation: the
//! share of the free bytes outside the largest free room. For a heap the largest rooms of its
//! chunks are added up, so that its fragmentation is what the chunks have each for themselves; how
//! thinly the bytes are spread over chunks is the report's to say. An operation corrects the
//! figures by what it does; only a part that takes the largest room of its block makes it look for
//! the next one.
//!
//! # Invariants
//!
//! [`ChunkHeap::validate`] and [`BlockLayout::validate`] walk them; assertions and tests cite them
//! by number.
//!
//! - **R6** Ranges of a chunk never overlap, and live + reserved + retired + free = capacity, in
//!   each chunk, always.
//! - **H1** The bytes and the count of a chunk's ranges by state equal those of a recount.
//! - **H2** Each key leads to one range, each range back to its key; a key that was released or
//!   cancelled, or whose chunk failed, leads nowhere, until its slot was used 2^31 times more.
//! - **H3** A range starts at a multiple of the alignment it was reserved with, and of the unit.
//! - **H4** A chunk is a candidate exactly if it takes placements, and is filed where it belongs.
//! - **H5** A dedicated chunk has one range at most, an opening chunk only reserved ones; blocks
//!   of different lifetimes (and, in a split heap, classes) never share a chunk.
//! - **H6** Only an empty chunk closes, and its id is not used before it is gone.
//! - **H7** The figures equal the sums over the chunks, and each chunk's those of its space.
//! - **H8** When `reserve` asks for a chunk, it succeeds after that chunk was opened; `exclude`,
//!   if given, names a chunk that exists.
//! - **L1** Rooms lie within their block and do not overlap.
//! - **L2** Rooms are whole words of 4 bytes, and none is empty.
//! - **L3** A live part starts at a multiple of its alignment, which divides the block's.
//! - **L4** A room that older versions may read is retired, not free. Rooms of one part are
//!   released in the order in which they retired.
//! - **L5** A part id finds its part or nothing; an index that is used up is taken out of service.
//! - **L6** An operation that fails changes nothing. This holds for the heap, too.
//! - **L7** A block's figures equal those of a recount.
//!
//! # Trade-offs
//!
//! - "Densest" means within an 8th; among those the tightest room decides. Exact order would cost
//!   a tree operation for each range. Nor would it serve better: in 32 steps a heap under churn
//!   holds 1 to 3 % more chunks, and it empties no more of them (`tests/returns.rs` has the load).
//! - Without defragmentation chunks empty out as fast as their last blocks go: with hundreds of
//!   blocks in a chunk a tenth of them, turned over five times, leaves one block in some chunks.
//! - Of the ready chunks whose free room may lie badly for an alignment, two are tried, not all: a
//!   failed try walks all free ranges of the chunk. A new chunk may thus be asked for although
//!   some chunk had a fitting place.
//! - Whether a spare is wanted is told by free bytes, also where they are in pieces. A block longer
//!   than all of these finds no spare then, and its bytes wait for a buffer to be made.
//! - A long block that was placed among others stays among them: only a range that is reserved
//!   anew, as for new contents, takes it to a buffer of its own. To move it when memory is there
//!   again would copy the longest blocks for a tidier heap, and serve no frame.
//! - A block with spare room is aligned for uniform and storage parts from the start, which costs
//!   up to that alignment in front of it, and saves a move when such a part is added.
//! - A layout's operations walk its rooms. That is right for blocks of a few parts, wrong for
//!   thousands.
//! - A range's length is rounded up to the unit (16 bytes); the figures count it so.

mod chunk;
mod config;
mod error;
mod figures;
mod heap;
mod kind;
mod layout;
mod map;
mod pool;
mod report;

pub use chunk::{ChunkId, ChunkInfo, ChunkState, Lifetime, Owner, RangeInfo, RangeKey, RangeState};
pub use config::{ConfigError, HeapConfig};
pub use error::{ChunkError, LifetimeError, OpenError, PlaceError, RangeError, ReserveError};
pub use figures::{HeapFigures, PoolFigures};
pub use heap::{ChunkHeap, LifetimeChange, Request};
pub use kind::{AlignRule, KindError, KindId, KindRow, KindTable, WORD_BYTES};
pub use layout::{
    BlockLayout, Grown, Growth, LayoutError, Part, PartError, PartId, PartSpec, PartState, Resized,
};
pub use map::HeapMap;
pub use report::{ChunkReport, HeapReport, Held, THIN_PERCENT};
