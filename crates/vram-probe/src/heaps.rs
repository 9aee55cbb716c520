//! Which heaps count, and what follows from their figures.

use core::fmt;

use crate::ProbeError;

/// A budget is in steps of a mebibyte: finer figures change from one moment to the next.
const STEP_BYTES: u64 = 1 << 20;

/// A heap as the driver tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawHeap {
    pub(crate) size_bytes: u64,
    pub(crate) budget_bytes: u64,
    pub(crate) usage_bytes: u64,
    pub(crate) is_local: bool,
}

/// A memory heap that is local to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryHeap {
    /// Its bytes, whoever has them.
    pub size_bytes: u64,
    /// The bytes that this program can have in all, as far as the driver can tell.
    pub budget_bytes: u64,
    /// The bytes that this program has, through whatever interface.
    pub usage_bytes: u64,
}

impl MemoryHeap {
    /// Bytes of the budget that are left.
    pub fn free_bytes(&self) -> u64 {
        self.budget_bytes.saturating_sub(self.usage_bytes)
    }
}

/// What the driver says of the device's memory at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoMemory {
    heaps: Vec<MemoryHeap>,
}

impl VideoMemory {
    /// Keeps the heaps that count.
    pub(crate) fn of(raw: &[RawHeap]) -> Result<Self, ProbeError> {
        let local = raw
            .iter()
            .filter(|heap| heap.is_local && heap.size_bytes > 0);
        let heaps: Vec<MemoryHeap> = local
            .map(|heap| MemoryHeap {
                size_bytes: heap.size_bytes,
                // Some drivers forget to count, or name more than there is.
                budget_bytes: heap.budget_bytes.min(heap.size_bytes),
                usage_bytes: heap.usage_bytes,
            })
            .collect();
        if heaps.is_empty() {
            return Err(ProbeError::NoLocalHeap { heaps: raw.len() });
        }
        Ok(Self { heaps })
    }

    /// The heaps that are local to the device, in the driver's order; at least one (P1).
    pub fn heaps(&self) -> &[MemoryHeap] {
        &self.heaps
    }

    /// Most bytes that are free in one heap.
    pub fn free_bytes(&self) -> u64 {
        let free = self.heaps.iter().map(MemoryHeap::free_bytes);
        free.max().unwrap_or_default()
    }

    /// A budget for somebody who holds `held_bytes` already: those, and so many per cent of what
    /// is free, in whole mebibytes, rounded down. More than 100 per cent count as 100 (P2).
    pub fn budget_bytes(&self, percent: u8, held_bytes: u64) -> u64 {
        let free = u128::from(self.free_bytes()) * u128::from(percent.min(100)) / 100;
        let free = u64::try_from(free).unwrap_or(u64::MAX);
        let bytes = held_bytes.saturating_add(free);
        bytes - bytes % STEP_BYTES
    }
}

impl fmt::Display for VideoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, heap) in self.heaps.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "; " };
            let (usage, budget) = (heap.usage_bytes, heap.budget_bytes);
            let size = heap.size_bytes;
            write!(
                f,
                "{comma}{usage} of {budget} bytes used, in a heap of {size}"
            )?;
        }
        Ok(())
    }
}
