//! The bounded set of staging buffers, and the account of all staging memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use geoheap_suballoc::ByteLen;

use crate::driver::SlotId;
use crate::{StagingConfig, StagingFigures};

/// Granularity of a staging buffer's length: what wgpu asks of a mapped range's start.
const GRANULE_BYTES: u64 = 8;

#[derive(Debug)]
enum State<M> {
    /// Writable and empty, for so many polls.
    Free { memory: M, idle_polls: u32 },
    /// Part of the open batch, written up to `used` bytes.
    Open { memory: M, used: u64 },
    /// With the device.
    InFlight,
}

#[derive(Debug)]
struct Slot<M> {
    id: SlotId,
    capacity: u64,
    state: State<M>,
}

/// Staging buffers of memory `M`, ordered by number. Held bytes (ring, leases and read-backs)
/// never exceed the limit by a call of this type; a lowered limit is reached as buffers return.
#[derive(Debug)]
pub(crate) struct Ring<M> {
    buffer_bytes: u64,
    limit_bytes: u64,
    idle_polls_max: u32,
    slots: Vec<Slot<M>>,
    next_slot: u32,
    one_shot_bytes: u64,
    returned: Arc<AtomicU64>,
    peak_bytes: u64,
}

/// A stretch of the open staging buffer that bytes can be written to.
#[derive(Debug)]
pub(crate) struct Stretch<'a, M> {
    pub(crate) slot: SlotId,
    pub(crate) memory: &'a mut M,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

impl<M> Ring<M> {
    /// `buffer_bytes_max` is the device's limit.
    pub(crate) fn new(config: &StagingConfig, buffer_bytes_max: u64) -> Self {
        let most = buffer_bytes_max / GRANULE_BYTES * GRANULE_BYTES;
        let asked = config.buffer_bytes.get().max(1);
        let rounded = asked.checked_next_multiple_of(GRANULE_BYTES);
        Self {
            buffer_bytes: rounded.unwrap_or(most).min(most).max(GRANULE_BYTES),
            limit_bytes: config.limit_bytes.get(),
            idle_polls_max: config.idle_polls,
            slots: Vec::new(),
            next_slot: 0,
            one_shot_bytes: 0,
            returned: Arc::new(AtomicU64::new(0)),
            peak_bytes: 0,
        }
    }

    pub(crate) fn account(&self) -> &Arc<AtomicU64> {
        &self.returned
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Takes note of the one-shot memory that was given back since the last call.
    pub(crate) fn settle(&mut self) {
        // A look is much cheaper than an exchange, and nearly always there is nothing.
        if self.returned.load(Ordering::Acquire) == 0 {
            return;
        }
        let returned = self.returned.swap(0, Ordering::AcqRel);
        assert!(
            returned <= self.one_shot_bytes,
            "G4: more staging bytes returned than were lent"
        );
        self.one_shot_bytes -= returned;
    }

    fn one_shot_now(&self) -> u64 {
        self.one_shot_bytes
            .saturating_sub(self.returned.load(Ordering::Acquire))
    }

    fn sum(&self, part: impl Fn(&Slot<M>) -> u64) -> u64 {
        self.slots.iter().map(part).sum()
    }

    fn ring_bytes(&self) -> u64 {
        self.sum(|slot| slot.capacity)
    }

    fn free_ring_bytes(&self) -> u64 {
        self.sum(|slot| {
            if matches!(slot.state, State::Free { .. }) {
                slot.capacity
            } else {
                0
            }
        })
    }

    fn tail_bytes(&self) -> u64 {
        self.sum(|slot| match slot.state {
            State::Open { used, .. } => slot.capacity - used,
            State::Free { .. } | State::InFlight => 0,
        })
    }

    /// Length of the next buffer to create, if there is room for one. Where the limit leaves less
    /// than a whole buffer, a shorter one serves, but not a crumb beside others.
    fn next_capacity(&self, room: u64) -> Option<u64> {
        let capacity = self.buffer_bytes.min(room - room % GRANULE_BYTES);
        let least = self.buffer_bytes.min(self.limit_bytes).div_ceil(4);
        (capacity >= least.max(GRANULE_BYTES)).then_some(capacity)
    }

    /// Bytes that could be staged through the ring if nothing else were staged.
    pub(crate) fn upload_bytes_max(&self) -> u64 {
        self.growth_in(self.limit_bytes)
    }

    fn growth_bytes(&self) -> u64 {
        let held = self.ring_bytes() + self.one_shot_now();
        self.growth_in(self.limit_bytes.saturating_sub(held))
    }

    fn growth_in(&self, room: u64) -> u64 {
        let whole = room - room % self.buffer_bytes;
        whole + self.next_capacity(room - whole).unwrap_or(0)
    }

    /// Whether so many bytes can be staged through the ring now. Nearly always the buffers that
    /// are there have room.
    pub(crate) fn has_upload_room(&self, bytes: u64) -> bool {
        let is_open = |slot: &Slot<M>| match slot.state {
            State::Open { used, .. } => slot.capacity - used >= bytes,
            State::Free { .. } | State::InFlight => false,
        };
        self.slots.iter().any(is_open) || bytes <= self.upload_room()
    }

    /// Bytes that could be staged through the ring now.
    pub(crate) fn upload_room(&self) -> u64 {
        self.tail_bytes() + self.free_ring_bytes() + self.growth_bytes()
    }

    /// Bytes that could be lent out in one piece now, if idle ring buffers go.
    pub(crate) fn one_shot_room(&self) -> u64 {
        let busy = self.ring_bytes() - self.free_ring_bytes();
        self.limit_bytes.saturating_sub(busy + self.one_shot_now())
    }

    /// Creates buffers until `len` bytes can be written. `len` is at most `upload_room()`.
    pub(crate) fn ensure<E>(
        &mut self,
        len: u64,
        mut create: impl FnMut(SlotId, ByteLen) -> Result<M, E>,
    ) -> Result<(), E> {
        // A lease that another thread dropped since counts as room already.
        self.settle();
        while self.tail_bytes() + self.free_ring_bytes() < len {
            let room = self
                .limit_bytes
                .saturating_sub(self.ring_bytes() + self.one_shot_bytes);
            let capacity = self
                .next_capacity(room)
                .expect("G4: the room was counted before");
            let id = SlotId(self.next_slot);
            let memory = create(id, ByteLen::new(capacity))?;
            self.next_slot += 1;
            self.slots.push(Slot {
                id,
                capacity,
                state: State::Free {
                    memory,
                    idle_polls: 0,
                },
            });
            self.note_peak();
        }
        Ok(())
    }

    /// The next stretch to write, at most `len` bytes. There is one after `ensure(len)`.
    pub(crate) fn stretch(&mut self, len: u64) -> Stretch<'_, M> {
        let has_tail = |slot: &Slot<M>| match slot.state {
            State::Open { used, .. } => used < slot.capacity,
            State::Free { .. } | State::InFlight => false,
        };
        let index = self
            .slots
            .iter()
            .position(has_tail)
            .unwrap_or_else(|| self.open_next());
        let slot = &mut self.slots[index];
        let State::Open { memory, used } = &mut slot.state else {
            unreachable!("G4: the slot was opened just now");
        };
        let offset = *used;
        let len = len.min(slot.capacity - offset);
        *used += len;
        Stretch {
            slot: slot.id,
            memory,
            offset,
            len,
        }
    }

