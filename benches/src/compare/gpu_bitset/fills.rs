//! Heaps that are kept at a fill by batches that replace as much as they free.

use geoheap_gpu_bitset::HeapError;

use super::Extent;
use crate::gpu_bitset::both::Both;
use crate::gpu_bitset::rig::Rig;
use crate::measure::median;
use crate::random::Random;
use crate::table::{Row, Table};

/// Objects of a batch, and objects at a time.
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
const FILLS: [u32; 3] = [50, 90, FULLEST];
const FULLEST: u32 = 97;

/// Heaps that are filled by batches of 64 and kept there: as much is freed, at random, as comes.
/// Counted are all that find no room, and the free runs at the end. The fullest of them with
/// batches of other sizes too, as many objects in all, or as many batches if those are fewer.
///
/// # Errors
/// When the device cannot have our heap.
pub fn fills(table: &mut Table, rig: &Rig, extent: &Extent) -> Result<(), HeapError> {
    let units = extent.fill_units;
    for percent in FILLS {
        for (suffix, sizes) in SIZES {
            let mut churn = Churn::filled(rig, units, sizes, percent)?;
            churn.batches(BATCH, extent.fills);
            tell(table, &format!("fill-{percent}{suffix}"), &mut churn.both);
        }
    }
    for &batch in extent.fill_batches {
        for (percent, (suffix, sizes)) in [(FULLEST, SIZES[0]), (90, SIZES[2])] {
            let mut churn = Churn::filled(rig, units, sizes, percent)?;
            let batches = extent.fills * BATCH / batch;
            churn.both.seconds = [Vec::new(), Vec::new()];
            churn.batches(batch, batches.clamp(1, extent.fills));
            let workload = format!("fill-{percent}{suffix}-batch-{batch}");
            tell(table, &workload, &mut churn.both);
        }
    }
    Ok(())
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
    fn filled(rig: &Rig, units: u32, sizes: Sizes, percent: u32) -> Result<Self, HeapError> {
        let mut churn = Self {
            both: Both::new(rig, units, OBJECTS)?,
            sizes,
            full_units: units / 100 * percent,
            random: Random::new(percent.into()),
        };
        while !churn.batch(BATCH) {}
        Ok(churn)
    }

    fn batches(&mut self, count: usize, batches: usize) {
        for _ in 0..batches {
            self.batch(count);
        }
    }

    /// Whether something had to go for it.
    fn batch(&mut self, count: usize) -> bool {
        let Self { both, random, .. } = self;
        let sizes: Vec<u32> = (0..count).map(|_| self.sizes.draw(random)).collect();
        let mut used = both.used_units + sizes.iter().sum::<u32>();
        let mut gone = Vec::new();
        while used > self.full_units && !both.objects.is_empty() {
            let nth = random.index(both.objects.len());
            let object = both.objects.swap_remove(nth);
            used -= object.units;
            gone.push(object);
        }
        both.batch(&gone, &sizes);
        !gone.is_empty()
    }
}
