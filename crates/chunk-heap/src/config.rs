//! What a heap is set up with.

use core::fmt;

use geoheap_suballoc::{ByteLen, Space};

use crate::chunk::Lifetime;
use crate::kind::WORD_BYTES;

/// A spare chunk is wanted when less than this part of a chunk is free: one in so many.
const SPARE_SHARE: u64 = 4;

/// Sizes and rhythm of a heap. All lengths are in bytes. [`HeapConfig::with_chunk_bytes`] makes the
/// others fit chunks of another size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeapConfig {
    /// Capacity of a dynamic chunk. The default is 4 KiB short of 16 MiB: wgpu pads vertex buffers
    /// by 4 bytes, and drivers cut buffers out of power-of-two blocks of memory, so that four
    /// buffers of the full 16 MiB do not fit one of 64 MiB.
    pub chunk_bytes: ByteLen,
    /// Capacity of a chunk for long-lived blocks.
    pub long_lived_chunk_bytes: ByteLen,
    /// All ranges start at and take up a multiple of this.
    pub unit_bytes: ByteLen,
    /// A block longer than this, both in whole units, gets a dedicated buffer. For long-lived
    /// blocks half their chunk's capacity counts if that is less.
    pub dedicated_above_bytes: ByteLen,
    /// A dedicated buffer's capacity is rounded up to a multiple of this.
    pub dedicated_granule_bytes: ByteLen,
    /// The device's limit for one buffer.
    pub buffer_bytes_max: ByteLen,
    /// Empty dynamic chunks that are kept ready in a heap that is not small.
    pub spare_chunks: u32,
    /// A spare chunk is wanted ahead of need when less room than this is free in the dynamic
    /// chunks that take placements, and kept while the others have less than twice as much. The
    /// default is a quarter of a chunk: what comes in while a buffer is made, and in a heap of few
    /// chunks much less than a spare that is always there.
    pub spare_below_bytes: ByteLen,
    /// For how long an empty chunk stays before it is closed.
    pub keep_empty_ticks: u64,
    /// A heap of at most this many dynamic chunks is small: it keeps and wants no spare.
    pub small_heap_chunks: u32,
    /// Whether a chunk holds blocks of one class only (see [`Request::class`]).
    ///
    /// [`Request::class`]: crate::Request::class
    pub split_by_kind: bool,
}

impl Default for HeapConfig {
    fn default() -> Self {
        let chunk_bytes = ByteLen::new((16 << 20) - 4096);
        Self {
            chunk_bytes,
            long_lived_chunk_bytes: ByteLen::new((4 << 20) - 4096),
            unit_bytes: ByteLen::new(16),
            dedicated_above_bytes: ByteLen::new(chunk_bytes.get() / 2),
            dedicated_granule_bytes: ByteLen::from_kib(64),
            buffer_bytes_max: ByteLen::from_mib(256),
            spare_chunks: 1,
            spare_below_bytes: ByteLen::new(chunk_bytes.get() / SPARE_SHARE),
            keep_empty_ticks: 120,
            small_heap_chunks: 2,
            split_by_kind: false,
        }
    }
}

