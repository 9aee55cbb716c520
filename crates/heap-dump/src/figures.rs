//! A heap in figures: sums, groups, histograms.

use alloc::collections::BTreeMap;

use serde::Serialize;

use crate::model::{BlockDump, BlockState, ChunkDump, HeapDump, LifetimeDump, fragmentation};

/// A heap in figures. Lengths are in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Ticks so far.
    pub tick: u64,
    /// The last frame whose end was seen.
    pub frame: u64,
    /// What the caller set.
    pub budget_bytes: u64,
    /// GPU memory held.
    pub held_bytes: u64,
    /// Of it, staging.
    pub staging_bytes: u64,
    /// Count of chunks.
    pub chunks: usize,
    /// Of them, those made for one block.
    pub dedicated_chunks: usize,
    /// Bytes of all chunks.
    pub capacity_bytes: u64,
    /// Bytes that the newest version names.
    pub live_bytes: u64,
    /// Bytes that are being filled.
    pub reserved_bytes: u64,
    /// Bytes that only older versions name.
    pub retired_bytes: u64,
    /// The rest of the chunks.
    pub free_bytes: u64,
    /// The longest free range of all.
    pub largest_free_bytes: u64,
    /// The share of the free bytes of shared chunks that is outside the longest free range of its
    /// own chunk.
    pub fragmentation: f64,
    /// Held bytes for each live byte; 0 where nothing lives.
    pub overhead: f64,
    /// Bytes of live ranges behind their blocks, from rounding up to the unit.
    pub rounding_bytes: u64,
    /// Bytes of resident blocks that no part has.
    pub spare_bytes: u64,
    /// Count of blocks.
    pub blocks: usize,
    /// Count of those with a pin.
    pub pinned_blocks: usize,
    /// Count of those with several owners.
    pub shared_blocks: usize,
    /// Blocks by residency state.
    pub by_state: Vec<Group>,
    /// Blocks by lifetime.
    pub by_lifetime: Vec<Group>,
    /// Blocks by label; those without one have the empty name.
    pub by_label: Vec<Group>,
    /// Parts of all blocks by kind.
    pub by_kind: Vec<Group>,
    /// Blocks by size.
    pub block_sizes: Vec<Bin>,
    /// Free ranges of chunks by size.
    pub hole_sizes: Vec<Bin>,
}

/// Blocks or parts that have something in common; the one with the most bytes stands first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// How many.
    pub count: usize,
    /// Their bytes together, wherever they are.
    pub bytes: u64,
    /// Bytes of those that are on the GPU.
    pub resident_bytes: u64,
    /// Bytes of the longest.
    pub largest_bytes: u64,
}

/// One bin of a histogram over sizes: `from` up to the next power of two. Bins in which nothing
/// is are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bin {
    /// The least size, a power of two.
    pub from_bytes: u64,
    /// How many.
    pub count: usize,
    /// Their bytes together.
    pub bytes: u64,
}

impl BlockState {
    /// The name in texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Resident => "resident",
            Self::Evicted => "evicted",
            Self::Lost => "lost",
            Self::Failed => "failed",
        }
    }
}

impl LifetimeDump {
    /// The name in texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::LongLived => "long-lived",
        }
    }
}

