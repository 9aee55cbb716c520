//! A heap as AMD's format has it.

use alloc::collections::BTreeMap;
use std::io::{self, Write};

use super::schema::{
    BUFFER, Block, Budget, Entries, FREE, General, Item, MemoryHeap, MemoryPool, OWN_GPU, Pool,
    RESERVED, RETIRED, Stats, UNKNOWN, USAGES, VULKAN, Written,
};
use crate::model::{BlockDump, ChunkDump, HeapDump, LifetimeDump, RangeDump, RangeStateDump};

/// Copies are made from and to every chunk.
const USAGE_COPIES: u64 = 0x3;
/// The one type of memory that a heap of this engine has.
const MEMORY_TYPE: &str = "Type 0";

/// Blocks by handle.
type Blocks<'a> = BTreeMap<&'a str, &'a BlockDump>;

/// The heap as AMD's format has it.
pub fn to_json(dump: &HeapDump) -> String {
    let mut text = Vec::new();
    write(dump, &mut text).expect("memory takes it all");
    String::from_utf8(text).expect("JSON of strings is UTF-8")
}

/// Writes what [`to_json`] gives.
///
/// # Errors
/// Those of the writer.
pub fn write(dump: &HeapDump, mut to: impl Write) -> io::Result<()> {
    let blocks = dump.blocks.iter();
    let blocks: Blocks<'_> = blocks.map(|block| (block.handle.as_str(), block)).collect();
    let mut total = Stats::default();
    let mut pools = BTreeMap::<(LifetimeDump, u8), Pool>::new();
    pools.entry((LifetimeDump::Dynamic, 0)).or_default();
    for chunk in &dump.chunks {
        let pool = pools.entry((chunk.lifetime, chunk.class)).or_default();
        if chunk.dedicated {
            let item = dedicated(chunk, &blocks);
            total.dedicated(&item);
            pool.dedicated_allocations.push(item);
        } else {
            let block = shared(chunk, &blocks);
            total.block(&block);
            pool.preferred_block_size = pool.preferred_block_size.max(chunk.capacity);
            pool.blocks.0.push((chunk.id.to_string(), block));
        }
    }
    let default = pools
        .remove(&(LifetimeDump::Dynamic, 0))
        .unwrap_or_default();
    let named = pools.into_iter().map(|(key, pool)| Pool {
        name: Some(pool_name(key)),
        ..pool
    });
    let written = Written {
        general: General {
            api: VULKAN.to_owned(),
            gpu: OWN_GPU.to_owned(),
        },
        total,
        memory_info: memory_info(dump, total),
        default_pools: one(MEMORY_TYPE, default),
        custom_pools: one(MEMORY_TYPE, named.collect()),
    };
    serde_json::to_writer_pretty(&mut to, &written)?;
    to.write_all(b"\n")
}

fn one<T>(key: &str, value: T) -> Entries<T> {
    Entries(vec![(key.to_owned(), value)])
}

fn pool_name((lifetime, class): (LifetimeDump, u8)) -> String {
    let lifetime = lifetime.name();
    if class == 0 {
        lifetime.to_owned()
    } else {
        format!("{lifetime} class {class}")
    }
}

fn memory_info(dump: &HeapDump, total: Stats) -> Entries<MemoryHeap> {
    let flags = vec!["DEVICE_LOCAL"];
    let heap = MemoryHeap {
        flags: flags.clone(),
        size: dump.budget_bytes.max(dump.held_bytes),
        budget: Budget {
            budget_bytes: dump.budget_bytes,
            usage_bytes: dump.held_bytes,
        },
        stats: total,
        memory_pools: one(
            MEMORY_TYPE,
            MemoryPool {
                flags,
                stats: total,
            },
        ),
    };
    one("Heap 0", heap)
}

fn shared(chunk: &ChunkDump, blocks: &Blocks<'_>) -> Block {
    let taken = chunk.ranges.iter().map(|range| item(range, blocks));
    let free = chunk.holes().map(|(offset, size)| Item {
        offset: Some(offset),
        r#type: FREE.to_owned(),
        size,
        ..Item::default()
    });
    let mut suballocations: Vec<Item> = taken.chain(free).collect();
    suballocations.sort_by_key(|item| item.offset);
    Block {
        map_ref_count: 0,
        total_bytes: chunk.capacity,
        unused_bytes: chunk.free,
        allocations: chunk.ranges.len() as u64,
        unused_ranges: chunk.holes().count() as u64,
        suballocations: Some(suballocations),
    }
}

/// The chunk as one allocation: of its live block, else of whatever is in it.
fn dedicated(chunk: &ChunkDump, blocks: &Blocks<'_>) -> Item {
    let is_live = |range: &&RangeDump| range.state == RangeStateDump::Live;
    let range = chunk.ranges.iter().find(is_live).or(chunk.ranges.first());
    let item = range.map(|range| item(range, blocks));
    Item {
        offset: None,
        size: chunk.capacity,
        ..item.unwrap_or_else(|| unseen(0, "empty"))
    }
}

fn item(range: &RangeDump, blocks: &Blocks<'_>) -> Item {
    let handle = range.handle.as_deref();
    let block = handle.and_then(|handle| blocks.get(handle).copied());
    let item = match range.state {
        RangeStateDump::Live => Item {
            r#type: BUFFER.to_owned(),
            usage: Some(block.map_or(USAGE_COPIES, usage)),
            name: block.and_then(|block| block.label.clone()),
            ..Item::default()
        },
        RangeStateDump::Reserved => unseen(USAGE_COPIES, RESERVED),
        RangeStateDump::Retired => unseen(USAGE_COPIES, RETIRED),
    };
    Item {
        offset: Some(range.offset),
        size: range.size,
        custom_data: range.handle.clone(),
        ..item
    }
}

fn unseen(usage: u64, name: &str) -> Item {
    Item {
        r#type: UNKNOWN.to_owned(),
        usage: Some(usage),
        name: Some(name.to_owned()),
        ..Item::default()
    }
}

fn usage(block: &BlockDump) -> u64 {
    let of_kind = |kind: &str| {
        let row = USAGES.iter().find(|(_, name)| *name == kind);
        row.map_or(0, |(bit, _)| *bit)
    };
    let kinds = block.parts.iter().map(|part| of_kind(&part.kind));
    kinds.fold(USAGE_COPIES, |bits, bit| bits | bit)
}

impl Stats {
    fn block(&mut self, block: &Block) {
        self.block_count += 1;
        self.block_bytes += block.total_bytes;
        for item in block.suballocations.iter().flatten() {
            if item.r#type == FREE {
                self.unused_range_count += 1;
                least(&mut self.unused_range_size_min, item.size);
                self.unused_range_size_max = self.unused_range_size_max.max(Some(item.size));
            } else {
                self.allocation(item);
            }
        }
    }

    fn dedicated(&mut self, item: &Item) {
        self.block_count += 1;
        self.block_bytes += item.size;
        self.allocation(item);
    }

    fn allocation(&mut self, item: &Item) {
        self.allocation_count += 1;
        self.allocation_bytes += item.size;
        least(&mut self.allocation_size_min, item.size);
        self.allocation_size_max = self.allocation_size_max.max(Some(item.size));
    }
}

fn least(min: &mut Option<u64>, size: u64) {
    *min = Some(min.map_or(size, |least| least.min(size)));
}
