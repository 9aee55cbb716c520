//! A whole heap on the virtual GPU, with many tiny blocks: its tick is the caller's.

use std::fmt;

use geoheap::{
    BlockDesc, ByteLen, Client, Config, GeometryManager, Handle, PartData, Payload, Pending,
    Source, Threading, VirtualConfig, VirtualGpu,
};

use super::lookup::EngineSeat;
use crate::frames::place::{Change, Key, Place};
use crate::frames::tables::{Entrant, Seat};

/// Bytes of a block: one vertex.
const BLOCK_BYTES: u32 = 16;
/// Blocks that are handed over between two ticks.
const BLOCKS_PER_TICK: usize = 16 << 10;

/// A heap with the names of its blocks.
pub struct Engine {
    manager: GeometryManager<VirtualGpu>,
    client: Client,
    contents: Payload,
    /// Names of all blocks, in the order in which they were added.
    pub keys: Vec<Key>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("blocks", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// A heap with `count` resident blocks.
    pub fn new(count: usize) -> Self {
        let (gpu, _control) = VirtualGpu::new(&VirtualConfig {
            memory_bytes: ByteLen::from_mib(4096),
            ..VirtualConfig::default()
        });
        let manager = GeometryManager::with_backend(gpu, config(count));
        let manager = manager.expect("a configuration that works");
        let mut engine = Self {
            client: manager.client(),
            manager,
            contents: Payload::from(vec![7_u8; BLOCK_BYTES as usize]),
            keys: Vec::with_capacity(count),
        };
        while engine.keys.len() < count {
            for _ in 0..(count - engine.keys.len()).min(BLOCKS_PER_TICK) {
                engine.add();
            }
            engine.manager.poll();
        }
        engine.flush();
        engine
    }

    fn add(&mut self) {
        let part = PartData::vertex(self.contents.clone(), BLOCK_BYTES);
        let block = BlockDesc::new().part(part).source(Source::None);
        let handle: Handle = self.client.add(block).expect("a valid block");
        self.keys.push(Key::of(handle));
    }

    /// Ticks until all that was asked for is published.
    fn flush(&mut self) {
        let mut flush = self.client.flush().expect("the manager runs");
        while Pending::try_take(&mut flush).is_none() {
            self.manager.poll();
        }
    }

    /// Where all blocks lie, for peers: the same payload at the same indices.
    pub fn places(&self) -> Vec<Place> {
        super::lookup::places(&self.manager.begin_frame(), &self.keys)
    }
}

impl Entrant for Engine {
    fn name(&self) -> &'static str {
        "geoheap"
    }

    fn seat(&self, _: bool) -> Option<Box<dyn Seat>> {
        Some(Box::new(EngineSeat::new(self.manager.frames())))
    }

    /// Gives each block that changes new contents, and so a new place of the engine's own choice;
    /// and waits until they are published.
    fn publish(&mut self, changes: &[Change]) {
        for change in changes {
            let contents = vec![self.contents.clone()];
            let sent = self.client.update(change.key.handle(), contents);
            sent.expect("the mailbox has room for a version");
        }
        self.flush();
    }
}

fn config(count: usize) -> Config {
    Config {
        budget_bytes: ByteLen::from_mib(2048),
        handles_max: u32::try_from(count).expect("below 2^32") + (1 << 16),
        threading: Threading::CallerDriven,
        mailbox_messages: 1 << 17,
        tick_copies: 1 << 20,
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What one frame finds of these names.
    fn found(engine: &Engine, keys: &[Key]) -> u64 {
        let mut seat = engine.seat(true).expect("anybody may read");
        seat.prepare(keys.to_vec());
        seat.frame(0..keys.len()).digest
    }

    #[test]
    fn a_seat_finds_what_the_places_say() {
        let mut engine = Engine::new(300);
        let keys = engine.keys.clone();
        let before = engine.places();
        let starts: BTreeSet<_> = keys
            .iter()
            .map(|key| before[key.index as usize].digest())
            .collect();
        assert_eq!(starts.len(), 300, "no two blocks share a place");
        assert_eq!(found(&engine, &keys), starts.iter().sum::<u64>());

        let changes: Vec<Change> = keys[..50]
            .iter()
            .map(|key| Change {
                key: *key,
                place: Place::default(),
            })
            .collect();
        engine.publish(&changes);
        let after = engine.places();
        let moved = (0..after.len()).filter(|at| after[*at] != before[*at]);
        assert_eq!(
            moved.count(),
            50,
            "a block with new contents has a new place"
        );
        let sum = keys.iter().map(|key| after[key.index as usize].digest());
        assert_eq!(found(&engine, &keys), sum.sum::<u64>());

        let of_another = |key: &Key| Key {
            generation: key.generation + 2,
            ..*key
        };
        let stale: Vec<Key> = keys.iter().map(of_another).collect();
        assert_eq!(found(&engine, &stale), 0);
    }
}
