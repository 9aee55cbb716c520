//! What a heap is made of: units, buffers, streams, slots.

use crate::records::{REQUESTS_MAX, Request, STREAMS_MAX, Slot, UNITS_MAX};

/// The permanent buffers that one bitset may span.
pub const BUFFERS_MAX: u32 = 4;

/// The checked form of a heap's description.
///
/// The units of several buffers lie one after the other in one bitset, with one guard between two,
/// which is in use for ever: no run spans two buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bits of the set: the units of all buffers, and the guards.
    pub units: u32,
    /// Buffers of each stream; of all streams, if they are separate.
    pub buffers: u32,
    /// Units of one buffer: the longest run there can be.
    pub units_per_buffer: u32,
    /// Slots of the handle table.
    pub slots: u32,
    /// Streams of an object, 1 to [`STREAMS_MAX`].
    pub streams: u32,
    /// Whether each stream has a run of its own, all in the same buffers. Else one run of units
    /// stands for all streams, each of which has buffers of its own.
    pub separate: bool,
    /// Bytes of a unit in each stream's buffers, multiples of 16; separate streams have one size.
    pub unit_bytes: [u32; STREAMS_MAX],
}

impl Shape {
    /// Words of the bitset.
    pub fn words(&self) -> u32 {
        self.units.div_ceil(32)
    }

    /// Units that objects can have.
    pub fn units_usable(&self) -> u32 {
        self.units_per_buffer * self.buffers
    }

    /// Runs of one object.
    pub fn runs_each(&self) -> usize {
        if self.separate {
            self.streams as usize
        } else {
            1
        }
    }

    /// Objects that one batch may ask for.
    pub fn requests_max(&self) -> u32 {
        REQUESTS_MAX / if self.separate { self.streams } else { 1 }
    }

    /// Units that so many bytes of a stream take.
    ///
    /// # Panics
    /// If there is no such stream.
    pub fn units_of(&self, stream: usize, bytes: u32) -> u32 {
        bytes.div_ceil(self.unit_bytes[stream])
    }

    /// Whether the unit is one of those between two buffers.
    pub fn is_guard(&self, unit: u32) -> bool {
        unit % (self.units_per_buffer + 1) == self.units_per_buffer
    }

    /// The buffer that a unit lies in, and its number there.
    pub fn place_of(&self, unit: u32) -> (u32, u32) {
        let stride = self.units_per_buffer + 1;
        (unit / stride, unit % stride)
    }

    /// The bitset of an empty heap: guards, and what is past the last unit, are set.
    pub fn empty_words(&self) -> Vec<u32> {
        debug_assert!(self.units <= UNITS_MAX, "the shape was checked");
        let mut words = vec![0; self.words() as usize];
        let guards = (1..self.buffers).map(|buffer| buffer * (self.units_per_buffer + 1) - 1);
        for unit in guards.chain(self.units..self.words() * 32) {
            words[unit as usize / 32] |= 1 << (unit % 32);
        }
        words
    }

    /// One more than the highest unit in use that is no guard.
    pub(crate) fn top_units(&self, words: &[u32]) -> u32 {
        let is_used = |unit: u32| words[unit as usize / 32] >> (unit % 32) & 1 == 1;
        let mut used = (0..self.units).rev().filter(|&unit| is_used(unit));
        used.find(|&unit| !self.is_guard(unit))
            .map_or(0, |unit| unit + 1)
    }

    /// The runs `(stream, units)` that a request asks for; with a common run, the first stream
    /// that needs most decides.
    pub fn runs_wanted(&self, request: &Request) -> Vec<(u32, u32)> {
        let of = |stream: u32| {
            let bytes = request.bytes[stream as usize];
            (stream, self.units_of(stream as usize, bytes))
        };
        let each = (0..self.streams).map(of);
        if self.separate {
            return each.collect();
        }
        let first_longest = each.reduce(|best, run| if run.1 > best.1 { run } else { best });
        first_longest.into_iter().collect()
    }

    /// The runs of a live slot, each once.
    pub fn runs_of(&self, slot: &Slot) -> Vec<(u32, u32)> {
        let runs = slot.offset_units.into_iter().zip(slot.units);
        runs.take(self.runs_each())
            .filter(|run| run.1 > 0)
            .collect()
    }

    /// Whether the bytes of a request lie within its sources, and each run is one that the heap
    /// could have.
    pub fn accepts(&self, request: &Request, source_bytes: [u32; STREAMS_MAX]) -> bool {
        (0..self.streams as usize).all(|stream| {
            let (bytes, offset) = (request.bytes[stream], request.source_offsets[stream]);
            let is_inside = source_bytes[stream]
                .checked_sub(bytes)
                .is_some_and(|last| offset <= last);
            let is_aligned = bytes % 4 == 0 && offset % 16 == 0;
            let fits = self.units_of(stream, bytes) <= self.units_per_buffer;
            bytes == 0 || is_inside && is_aligned && fits
        })
    }
}
