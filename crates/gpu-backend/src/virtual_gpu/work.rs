//! What stands in the queue, and how its commands are executed one by one.

use core::fmt::{self, Debug};
use core::ops::Range;

use super::memory::{Bytes, Copied, LeaseBytes};
use super::{VirtualBuffer, VirtualDriver, VirtualRead};
use crate::SubmissionId;
use crate::driver::{Batch, CopyCommand, CopySource, CopyTarget, Signal};
use crate::virtual_gpu::device::lock;

/// What is called with the bytes that reads saw.
pub(super) type Then = Box<dyn FnOnce(Vec<Vec<u8>>) + Send>;

/// An entry of the queue, with how much of it was executed.
pub(super) enum Work {
    Batch {
        id: SubmissionId,
        batch: Batch<VirtualDriver>,
        executed: usize,
    },
    Reads {
        reads: Vec<VirtualRead>,
        then: Then,
        seen: Vec<Vec<u8>>,
    },
}

/// What follows from work that was executed to its end.
pub(super) enum Outcome {
    Executed(Executed),
    Call(Then, Vec<Vec<u8>>),
}

impl Work {
    pub(super) fn is_batch(&self) -> bool {
        matches!(self, Self::Batch { .. })
    }

    /// Commands that are not yet executed; work without any counts as one.
    pub(super) fn commands_left(&self) -> usize {
        match self {
            Self::Batch {
                batch, executed, ..
            } => (batch.clears.len() + batch.copies.len()).max(1) - executed,
            Self::Reads { reads, seen, .. } => reads.len().max(1) - seen.len(),
        }
    }

    /// Executes the next command: clears first, then copies. Returns whether it was the last.
    pub(super) fn step(&mut self) -> bool {
        match self {
            Self::Batch {
                batch, executed, ..
            } => {
                command(batch, *executed);
                *executed += 1;
                *executed >= batch.clears.len() + batch.copies.len()
            }
            Self::Reads { reads, seen, .. } => {
                seen.extend(reads.get(seen.len()).map(VirtualRead::bytes));
                seen.len() == reads.len()
            }
        }
    }

    /// Executes all that is left.
    pub(super) fn run(mut self) -> Outcome {
        while !self.step() {}
        self.finish()
    }

    /// What follows once the last command was executed.
    pub(super) fn finish(self) -> Outcome {
        match self {
            Self::Batch { id, batch, .. } => Outcome::Executed(Executed { id, batch }),
            Self::Reads { then, seen, .. } => Outcome::Call(then, seen),
        }
    }
}

fn command(batch: &mut Batch<VirtualDriver>, index: usize) {
    if let Some(buffer) = batch.clears.get(index) {
        buffer.with(Bytes::clear);
        return;
    }
    let Some(copy) = batch.copies.get(index - batch.clears.len()) else {
        return;
    };
    // wgpu refuses copies within one buffer, so what is written is never read again.
    let mut done = 0;
    while done < copy.len {
        let from = copy.src_offset + done;
        let piece = copy_out(batch, copy, from, copy.len - done);
        match &copy.dst {
            CopyTarget::Buffer(buffer) => {
                buffer.with(|bytes| bytes.copy_in(copy.dst_offset + done, &piece));
            }
            CopyTarget::Read(index) => batch.reads[*index].memory.0.copy_in(done, &piece),
        }
        done += piece.len();
    }
}

/// Reads what a copy copies, from `from` on: `len` bytes, or fewer where it goes in steps.
fn copy_out(
    batch: &Batch<VirtualDriver>,
    copy: &CopyCommand<VirtualDriver>,
    from: u64,
    len: u64,
) -> Copied {
    match &copy.src {
        CopySource::Buffer(buffer) => buffer.with(|bytes| bytes.copy_out(from, len)),
        CopySource::Lease(lease) => {
            let memory: Option<&LeaseBytes> = lease.source();
            let memory = memory.expect("G6: the lease was made by this kind of driver");
            lock(&memory.0).copy_out(from, len)
        }
        CopySource::Slot(slot) => {
            let found = batch.slots.iter().find(|(id, _)| id == slot);
            let (_, memory) = found.expect("G6: a batch carries the slots it reads from");
            memory.0.copy_out(from, len)
        }
    }
}

/// A batch that was executed. What it holds goes when that is told.
#[derive(Debug)]
pub(super) struct Executed {
    id: SubmissionId,
    batch: Batch<VirtualDriver>,
}

impl Executed {
    /// What is told of it: its staging, what it read, and its end.
    pub(super) fn tell(self, signals: &mut Vec<Signal<VirtualDriver>>) {
        for (id, memory) in self.batch.slots {
            signals.push(Signal::SlotBack(id, memory));
        }
        for read in self.batch.reads {
            signals.push(Signal::Read(read.id, Some(read.memory.0.into_vec())));
        }
        signals.push(Signal::Done(self.id));
    }
}

impl Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch { id, executed, .. } => write!(f, "Batch({id}, {executed} executed)"),
            Self::Reads { reads, seen, .. } => {
                write!(f, "Reads({reads:?}, {} executed)", seen.len())
            }
        }
    }
}

/// A range to be filled with one word.
#[derive(Clone, Debug)]
pub(super) struct Poison {
    pub(super) buffer: VirtualBuffer,
    /// Cut to the buffer.
    pub(super) range: Range<u64>,
    pub(super) word: u32,
}

impl Poison {
    pub(super) fn apply(&self) {
        let Range { start, end } = self.range;
        self.buffer
            .with(|bytes| bytes.fill(start, end - start, self.word));
    }
}
