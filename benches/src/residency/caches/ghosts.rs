//! The names of what left.

use std::collections::{HashMap, VecDeque};

use super::take_out;

/// What left lately, without its bytes: the oldest is forgotten where they would be too many.
#[derive(Debug)]
pub(super) struct Ghosts {
    order: VecDeque<u32>,
    bytes_of: HashMap<u32, u64>,
    bytes: u64,
    bytes_max: u64,
}

impl Ghosts {
    /// Of at most so many bytes together, had they stayed.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            order: VecDeque::new(),
            bytes_of: HashMap::new(),
            bytes: 0,
            bytes_max,
        }
    }

    pub(super) fn remember(&mut self, id: u32, bytes: u64) {
        self.order.push_back(id);
        self.bytes_of.insert(id, bytes);
        self.bytes += bytes;
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.strike(oldest);
        }
    }

    /// Whether it was remembered.
    pub(super) fn forget(&mut self, id: u32) -> bool {
        let was_there = self.strike(id);
        if was_there {
            take_out(&mut self.order, id);
        }
        was_there
    }

    /// Takes it off the books, but not out of the order.
    fn strike(&mut self, id: u32) -> bool {
        let bytes = self.bytes_of.remove(&id);
        self.bytes -= bytes.unwrap_or(0);
        bytes.is_some()
    }
}
