//! The format's objects, as far as they are used.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name under `GPU` in what this crate writes, by which it knows its own dumps again.
pub(super) const OWN_GPU: &str = "geoheap";
/// The interface whose bits `Usage` has.
pub(super) const VULKAN: &str = "Vulkan";
/// Type of what is not given out.
pub(super) const FREE: &str = "FREE";
/// Type of what has no use that a new frame could see.
pub(super) const UNKNOWN: &str = "UNKNOWN";
/// Type of a buffer.
pub(super) const BUFFER: &str = "BUFFER";
/// Name of a reserved range.
pub(super) const RESERVED: &str = "reserved";
/// Name of a retired range.
pub(super) const RETIRED: &str = "retired";

/// Bits of `Usage`, as Vulkan has them, and the kinds of parts that they stand for.
pub(super) const USAGES: [(u64, &str); 4] = [
    (0x80, "vertex"),
    (0x40, "index"),
    (0x10, "uniform"),
    (0x20, "storage"),
];

/// An object whose keys are names or numbers, in the order of the text.
#[derive(Clone, Debug)]
pub(super) struct Entries<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize> Serialize for Entries<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for All<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(All(PhantomData))
    }
}

/// An allocation, or a free range of a block.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Item {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<u64>,
    pub(super) r#type: String,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) custom_data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

/// A block of memory: a chunk.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Block {
    #[serde(default)]
    pub(super) map_ref_count: u64,
    pub(super) total_bytes: u64,
    pub(super) unused_bytes: u64,
    pub(super) allocations: u64,
    pub(super) unused_ranges: u64,
    /// Missing where the program asked for a dump without a detailed map.
    pub(super) suballocations: Option<Vec<Item>>,
}

/// A pool; default pools have neither name nor flags.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Pool {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) preferred_block_size: u64,
    #[serde(default)]
    pub(super) blocks: Entries<Block>,
    #[serde(default)]
    pub(super) dedicated_allocations: Vec<Item>,
}

/// What program and device the dump is of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct General {
    #[serde(rename = "API")]
    pub(super) api: String,
    #[serde(rename = "GPU", default)]
    pub(super) gpu: String,
}

/// What a program may use of a heap, and what it uses.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Budget {
    pub(super) budget_bytes: u64,
    pub(super) usage_bytes: u64,
}

/// Sums.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Stats {
    pub(super) block_count: u64,
    pub(super) block_bytes: u64,
    pub(super) allocation_count: u64,
    pub(super) allocation_bytes: u64,
    pub(super) unused_range_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allocation_size_min: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allocation_size_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unused_range_size_min: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unused_range_size_max: Option<u64>,
}

/// One memory heap of the device, as it is written.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MemoryHeap {
    pub(super) flags: Vec<&'static str>,
    pub(super) size: u64,
    pub(super) budget: Budget,
    pub(super) stats: Stats,
    pub(super) memory_pools: Entries<MemoryPool>,
}

/// One memory type, as it is written.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MemoryPool {
    pub(super) flags: Vec<&'static str>,
    pub(super) stats: Stats,
}

/// The whole, as it is written.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Written {
    pub(super) general: General,
    pub(super) total: Stats,
    pub(super) memory_info: Entries<MemoryHeap>,
    pub(super) default_pools: Entries<Pool>,
    pub(super) custom_pools: Entries<Vec<Pool>>,
}
