//! No allocator, but one record for each range: the least that any must touch.

use super::{Allocator, Setup};

/// As large as a node of ours.
type Record = [u64; 3];

/// A record for each range, written when it comes and read when it goes. Slots are used again
/// last freed first.
#[derive(Debug)]
pub struct Records {
    records: Vec<Record>,
    vacant: Vec<u32>,
}

impl Allocator for Records {
    type Id = u32;
    const NAME: &'static str = "bare-records";

    fn new(_: &Setup) -> Option<Self> {
        Some(Self {
            records: Vec::new(),
            vacant: Vec::new(),
        })
    }

    #[inline]
    fn alloc(&mut self, len: u64, align: u64) -> Option<u32> {
        let record = [len, align, 0];
        if let Some(at) = self.vacant.pop() {
            self.records[at as usize] = record;
            return Some(at);
        }
        self.records.push(record);
        u32::try_from(self.records.len() - 1).ok()
    }

    #[inline]
    fn free(&mut self, id: u32) {
        let record = &mut self.records[id as usize];
        // Like a check that the range is live: what follows depends on what is read.
        if record[0] != 0 {
            record[0] = 0;
            self.vacant.push(id);
        }
    }

    fn start(&self, id: &u32, _: u64) -> u64 {
        self.records[*id as usize][0]
    }
}
