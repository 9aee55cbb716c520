//! Strides that nobody gave, and bytes shared out among parts.

use smallvec::{SmallVec, smallvec};

use crate::error::Problem;
use crate::event::{Kind, Part};

/// Bytes of an index of a mesh.
const MESH_INDEX_BYTES: u32 = 2;

impl Part {
    /// A part of whose alignment and stride nothing is said.
    pub fn new(kind: Kind, bytes: u64) -> Self {
        Self {
            bytes,
            kind,
            align: 1,
            stride: 0,
        }
    }

    /// The same, with a stride.
    #[must_use]
    pub fn stride(self, stride: u32) -> Self {
        Self { stride, ..self }
    }

    /// The stride that a heap takes: the one that was given; where none was, 1 for vertices (they
    /// start at a multiple of 4 bytes all the same), 2 for indices, and none, 0, for the rest.
    /// The part's length, now and after each update, is a multiple of it.
    pub fn stride_or_default(&self) -> u32 {
        match (self.stride, self.kind) {
            (0, Kind::Vertex | Kind::Mesh) => 1,
            (0, Kind::Index) => 2,
            (stride, _) => stride,
        }
    }

    /// The two parts of a mesh: vertices, and about a tenth of the bytes as 16-bit indices.
    ///
    /// The vertices get the most whole strides within nine tenths of the bytes, at least one, or
    /// one stride fewer or more where that makes the rest even. Without a stride (0) they get a
    /// multiple of 4 if the bytes are even and at least 6, else any length. `None` where there is
    /// no such division: below 3 bytes, or with strides that leave no even rest.
    pub fn mesh(bytes: u64, align: u32, stride: u32) -> Option<SmallVec<[Self; 2]>> {
        let step = match stride {
            0 if bytes.is_multiple_of(2) && bytes >= 6 => 4,
            0 => 1,
            stride => u64::from(stride),
        };
        let most = bytes.checked_sub(MESH_INDEX_BYTES.into())? / step;
        let wanted = ((bytes - bytes / 10) / step).min(most).max(1);
        let vertices = [wanted, wanted - 1, wanted + 1]
            .into_iter()
            .filter(|count| (1..=most).contains(count))
            .map(|count| count * step)
            .find(|vertices| (bytes - vertices).is_multiple_of(MESH_INDEX_BYTES.into()))?;
        let vertex_part = Self {
            align,
            ..Self::new(Kind::Vertex, vertices).stride(stride)
        };
        let index_part = Self::new(Kind::Index, bytes - vertices).stride(MESH_INDEX_BYTES);
        Some(smallvec![vertex_part, index_part])
    }

    /// Whether a heap takes it.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        check_len(self.bytes, self.stride_or_default())
    }
}

/// Whether a part of that stride may have that length.
pub(crate) fn check_len(bytes: u64, stride: u32) -> Result<(), Problem> {
    if stride == 0 || bytes.is_multiple_of(stride.into()) {
        Ok(())
    } else {
        Err(Problem::NotAMultiple { bytes, stride })
    }
}

/// A part's length and the step in which it may change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) bytes: u64,
    /// At least 1.
    pub(crate) step: u64,
}

/// `bytes` for parts that have had other lengths together: each in proportion, rounded down to
/// whole steps, at least one, and what is left to the last part that can take it. Where none can,
/// the first part gives up one more step. The same total leaves all as it is. `None` where that
/// fails too.
pub(crate) fn share_out(bytes: u64, shares: &[Share]) -> Option<SmallVec<[u64; 2]>> {
    let old: u128 = shares.iter().map(|share| u128::from(share.bytes)).sum();
    if old == u128::from(bytes) {
        return Some(shares.iter().map(|share| share.bytes).collect());
    }
    let mut lens: SmallVec<[u64; 2]> = shares
        .iter()
        .map(|share| {
            let len = u128::from(bytes) * u128::from(share.bytes) / old.max(1);
            let len = u64::try_from(len).unwrap_or(bytes);
            (len - len % share.step).max(share.step)
        })
        .collect();
    if settle(bytes, &mut lens, shares) {
        return Some(lens);
    }
    let first = lens.first_mut()?;
    *first = first.checked_sub(shares[0].step).filter(|&len| len > 0)?;
    settle(bytes, &mut lens, shares).then_some(lens)
}

/// Gives the last part that can take it what is left of `bytes`, or takes what is too much.
fn settle(bytes: u64, lens: &mut [u64], shares: &[Share]) -> bool {
    let sum: u128 = lens.iter().map(|&len| u128::from(len)).sum();
    for (len, share) in lens.iter_mut().zip(shares).rev() {
        let others = sum - u128::from(*len);
        let rest = u128::from(bytes).checked_sub(others);
        let rest = rest.and_then(|rest| u64::try_from(rest).ok());
        if let Some(rest) = rest.filter(|rest| *rest > 0 && rest.is_multiple_of(share.step)) {
            *len = rest;
            return true;
        }
    }
    false
}
