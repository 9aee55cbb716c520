//! The specification as a program: what a batch does, on the CPU, one step after the other.
//!
//! The shaders have to leave the same bitset, outcomes, slots and header, word for word. The
//! model shares nothing with them but the records' layouts.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::records::{
    Flip, Handle, Header, Outcome, PRIORITY_MAX, Request, STREAMS_MAX, Slot, Status,
};
use crate::shape::Shape;

/// A run that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// From 0, placed first, to [`PRIORITY_MAX`].
    pub priority: u32,
    /// Its length, above 0.
    pub units: u32,
}

/// Places runs in free runs `(start, length)` that ascend: the first priority first, of one
/// priority the longest first, of one length the first index; each at the lowest free run that is
/// long enough. First fit decreasing, with each batch a list of its own (Johnson 1973).
pub fn place(runs: &mut [(u32, u32)], wanted: &[Wanted]) -> Vec<Option<u32>> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&index| (wanted[index].priority, Reverse(wanted[index].units)));
    let mut places = vec![None; wanted.len()];
    for index in order {
        let units = wanted[index].units;
        let run = runs.iter_mut().find(|(_, length)| *length >= units);
        places[index] = run.map(|run| {
            let start = run.0;
            *run = (start + units, run.1 - units);
            start
        });
    }
    places
}

/// The checksum of a bitset: each word is mixed with its index, and all are joined by exclusive
/// or, so that shaders may take them in any order. The mix is the finalizer of `MurmurHash3`.
pub fn hash(words: &[u32]) -> u32 {
    let words = words.iter().zip(0_u32..);
    words.fold(0, |all, (&word, index)| all ^ mixed(word, index))
}

/// What one word adds to the checksum.
pub fn mixed(word: u32, index: u32) -> u32 {
    let mut mix = word ^ index.wrapping_mul(0x9e37_79b9);
    mix = (mix ^ (mix >> 16)).wrapping_mul(0x85eb_ca6b);
    mix = (mix ^ (mix >> 13)).wrapping_mul(0xc2b2_ae35);
    mix ^ (mix >> 16)
}

/// A heap as the GPU has it.
#[derive(Clone, Debug)]
pub struct Model {
    shape: Shape,
    /// One bit for each unit; what is past the last one and the guards are set for ever.
    pub words: Vec<u32>,
    /// The handle table.
    pub slots: Vec<Slot>,
    /// What half an object was granted: it goes back at the next batch's beginning.
    pending: Vec<(u32, u32)>,
    pub(crate) epoch: u32,
}

/// What a batch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchResult {
    /// One for each request, or with separate streams one for each stream of each request.
    pub outcomes: Vec<Outcome>,
    /// The heap afterwards.
    pub header: Header,
}

impl Model {
    /// An empty heap.
    pub fn new(shape: Shape) -> Self {
        Self {
            words: shape.empty_words(),
            slots: vec![Slot::default(); shape.slots as usize],
            pending: Vec::new(),
            epoch: 0,
            shape,
        }
    }

    /// One batch: frees first, then the requests. `source_bytes` are the lengths of the sources.
    pub fn batch(
        &mut self,
        frees: &[Handle],
        requests: &[Request],
        source_bytes: [u32; STREAMS_MAX],
    ) -> BatchResult {
        self.epoch += 1;
        let mut header = Header {
            epoch: self.epoch,
            ..Header::default()
        };
        for (start, units) in std::mem::take(&mut self.pending) {
            self.set(start, units, false);
        }
        self.free(frees, &mut header);
        let mut outcomes = self.judge(requests, source_bytes);
        self.place(requests, &mut outcomes);
        self.enter(requests, &outcomes, &mut header);
        self.count(&outcomes, &mut header);
        BatchResult { outcomes, header }
    }

    /// The flips of a batch, after all else.
    pub fn flip(&mut self, flips: &[Flip]) {
        let mut seen = BTreeSet::new();
        for flip in flips {
            let slot = self.slots.get_mut(flip.handle.slot as usize);
            let slot = slot.filter(|slot| {
                slot.flags & Slot::LIVE != 0 && slot.generation == flip.handle.generation
            });
            if let Some(slot) = slot
                && seen.insert(flip.handle.slot)
            {
                slot.flags = Slot::LIVE | (u32::from(flip.visible == 1) * Slot::VISIBLE);
            }
        }
    }

    fn set(&mut self, start: u32, units: u32, used: bool) {
        for unit in start..start + units {
            let bit = 1 << (unit % 32);
            let word = &mut self.words[unit as usize / 32];
            assert_eq!(
                *word & bit == 0,
                used,
                "unit {unit} is in that state already"
            );
            *word ^= bit;
        }
    }

    fn free(&mut self, frees: &[Handle], header: &mut Header) {
        let before = self.slots.clone();
        for handle in frees {
            let is = |slots: &[Slot]| {
                let slot = slots.get(handle.slot as usize);
                slot.is_some_and(|slot| {
                    slot.flags & Slot::LIVE != 0 && slot.generation == handle.generation
                })
            };
            if !is(&before) {
                header.stale_frees += 1;
            } else if !is(&self.slots) {
                header.double_frees += 1;
            } else {
                header.freed += 1;
                let slot = self.slots[handle.slot as usize];
                for (start, units) in self.shape.runs_of(&slot) {
                    self.set(start, units, false);
                }
                self.slots[handle.slot as usize] = Slot {
                    generation: slot.generation.wrapping_add(1),
                    ..Slot::default()
                };
            }
        }
    }

