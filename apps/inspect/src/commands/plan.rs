//! `plan`.

use std::path::PathBuf;

use geoheap_defrag::{Caps, Triggers};
use geoheap_suballoc::ByteLen;

use crate::heap_file;
use crate::heap_plan::{self, Planned, Settings};
use crate::outcome::{BadInput, Outcome};

const EXAMPLES: &str = "\
Examples:
  geoheap-inspect plan heap.json
  geoheap-inspect plan heap.json --move-bytes 8MiB --moves 256 --json
  geoheap-inspect plan heap.json --all      pass after pass, until nothing is left to do

Pinned blocks, blocks whose contents are being replaced, and ranges that are being filled stay
where they are, as in the engine. Nothing is moved: this is a forecast.";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Args {
    /// The heap, ours or a JSON dump of VMA or D3D12MA; `-` is standard input, `.gz` is unpacked
    heap: PathBuf,
    /// Bytes that a plan moves at most, such as 2MiB
    #[arg(long, value_name = "SIZE", default_value_t = Caps::default().bytes)]
    move_bytes: ByteLen,
    /// Blocks that a plan moves at most
    #[arg(long, value_name = "N", default_value_t = Caps::default().moves)]
    moves: u32,
    /// Plan as if somebody had asked for it, at any price, and not only where a trigger is set off
    #[arg(long)]
    now: bool,
    /// Move long-lived blocks, too
    #[arg(long)]
    long_lived: bool,
    /// Go on with what the plan leaves, until there is no further plan
    #[arg(long)]
    all: bool,
    /// Print one JSON object with the schema geoheap-plans/1
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`].
    pub fn run(self) -> Result<Outcome, BadInput> {
        let dump = heap_file::read_heap(&self.heap)?;
        let settings = Settings {
            caps: Caps {
                bytes: self.move_bytes,
                moves: self.moves,
                ..Caps::default()
            },
            triggers: Triggers::default(),
            is_asked_for: self.now,
            with_long_lived: self.long_lived,
            until_done: self.all,
        };
        let because = |error| {
            let name = heap_file::name(&self.heap);
            BadInput::new(format_args!("{name}: no plan can be made of it: {error}"))
        };
        let planned: Planned = heap_plan::plan(&dump, &settings).map_err(because)?;
        let text = if self.json {
            planned.to_json()
        } else {
            planned.to_string()
        };
        heap_file::say(&text)?;
        Ok(Outcome::Fine)
    }
}
