//! Dumps of other programs as heaps.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::schema::{
    BUFFER, Block, Budget, Entries, FREE, General, Item, OWN_GPU, Pool, RESERVED, UNKNOWN, USAGES,
    VULKAN,
};
use crate::check;
use crate::error::{DumpError, Fault};
use crate::model::{
    BlockDump, BlockState, ChunkDump, HeapDump, LifetimeDump, PartDump, RangeDump, RangeStateDump,
    SCHEMA, SourceDump,
};
use crate::names::HandleName;

/// A block that no priority was given to.
const PRIORITY_MIDDLE: u8 = 128;

/// The whole, as it is read. Versions 2 of the Vulkan library had no `General`, and listed custom
/// pools and dedicated allocations under keys of their own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Read {
    general: Option<General>,
    #[serde(default)]
    memory_info: Entries<HeapOfDevice>,
    #[serde(default)]
    default_pools: Entries<Pool>,
    #[serde(default)]
    custom_pools: Entries<Vec<Pool>>,
    #[serde(default)]
    dedicated_allocations: Entries<Vec<Item>>,
    #[serde(default)]
    pools: Entries<Pool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HeapOfDevice {
    budget: Option<Budget>,
}

/// Whether a text looks like one of AMD's dumps, sound or not: it has their keys and no `schema`
/// among its own. Of a text that is no JSON the keys are looked for wherever they are.
pub fn is_vma(text: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Keys {
        #[serde(rename = "schema")]
        schema: Option<IgnoredAny>,
        total: Option<IgnoredAny>,
        default_pools: Option<IgnoredAny>,
        custom_pools: Option<IgnoredAny>,
    }
    // A heap of ours begins with its schema, and may be long.
    if text.trim_start().starts_with("{\n  \"schema\"") {
        return false;
    }
    if let Ok(keys) = serde_json::from_str::<Keys>(text) {
        let theirs = [keys.total, keys.default_pools, keys.custom_pools];
        return keys.schema.is_none() && theirs.iter().any(Option::is_some);
    }
    let theirs = ["\"Total\"", "\"DefaultPools\"", "\"CustomPools\""];
    !text.contains("\"schema\"") && theirs.iter().any(|key| text.contains(key))
}

/// Reads a dump of AMD's allocators, versions 2 and 3, as a heap.
///
/// Each block of memory becomes a chunk and each dedicated allocation a dedicated chunk, in the
/// order of the text. Pools are kept apart as classes. What the format does not tell is made up:
/// handles `1v1`, `2v1` and so on, no frames and versions, one part for each allocation, of the
/// kind that its usage says. Alignments are not told either: a block has 1, but the heap's unit is
/// the greatest length that divides all sizes and offsets. In a dump that this crate wrote,
/// handles, lifetimes and the states of ranges are found again.
///
/// # Errors
/// [`DumpError::Text`] for what is no such dump, [`DumpError::Meaning`] for ranges that overlap or
/// end behind their block, for a dump without a detailed map, and for one without any memory.
pub fn read(text: &str) -> Result<HeapDump, DumpError> {
    let read: Read =
        serde_json::from_str(text).map_err(|error| crate::json::text_error(text, &error))?;
    let in_text = |fault: Fault| fault.into_error(Some(text));
    let heap = Import::of(&read).map_err(in_text)?;
    let dump = heap.finish(&read);
    if dump.chunks.is_empty() {
        let what = "there is no memory in it; expected `DefaultPools` or `CustomPools` with blocks \
                    or dedicated allocations (a dump with a detailed map)";
        return Err(in_text(Fault::new("DefaultPools", what)));
    }
    // What is left to go wrong is beyond what 64 bits hold, and rare: the path is that of the heap.
    check::check(&dump).map_err(|fault| {
        let path = format!("as a heap, {}", fault.path);
        Fault::new(path, fault.what).into_error(Some(text))
    })?;
    Ok(dump)
}

#[derive(Debug, Default)]
struct Import {
    /// It was written by this crate.
    is_own: bool,
    /// `Usage` has Vulkan's bits.
    is_vulkan: bool,
    dump: HeapDump,
}

