//! Generational handles and the one place that reads their bits.

use core::fmt;

use slotmap::{DefaultKey, Key, KeyData};

/// Names one block for as long as it lives, wherever its bytes lie.
///
/// A handle is a slot index and a generation. The index says where in a published version the
/// block's placement stands; the generation tells this block from every other that had or will
/// have the same slot (R7). Handles are plain values: copy them, send them, keep them in tables.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(DefaultKey);

impl Handle {
    /// Wraps a key of the engine's slot map.
    pub(crate) const fn from_key(key: DefaultKey) -> Self {
        Self(key)
    }

    /// The handle of a slot's tenant.
    pub(crate) fn of(index: u32, generation: u32) -> Self {
        Self::from_bits(u64::from(generation) << 32 | u64::from(index))
    }

    /// The slot map's key.
    pub(crate) const fn key(self) -> DefaultKey {
        self.0
    }

    /// The slot of this handle in every published version.
    pub fn index(self) -> u32 {
        split(self.0.data().as_ffi()).0
    }

    /// How often the slot was taken and given back before, as slotmap counts it: odd while a
    /// block lives, so that the next even number marks its slot as vacant.
    pub fn generation(self) -> u32 {
        split(self.0.data().as_ffi()).1
    }

    /// The handle as one number, for logs and for tables of the caller's own.
    pub fn to_bits(self) -> u64 {
        self.0.data().as_ffi()
    }

    /// The handle that [`Handle::to_bits`] gave. Any number is safe: one that names no block
    /// resolves to nothing.
    pub fn from_bits(bits: u64) -> Self {
        Self(DefaultKey::from(KeyData::from_ffi(bits)))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({}v{})", self.index(), self.generation())
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}v{}", self.index(), self.generation())
    }
}

/// Splits slotmap's key number into index and generation.
///
/// slotmap does not promise this layout, so nothing else may read the bits, and a test compares
/// the result with what a slot map really does.
#[expect(
    clippy::cast_possible_truncation,
    reason = "each half of the number is 32 bits"
)]
const fn split(bits: u64) -> (u32, u32) {
    (bits as u32, (bits >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use slotmap::SlotMap;

    use super::*;

    #[test]
    fn bits_are_index_and_generation_of_a_real_slot_map() {
        let mut map: SlotMap<DefaultKey, ()> = SlotMap::new();
        let keys: Vec<_> = (0..4).map(|_| map.insert(())).collect();
        for (nth, key) in keys.iter().enumerate() {
            let handle = Handle::from_key(*key);
            assert_eq!(
                handle.index() as usize,
                nth + 1,
                "slotmap keeps slot 0 for itself"
            );
            assert_eq!(handle.generation(), 1, "a first tenant has generation 1");
        }
        for round in 1..5 {
            map.remove(keys[2]);
            map.remove(Handle::from_bits(u64::MAX).key());
            let last = map.keys().max().expect("three keys stay");
            let again = Handle::from_key(map.insert(()));
            if again.index() == Handle::from_key(keys[2]).index() {
                assert_eq!(again.generation(), 1 + 2 * round, "reuse adds two");
                assert!(!map.contains_key(keys[2]), "R7: the old key stays dead");
            }
            assert!(map.contains_key(last), "other keys are untouched");
            map.remove(again.key());
        }
    }

    #[test]
    fn a_number_goes_round() {
        let mut map: SlotMap<DefaultKey, ()> = SlotMap::new();
        let handle = Handle::from_key(map.insert(()));
        assert_eq!(
            Handle::from_bits(handle.to_bits()),
            handle,
            "bits name the same block"
        );
        assert_eq!(format!("{handle:?}"), "Handle(1v1)", "readable in logs");
    }
}
