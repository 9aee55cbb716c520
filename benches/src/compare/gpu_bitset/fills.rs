//! Heaps that are kept at a fill by batches that replace as much as they free.

use geoheap_gpu_bitset::HeapError;
use geoheap_gpu_bitset::records::{FREES_MAX, UNITS_MAX};

use super::Extent;
use crate::gpu_bitset::both::Both;
use crate::gpu_bitset::rig::Rig;
use crate::measure::median;
use crate::random::Random;
use crate::table::{Row, Table};

/// Objects of a batch of the workloads that name none.
const BATCH: usize = 64;
/// Batches that are measured at least, if they are no more than small ones.
const BATCHES_MIN: usize = 5;
/// Units for each object that there may be at a time: half of what the smallest sizes need.
const UNITS_PER_OBJECT: u32 = 4;

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

    #[expect(clippy::cast_precision_loss, reason = "512 at most")]
    fn mean_units(self) -> f64 {
        match self {
            Self::Even(least, most) => (least + most) as f64 / 2.0,
            Self::Log(least, most) => {
                let (least, most) = (least as f64, most as f64);
                (most - least) / (most / least).ln()
            }
        }
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

/// Heaps that are filled by batches and kept there: as much is freed, at random, as comes. Counted
/// are all that find no room, and the free runs at the end. Batches of more than 64 come in smaller
/// numbers, so that there are as many objects in all.
///
/// # Errors
/// When the device cannot have our heap.
pub fn fills(table: &mut Table, rig: &Rig, extent: &Extent) -> Result<(), HeapError> {
    for &batch in [BATCH].iter().chain(extent.fill_batches) {
        let named = if batch == BATCH {
            String::new()
        } else {
            format!("-batch-{batch}")
        };
        let least = extent.fills.min(BATCHES_MIN);
        let batches = (extent.fills * BATCH / batch).clamp(least, extent.fills);
        for percent in FILLS {
            for (suffix, sizes) in SIZES {
                let Some(units) = units(extent, sizes, batch) else {
                    continue;
                };
                let mut churn = Churn::filled(rig, units, sizes, percent, batch.max(BATCH))?;
                churn.both.seconds = [Vec::new(), Vec::new()];
                for _ in 0..batches {
                    churn.batch(batch);
                }
                let workload = format!("fill-{percent}{suffix}{named}");
                tell(table, &workload, &mut churn.both);
            }
        }
    }
    Ok(())
}

/// Units of a heap of which half has room for two batches, or for one if there cannot be as many;
/// `None` if there cannot be that either.
#[expect(clippy::cast_precision_loss, reason = "65 536 at most")]
fn units(extent: &Extent, sizes: Sizes, batch: usize) -> Option<u32> {
    let batch_units = sizes.mean_units() * batch as f64;
    let mut units = extent.fill_units;
    while f64::from(units) < 4.0 * batch_units && units < UNITS_MAX {
        units *= 2;
    }
    (f64::from(units) >= 2.0 * batch_units).then_some(units)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn tell(table: &mut Table, workload: &str, both: &mut Both) {
    let runs = both.free_runs().map(u64::from);
    for (metric, [ours, theirs]) in [("failures", both.failed), ("free_runs", runs)] {
        let (ours, theirs) = (ours as f64, theirs as f64);
        table.push(Row::new(workload, metric, ours, "readback-cpu", theirs));
    }
    let [ours, theirs] = [0, 1].map(|who| median(&mut both.seconds[who]) * 1e6);
    table.push(Row::new(workload, "batch_us", ours, "first-fit", theirs));
}

/// Two heaps that are kept at a fill.
struct Churn {
    both: Both,
    sizes: Sizes,
    full_units: u32,
    random: Random,
}

impl Churn {
    fn filled(
        rig: &Rig,
        units: u32,
        sizes: Sizes,
        percent: u32,
        batch: usize,
    ) -> Result<Self, HeapError> {
        let mut churn = Self {
            both: Both::new(rig, units, units / UNITS_PER_OBJECT)?,
            sizes,
            full_units: units / 100 * percent,
            random: Random::new(percent.into()),
        };
        while !churn.batch(batch) {}
        Ok(churn)
    }

    /// Whether something had to go for it.
    fn batch(&mut self, count: usize) -> bool {
        let Self { both, random, .. } = self;
        let sizes: Vec<u32> = (0..count).map(|_| self.sizes.draw(random)).collect();
        let mut used = both.used_units + sizes.iter().sum::<u32>();
        let mut gone = Vec::new();
        while used > self.full_units && !both.objects.is_empty() && gone.len() < FREES_MAX as usize
        {
            let nth = random.index(both.objects.len());
            let object = both.objects.swap_remove(nth);
            used -= object.units;
            gone.push(object);
        }
        both.batch(&gone, &sizes);
        !gone.is_empty()
    }
}
