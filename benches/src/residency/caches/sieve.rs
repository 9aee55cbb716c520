//! SIEVE (Zhang et al., *SIEVE is simpler than LRU*, 2024).

use std::collections::HashMap;

use crate::residency::cache::Cache;

/// As CLOCK, but one that was used keeps its place, and the hand goes on from there: what is new is
/// soon looked at.
#[derive(Debug, Default)]
pub struct Sieve {
    /// The oldest first.
    queue: Vec<u32>,
    hand: usize,
    /// Bytes, and whether it was used.
    known: HashMap<u32, (u64, bool)>,
}

impl Sieve {
    fn take_out(&mut self, at: usize) {
        self.queue.remove(at);
        if at < self.hand {
            self.hand -= 1;
        }
        self.wrap();
    }

    /// Behind the newest the hand is at the oldest again, before anything newer comes.
    fn wrap(&mut self) {
        if self.hand >= self.queue.len() {
            self.hand = 0;
        }
    }
}

impl Cache for Sieve {
    fn name(&self) -> &'static str {
        "sieve"
    }

    fn hit(&mut self, id: u32, _frame: u64) {
        if let Some((_, is_used)) = self.known.get_mut(&id) {
            *is_used = true;
        }
    }

    fn miss(&mut self, id: u32, bytes: u64, _frame: u64) {
        self.queue.push(id);
        self.known.insert(id, (bytes, false));
    }

    fn resize(&mut self, id: u32, bytes: u64) {
        if let Some((own, _)) = self.known.get_mut(&id) {
            *own = bytes;
        }
    }

    fn gone(&mut self, id: u32) {
        if self.known.remove(&id).is_some()
            && let Some(at) = self.queue.iter().position(|other| *other == id)
        {
            self.take_out(at);
        }
    }

    fn give_up(&mut self, bytes: u64, _frame: u64, out: &mut Vec<u32>) {
        let mut free = 0;
        while free < bytes && !self.queue.is_empty() {
            let id = self.queue[self.hand];
            match self.known.get_mut(&id) {
                Some((_, is_used)) if *is_used => {
                    *is_used = false;
                    self.hand += 1;
                    self.wrap();
                }
                _ => {
                    free += self.known.remove(&id).map_or(0, |(own, _)| own);
                    self.take_out(self.hand);
                    out.push(id);
                }
            }
        }
    }
}
