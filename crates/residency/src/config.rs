//! The policy's numbers.

use crate::{ConfigError, PolicyKind};

/// What decides who may leave and when. Start from [`Config::default`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// What decides among entries of one priority. Default [`PolicyKind::HitDensity`].
    pub policy: PolicyKind,
    /// What was used in this many newest frames never leaves. Should be at least the number of
    /// versions that can be alive plus 2, so that nothing leaves that a frame in flight still
    /// draws. Default 6.
    pub protect_frames: u64,
    /// What was used in this many newest frames leaves only where nothing else of its priority can:
    /// who looks away and back finds it. Default 30.
    pub recent_frames: u64,
    /// An entry stays for at least this many ticks after it became resident, used or not: the
    /// guard against streaming the same entry in and out. Default 30.
    pub min_resident_ticks: u64,
    /// Fraction of the budget above which bytes must go. Default 0.95.
    pub high_water: f32,
    /// Fraction of the budget down to which they go. Default 0.90.
    pub low_water: f32,
    /// A wish older than this many frames is void. Default 120.
    pub wish_max_age_frames: u64,
    /// Number of indices allowed: entries are `0..entries_max`. Default 64 Mi.
    pub entries_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            policy: PolicyKind::default(),
            protect_frames: 6,
            recent_frames: 30,
            min_resident_ticks: 30,
            high_water: 0.95,
            low_water: 0.90,
            wish_max_age_frames: 120,
            entries_max: 1 << 26,
        }
    }
}

impl Config {
    /// Refuses marks out of order (also NaN) and an empty index space.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let (low, high) = (self.low_water, self.high_water);
        if !(0.0 < low && low <= high && high <= 1.0) {
            return Err(ConfigError::WaterMarks { low, high });
        }
        if self.entries_max == 0 {
            return Err(ConfigError::NoEntries);
        }
        Ok(())
    }
}
