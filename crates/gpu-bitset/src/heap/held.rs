//! What memory a heap takes, and where an object's bytes are in it.

use wgpu::Buffer;

use crate::error::HeapError;
use crate::heap::{GpuHeap, GpuHeapDesc, buffers::Buffers, describe};
use crate::records::Slot;

/// Bytes of bookkeeping that do not grow with anything.
const SMALL_BYTES: u64 = 1 << 20;
/// Bytes of bookkeeping for each unit, slot, and run and free that a batch may ask for: at most.
const UNIT_BYTES: u64 = 6;
const SLOT_BYTES: u64 = 68;
const RUN_BYTES: u64 = 144;
const FREE_BYTES: u64 = 8;

/// Where the bytes of one stream of an object are.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// One of the heap's permanent buffers.
    pub buffer: &'a Buffer,
    /// Where they begin in it, in bytes: a multiple of 16.
    pub offset: u64,
    /// How many they are.
    pub bytes: u64,
}

impl GpuHeap {
    /// Bytes of all its buffers: the permanent ones, the bitset, the tables. Those that a batch,
    /// a mirror or draws make for themselves are not among them.
    pub fn bytes_held(&self) -> u64 {
        // Whoever adds a buffer is told here.
        let Buffers {
            params,
            counts,
            frees,
            requests,
            bits,
            bits_after,
            slots,
            claims,
            state,
            pending,
            outcomes,
            keys,
            sorted,
            bins,
            digits,
            run_tiles,
            runs,
            chunks,
            segments,
            copy_tiles,
            copies,
            streams,
            permanent,
            nothing,
        } = &self.buffers;
        let single = [
            params, counts, frees, requests, bits, bits_after, slots, claims, state, pending,
            outcomes, keys, bins, run_tiles, runs, chunks, segments, copy_tiles, copies, nothing,
        ];
        let pairs = sorted.iter().flat_map(|(keys, order)| [keys, order]);
        let all = single.into_iter().chain(pairs);
        let all = all.chain(digits).chain(streams);
        all.chain(permanent.iter().flatten())
            .map(Buffer::size)
            .sum()
    }

    /// Where a stream of a live slot is; none if it has no bytes, or the slot is free or no slot
    /// of this heap. A slot of a mirror has its bytes where the CPU has listed the request, or
    /// since the whole was last read.
    pub fn place(&self, slot: &Slot, stream: usize) -> Option<Place<'_>> {
        let shape = &self.shape;
        let bytes = u64::from(*slot.bytes.get(stream)?);
        let is_there = slot.flags & Slot::LIVE != 0 && stream < shape.streams as usize;
        if !is_there || bytes == 0 {
            return None;
        }
        let run = if shape.separate { stream } else { 0 };
        let (buffer, unit) = shape.place_of(slot.offset_units[run]);
        let offset = u64::from(unit) * u64::from(shape.unit_bytes[stream]);
        let buffer = self.permanent(stream).get(buffer as usize)?;
        let is_inside = offset + bytes <= buffer.size();
        is_inside.then_some(Place {
            buffer,
            offset,
            bytes,
        })
    }
}

impl GpuHeapDesc<'_> {
    /// Bytes that [`GpuHeap::bytes_held`] of such a heap is not above, for whoever asks for memory
    /// before he makes it.
    ///
    /// # Errors
    /// Those of [`GpuHeap::new`].
    pub fn bytes_max(&self, device: &wgpu::Device) -> Result<u64, HeapError> {
        let shape = describe::shape(self, device)?;
        let sets = if shape.separate {
            1
        } else {
            self.streams.len()
        };
        let unit: u64 = shape.unit_bytes[..sets]
            .iter()
            .copied()
            .map(u64::from)
            .sum();
        let runs = u64::from(self.requests_max) * u64::from(shape.streams);
        Ok(u64::from(shape.units_usable()) * unit
            + u64::from(shape.units) * UNIT_BYTES
            + u64::from(shape.slots) * SLOT_BYTES
            + runs * RUN_BYTES
            + u64::from(self.frees_max) * FREE_BYTES
            + SMALL_BYTES)
    }
}
