//! Slots of the handle table, as the CPU gives them out: the lowest that is free.

use std::collections::BTreeSet;

use geoheap_gpu_bitset::Handle;

#[derive(Debug)]
pub(super) struct Slots {
    free: BTreeSet<u32>,
    /// How often each was freed.
    generations: Vec<u32>,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self {
            free: (0..count).collect(),
            generations: vec![0; count as usize],
        }
    }

    pub(super) fn free(&self) -> usize {
        self.free.len()
    }

    /// Takes one; the caller has looked whether there is any.
    pub(super) fn take(&mut self) -> u32 {
        self.free.pop_first().expect("the caller has counted them")
    }

    /// The object that is in a slot, or will be.
    pub(super) fn handle(&self, slot: u32) -> Handle {
        Handle {
            slot,
            generation: self.generations[slot as usize],
        }
    }

    /// Gives back one that no object was entered in.
    pub(super) fn put_back(&mut self, slot: u32) {
        self.free.insert(slot);
    }

    /// Frees the object in a slot; the next batch has to do so.
    pub(super) fn release(&mut self, slot: u32) -> Handle {
        let handle = self.handle(slot);
        let generation = &mut self.generations[slot as usize];
        *generation = generation.wrapping_add(1);
        self.free.insert(slot);
        handle
    }
}
