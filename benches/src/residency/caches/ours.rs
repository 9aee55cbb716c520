//! `geoheap-residency`, with any of its policies.

use geoheap_residency::{Config, EntryId, Frame, Now, PolicyKind, Priority, Residency};

use crate::residency::cache::Cache;

/// Our crate, without a protect window, least residence and care for recent entries, so that everything may leave at the
/// end of each frame, as with the others.
#[derive(Debug)]
pub struct Ours {
    residency: Residency,
    victims: Vec<EntryId>,
}

impl Ours {
    /// With one of the crate's policies.
    pub fn new(policy: PolicyKind) -> Self {
        let config = Config {
            policy,
            protect_frames: 0,
            recent_frames: 0,
            min_resident_ticks: 0,
            ..Config::default()
        };
        let residency = Residency::new(config).expect("the default's marks are in order");
        Self {
            residency,
            victims: Vec::new(),
        }
    }
}

impl Cache for Ours {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn hit(&mut self, id: u32, frame: u64) {
        self.residency.touch(EntryId(id), Frame(frame));
    }

    fn miss(&mut self, id: u32, bytes: u64, frame: u64) {
        self.residency.touch(EntryId(id), Frame(frame));
        let now = Now::new(frame, frame);
        let fresh = self
            .residency
            .insert(EntryId(id), bytes, Priority::default(), now);
        fresh.expect("what is missed is away, and has bytes");
        self.residency.touch(EntryId(id), Frame(frame));
    }

    fn resize(&mut self, id: u32, bytes: u64) {
        let resized = self.residency.resize(EntryId(id), bytes);
        resized.expect("what is there can change");
    }

    fn gone(&mut self, id: u32) {
        self.residency.remove(EntryId(id));
    }

    fn give_up(&mut self, bytes: u64, frame: u64, out: &mut Vec<u32>) {
        self.victims.clear();
        let now = Now::new(frame, frame);
        self.residency.victims(bytes, now, &mut self.victims);
        for id in &self.victims {
            self.residency.evict(*id).expect("a victim is there");
            out.push(id.get());
        }
    }
}
