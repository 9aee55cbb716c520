//! CLOCK (Corbato, *A paging experiment with the Multics system*, 1968).

use std::collections::{HashMap, VecDeque};

use super::take_out;
use crate::residency::cache::Cache;

/// In the order in which they came; one that was used meanwhile gets a second turn.
#[derive(Debug, Default)]
pub struct Clock {
    ring: VecDeque<u32>,
    /// Bytes, and whether it was used.
    known: HashMap<u32, (u64, bool)>,
}

impl Cache for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn hit(&mut self, id: u32, _frame: u64) {
        if let Some((_, is_used)) = self.known.get_mut(&id) {
            *is_used = true;
        }
    }

    fn miss(&mut self, id: u32, bytes: u64, _frame: u64) {
        self.ring.push_back(id);
        self.known.insert(id, (bytes, false));
    }

    fn resize(&mut self, id: u32, bytes: u64) {
        if let Some((own, _)) = self.known.get_mut(&id) {
            *own = bytes;
        }
    }

    fn gone(&mut self, id: u32) {
        if self.known.remove(&id).is_some() {
            take_out(&mut self.ring, id);
        }
    }

    fn give_up(&mut self, bytes: u64, _frame: u64, out: &mut Vec<u32>) {
        let mut free = 0;
        while free < bytes
            && let Some(id) = self.ring.pop_front()
        {
            match self.known.get_mut(&id) {
                Some((_, is_used)) if *is_used => {
                    *is_used = false;
                    self.ring.push_back(id);
                }
                _ => {
                    free += self.known.remove(&id).map_or(0, |(own, _)| own);
                    out.push(id);
                }
            }
        }
    }
}
