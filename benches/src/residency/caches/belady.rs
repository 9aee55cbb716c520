//! The clairvoyant optimum (Belady, *A study of replacement algorithms for a virtual-storage
//! computer*, 1966), greedy: with entries of several sizes the true optimum is hard to find, and
//! this is near it.

use std::collections::{HashMap, VecDeque};

use crate::residency::cache::Cache;
use crate::residency::world::{Step, World};

/// Knows all draws to come: what is next drawn the latest leaves first, of those the largest.
#[derive(Debug)]
pub struct Belady {
    /// The frames that draw each entry.
    draws: Vec<VecDeque<u64>>,
    there: HashMap<u32, u64>,
}

impl Belady {
    /// For one game in this world.
    pub fn new(world: &World) -> Self {
        let mut draws = vec![VecDeque::new(); world.entries];
        for (frame, steps) in (0..).zip(&world.frames) {
            for step in steps {
                if let Step::Draw(id) = step {
                    draws[*id as usize].push_back(frame);
                }
            }
        }
        Self {
            draws,
            there: HashMap::new(),
        }
    }

    /// The next frame after `frame` that draws an entry.
    fn next_draw(&mut self, id: u32, frame: u64) -> u64 {
        let draws = &mut self.draws[id as usize];
        while draws.front().is_some_and(|next| *next <= frame) {
            draws.pop_front();
        }
        draws.front().copied().unwrap_or(u64::MAX)
    }
}

impl Cache for Belady {
    fn name(&self) -> &'static str {
        "belady"
    }

    fn hit(&mut self, _id: u32, _frame: u64) {}

    fn miss(&mut self, id: u32, bytes: u64, _frame: u64) {
        self.there.insert(id, bytes);
    }

    fn resize(&mut self, id: u32, bytes: u64) {
        self.there.insert(id, bytes);
    }

    fn gone(&mut self, id: u32) {
        self.there.remove(&id);
    }

    fn give_up(&mut self, bytes: u64, frame: u64, out: &mut Vec<u32>) {
        let there: Vec<(u32, u64)> = self.there.iter().map(|(id, own)| (*id, *own)).collect();
        let mut order: Vec<(u64, u64, u32)> = there
            .into_iter()
            .map(|(id, own)| (self.next_draw(id, frame), own, id))
            .collect();
        order.sort_unstable();
        let mut free = 0;
        while free < bytes
            && let Some((_, own, id)) = order.pop()
        {
            self.there.remove(&id);
            free += own;
            out.push(id);
        }
    }
}
