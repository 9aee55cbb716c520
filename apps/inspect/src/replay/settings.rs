//! The engine's settings for a replay: those of the trace, and what the command line says instead.

use geoheap::{ByteLen, Config, Threading};
use geoheap_trace::Settings;

use super::kinds;

/// A budget that no trace reaches.
pub(super) const NO_BUDGET: ByteLen = ByteLen::new(1 << 41);
/// Handles for the largest traces.
const HANDLES_MAX: u32 = 1 << 24;

/// What the command line says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The budget, whatever the trace says.
    pub budget: Option<ByteLen>,
    /// Bytes of a chunk.
    pub chunk: Option<ByteLen>,
    /// Without compaction.
    pub no_defrag: bool,
}

/// The settings of the engine. `budget` is what the trace begins with, if it does.
pub(super) fn config(settings: &Settings, budget: Option<u64>, options: &Options) -> Config {
    let defaults = Config::default();
    let or = |bytes: Option<u64>, default| bytes.map_or(default, ByteLen::new);
    let budget = options.budget.or(budget.map(ByteLen::new));
    let chunk_bytes = options
        .chunk
        .unwrap_or_else(|| or(settings.chunk_bytes, defaults.chunk_bytes));
    let mut config = Config {
        budget_bytes: budget.unwrap_or(NO_BUDGET),
        chunk_bytes,
        long_lived_chunk_bytes: or(
            settings.long_chunk_bytes,
            defaults.long_lived_chunk_bytes.min(chunk_bytes),
        ),
        staging_bytes: or(settings.staging_bytes, defaults.staging_bytes),
        tick_upload_bytes: or(settings.tick_upload_bytes, defaults.tick_upload_bytes),
        handles_max: HANDLES_MAX,
        kinds: kinds::rows(),
        threading: Threading::CallerDriven,
        ..defaults
    };
    config.defrag.enabled = !options.no_defrag;
    config
}
