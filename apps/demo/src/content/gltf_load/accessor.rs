//! Reading accessors. Every range is checked before a byte is read, because the crate's own readers
//! panic on ranges outside their buffers.

use super::file::File;
use super::{Fault, broken, unsupported};
use gltf::Accessor;
use gltf::accessor::{DataType, Dimensions};

/// The elements of an accessor as `N` numbers each; what an element lacks is taken from `missing`.
/// Whole numbers are taken as parts of their type's largest when the accessor says so.
pub(super) fn floats<const N: usize>(
    file: &File,
    accessor: &Accessor,
    what: &str,
    missing: [f32; N],
) -> Result<Vec<[f32; N]>, Fault> {
    let (width, normalised) = (accessor.data_type().size(), accessor.normalized());
    let parts = accessor.dimensions().multiplicity();
    let data_type = accessor.data_type();
    let is_vector = matches!(
        accessor.dimensions(),
        Dimensions::Vec2 | Dimensions::Vec3 | Dimensions::Vec4
    );
    // Only a colour may leave out its last number.
    if !is_vector || (parts != N && (N != 4 || parts != 3)) {
        return broken(format!("{what} of {:?}", accessor.dimensions()));
    }
    if data_type != DataType::F32 && !normalised {
        return unsupported(format!("{what} in {data_type:?} that is not normalised"));
    }
    elements(file, accessor, what, |bytes| {
        let mut values = missing;
        for (value, part) in values.iter_mut().zip(bytes.chunks_exact(width)).take(parts) {
            *value = number(data_type, part);
        }
        values
    })
}

/// One number of any type; whole numbers are normalised as the specification says.
fn number(data_type: DataType, bytes: &[u8]) -> f32 {
    match (data_type, bytes) {
        (DataType::I8, &[a]) => (f32::from(a.cast_signed()) / 127.0).max(-1.0),
        (DataType::U8, &[a]) => f32::from(a) / 255.0,
        (DataType::I16, &[a, b]) => (f32::from(i16::from_le_bytes([a, b])) / 32_767.0).max(-1.0),
        (DataType::U16, &[a, b]) => f32::from(u16::from_le_bytes([a, b])) / 65_535.0,
        (DataType::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
        // Only indices may be U32; as a part of its largest it would be just that.
        (_, bytes) => bytes
            .iter()
            .rev()
            .fold(0.0, |sum, b| (sum + f32::from(*b)) / 256.0),
    }
}

/// The elements of a scalar accessor of indices.
pub(super) fn indices(file: &File, accessor: &Accessor) -> Result<Vec<u32>, Fault> {
    let unsigned = matches!(
        accessor.data_type(),
        DataType::U8 | DataType::U16 | DataType::U32
    );
    if !unsigned || accessor.dimensions() != Dimensions::Scalar {
        return broken(format!("indices are {:?}", accessor.data_type()));
    }
    elements(file, accessor, "indices", |bytes| {
        bytes
            .iter()
            .rev()
            .fold(0, |value, byte| (value << 8) | u32::from(*byte))
    })
}

/// Reads each element of an accessor after checking that all lie in its view.
fn elements<T>(
    file: &File,
    accessor: &Accessor,
    what: &str,
    read: impl Fn(&[u8]) -> T,
) -> Result<Vec<T>, Fault> {
    if accessor.sparse().is_some() {
        return unsupported(format!("{what} in a sparse accessor"));
    }
    let Some(view) = accessor.view() else {
        return unsupported(format!("{what} in an accessor without a buffer view"));
    };
    let bytes = file.view(&view)?;
    let (size, count) = (accessor.size(), accessor.count());
    let stride = view.stride().unwrap_or(size);
    if stride < size {
        return broken(format!(
            "{what}: a stride of {stride} bytes for elements of {size}"
        ));
    }
    let end = count
        .checked_sub(1)
        .map_or(Some(0), |last| {
            last.checked_mul(stride).and_then(|n| n.checked_add(size))
        })
        .and_then(|n| n.checked_add(accessor.offset()));
    if end.is_none_or(|end| end > bytes.len()) {
        return broken(format!(
            "{what}: accessor {} reads {count} elements of {stride} bytes from {}, its view has {}",
            accessor.index(),
            accessor.offset(),
            bytes.len()
        ));
    }
    let start = |i: usize| accessor.offset() + i * stride;
    Ok((0..count)
        .map(|i| read(&bytes[start(i)..start(i) + size]))
        .collect())
}
