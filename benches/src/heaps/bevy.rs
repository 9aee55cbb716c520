//! A model of the slabs that Bevy keeps meshes in, on the allocator that it uses.
//!
//! Written from what Bevy 0.19's `SlabAllocator` does with the settings it comes with: a slab holds
//! elements of one layout (vertices of one stride, indices of one width) in slots of a multiple of
//! 4 bytes. It starts with 1 MiB, and grows by half up to 512 MiB when a range ends behind it, at
//! the end of the frame, for which the whole slab is copied to a new buffer. A range goes to the
//! first slab of its layout that has room, and one of 256 MiB or more gets a buffer of its own. A
//! slab is given back when it is empty; none shrinks.
//!
//! Where the model is kinder than Bevy: a range that ends behind the last slot of a slab is given
//! back rather than lost; the old buffer of a slab that grew is not counted as held until the copy
//! is done; the limit of a device's buffers, 256 MiB by wgpu's default, does not fail it.

use std::collections::{BTreeMap, BTreeSet};

use offset_allocator::{Allocation, Allocator, ext};

use super::{Figures, Mesh, MeshHeap, Span};

const SLAB_BYTES_MIN: u64 = 1 << 20;
const SLAB_BYTES_MAX: u64 = 512 << 20;
const LARGE_BYTES: u64 = 256 << 20;
/// What GPU copies move.
const WORD_BYTES: u32 = 4;

/// The elements that a slab holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Layout {
    is_index: bool,
    element_bytes: u32,
}

impl Layout {
    /// The least multiple of the element and of a word.
    fn slot_bytes(self) -> u64 {
        let mut bytes = self.element_bytes;
        while !bytes.is_multiple_of(WORD_BYTES) {
            bytes += self.element_bytes;
        }
        bytes.into()
    }
}

struct Slab {
    layout: Layout,
    allocator: Allocator,
    /// Slots that the slab has after this frame.
    slots: u64,
    /// Slots that its buffer has.
    buffer_slots: u64,
    /// Ranges in it.
    ranges: usize,
}

impl Slab {
    fn new(layout: Layout, slots: u32) -> Self {
        let least = u64::from(ext::min_allocator_size(slots));
        let at_least = |bytes: u64| bytes.div_ceil(layout.slot_bytes()).max(least);
        let max = u32::try_from(at_least(SLAB_BYTES_MAX));
        Self {
            layout,
            allocator: Allocator::new(max.expect("512 MiB have fewer than 2^32 slots")),
            slots: at_least(SLAB_BYTES_MIN),
            buffer_slots: 0,
            ranges: 0,
        }
    }

    fn allocate(&mut self, slots: u32) -> Option<Allocation> {
        let allocation = self.allocator.allocate(slots)?;
        if !self.grow(u64::from(allocation.offset) + u64::from(slots)) {
            self.allocator.free(allocation);
            return None;
        }
        self.ranges += 1;
        Some(allocation)
    }

    /// Whether the slab has so many slots, or can have them from now on.
    fn grow(&mut self, slots: u64) -> bool {
        let max = SLAB_BYTES_MAX / self.layout.slot_bytes();
        let mut grown = self.slots;
        while grown < slots {
            let next = (grown * 3).div_ceil(2).min(max);
            if next <= grown {
                return false;
            }
            grown = next;
        }
        self.slots = grown;
        true
    }
}

/// A range in a slab, or a buffer of its own.
struct Place {
    buffer: u32,
    /// Bytes of contents.
    bytes: u64,
    layout: Layout,
    /// `None` where the buffer is the range's own.
    allocation: Option<Allocation>,
}

/// Where a mesh is on its way.
enum State {
    Waiting(Mesh),
    Placed([Place; 2]),
}

/// The slabs. Removals and additions are put off to the end of the frame, removals first.
#[derive(Default)]
pub struct BevySlabs {
    slabs: BTreeMap<u32, Slab>,
    /// In the order in which they were made.
    by_layout: BTreeMap<Layout, Vec<u32>>,
    next_buffer: u32,
    /// By mesh.
    meshes: Vec<Option<State>>,
    waiting: Vec<u32>,
    going: Vec<Place>,
    figures: Figures,
}

impl core::fmt::Debug for BevySlabs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let figures = &self.figures;
        f.debug_struct("BevySlabs")
            .field("figures", figures)
            .finish_non_exhaustive()
    }
}

impl BevySlabs {
    fn place(&mut self, layout: Layout, bytes: u32) -> Place {
        let bytes = u64::from(bytes);
        let slots = bytes.div_ceil(layout.slot_bytes());
        self.figures.live_bytes += bytes;
        let (buffer, allocation) = if slots * layout.slot_bytes() >= LARGE_BYTES {
            self.figures.held_bytes += bytes;
            self.figures.buffers_held += 1;
            self.figures.buffers_made += 1;
            (self.take_number(), None)
        } else {
            let slots = u32::try_from(slots).expect("256 MiB have fewer than 2^32 slots");
            let (buffer, allocation) = self.place_in_slab(layout, slots);
            (buffer, Some(allocation))
        };
        Place {
            buffer,
            bytes,
            layout,
            allocation,
        }
    }