/// Why a configuration was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The unit is zero or no multiple of the 4 bytes that GPU copies move.
    BadUnit {
        /// The unit given.
        unit_bytes: ByteLen,
    },
    /// A length is less than it can be.
    TooSmall {
        /// The field's name.
        field: &'static str,
        /// What it is.
        value: ByteLen,
        /// The least it can be.
        min: ByteLen,
    },
    /// A length is more than it can be.
    TooLarge {
        /// The field's name.
        field: &'static str,
        /// What it is.
        value: ByteLen,
        /// The most it can be.
        max: ByteLen,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadUnit { unit_bytes } => {
                write!(
                    f,
                    "unit_bytes = {unit_bytes} is no multiple of {WORD_BYTES}"
                )
            }
            Self::TooSmall { field, value, min } => {
                write!(f, "{field} = {value} is less than {min}")
            }
            Self::TooLarge { field, value, max } => {
                write!(f, "{field} = {value} is more than {max}")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

impl HeapConfig {
    /// The default with dynamic chunks of `chunk_bytes`, and with what follows from that: blocks
    /// above half of it get dedicated buffers, a spare is wanted when less than a quarter of a
    /// chunk is free, and chunks for long-lived blocks are no larger.
    #[must_use]
    pub fn with_chunk_bytes(chunk_bytes: ByteLen) -> Self {
        let default = Self::default();
        Self {
            chunk_bytes,
            long_lived_chunk_bytes: default.long_lived_chunk_bytes.min(chunk_bytes),
            dedicated_above_bytes: ByteLen::new(chunk_bytes.get() / 2),
            spare_below_bytes: ByteLen::new(chunk_bytes.get() / SPARE_SHARE),
            ..default
        }
    }

    /// Checks that all fields go together.
    ///
    /// # Errors
    /// [`ConfigError`] names the field, its value and the limit.
    pub fn check(&self) -> Result<(), ConfigError> {
        let unit = self.unit_bytes;
        if unit == ByteLen::ZERO || !unit.get().is_multiple_of(WORD_BYTES) {
            return Err(ConfigError::BadUnit { unit_bytes: unit });
        }
        let at_least = |field, value, min| {
            if value < min {
                Err(ConfigError::TooSmall { field, value, min })
            } else {
                Ok(())
            }
        };
        let at_most = |field, value, max| {
            if value > max {
                Err(ConfigError::TooLarge { field, value, max })
            } else {
                Ok(())
            }
        };
        at_least("chunk_bytes", self.chunk_bytes, unit)?;
        at_least("long_lived_chunk_bytes", self.long_lived_chunk_bytes, unit)?;
        at_least(
            "dedicated_granule_bytes",
            self.dedicated_granule_bytes,
            ByteLen::new(1),
        )?;
        let max = self.block_max();
        at_most("chunk_bytes", self.floor(self.chunk_bytes), max)?;
        let long_lived = self.floor(self.long_lived_chunk_bytes);
        at_most("long_lived_chunk_bytes", long_lived, max)?;
        at_most(
            "dedicated_above_bytes",
            self.dedicated_above_bytes,
            self.chunk_capacity(),
        )
    }

    /// Capacity of a dynamic chunk, in whole units.
    fn chunk_capacity(&self) -> ByteLen {
        self.floor(self.chunk_bytes)
    }

    /// Capacity of an ordinary chunk of a lifetime.
    pub(crate) fn capacity(&self, lifetime: Lifetime) -> ByteLen {
        match lifetime {
            Lifetime::Dynamic => self.chunk_capacity(),
            Lifetime::LongLived => self.floor(self.long_lived_chunk_bytes),
        }
    }

    /// Whether a block of `len` bytes gets a buffer of its own. It is its length in whole units
    /// that counts, as the heap keeps no other: a range is judged as its request was.
    pub fn is_dedicated(&self, len: ByteLen, lifetime: Lifetime) -> bool {
        let above = self.dedicated_above_bytes;
        let above = match lifetime {
            Lifetime::Dynamic => above,
            Lifetime::LongLived => above.min(ByteLen::new(self.long_lived_chunk_bytes.get() / 2)),
        };
        self.ceil(len) > self.ceil(above)
    }

    /// Capacity of the dedicated buffer for a block of `len` bytes (in whole units).
    pub(crate) fn dedicated_capacity(&self, len: ByteLen) -> ByteLen {
        let granule = self.dedicated_granule_bytes.get();
        let rounded = len
            .get()
            .checked_next_multiple_of(granule)
            .unwrap_or(u64::MAX);
        self.ceil(ByteLen::new(rounded))
            .min(self.block_max())
            .max(len)
    }

    /// The longest block, and the largest chunk, there can be: lengths are kept as a `u32` of
    /// units, which is 64 GiB for units of 16 bytes.
    pub(crate) fn block_max(&self) -> ByteLen {
        let counted = self.unit_bytes.get().saturating_mul(u64::from(u32::MAX));
        let max = self.buffer_bytes_max.min(ByteLen::new(counted));
        self.floor(max.min(Space::CAPACITY_MAX))
    }

    /// `len` rounded down to whole units.
    pub(crate) fn floor(&self, len: ByteLen) -> ByteLen {
        ByteLen::new(len.get() - len.get() % self.unit_bytes.get())
    }

    /// `len` rounded up to whole units, or the largest multiple that 64 bits hold.
    pub(crate) fn ceil(&self, len: ByteLen) -> ByteLen {
        let up = len.get().checked_next_multiple_of(self.unit_bytes.get());
        up.map_or_else(|| self.floor(ByteLen::new(u64::MAX)), ByteLen::new)
    }
}
