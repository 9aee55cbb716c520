//! S3-FIFO (Yang et al., *FIFO queues are all you need for cache eviction*, 2023).

use std::collections::{HashMap, VecDeque};

use super::ghosts::Ghosts;
use super::take_out;
use crate::residency::cache::Cache;

/// A small queue for what is new, a main one for what was used there more than once or came back
/// soon, and the names of what left the small one.
#[derive(Debug)]
pub struct S3Fifo {
    budget_bytes: u64,
    small: VecDeque<u32>,
    small_bytes: u64,
    main: VecDeque<u32>,
    ghosts: Ghosts,
    known: HashMap<u32, Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    bytes: u64,
    /// Up to [`USES_MAX`].
    uses: u8,
    is_main: bool,
}

const USES_MAX: u8 = 3;
/// The small queue's part of the budget, of a hundred; as many ghosts as the main one has.
const SMALL_PERCENT: u64 = 10;

impl S3Fifo {
    /// For a budget.
    pub fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            small: VecDeque::new(),
            small_bytes: 0,
            main: VecDeque::new(),
            ghosts: Ghosts::new(budget_bytes / 100 * (100 - SMALL_PERCENT)),
            known: HashMap::new(),
        }
    }

    /// Looks at the oldest of the small queue. Returns what left.
    fn look_at_small(&mut self, id: u32) -> Option<u64> {
        let known = self.known.get_mut(&id)?;
        let bytes = known.bytes;
        self.small_bytes -= bytes;
        if known.uses > 1 {
            known.uses = 0;
            known.is_main = true;
            self.main.push_back(id);
            return None;
        }
        self.known.remove(&id);
        self.ghosts.remember(id, bytes);
        Some(bytes)
    }

    fn look_at_main(&mut self, id: u32) -> Option<u64> {
        let known = self.known.get_mut(&id)?;
        if known.uses > 0 {
            known.uses -= 1;
            self.main.push_back(id);
            return None;
        }
        self.known.remove(&id).map(|known| known.bytes)
    }
}

impl Cache for S3Fifo {
    fn name(&self) -> &'static str {
        "s3-fifo"
    }

    fn hit(&mut self, id: u32, _frame: u64) {
        if let Some(known) = self.known.get_mut(&id) {
            known.uses = (known.uses + 1).min(USES_MAX);
        }
    }

    fn miss(&mut self, id: u32, bytes: u64, _frame: u64) {
        let is_main = self.ghosts.forget(id);
        if is_main {
            self.main.push_back(id);
        } else {
            self.small.push_back(id);
            self.small_bytes += bytes;
        }
        let known = Known {
            bytes,
            uses: 0,
            is_main,
        };
        self.known.insert(id, known);
    }

    fn resize(&mut self, id: u32, bytes: u64) {
        if let Some(known) = self.known.get_mut(&id) {
            if !known.is_main {
                self.small_bytes = self.small_bytes - known.bytes + bytes;
            }
            known.bytes = bytes;
        }
    }

    fn gone(&mut self, id: u32) {
        if let Some(known) = self.known.remove(&id) {
            if known.is_main {
                take_out(&mut self.main, id);
            } else {
                take_out(&mut self.small, id);
                self.small_bytes -= known.bytes;
            }
        } else {
            self.ghosts.forget(id);
        }
    }

    fn give_up(&mut self, bytes: u64, _frame: u64, out: &mut Vec<u32>) {
        let mut free = 0;
        while free < bytes {
            let is_small_full = self.small_bytes >= self.budget_bytes / 100 * SMALL_PERCENT;
            let from_small = (is_small_full || self.main.is_empty()) && !self.small.is_empty();
            let queue = if from_small {
                &mut self.small
            } else {
                &mut self.main
            };
            let Some(id) = queue.pop_front() else { return };
            let left = if from_small {
                self.look_at_small(id)
            } else {
                self.look_at_main(id)
            };
            if let Some(own) = left {
                free += own;
                out.push(id);
            }
        }
    }
}
