//! The engine under load: operations, books and uploads.

use crate::load::books::{self, Cost};
use crate::load::uploads;
use crate::table::{Row, Table};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Blocks of the three heaps.
    pub blocks: [usize; 3],
    /// Rounds of changes in each.
    pub rounds: usize,
    /// The uploads'.
    pub uploads: uploads::Extent,
}

impl Extent {
    /// What figures are quoted from.
    pub const FULL: Self = Self {
        blocks: [64 << 10, 1 << 20, 4 << 20],
        rounds: 101,
        uploads: uploads::Extent {
            turn_bytes: 64 << 20,
            rounds: 25,
        },
    };
    /// Whether all of it works.
    pub const QUICK: Self = Self {
        blocks: [1 << 10, 2 << 10, 4 << 10],
        rounds: 3,
        uploads: uploads::Extent {
            turn_bytes: 1 << 20,
            rounds: 3,
        },
    };
}

/// The heaps in the tables, the smallest first.
const HEAPS: [&str; 3] = ["engine-64Ki", "engine-1Mi", "engine-4Mi"];

/// Operations and books, each against the smallest heap.
pub fn books(table: &mut Table, extent: &Extent) {
    let costs = extent
        .blocks
        .map(|blocks| books::measure(blocks, extent.rounds));
    let least = costs[0];
    for (workload, cost) in HEAPS.into_iter().zip(costs) {
        let mut push = |metric, figure: fn(&Cost) -> f64| {
            let (ours, peer) = (figure(&cost), figure(&least));
            table.push(Row::new(workload, metric, ours, HEAPS[0], peer));
        };
        push("ops_per_s", |cost| 1e9 / cost.ns_per_op);
        push("ns_per_op", |cost| cost.ns_per_op);
        push("book_bytes_per_block", |cost| cost.book_bytes_per_block);
    }
}

/// Uploads, against the backend alone.
pub fn uploads(table: &mut Table, extent: &Extent) {
    let turns = uploads::measure(extent.uploads);
    turns.rows(table, "upload-64KiB", "bytes_per_s", &["backend-alone"]);
}
