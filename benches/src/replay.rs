//! Scripts of allocations, fixed beforehand, so that all peers do the same and drawing random
//! numbers is not timed.

use crate::peers::{Allocator, Setup};

/// One operation on a slot of the player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// Which of the player's slots keeps the range.
    pub slot: u32,
    /// Bytes to allocate; 0 frees what the slot holds.
    pub len: u32,
    /// What the start must be a multiple of, in bytes.
    pub align: u32,
}

/// A workload as operations.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// As in the tables.
    pub name: String,
    /// What the allocator is set up with.
    pub setup: Setup,
    /// Slots that the operations use.
    pub slots: usize,
    /// Before anything is timed.
    pub warm_up: Vec<Op>,
    /// What is timed, in turns with the other peers.
    pub turns: Vec<Vec<Op>>,
    /// Allocations to the first failure, afterwards.
    pub fill: Vec<Op>,
}

impl Script {
    /// Operations that are timed.
    pub fn op_count(&self) -> usize {
        self.turns.iter().map(Vec::len).sum()
    }
}

/// Writes a script: which slot is free, and how many bytes are live.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    live: Vec<(u32, u32)>,
    vacant: Vec<u32>,
    slots: u32,
    /// Bytes of the ranges that the script has live, if none failed.
    pub live_bytes: u64,
    ops: Vec<Op>,
}

impl Writer {
    /// Ranges that the script has live.
    pub fn live_count(&self) -> usize {
        self.live.len()
    }

    /// Allocates.
    ///
    /// # Panics
    /// For a length or an alignment beyond 32 bits, which no workload has.
    pub fn alloc(&mut self, len: u64, align: u64) {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots += 1;
            self.slots - 1
        });
        let len = u32::try_from(len).expect("lengths of workloads have 32 bits");
        let align = u32::try_from(align).expect("alignments of workloads have 32 bits");
        self.live.push((slot, len));
        self.live_bytes += u64::from(len);
        self.ops.push(Op { slot, len, align });
    }

    /// Frees the `nth` of the live ranges; the last one takes its number.
    pub fn free(&mut self, nth: usize) {
        let (slot, len) = self.live.swap_remove(nth);
        self.live_bytes -= u64::from(len);
        self.vacant.push(slot);
        let op = Op {
            slot,
            len: 0,
            align: 1,
        };
        self.ops.push(op);
    }

    /// Turns the order of the live ranges from the `nth` on around.
    pub fn reverse_from(&mut self, nth: usize) {
        self.live[nth..].reverse();
    }

    /// The operations since the last call.
    pub fn take(&mut self) -> Vec<Op> {
        core::mem::take(&mut self.ops)
    }

    /// Slots that the operations so far use.
    pub fn slots(&self) -> usize {
        self.slots as usize
    }
}

/// An allocator and what it gave out.
#[derive(Debug)]
pub struct Player<A: Allocator> {
    /// The allocator.
    pub allocator: A,
    slots: Vec<Option<A::Id>>,
}

impl<A: Allocator> Player<A> {
    /// An empty allocator for the script; `None` where it cannot be set up so.
    pub fn new(script: &Script) -> Option<Self> {
        let mut player = Self::without_slots(&script.setup)?;
        player.make_slots(script.slots);
        Some(player)
    }

    /// An empty allocator, and no room to remember what it gives out.
    pub fn without_slots(setup: &Setup) -> Option<Self> {
        let allocator = A::new(setup)?;
        let slots = Vec::new();
        Some(Self { allocator, slots })
    }

    /// Makes room for the ids of a script, so that playing it takes nothing but what is timed.
    pub fn make_slots(&mut self, count: usize) {
        self.slots.resize_with(count, || None);
    }

    /// Carries out the operations, and returns how many allocations failed. What failed is not
    /// there to be freed.
    pub fn play(&mut self, ops: &[Op]) -> usize {
        let mut failed = 0;
        for op in ops {
            let slot = &mut self.slots[op.slot as usize];
            if op.len == 0 {
                if let Some(id) = slot.take() {
                    self.allocator.free(id);
                }
            } else {
                let id = self.allocator.alloc(op.len.into(), op.align.into());
                failed += usize::from(id.is_none());
                *slot = id;
            }
        }
        failed
    }

    /// Bytes of what is live, by the lengths that the slots would have if nothing had failed.
    pub fn live_bytes(&self, lens: &[u64]) -> u64 {
        let slots = self.slots.iter().zip(lens);
        slots
            .filter(|(id, _)| id.is_some())
            .map(|(_, len)| len)
            .sum()
    }

    /// Allocates until the first failure, and returns the bytes that were added.
    pub fn fill(&mut self, ops: &[Op]) -> u64 {
        let mut added = 0;
        for op in ops {
            let Some(id) = self.allocator.alloc(op.len.into(), op.align.into()) else {
                break;
            };
            self.slots[op.slot as usize] = Some(id);
            added += u64::from(op.len);
        }
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Ours;

    #[test]
    fn what_fails_is_counted_and_not_there() {
        let mut writer = Writer::default();
        for len in [512, 512, 256] {
            writer.alloc(len, 1);
        }
        writer.free(0);
        writer.alloc(256, 1);
        assert_eq!(writer.live_bytes, 1024);
        let script = Script {
            setup: Setup {
                capacity: 1024,
                unit: 256,
                live_max: 4,
            },
            slots: writer.slots(),
            ..Script::default()
        };
        let mut player = Player::<Ours>::new(&script).expect("a valid space");
        let ops = writer.take();
        assert_eq!(player.play(&ops), 1, "the third has no room");
        assert_eq!(
            player.live_bytes(&[256, 512, 256]),
            768,
            "the third is not there"
        );
        writer.alloc(256, 1);
        writer.alloc(256, 1);
        player.make_slots(writer.slots());
        assert_eq!(player.fill(&writer.take()), 256, "up to the first failure");
    }
}