    fn open_next(&mut self) -> usize {
        let is_free = |slot: &Slot<M>| matches!(slot.state, State::Free { .. });
        let index = self
            .slots
            .iter()
            .position(is_free)
            .expect("G4: room was ensured before");
        let slot = &mut self.slots[index];
        if let State::Free { memory, .. } = core::mem::replace(&mut slot.state, State::InFlight) {
            slot.state = State::Open { memory, used: 0 };
        }
        index
    }

    /// Makes room for and counts `bytes` of one-shot memory. They are at most `one_shot_room()`.
    pub(crate) fn lend(&mut self, bytes: u64) {
        self.settle();
        while self.ring_bytes() + self.one_shot_bytes + bytes > self.limit_bytes {
            let is_free = |slot: &Slot<M>| matches!(slot.state, State::Free { .. });
            let index = self
                .slots
                .iter()
                .position(is_free)
                .expect("G4: the room was counted");
            self.slots.remove(index);
        }
        self.one_shot_bytes += bytes;
        self.note_peak();
    }

    /// One-shot memory that was counted could not be made after all.
    pub(crate) fn take_back(&mut self, bytes: u64) {
        assert!(
            bytes <= self.one_shot_bytes,
            "G4: more staging bytes taken back than were lent"
        );
        self.one_shot_bytes -= bytes;
    }

    /// Takes the open buffers out, for a batch.
    pub(crate) fn close(&mut self) -> Vec<(SlotId, M)> {
        let mut closed = Vec::new();
        for slot in &mut self.slots {
            match core::mem::replace(&mut slot.state, State::InFlight) {
                State::Open { memory, .. } => closed.push((slot.id, memory)),
                other => slot.state = other,
            }
        }
        closed
    }

    /// A buffer came back from the device, or did not survive.
    pub(crate) fn give_back(&mut self, id: SlotId, memory: Option<M>) {
        let Some(index) = self.slots.iter().position(|slot| slot.id == id) else {
            return;
        };
        let over = self.ring_bytes() + self.one_shot_now() > self.limit_bytes;
        match memory {
            Some(memory) if !over => {
                self.slots[index].state = State::Free {
                    memory,
                    idle_polls: 0,
                };
            }
            Some(_) | None => drop(self.slots.remove(index)),
        }
    }

    pub(crate) fn set_limit(&mut self, limit_bytes: u64) {
        self.limit_bytes = limit_bytes;
        let mut over = (self.ring_bytes() + self.one_shot_now()).saturating_sub(limit_bytes);
        self.slots.retain(|slot| {
            let goes = over > 0 && matches!(slot.state, State::Free { .. });
            if goes {
                over = over.saturating_sub(slot.capacity);
            }
            !goes
        });
    }

    /// One poll has passed: buffers that were idle for long go.
    pub(crate) fn age(&mut self) {
        let max = self.idle_polls_max;
        self.slots.retain_mut(|slot| match &mut slot.state {
            State::Free { idle_polls, .. } => {
                *idle_polls = idle_polls.saturating_add(1);
                *idle_polls <= max
            }
            State::Open { .. } | State::InFlight => true,
        });
    }

    /// The device is gone: nothing comes back.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
    }

    fn note_peak(&mut self) {
        let held = self.ring_bytes() + self.one_shot_bytes;
        self.peak_bytes = self.peak_bytes.max(held);
    }

    pub(crate) fn figures(&self) -> StagingFigures {
        let in_flight = |slot: &Slot<M>| match slot.state {
            State::InFlight => slot.capacity,
            State::Free { .. } | State::Open { .. } => 0,
        };
        let one_shot = self.one_shot_now();
        StagingFigures {
            capacity_bytes: ByteLen::new(self.ring_bytes() + one_shot),
            free_bytes: ByteLen::new(self.upload_room()),
            in_flight_bytes: ByteLen::new(self.sum(in_flight)),
            one_shot_bytes: ByteLen::new(one_shot),
            peak_bytes: ByteLen::new(self.peak_bytes),
            limit_bytes: ByteLen::new(self.limit_bytes),
        }
    }
}
