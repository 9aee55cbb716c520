//! The numbers this crate counts in, each a type of its own so that none is taken for another.

use std::fmt;

/// Declares a number with its constructor, its reading and a plain `Display`.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl $name {
            /// Wraps the number.
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            /// The number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// Name of an entry: a dense index that the caller gives, such as the slot index of a handle.
    ///
    /// Memory grows with the largest index ever inserted (40 bytes each), so indices should be
    /// reused; [`Config::entries_max`](crate::Config::entries_max) bounds them.
    EntryId(u32)
}

number! {
    /// Number of a rendered frame. Recency is counted in it.
    Frame(u64)
}

number! {
    /// Number of a pass of the caller's loop, which goes on where no frames are rendered.
    /// Residence times are counted in it.
    Tick(u64)
}

number! {
    /// A set of entries that a [`Policy`](crate::Policy) cannot tell apart but by the age of their
    /// last use.
    Group(u8)
}

number! {
    /// How much an entry is worth keeping against the others of its class: the one worth least
    /// leaves first.
    Worth(u64)
}

/// How much an entry is worth keeping: higher stays longer, and streams back earlier.
///
/// An entry of a lower class always leaves before one of a higher class, however recently it was
/// used, as long as it may leave at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(pub u8);

impl Priority {
    /// The class that leaves first.
    pub const LOWEST: Self = Self(0);
    /// The class that leaves last.
    pub const HIGHEST: Self = Self(u8::MAX);

    /// Wraps the number.
    pub const fn new(value: u8) -> Self {
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    /// The middle class, 128.
    fn default() -> Self {
        Self(128)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The caller's time: this crate reads no clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Now {
    /// The pass that is under way.
    pub tick: Tick,
    /// The newest frame that was begun.
    pub frame: Frame,
}

impl Now {
    /// Puts a tick and a frame together.
    pub const fn new(tick: u64, frame: u64) -> Self {
        Self {
            tick: Tick(tick),
            frame: Frame(frame),
        }
    }
}
