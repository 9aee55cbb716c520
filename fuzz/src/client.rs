//! The target `client`: calls of a program that makes mistakes, on a small heap on the virtual GPU.
//!
//! The first bytes choose the settings, how late the device is, and which of its buffers, staging
//! buffers and submissions fails; then each byte is a call, with arguments that are mostly right:
//! blocks of odd sizes, strides and kinds, updates with the wrong number of parts, handles of
//! blocks that are gone, pins, batches, staged pieces, draw sets, tickets that are kept, budgets
//! that nothing fits. In the end everything that is held is given back, all faults stop, and every
//! question must be answered.
//!
//! A book knows which bytes each block can have, by the calls that were taken and the answers
//! that came. What a frame reads, and what is read back, must be among them; a version never
//! shows two contents of one part; settled, a block has the contents of exactly the changes that
//! were carried out. The heap's own figures are held against each other and against the budget.

mod book;
mod calls;
mod frames;
mod judge;
mod making;
mod settle;
#[cfg(test)]
mod tests;
mod world;

use crate::bytes::Bytes;
use crate::tally::Tally;
use world::World;

/// Calls that one input can make.
const CALLS_MAX: usize = 160;

/// How often everything is compared, in calls.
const COMPARE_EVERY: usize = 4;

/// Runs one input. Returns what it reached.
///
/// # Panics
/// When the heap shows bytes that are not a block's own, contradicts itself, or never answers.
pub fn run(input: &[u8]) -> Tally {
    let mut bytes = Bytes::new(input);
    let Some(mut world) = World::new(&mut bytes) else {
        return Tally::default();
    };
    for nth in 0..CALLS_MAX {
        let Some(op) = bytes.next() else { break };
        world.call(op, &mut bytes);
        if nth % COMPARE_EVERY == 0 {
            world.compare();
        }
    }
    world.settle()
}