    /// Outcomes before any is placed: those to be placed are OK, with an offset of `u32::MAX`.
    fn judge(&self, requests: &[Request], source_bytes: [u32; STREAMS_MAX]) -> Vec<Outcome> {
        let mut asked = BTreeSet::new();
        let mut outcomes = Vec::new();
        for request in requests {
            let slot = self.slots.get(request.slot as usize);
            let is_free = slot.is_some_and(|slot| slot.flags & Slot::LIVE == 0);
            let is_first = is_free && asked.insert(request.slot);
            let fits = self.shape.accepts(request, source_bytes);
            for (stream, units) in self.shape.runs_wanted(request) {
                let status = if !is_first || !fits {
                    Status::Invalid
                } else if units == 0 {
                    Status::Zero
                } else {
                    Status::Ok
                };
                outcomes.push(Outcome {
                    word: status as u32 | stream << 4 | request.slot << 8,
                    offset_units: u32::MAX,
                    units,
                    generation: slot.map_or(0, |slot| slot.generation),
                });
            }
        }
        outcomes
    }

    fn place(&mut self, requests: &[Request], outcomes: &mut [Outcome]) {
        let runs_each = self.shape.runs_each();
        let is_wanted = |outcome: &Outcome| outcome.status() == Status::Ok;
        let wanted: Vec<Wanted> = (outcomes.iter().enumerate())
            .filter(|(_, outcome)| is_wanted(outcome))
            .map(|(index, outcome)| Wanted {
                priority: requests[index / runs_each].priority.min(PRIORITY_MAX),
                units: outcome.units,
            })
            .collect();
        let places = place(&mut free_runs(&self.words), &wanted);
        let placed = outcomes.iter_mut().filter(|outcome| is_wanted(outcome));
        for (outcome, place) in placed.zip(places) {
            match place {
                Some(start) => {
                    outcome.offset_units = start;
                    self.set(start, outcome.units, true);
                }
                None => outcome.word |= Status::NoSpace as u32,
            }
        }
    }

    /// Objects whose streams all have their place are entered; of others, it goes back.
    fn enter(&mut self, requests: &[Request], outcomes: &[Outcome], header: &mut Header) {
        for (request, runs) in requests.iter().zip(outcomes.chunks(self.shape.runs_each())) {
            let has = |status| runs.iter().any(|run| run.status() == status);
            if !has(Status::Ok) {
                continue;
            }
            if has(Status::NoSpace) {
                let granted = runs.iter().filter(|run| run.status() == Status::Ok);
                self.pending
                    .extend(granted.map(|run| (run.offset_units, run.units)));
                continue;
            }
            let slot = &mut self.slots[request.slot as usize];
            slot.flags = Slot::LIVE | ((request.flags & Request::SHOW) * Slot::VISIBLE);
            slot.bytes = request.bytes;
            slot.decided_by = runs[0].stream();
            for stream in 0..self.shape.streams as usize {
                let run = runs[if self.shape.separate { stream } else { 0 }];
                let is_empty = run.status() == Status::Zero;
                slot.offset_units[stream] = if is_empty { 0 } else { run.offset_units };
                slot.units[stream] = run.units;
                let needed = self.shape.units_of(stream, request.bytes[stream]);
                let wasted = slot.units[stream] - needed;
                header.wasted_units = header.wasted_units.saturating_add(wasted);
            }
        }
    }

    fn count(&self, outcomes: &[Outcome], header: &mut Header) {
        for outcome in outcomes {
            header.requests += 1;
            match outcome.status() {
                Status::Ok => header.ok += 1,
                Status::NoSpace => {
                    header.no_space += 1;
                    header.missing_units = header.missing_units.saturating_add(outcome.units);
                }
                Status::Zero => header.zero += 1,
                Status::Invalid => header.invalid += 1,
            }
        }
        let runs = free_runs(&self.words);
        header.runs = u32::try_from(runs.len()).expect("at most half of the units");
        header.largest_run_units = runs.iter().map(|run| run.1).max().unwrap_or(0);
        let free: u32 = runs.iter().map(|run| run.1).sum();
        header.used_units = self.shape.units_usable() - free;
        header.top_units = self.shape.top_units(&self.words);
        header.hash = hash(&self.words);
    }
}

/// The free runs `(start, length)`, ascending.
pub fn free_runs(words: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for (&word, first) in words.iter().zip((0_u32..).step_by(32)) {
        if word == u32::MAX {
            continue;
        }
        for unit in (first..first + 32).filter(|unit| word >> (unit % 32) & 1 == 0) {
            match runs.last_mut() {
                Some(run) if run.0 + run.1 == unit => run.1 += 1,
                _ => runs.push((unit, 1)),
            }
        }
    }
    runs
}
