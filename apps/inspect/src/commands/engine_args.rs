//! Options of the commands that play a trace to an engine.

use geoheap::ByteLen;

use crate::replay::{Options, Overrides};

/// How the engine differs from what the trace says.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct EngineArgs {
    /// GPU bytes that may be held, whatever the trace says
    #[arg(long, value_name = "SIZE")]
    budget: Option<ByteLen>,

    /// Bytes of a chunk [default: what the trace says, else 16 MiB less a little]
    #[arg(long, value_name = "SIZE")]
    chunk: Option<ByteLen>,

    /// Frames whose commands are still being executed when the next one ends, 0 to 64
    /// [default: what the trace says, else 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=64))]
    frames_in_flight: Option<u32>,

    /// Move nothing
    #[arg(long)]
    no_defrag: bool,

    /// Evict nothing: a block for which there is no room fails
    #[arg(long)]
    no_evict: bool,
}

impl EngineArgs {
    /// Settings of the engine.
    pub fn options(&self) -> Options {
        Options {
            budget: self.budget,
            chunk: self.chunk,
            no_defrag: self.no_defrag,
        }
    }

    /// What is passed over in the trace.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            lag_frames: self.frames_in_flight,
            keeps_budget: self.budget.is_some(),
            no_evict: self.no_evict,
        }
    }
}
