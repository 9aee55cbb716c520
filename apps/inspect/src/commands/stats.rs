//! `stats`.

use std::fmt::Write as _;
use std::path::PathBuf;

use geoheap_heap_dump::{Bin, Figures, Group};
use serde::Serialize;

use crate::heap_file::{self, human};
use crate::outcome::{BadInput, Outcome};

const EXAMPLES: &str = "\
Examples:
  geoheap-inspect stats heap.json
  geoheap-inspect stats heap.json.gz --json | jq .fragmentation";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The heap, ours or a JSON dump of VMA or D3D12MA; `-` is standard input, `.gz` is unpacked
    heap: PathBuf,
    /// Print one JSON object with the schema geoheap-stats/1
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Json {
    schema: &'static str,
    #[serde(flatten)]
    figures: Figures,
}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`].
    pub fn run(self) -> Result<Outcome, BadInput> {
        let figures = heap_file::read_heap(&self.heap)?.figures();
        if self.json {
            heap_file::say_json(&Json {
                schema: "geoheap-stats/1",
                figures,
            })?;
        } else {
            heap_file::say(&text(&figures))?;
        }
        Ok(Outcome::Fine)
    }
}

fn text(figures: &Figures) -> String {
    let mut text = String::new();
    let share = |bytes: u64| crate::picture::percent(bytes, figures.capacity_bytes);
    let budget = match figures.budget_bytes {
        0 => "no budget".to_owned(),
        budget => format!(
            "{} of a budget of {}",
            crate::picture::percent(figures.held_bytes, budget),
            human(budget)
        ),
    };
    let rows = [
        ("frame", format!("{}, tick {}", figures.frame, figures.tick)),
        ("held", format!("{}, {budget}", human(figures.held_bytes))),
        ("staging", human(figures.staging_bytes)),
        (
            "chunks",
            format!(
                "{} of {}, {} dedicated",
                figures.chunks,
                human(figures.capacity_bytes),
                figures.dedicated_chunks
            ),
        ),
        ("live", both(figures.live_bytes, share)),
        ("reserved", both(figures.reserved_bytes, share)),
        ("retired", both(figures.retired_bytes, share)),
        (
            "free",
            format!(
                "{}, longest {}",
                both(figures.free_bytes, share),
                human(figures.largest_free_bytes)
            ),
        ),
        ("fragmentation", format!("{:.4}", figures.fragmentation)),
        (
            "overhead",
            format!("{:.4} held for each live byte", figures.overhead),
        ),
        ("rounding", human(figures.rounding_bytes)),
        ("spare in blocks", human(figures.spare_bytes)),
        (
            "blocks",
            format!(
                "{}, {} pinned, {} with several owners",
                figures.blocks, figures.pinned_blocks, figures.shared_blocks
            ),
        ),
    ];
    for (name, value) in rows {
        let _ = writeln!(text, "{name:<16} {value}");
    }
    groups(&mut text, "blocks by state", &figures.by_state);
    groups(&mut text, "blocks by lifetime", &figures.by_lifetime);
    groups(&mut text, "blocks by label", &figures.by_label);
    groups(&mut text, "parts by kind", &figures.by_kind);
    bins(&mut text, "sizes of blocks", &figures.block_sizes);
    bins(&mut text, "sizes of holes", &figures.hole_sizes);
    text
}

fn both(bytes: u64, share: impl Fn(u64) -> String) -> String {
    format!("{} ({})", human(bytes), share(bytes))
}

/// Groups that are listed; the rest is summed up.
const GROUPS_MAX: usize = 20;

fn groups(text: &mut String, title: &str, groups: &[Group]) {
    if groups.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n{title:<28} {:>9} {:>10} {:>10} {:>10}",
        "count", "bytes", "resident", "largest"
    );
    for group in groups.iter().take(GROUPS_MAX) {
        let name = heap_file::shown(&group.name);
        let _ = writeln!(
            text,
            "  {name:<26} {:>9} {:>10} {:>10} {:>10}",
            group.count,
            human(group.bytes),
            human(group.resident_bytes),
            human(group.largest_bytes)
        );
    }
    if groups.len() > GROUPS_MAX {
        let rest = &groups[GROUPS_MAX..];
        let count: usize = rest.iter().map(|group| group.count).sum();
        let bytes = rest
            .iter()
            .fold(0, |sum, group| group.bytes.saturating_add(sum));
        let name = format!("{} more", rest.len());
        let _ = writeln!(text, "  {name:<26} {count:>9} {:>10}", human(bytes));
    }
}

fn bins(text: &mut String, title: &str, bins: &[Bin]) {
    if bins.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title:<28} {:>9} {:>10}", "count", "bytes");
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(1);
    for bin in bins {
        let from = format!("from {}", human(bin.from_bytes));
        let bar = "#".repeat((bin.count * 40).div_ceil(most));
        let _ = writeln!(
            text,
            "  {from:<26} {:>9} {:>10}  {bar}",
            bin.count,
            human(bin.bytes)
        );
    }
}
