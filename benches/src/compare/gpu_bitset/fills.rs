//! Heaps that are kept at a fill by batches that replace as much as they free.

use geoheap_gpu_bitset::HeapError;

use super::Extent;
use crate::gpu_bitset::both::Both;
use crate::gpu_bitset::rig::Rig;
use crate::random::Random;
use crate::table::{Row, Table};

/// Units of the heap, objects of a batch, and objects at a time.
const UNITS: u32 = 256 << 10;
const BATCH: usize = 64;
const OBJECTS: u32 = 1 << 16;

/// Which units objects have.
#[derive(Clone, Copy, Debug)]
enum Sizes {
    /// Any number from one to another alike.
    Even(u64, u64),
    /// The same of their logarithms.
    Log(u64, u64),
}

impl Sizes {
    fn draw(self, random: &mut Random) -> u32 {
        let units = match self {
            Self::Even(least, most) => least + random.below(most - least + 1),
            Self::Log(least, most) => random.log_uniform(least, most),
        };
        u32::try_from(units).expect("512 at most")
    }
}

/// What is added to a workload's name, and its sizes.
const SIZES: [(&str, Sizes); 3] = [
    ("", Sizes::Even(1, 16)),
    ("-20-120", Sizes::Even(20, 120)),
    ("-log-512", Sizes::Log(1, 512)),
];
/// Parts of a hundred.
const FILLS: [u32; 3] = [50, 90, 97];

/// Heaps that are filled by batches of 64 and kept there: as much is freed, at random, as comes.
/// Counted are all that find no room, and the free runs at the end.
///
/// # Errors
/// When the device cannot have our heap.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn fills(table: &mut Table, rig: &Rig, extent: &Extent) -> Result<(), HeapError> {
    for percent in FILLS {
        for (suffix, sizes) in SIZES {
            let both = churn(rig, sizes, percent, extent.fills)?;
            let runs = both.free_runs().map(u64::from);
            for (metric, [ours, theirs]) in [("failures", both.failed), ("free_runs", runs)] {
                let workload = format!("fill-{percent}{suffix}");
                let (ours, theirs) = (ours as f64, theirs as f64);
                table.push(Row::new(&workload, metric, ours, "readback-cpu", theirs));
            }
        }
    }
    Ok(())
}

fn churn(rig: &Rig, sizes: Sizes, percent: u32, batches: usize) -> Result<Both, HeapError> {
    let mut both = Both::new(rig, UNITS, OBJECTS)?;
    let mut random = Random::new(percent.into());
    let full = UNITS / 100 * percent;
    for _ in 0..batches {
        let sizes: Vec<u32> = (0..BATCH).map(|_| sizes.draw(&mut random)).collect();
        let mut used = both.used_units + sizes.iter().sum::<u32>();
        let mut gone = Vec::new();
        while used > full {
            let nth = random.index(both.objects.len());
            let object = both.objects.swap_remove(nth);
            used -= object.units;
            gone.push(object);
        }
        both.batch(&gone, &sizes);
    }
    Ok(both)
}
