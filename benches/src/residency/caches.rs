//! The policies that are compared: ours, five known ones, and the optimum.

mod belady;
mod clock;
mod ghosts;
mod lru;
mod ours;
mod s3_fifo;
mod sieve;
mod two_q;

pub use belady::Belady;
pub use clock::Clock;
pub use lru::Lru;
pub use ours::Ours;
pub use s3_fifo::S3Fifo;
pub use sieve::Sieve;
pub use two_q::TwoQ;

use super::cache::Cache;

/// The five known ones, for a budget of so many bytes.
pub fn five(budget_bytes: u64) -> [Box<dyn Cache>; 5] {
    [
        Box::new(Lru::default()),
        Box::new(Clock::default()),
        Box::new(Sieve::default()),
        Box::new(S3Fifo::new(budget_bytes)),
        Box::new(TwoQ::new(budget_bytes)),
    ]
}

/// Takes the first entry that is `id` out of a queue.
fn take_out(queue: &mut std::collections::VecDeque<u32>, id: u32) {
    if let Some(at) = queue.iter().position(|other| *other == id) {
        queue.remove(at);
    }
}

#[cfg(test)]
mod tests;