impl HeapDump {
    /// The heap in figures. O(ranges + blocks), with a logarithm for labels.
    pub fn figures(&self) -> Figures {
        let mut figures = Figures {
            tick: self.tick,
            frame: self.frame,
            budget_bytes: self.budget_bytes,
            held_bytes: self.held_bytes,
            staging_bytes: self.staging_bytes,
            chunks: self.chunks.len(),
            blocks: self.blocks.len(),
            ..Figures::default()
        };
        figures.count_chunks(self);
        figures.count_blocks(self);
        let blocks = || self.blocks.iter();
        let of = |block: &'_ BlockDump| (block.size, block.state == BlockState::Resident);
        figures.by_state = groups(blocks().map(|block| (block.state.name(), of(block))));
        figures.by_lifetime = groups(blocks().map(|block| (block.lifetime.name(), of(block))));
        figures.by_label = groups(blocks().map(|block| (block.label_or_empty(), of(block))));
        let parts = blocks().flat_map(|block| {
            let is_resident = block.state == BlockState::Resident;
            let parts = block.parts.iter();
            parts.map(move |part| (part.kind.as_str(), (part.size, is_resident)))
        });
        figures.by_kind = groups(parts);
        figures.block_sizes = bins(blocks().map(|block| block.size));
        let holes = self.chunks.iter().flat_map(ChunkDump::holes);
        figures.hole_sizes = bins(holes.map(|(_, size)| size));
        figures
    }
}

impl BlockDump {
    pub(crate) fn label_or_empty(&self) -> &str {
        self.label.as_deref().unwrap_or_default()
    }
}

impl Figures {
    fn count_chunks(&mut self, dump: &HeapDump) {
        let mut shared_free = 0_u64;
        let mut shared_largest = 0_u64;
        for chunk in &dump.chunks {
            self.dedicated_chunks += usize::from(chunk.dedicated);
            add(&mut self.capacity_bytes, chunk.capacity);
            add(&mut self.live_bytes, chunk.live);
            add(&mut self.reserved_bytes, chunk.reserved);
            add(&mut self.retired_bytes, chunk.retired);
            add(&mut self.free_bytes, chunk.free);
            self.largest_free_bytes = self.largest_free_bytes.max(chunk.largest_free);
            if !chunk.dedicated {
                add(&mut shared_free, chunk.free);
                add(&mut shared_largest, chunk.largest_free);
            }
        }
        self.fragmentation = fragmentation(shared_free, shared_largest);
        self.overhead = ratio(self.held_bytes, self.live_bytes);
    }

    fn count_blocks(&mut self, dump: &HeapDump) {
        let mut resident = 0;
        for block in &dump.blocks {
            self.pinned_blocks += usize::from(block.pins > 0);
            self.shared_blocks += usize::from(block.owners > 1);
            if block.state == BlockState::Resident {
                add(&mut resident, block.size);
                let parts = block.parts.iter().map(|part| part.size);
                let taken = parts.fold(0, u64::saturating_add);
                add(&mut self.spare_bytes, block.size.saturating_sub(taken));
            }
        }
        self.rounding_bytes = self.live_bytes.saturating_sub(resident);
    }
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio: what is lost above 2^53 bytes is not seen in it"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// Groups of name, size and whether it is on the GPU.
fn groups<'a>(items: impl Iterator<Item = (&'a str, (u64, bool))>) -> Vec<Group> {
    let mut by_name = BTreeMap::<&str, Group>::new();
    for (name, (size, is_resident)) in items {
        let group = by_name.entry(name).or_default();
        group.count += 1;
        add(&mut group.bytes, size);
        if is_resident {
            add(&mut group.resident_bytes, size);
        }
        group.largest_bytes = group.largest_bytes.max(size);
    }
    let named = by_name.into_iter().map(|(name, group)| Group {
        name: name.to_owned(),
        ..group
    });
    let mut groups: Vec<Group> = named.collect();
    groups.sort_by_key(|group| core::cmp::Reverse(group.bytes));
    groups
}

fn bins(sizes: impl Iterator<Item = u64>) -> Vec<Bin> {
    let mut bins = [Bin::default(); 64];
    for size in sizes {
        let bin = &mut bins[size.max(1).ilog2() as usize];
        bin.count += 1;
        add(&mut bin.bytes, size);
    }
    let numbered = (0..).zip(bins).filter(|(_, bin)| bin.count > 0);
    let with_size = numbered.map(|(log, bin)| Bin {
        from_bytes: 1 << log,
        ..bin
    });
    with_size.collect()
}
