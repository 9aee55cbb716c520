//! The allocator on the GPU against others that place geometry made there.
//!
//! - `ours` is `geoheap-gpu-bitset`: a batch in one submission.
//! - `ours-single` is the same with a submission for each request, each in one dispatch and a copy
//!   ([`ours::Single`]).
//! - `seed` takes one request in a submission: groups of 128 units are searched one unit after the
//!   other, and a copy has always as many invocations ([`seed`]).
//! - `readback-cpu` reads the sizes back, places them first fit on the CPU, and copies all at once
//!   ([`read_back`]).
//! - `bump` takes prefix sums and copies all at once; nothing is ever freed: a lower bound
//!   ([`bump`]).
//!
//! All copy the same bytes from the same source.

pub mod both;
pub mod bump;
pub mod clock;
pub mod copies;
pub mod first_fit;
pub mod ours;
pub mod read_back;
pub mod rig;
pub mod seed;

/// Bytes of a unit.
pub const UNIT_BYTES: u32 = 256;

/// Somebody who places batches on the GPU.
pub trait Contender {
    /// The name in the tables.
    fn name(&self) -> &'static str;
    /// Places and copies objects of so many units, and waits until that is done.
    fn batch(&mut self, units: &[u32]);
    /// Dispatches of the last batch.
    fn dispatches(&self) -> u32;
    /// Frees all that the last batch has placed. Returns how many had no room.
    fn undo(&mut self) -> usize;
}
