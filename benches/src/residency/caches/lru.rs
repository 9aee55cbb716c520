//! Least recently used.

use std::collections::{BTreeMap, HashMap};

use crate::residency::cache::Cache;

/// The longest unused leaves first; of one frame, what was drawn first.
#[derive(Debug, Default)]
pub struct Lru {
    /// Entries by the number of the draw that used them last.
    order: BTreeMap<u64, u32>,
    known: HashMap<u32, Known>,
    draws: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    bytes: u64,
    draw: u64,
}

impl Lru {
    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Gives up the longest unused, if anything is there. Returns it and its bytes.
    pub fn give_up_one(&mut self) -> Option<(u32, u64)> {
        let (_, id) = self.order.pop_first()?;
        let known = self.known.remove(&id)?;
        Some((id, known.bytes))
    }

    /// Whether an entry is there.
    pub fn has(&self, id: u32) -> bool {
        self.known.contains_key(&id)
    }
}

impl Cache for Lru {
    fn name(&self) -> &'static str {
        "lru"
    }

    fn hit(&mut self, id: u32, _frame: u64) {
        self.draws += 1;
        if let Some(known) = self.known.get_mut(&id) {
            self.order.remove(&known.draw);
            known.draw = self.draws;
            self.order.insert(self.draws, id);
        }
    }

    fn miss(&mut self, id: u32, bytes: u64, _frame: u64) {
        self.draws += 1;
        let draw = self.draws;
        self.known.insert(id, Known { bytes, draw });
        self.order.insert(draw, id);
    }

    fn resize(&mut self, id: u32, bytes: u64) {
        if let Some(known) = self.known.get_mut(&id) {
            known.bytes = bytes;
        }
    }

    fn gone(&mut self, id: u32) {
        if let Some(known) = self.known.remove(&id) {
            self.order.remove(&known.draw);
        }
    }

    fn give_up(&mut self, bytes: u64, _frame: u64, out: &mut Vec<u32>) {
        let mut free = 0;
        while free < bytes
            && let Some((id, own)) = self.give_up_one()
        {
            free += own;
            out.push(id);
        }
    }
}
