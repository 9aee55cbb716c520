//! The memory of this process over time.

use std::time::Duration;

/// Resident bytes of this process; `None` where the system does not tell.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// With fewer samples nothing can be said of a trend: the beginning is among them.
const SAMPLES_MIN: usize = 12;

/// Samples over a time.
#[derive(Debug, Default)]
pub(crate) struct Curve {
    samples: Vec<(Duration, u64)>,
}

/// Least and most bytes of a stretch of time, and their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) least: u64,
    pub(crate) mean: u64,
    pub(crate) most: u64,
}

impl Curve {
    /// One more sample.
    pub(crate) fn sample(&mut self, at: Duration) {
        if let Some(bytes) = resident_bytes() {
            self.samples.push((at, bytes));
        }
    }

    /// The first and the last quarter of the time; none of a time that was too short.
    pub(crate) fn ends(&self) -> Option<(Stretch, Stretch)> {
        if self.samples.len() < SAMPLES_MIN {
            return None;
        }
        let quarter = self.samples.len().div_ceil(4);
        let first = stretch(self.samples.get(..quarter)?)?;
        let last = stretch(self.samples.get(self.samples.len() - quarter..)?)?;
        Some((first, last))
    }
}

fn stretch(samples: &[(Duration, u64)]) -> Option<Stretch> {
    let bytes = || samples.iter().map(|(_, bytes)| *bytes);
    Some(Stretch {
        least: bytes().min()?,
        mean: bytes().sum::<u64>() / samples.len() as u64,
        most: bytes().max()?,
    })
}
