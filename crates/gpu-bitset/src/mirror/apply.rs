//! A batch's results become the mirror's state.

use bytemuck::{Pod, pod_collect_to_vec};

use crate::mirror::{Applied, HEADER_BYTES, InFlight, Mirror, OUTCOME_BYTES};
use crate::model::{hash, mixed};
use crate::records::{Handle, Header, Outcome, STREAMS_MAX, Slot, Status};

/// The first items of `bytes`, which is left with the rest.
fn take<T: Pod>(bytes: &mut &[u8], count: usize) -> Vec<T> {
    let (items, rest) = bytes.split_at(count * size_of::<T>());
    *bytes = rest;
    pod_collect_to_vec(items)
}

impl Mirror {
    pub(super) fn apply(&mut self, flight: &InFlight) -> Applied {
        let view = flight
            .buffer
            .get_mapped_range(..)
            .expect("its mapping was told to be done");
        let mut bytes = &view[..];
        let header = take::<Header>(&mut bytes, 1)[0];
        let mut outcomes: Vec<Outcome> = take(&mut bytes, flight.outcomes_max as usize);
        outcomes.truncate(header.requests as usize);
        debug_assert_eq!(
            header.epoch, flight.epoch,
            "B5: batches are applied in order"
        );
        for (start, units) in std::mem::take(&mut self.pending) {
            self.set(start, units, false);
        }
        for &handle in &flight.frees {
            self.free(handle);
        }
        let known = flight.bytes.iter().map(Some).chain(std::iter::repeat(None));
        for (object, bytes) in outcomes.chunks(self.shape.runs_each()).zip(known) {
            self.enter(object, bytes);
        }
        // Of another object with the same units the bits would say nothing.
        self.has_unknown_slots |= flight.has_hidden_frees && header.freed > 0;
        if flight.is_full {
            self.words = take(&mut bytes, self.shape.words() as usize);
            self.slots = take(&mut bytes, self.shape.slots as usize);
            self.hash = hash(&self.words);
            self.has_unknown_slots = false;
        }
        self.read_back.batch_bytes += HEADER_BYTES + u64::from(flight.outcomes_max) * OUTCOME_BYTES;
        self.read_back.full_bytes += flight.full_bytes(&self.shape);
        self.header = header;
        self.is_exact = self.hash == header.hash && !self.has_unknown_slots;
        self.asks_for_all |= !self.is_exact;
        Applied { header, outcomes }
    }

    /// Sets or clears bits, those that are so already too: shaders may have freed some unseen.
    fn set(&mut self, start: u32, units: u32, used: bool) {
        let end = start.saturating_add(units).min(self.shape.units);
        let mut unit = start;
        while unit < end {
            let (index, low) = (unit / 32, unit % 32);
            let high = (end - unit + low).min(32);
            let mask = (u32::MAX >> (32 - high)) & (u32::MAX << low);
            let word = &mut self.words[index as usize];
            self.hash ^= mixed(*word, index);
            *word = if used { *word | mask } else { *word & !mask };
            self.hash ^= mixed(*word, index);
            unit += high - low;
        }
    }

    fn free(&mut self, handle: Handle) {
        let Some(&slot) = self.get(handle) else {
            return;
        };
        for (start, units) in self.shape.runs_of(&slot) {
            self.set(start, units, false);
        }
        self.slots[handle.slot as usize] = Slot {
            generation: slot.generation.wrapping_add(1),
            ..Slot::default()
        };
    }

    fn enter(&mut self, runs: &[Outcome], bytes: Option<&[u32; STREAMS_MAX]>) {
        let has = |status| runs.iter().any(|run| run.status() == status);
        let placed = runs.iter().filter(|run| run.status() == Status::Ok);
        for run in placed.clone() {
            self.set(run.offset_units, run.units, true);
        }
        if has(Status::NoSpace) {
            self.pending
                .extend(placed.map(|run| (run.offset_units, run.units)));
            return;
        }
        let Some(slot) = self.slots.get_mut(runs[0].slot() as usize) else {
            return;
        };
        if !has(Status::Ok) {
            return;
        }
        *slot = Slot {
            generation: runs[0].generation,
            flags: Slot::LIVE,
            decided_by: runs[0].stream(),
            bytes: bytes.copied().unwrap_or_default(),
            ..Slot::default()
        };
        for stream in 0..self.shape.streams as usize {
            let run = runs[if self.shape.separate { stream } else { 0 }];
            let is_placed = run.status() == Status::Ok;
            slot.offset_units[stream] = if is_placed { run.offset_units } else { 0 };
            slot.units[stream] = run.units;
        }
    }
}