/// Where a chunk belongs.
#[derive(Clone, Copy, Debug)]
struct Home {
    class: u8,
    lifetime: LifetimeDump,
}

impl Import {
    fn of(read: &Read) -> Result<Self, Fault> {
        let general = read.general.as_ref();
        let mut import = Self {
            is_own: general.is_some_and(|general| general.gpu == OWN_GPU),
            is_vulkan: general.is_none_or(|general| general.api == VULKAN),
            ..Self::default()
        };
        let default = read.default_pools.0.iter();
        let old = read.pools.0.iter();
        let custom = read.custom_pools.0.iter().flat_map(|(key, pools)| {
            let numbered = pools.iter().enumerate();
            numbered.map(move |(nth, pool)| (format!("CustomPools.{key}[{nth}]"), pool))
        });
        let pools = default
            .map(|(key, pool)| (format!("DefaultPools.{key}"), pool))
            .chain(custom)
            .chain(old.map(|(key, pool)| (format!("Pools.{key}"), pool)));
        let mut class = 0_u8;
        for (path, pool) in pools {
            if pool.blocks.0.is_empty() && pool.dedicated_allocations.is_empty() {
                continue;
            }
            import.pool(&path, pool, class)?;
            class = class.saturating_add(1);
        }
        for (key, items) in &read.dedicated_allocations.0 {
            let home = Home {
                class,
                lifetime: LifetimeDump::Dynamic,
            };
            import.dedicated(&format!("DedicatedAllocations.{key}"), items, home)?;
            class = class.saturating_add(1);
        }
        Ok(import)
    }

    fn pool(&mut self, path: &str, pool: &Pool, class: u8) -> Result<(), Fault> {
        let name = pool.name.as_deref().unwrap_or_default();
        let home = Home {
            class,
            lifetime: if self.is_own && name.starts_with(LifetimeDump::LongLived.name()) {
                LifetimeDump::LongLived
            } else {
                LifetimeDump::Dynamic
            },
        };
        for (key, block) in &pool.blocks.0 {
            self.block(&format!("{path}.Blocks.{key}"), block, home)?;
        }
        let path = format!("{path}.DedicatedAllocations");
        self.dedicated(&path, &pool.dedicated_allocations, home)
    }

