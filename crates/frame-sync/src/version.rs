//! Numbers that name versions and device epochs.

use core::fmt;

/// Number of a published, immutable state of all slots.
///
/// Versions of one ring start at zero and rise by one with each publish, also across the loss of a
/// device; a `u64` does not wrap in the life of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The version that exists from the start and in which every slot has its default value.
    pub const ZERO: Self = Self(0);

    /// Names the version with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The version that is published after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Number of the device that a version's places belong to.
///
/// It rises by one with each [`Publisher::device_lost`](crate::Publisher::device_lost), so that two
/// tickets can be told to belong to different devices although both have a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceEpoch(u32);

impl DeviceEpoch {
    /// The epoch of the first device.
    pub const ZERO: Self = Self(0);

    /// The number itself.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The epoch of the device that replaces this one.
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for DeviceEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
