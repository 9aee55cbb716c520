//! What is left in a heap.

use alloc::collections::BTreeMap;

use serde::Serialize;

use crate::model::{BlockDump, BlockState, HeapDump, LifetimeDump};

/// Handles that a [`Leak`] names.
const HANDLES_MAX: usize = 8;

/// Blocks of one label that still live.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// Their label; empty if they have none.
    pub label: String,
    /// How many.
    pub blocks: usize,
    /// Their bytes together.
    pub bytes: u64,
    /// Bytes of those that are on the GPU.
    pub resident_bytes: u64,
    /// How many of them are long-lived.
    pub long_lived: usize,
    /// How many of them are pinned.
    pub pinned: usize,
    /// Owners together: so many removals are missing.
    pub owners: u64,
    /// How many of them no frame ever used.
    pub never_used: usize,
    /// Frames since the one that was used last was used; `None` if none ever was.
    pub youngest_frames: Option<u64>,
    /// Frames since the one that was used longest ago was used; `None` if none ever was.
    pub oldest_frames: Option<u64>,
    /// The first few handles, by slot.
    pub handles: Vec<String>,
}

impl HeapDump {
    /// The blocks that live and were not used in the last `older_than` frames, by label, the one
    /// with the most bytes first. A block that no frame ever used is older than any number.
    /// `None` takes all blocks.
    pub fn leaks(&self, older_than: Option<u64>) -> Vec<Leak> {
        let is_old = |block: &&BlockDump| match (older_than, block.age_frames(self.frame)) {
            (Some(limit), Some(age)) => age > limit,
            _ => true,
        };
        let mut by_label = BTreeMap::<&str, Leak>::new();
        for block in self.blocks.iter().filter(is_old) {
            let leak = by_label.entry(block.label_or_empty()).or_default();
            leak.take(block, self.frame);
        }
        let named = by_label.into_iter().map(|(label, leak)| Leak {
            label: label.to_owned(),
            ..leak
        });
        let mut leaks: Vec<Leak> = named.collect();
        leaks.sort_by_key(|leak| core::cmp::Reverse(leak.bytes));
        leaks
    }
}

impl Leak {
    fn take(&mut self, block: &BlockDump, frame: u64) {
        self.blocks += 1;
        self.bytes = self.bytes.saturating_add(block.size);
        if block.state == BlockState::Resident {
            self.resident_bytes = self.resident_bytes.saturating_add(block.size);
        }
        self.long_lived += usize::from(block.lifetime == LifetimeDump::LongLived);
        self.pinned += usize::from(block.pins > 0);
        self.owners = self.owners.saturating_add(block.owners);
        match block.age_frames(frame) {
            None => self.never_used += 1,
            Some(age) => {
                let youngest = self.youngest_frames.map_or(age, |other| other.min(age));
                self.youngest_frames = Some(youngest);
                self.oldest_frames = self.oldest_frames.max(Some(age));
            }
        }
        if self.handles.len() < HANDLES_MAX {
            self.handles.push(block.handle.clone());
        }
    }
}