    fn block(&mut self, path: &str, block: &Block, home: Home) -> Result<(), Fault> {
        check::at_least(&format!("{path}.TotalBytes"), block.total_bytes, 1)?;
        let Some(items) = &block.suballocations else {
            let what = "no `Suballocations`; the dump was written without a detailed map";
            return Err(Fault::new(path, what));
        };
        let chunk = self.next_chunk(path)?;
        let mut ranges = Vec::new();
        let mut free_from = 0;
        for (nth, item) in items.iter().enumerate() {
            let path = |key: &str| format!("{path}.Suballocations[{nth}]{key}");
            let offset = item
                .offset
                .ok_or_else(|| Fault::new(path(""), "no `Offset`, which a suballocation has"))?;
            check::at_least(&path(".Size"), item.size, 1)?;
            if offset < free_from {
                let what =
                    format!("{offset} is before {free_from}, where the one ahead of it ends");
                return Err(Fault::new(path(".Offset"), what));
            }
            free_from = offset.saturating_add(item.size);
            if free_from > block.total_bytes {
                let what = format!(
                    "{} bytes at {offset} end after the block's {}",
                    item.size, block.total_bytes
                );
                return Err(Fault::new(path(".Size"), what));
            }
            if item.r#type != FREE {
                ranges.push(self.range(item, (chunk, offset, item.size), home, &path(""))?);
            }
        }
        self.push(chunk, block.total_bytes, home, ranges, false);
        Ok(())
    }

    fn dedicated(&mut self, path: &str, items: &[Item], home: Home) -> Result<(), Fault> {
        for (nth, item) in items.iter().enumerate() {
            let path = format!("{path}[{nth}]");
            check::at_least(&format!("{path}.Size"), item.size, 1)?;
            let chunk = self.next_chunk(&path)?;
            let range = self.range(item, (chunk, 0, item.size), home, &path)?;
            self.push(chunk, item.size, home, vec![range], true);
        }
        Ok(())
    }

    fn next_chunk(&self, path: &str) -> Result<u32, Fault> {
        let count = self.dump.chunks.len();
        u32::try_from(count)
            .map_err(|_| Fault::new(path, format!("{count} blocks of memory are too many")))
    }

    fn push(
        &mut self,
        id: u32,
        capacity: u64,
        home: Home,
        ranges: Vec<RangeDump>,
        dedicated: bool,
    ) {
        self.dump.chunks.push(ChunkDump {
            class: home.class,
            dedicated,
            ..ChunkDump::of_ranges(id, capacity, home.lifetime, ranges)
        });
    }

    /// The range of an allocation; a live one has a block.
    fn range(
        &mut self,
        item: &Item,
        (chunk, offset, size): (u32, u64, u64),
        home: Home,
        path: &str,
    ) -> Result<RangeDump, Fault> {
        let mut range = RangeDump {
            offset,
            size,
            state: RangeStateDump::Live,
            handle: None,
        };
        if self.is_own && item.r#type == UNKNOWN {
            range.state = match item.name.as_deref() {
                Some(RESERVED) => RangeStateDump::Reserved,
                _ => RangeStateDump::Retired,
            };
            return Ok(range);
        }
        let handle = self.handle(item, path)?;
        range.handle = Some(handle.clone());
        self.dump.blocks.push(BlockDump {
            handle,
            chunk: Some(chunk),
            offset: Some(offset),
            size,
            alignment: 1,
            state: BlockState::Resident,
            lifetime: home.lifetime,
            pins: 0,
            owners: 1,
            priority: PRIORITY_MIDDLE,
            source: SourceDump::None,
            revision: 0,
            version_written: 0,
            frame_last_used: None,
            largest_hole: 0,
            label: item.name.clone().filter(|name| !name.is_empty()),
            parts: vec![PartDump {
                id: "0.1".to_owned(),
                offset: 0,
                size,
                kind: kind(item, self.is_vulkan),
                alignment: 1,
            }],
        });
        Ok(range)
    }

    fn handle(&self, item: &Item, path: &str) -> Result<String, Fault> {
        let data = item.custom_data.as_deref().unwrap_or_default();
        if !self.is_own {
            return Ok(format!("{}v1", self.dump.blocks.len() + 1));
        }
        let name = check::handle(&format!("{path}.CustomData"), data)?;
        Ok(name.to_string())
    }

    /// The heap around the chunks and blocks.
    fn finish(self, read: &Read) -> HeapDump {
        let Self { mut dump, .. } = self;
        dump.blocks
            .sort_by_cached_key(|block| block.handle.parse::<HandleName>().ok());
        SCHEMA.clone_into(&mut dump.schema);
        let lengths = dump.chunks.iter().flat_map(|chunk| {
            let ranges = chunk.ranges.iter();
            let of_ranges = ranges.flat_map(|range| [range.offset, range.size]);
            of_ranges.chain([chunk.capacity])
        });
        dump.unit_bytes = lengths.fold(0, gcd).max(1);
        let capacities = dump.chunks.iter().map(|chunk| chunk.capacity);
        dump.held_bytes = capacities.fold(0, u64::saturating_add);
        let budgets = read.memory_info.0.iter();
        let budgets = budgets.filter_map(|(_, heap)| heap.budget);
        let used = budgets.filter(|budget| budget.usage_bytes > 0);
        dump.budget_bytes = used.fold(0, |sum, budget| sum.saturating_add(budget.budget_bytes));
        dump
    }
}

/// A buffer's first usage that has a name here, `buffer` for others, `texture` for textures.
fn kind(item: &Item, is_vulkan: bool) -> String {
    let usage = item.usage.filter(|_| is_vulkan).unwrap_or_default();
    let used = USAGES.iter().find(|(bit, _)| usage & bit != 0);
    match (item.r#type.as_str(), used) {
        (BUFFER, Some((_, name))) => (*name).to_owned(),
        (BUFFER, None) => "buffer".to_owned(),
        (UNKNOWN, _) => "unknown".to_owned(),
        _ => "texture".to_owned(),
    }
}

/// The greatest common divisor (Euclid).
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
