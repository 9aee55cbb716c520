//! 2Q (Johnson and Shasha, *2Q: a low overhead high performance buffer management replacement
//! algorithm*, 1994), the full version.

use std::collections::{HashMap, VecDeque};

use super::ghosts::Ghosts;
use super::take_out;
use crate::residency::cache::Cache;
use crate::residency::caches::Lru;

/// What is new waits in a queue; what comes back soon after it left that is kept by recency.
#[derive(Debug)]
pub struct TwoQ {
    budget_bytes: u64,
    /// `A1in`: what is new.
    new: VecDeque<u32>,
    new_bytes: u64,
    bytes_of_new: HashMap<u32, u64>,
    /// `A1out`: names of what left it.
    ghosts: Ghosts,
    /// `Am`.
    main: Lru,
}

/// Of the budget, a hundred parts: what is new, and the names of what left.
const NEW_PERCENT: u64 = 25;
const GHOST_PERCENT: u64 = 50;

impl TwoQ {
    /// For a budget.
    pub fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            new: VecDeque::new(),
            new_bytes: 0,
            bytes_of_new: HashMap::new(),
            ghosts: Ghosts::new(budget_bytes / 100 * GHOST_PERCENT),
            main: Lru::default(),
        }
    }
}

impl Cache for TwoQ {
    fn name(&self) -> &'static str {
        "2q"
    }

    fn hit(&mut self, id: u32, frame: u64) {
        if self.main.has(id) {
            self.main.hit(id, frame);
        }
    }

    fn miss(&mut self, id: u32, bytes: u64, frame: u64) {
        if self.ghosts.forget(id) {
            self.main.miss(id, bytes, frame);
        } else {
            self.new.push_back(id);
            self.bytes_of_new.insert(id, bytes);
            self.new_bytes += bytes;
        }
    }

    fn resize(&mut self, id: u32, bytes: u64) {
        if let Some(own) = self.bytes_of_new.get_mut(&id) {
            self.new_bytes = self.new_bytes - *own + bytes;
            *own = bytes;
        } else {
            self.main.resize(id, bytes);
        }
    }

    fn gone(&mut self, id: u32) {
        if let Some(bytes) = self.bytes_of_new.remove(&id) {
            self.new_bytes -= bytes;
            take_out(&mut self.new, id);
        } else if self.main.has(id) {
            self.main.gone(id);
        } else {
            self.ghosts.forget(id);
        }
    }

    fn give_up(&mut self, bytes: u64, _frame: u64, out: &mut Vec<u32>) {
        let mut free = 0;
        while free < bytes {
            let is_new_full = self.new_bytes >= self.budget_bytes / 100 * NEW_PERCENT;
            let left = if is_new_full || self.main.is_empty() {
                self.new.pop_front().map(|id| {
                    let own = self.bytes_of_new.remove(&id).unwrap_or(0);
                    self.new_bytes -= own;
                    self.ghosts.remember(id, own);
                    (id, own)
                })
            } else {
                self.main.give_up_one()
            };
            // The new ones can be short of their share and all there is.
            let Some((id, own)) = left else { return };
            free += own;
            out.push(id);
        }
    }
}