    fn place_in_slab(&mut self, layout: Layout, slots: u32) -> (u32, Allocation) {
        for &buffer in self.by_layout.get(&layout).into_iter().flatten() {
            let slab = self
                .slabs
                .get_mut(&buffer)
                .expect("slabs of a layout are there");
            if let Some(allocation) = slab.allocate(slots) {
                return (buffer, allocation);
            }
        }
        let mut slab = Slab::new(layout, slots);
        let allocation = slab.allocate(slots).expect("a new slab is made to fit");
        let buffer = self.take_number();
        self.slabs.insert(buffer, slab);
        self.by_layout.entry(layout).or_default().push(buffer);
        self.figures.buffers_held += 1;
        (buffer, allocation)
    }

    fn take_number(&mut self) -> u32 {
        self.next_buffer += 1;
        self.next_buffer - 1
    }

    fn free_all(&mut self) {
        let mut empty = BTreeSet::new();
        for place in core::mem::take(&mut self.going) {
            self.figures.live_bytes -= place.bytes;
            let Some(allocation) = place.allocation else {
                self.figures.held_bytes -= place.bytes;
                self.figures.buffers_held -= 1;
                continue;
            };
            let slab = self
                .slabs
                .get_mut(&place.buffer)
                .expect("it holds the range");
            slab.allocator.free(allocation);
            slab.ranges -= 1;
            if slab.ranges == 0 {
                empty.insert(place.buffer);
            }
        }
        for buffer in empty {
            let slab = self.slabs.remove(&buffer).expect("it is there until now");
            self.figures.held_bytes -= slab.buffer_slots * slab.layout.slot_bytes();
            self.figures.buffers_held -= 1;
            let slabs = self.by_layout.entry(slab.layout).or_default();
            slabs.retain(|&other| other != buffer);
        }
    }

    fn place_waiting(&mut self) {
        for id in core::mem::take(&mut self.waiting) {
            let at = id as usize;
            // A mesh that went in the frame in which it came is not seen.
            let Some(State::Waiting(mesh)) = self.meshes[at] else {
                continue;
            };
            let layout = |is_index, element_bytes| Layout {
                is_index,
                element_bytes,
            };
            let vertices = self.place(layout(false, mesh.stride), mesh.vertex_bytes);
            let indices = self.place(layout(true, mesh.index_width), mesh.index_bytes);
            self.meshes[at] = Some(State::Placed([vertices, indices]));
        }
    }

    fn make_buffers(&mut self) {
        for slab in self.slabs.values_mut() {
            if slab.slots > slab.buffer_slots {
                let slot_bytes = slab.layout.slot_bytes();
                self.figures.buffers_made += 1;
                self.figures.copied_bytes += slab.buffer_slots * slot_bytes;
                self.figures.held_bytes += (slab.slots - slab.buffer_slots) * slot_bytes;
                slab.buffer_slots = slab.slots;
            }
        }
    }
}

impl MeshHeap for BevySlabs {
    const NAME: &'static str = "bevy-slabs";

    fn add(&mut self, id: u32, mesh: &Mesh) {
        let at = id as usize;
        if at >= self.meshes.len() {
            self.meshes.resize_with(at + 1, || None);
        }
        let before = self.meshes[at].replace(State::Waiting(*mesh));
        assert!(before.is_none(), "mesh {id} was there");
        self.waiting.push(id);
    }

    fn remove(&mut self, id: u32) {
        let state = self.meshes[id as usize].take();
        if let State::Placed(places) = state.expect("the mesh is there") {
            self.going.extend(places);
        }
    }

    fn frame(&mut self) {
        self.free_all();
        self.place_waiting();
        self.make_buffers();
    }

    fn figures(&self) -> Figures {
        self.figures
    }

    fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for state in self.meshes.iter().flatten() {
            let State::Placed(places) = state else {
                continue;
            };
            spans.extend(places.iter().map(|place| {
                let slot_bytes = place.layout.slot_bytes();
                let slab = self.slabs.get(&place.buffer);
                let offset = place.allocation.map_or(0, |allocation| allocation.offset);
                Span {
                    buffer: place.buffer,
                    start: u64::from(offset) * slot_bytes,
                    len: place.bytes,
                    stride: place.layout.element_bytes,
                    buffer_bytes: slab.map_or(place.bytes, |slab| slab.buffer_slots * slot_bytes),
                }
            }));
        }
        spans
    }
}
