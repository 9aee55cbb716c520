//! The kinds of parts: one row a kind, with its name and its alignment rule.

use core::fmt;

use geoheap_suballoc::{Align, ByteLen};

use crate::layout::{LayoutError, PartSpec};

/// GPU copies move whole words: every part starts at and takes up a multiple of this many bytes.
pub const WORD_BYTES: u64 = 4;

/// The alignment of a word.
pub(crate) fn word_align() -> Align {
    Align::new(WORD_BYTES).unwrap_or(Align::ONE)
}

/// The type of a part: an index into a [`KindTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindId(u8);

impl KindId {
    /// Interleaved vertices; start at a multiple of their stride, so that `base_vertex` reaches
    /// them in a chunk that is bound once.
    pub const VERTEX: Self = Self(0);
    /// 16-bit or 32-bit indices.
    pub const INDEX: Self = Self(1);
    /// Shader constants bound as a uniform buffer.
    pub const UNIFORM: Self = Self(2);
    /// Data bound as a storage buffer.
    pub const STORAGE: Self = Self(3);

    /// The kind in row `row`.
    pub const fn new(row: u8) -> Self {
        Self(row)
    }

    /// The row.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Where a part of a kind may start, and what lengths it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlignRule {
    /// At a multiple of the part's stride (and of 4 bytes); whole elements only.
    Stride,
    /// At a multiple of this (and of 4 bytes). A stride, where given, only checks the length.
    Fixed(Align),
    /// At a multiple of 4 bytes; the stride is the width of an index, 2 or 4 bytes.
    IndexWidth,
    /// At a multiple of the stride that the part is added with (and of 4 bytes), whatever its
    /// length: each part has an alignment of its own, and no stride once it is placed.
    PerPart,
}

/// One kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindRow {
    /// Unique in its table; for messages of the caller's own.
    pub name: &'static str,
    /// Where its parts may start.
    pub rule: AlignRule,
}

/// The kinds a program uses. Four are always there; further ones are pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindTable {
    rows: Vec<KindRow>,
}

/// Why a kind was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KindError {
    /// The table has no free row.
    TableFull {
        /// Rows there can be.
        max: usize,
    },
    /// A kind of that name is there.
    NameTaken {
        /// Its id.
        by: KindId,
    },
    /// A fixed alignment has no common multiple with 4 bytes that fits 64 bits.
    AlignmentTooLarge {
        /// The alignment asked for.
        align: Align,
    },
}

impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableFull { max } => write!(f, "the table of kinds is full at {max} rows"),
            Self::NameTaken { by } => write!(f, "kind {} has that name", by.get()),
            Self::AlignmentTooLarge { align } => {
                write!(
                    f,
                    "alignment {} cannot be made a multiple of 4 bytes",
                    align.get()
                )
            }
        }
    }
}

impl core::error::Error for KindError {}

impl KindTable {
    /// Rows there can be.
    pub const ROWS_MAX: usize = 256;

    /// The four standard kinds, with the device's limits for uniform and storage bindings
    /// (`min_uniform_buffer_offset_alignment`, `min_storage_buffer_offset_alignment`).
    pub fn standard(uniform_align: Align, storage_align: Align) -> Self {
        let row = |name, rule| KindRow { name, rule };
        Self {
            rows: vec![
                row("vertex", AlignRule::Stride),
                row("index", AlignRule::IndexWidth),
                row("uniform", AlignRule::Fixed(uniform_align)),
                row("storage", AlignRule::Fixed(storage_align)),
            ],
        }
    }

    /// Adds a kind of the caller's own.
    ///
    /// # Errors
    /// [`KindError`] when the table is full, the name is taken, or the alignment is out of range;
    /// nothing is added then.
    pub fn push(&mut self, row: KindRow) -> Result<KindId, KindError> {
        if let Some(taken) = self.iter().find(|(_, r)| r.name == row.name) {
            return Err(KindError::NameTaken { by: taken.0 });
        }
        if let AlignRule::Fixed(align) = row.rule
            && align.lcm(word_align()).is_none()
        {
            return Err(KindError::AlignmentTooLarge { align });
        }
        let id = u8::try_from(self.rows.len()).map_err(|_| KindError::TableFull {
            max: Self::ROWS_MAX,
        })?;
        self.rows.push(row);
        Ok(KindId(id))
    }

    /// The row of a kind.
    pub fn get(&self, kind: KindId) -> Option<&KindRow> {
        self.rows.get(usize::from(kind.0))
    }

    /// All kinds, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (KindId, &KindRow)> {
        (0_u8..=u8::MAX).map(KindId).zip(&self.rows)
    }

    /// Bytes of one element of such a part, of which its length is a multiple; 0 where lengths are
    /// free, and for a kind that is not there.
    pub(crate) fn element_bytes(&self, spec: &PartSpec) -> u32 {
        match self.get(spec.kind).map(|row| row.rule) {
            None | Some(AlignRule::PerPart) => 0,
            Some(_) => spec.stride,
        }
    }

    /// Where a part of `spec` must start, its offset being counted from the start of its chunk.
    ///
    /// # Errors
    /// The spec is checked here: [`LayoutError::UnknownKind`], [`LayoutError::ZeroSize`],
    /// [`LayoutError::BadStride`], [`LayoutError::Misaligned`] or
    /// [`LayoutError::AlignmentTooLarge`] (only where no 64-bit alignment would do).
    pub fn align_of(&self, spec: &PartSpec) -> Result<Align, LayoutError> {
        let row = self
            .get(spec.kind)
            .ok_or(LayoutError::UnknownKind { kind: spec.kind })?;
        if spec.len == ByteLen::ZERO {
            return Err(LayoutError::ZeroSize);
        }
        let stride = u64::from(spec.stride);
        let element = u64::from(self.element_bytes(spec));
        let bad_stride = LayoutError::BadStride {
            kind: spec.kind,
            stride: spec.stride,
        };
        let base = match row.rule {
            AlignRule::Stride | AlignRule::PerPart => Align::new(stride).ok_or(bad_stride)?,
            AlignRule::IndexWidth if matches!(spec.stride, 2 | 4) => word_align(),
            AlignRule::IndexWidth => return Err(bad_stride),
            AlignRule::Fixed(align) => align,
        };
        if element != 0 && !spec.len.get().is_multiple_of(element) {
            return Err(LayoutError::Misaligned {
                len: spec.len,
                stride: spec.stride,
            });
        }
        base.lcm(word_align())
            .ok_or(LayoutError::AlignmentTooLarge {
                align: base.get(),
                max: u64::MAX,
            })
    }
}

#[cfg(test)]
mod tests;
