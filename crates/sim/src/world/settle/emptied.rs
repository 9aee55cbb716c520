//! A heap that everything is removed from is empty, and of use again.

use geoheap::{BlockDesc, ByteLen, PartData, Report};

use super::CALM_TICKS;
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::world::{World, broken};

/// Ticks in which an empty heap gives its chunks back.
const TRIM_TICKS: u64 = 64;
/// Handles that are tried to the last one.
const FEW_HANDLES: u64 = 500;
/// Blocks that an empty heap is given where there are more.
const SOME_HANDLES: u64 = 8;
/// Ticks in which staging is free again.
const STAGING_TICKS: u64 = 8;

/// Whether nothing is left of any block: neither its bytes, nor copies of them.
fn is_empty(report: &Report) -> bool {
    let placed = report.live_bytes + report.retired_bytes + report.reserved_bytes;
    let copied = report.retained_bytes + report.spilled_bytes;
    report.blocks == 0 && placed == 0 && copied == 0
}

impl<G: Gpu> World<G> {
    /// When everything is removed nothing is left, on the device least of all.
    pub(super) fn check_emptied(&mut self) -> Verdict {
        let budget = self.setting.config.budget_bytes;
        self.set_budget(budget);
        for block in self.oracle.alive().to_vec() {
            self.remove_for_good(block)?;
        }
        let trim = self.sent(geoheap::Client::trim)?;
        let _ = self.until(trim)?;
        for _ in 0..CALM_TICKS {
            let report = self.manager.report();
            if is_empty(&report) {
                break;
            }
            self.quiet_tick()?;
        }
        let report = self.manager.report();
        let is_empty = is_empty(&report);
        ensure(is_empty, Check::Liveness, || {
            format!("everything was removed, and something is left: {report:?}")
        })?;
        let leaks = self.manager.heap_map().map_or(0, |map| {
            map.chunks
                .iter()
                .map(|chunk| chunk.ranges.len())
                .sum::<usize>()
        });
        let trim = self.sent(geoheap::Client::trim)?;
        let _ = self.until(trim)?;
        for _ in 0..TRIM_TICKS {
            if self.manager.report().chunks == 0 {
                break;
            }
            self.quiet_tick()?;
        }
        let chunks = self.manager.report().chunks;
        ensure(chunks == 0, Check::Liveness, || {
            format!("{chunks} chunks of an empty heap were not given back in {TRIM_TICKS} ticks")
        })?;
        ensure(leaks == 0, Check::Ranges, || {
            format!("R6: {leaks} ranges are left of no block")
        })
    }

    /// An empty heap takes blocks: where handles are few, as many as there are slots in service,
    /// else some.
    pub(super) fn check_usable(&mut self) -> Verdict {
        let slots = u64::from(self.setting.config.handles_max);
        let served = self.manager.report().slots_out_of_service;
        let left = slots.saturating_sub(served);
        let count = if left <= FEW_HANDLES {
            left
        } else {
            SOME_HANDLES
        };
        let mut handles = Vec::new();
        for nth in 0..count {
            self.quiet_tick()?;
            let part = PartData::storage(vec![1; 16]);
            match self.client.try_add(BlockDesc::new().part(part)) {
                Ok(handle) => handles.push(handle),
                Err(refused) => {
                    let error = refused.error;
                    let message = format!(
                        "R11: the heap is empty, {left} slots are in service, and block {nth} is \
                         refused: {error}"
                    );
                    return broken(Check::Refusals, message);
                }
            }
        }
        // All of staging may be one buffer, which comes back with what was uploaded from it.
        for _ in 0..STAGING_TICKS {
            self.quiet_tick()?;
        }
        let stage = self.sent(|client| client.stage(ByteLen::new(16)))?;
        let staged = self.until(stage)?;
        ensure(matches!(staged, Some(Ok(_))), Check::Refusals, || {
            let why = staged.and_then(Result::err);
            let why = why.map_or_else(String::new, |error| error.to_string());
            format!("R11: nothing is staged, and 16 bytes of staging are refused: {why}")
        })?;
        for handle in handles {
            self.sent(|client| client.remove(handle))?;
        }
        self.quiet_tick()
    }
}
