//! The contents that the engine keeps sharing with the caller, part by part.

use geoheap_chunk_heap::PartId;

use crate::payload::{Payload, ReloadFn, Source};

/// Retained contents of a block. Most blocks have one part, or two in one piece of memory each; the
/// first stands in the block's own books.
#[derive(Debug, Default)]
pub(crate) enum Retained {
    /// Nothing is retained.
    #[default]
    Nothing,
    /// One part.
    One(PartId, Payload),
    /// Two parts or more.
    Many(Box<[(PartId, Payload)]>),
    /// Nothing either: the callback makes it again.
    Callback(ReloadFn),
}

impl Retained {
    /// What a block of that source begins with.
    pub(crate) fn of(source: Source) -> Self {
        match source {
            Source::Reload(make) => Self::Callback(make),
            Source::Retained | Source::ReadBack | Source::None => Self::Nothing,
        }
    }

    /// The callback, if it is one.
    pub(crate) fn callback(&self) -> Option<&ReloadFn> {
        match self {
            Self::Callback(make) => Some(make),
            Self::Nothing | Self::One(..) | Self::Many(_) => None,
        }
    }

    /// A part's bytes.
    pub(crate) fn get(&self, part: PartId) -> Option<&Payload> {
        match self {
            Self::One(id, payload) if *id == part => Some(payload),
            Self::Many(all) => {
                let mut all = all.iter();
                all.find_map(|(id, payload)| (*id == part).then_some(payload))
            }
            Self::Nothing | Self::One(..) | Self::Callback(_) => None,
        }
    }

    /// Puts a part's bytes in place of older ones.
    pub(crate) fn put(&mut self, part: PartId, payload: Payload) {
        match self {
            Self::Nothing => *self = Self::One(part, payload),
            Self::Callback(_) => unreachable!("contents that are made again are not retained"),
            Self::One(id, old) if *id == part => *old = payload,
            Self::One(..) => {
                if let Self::One(id, old) = core::mem::take(self) {
                    *self = Self::Many(Box::new([(id, old), (part, payload)]));
                }
            }
            Self::Many(all) => {
                if let Some(entry) = all.iter_mut().find(|(id, _)| *id == part) {
                    entry.1 = payload;
                } else {
                    let mut more = core::mem::take(all).into_vec();
                    more.push((part, payload));
                    *all = more.into_boxed_slice();
                }
            }
        }
    }

    /// All of it, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PartId, &Payload)> + Clone {
        let (one, many) = match self {
            Self::Nothing | Self::Callback(_) => (None, &[][..]),
            Self::One(id, payload) => (Some((*id, payload)), &[][..]),
            Self::Many(all) => (None, &all[..]),
        };
        let many = many.iter().map(|(id, payload)| (*id, payload));
        one.into_iter().chain(many)
    }

    /// Lets all bytes go.
    pub(crate) fn clear(&mut self) {
        if self.callback().is_none() {
            *self = Self::Nothing;
        }
    }

    /// Lets a part's bytes go.
    pub(crate) fn remove(&mut self, part: PartId) {
        match self {
            Self::One(id, _) if *id == part => *self = Self::Nothing,
            Self::Many(all) => {
                let mut fewer = core::mem::take(all).into_vec();
                fewer.retain(|(id, _)| *id != part);
                *all = fewer.into_boxed_slice();
            }
            Self::Nothing | Self::One(..) | Self::Callback(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_newest_bytes() {
        let part = |index| PartId {
            index,
            generation: 1,
        };
        let mut retained = Retained::default();
        let check = |retained: &Retained, expected: [Option<u8>; 3]| {
            for (index, byte) in (0..).zip(expected) {
                let found = retained.get(part(index)).map(|payload| payload.bytes()[0]);
                assert_eq!(found, byte, "part {index} of {retained:?}");
            }
        };
        let bytes = |byte: u8| Payload::from(vec![byte]);
        check(&retained, [None; 3]);
        retained.put(part(0), bytes(1));
        retained.put(part(0), bytes(2));
        retained.remove(part(1));
        check(&retained, [Some(2), None, None]);
        retained.put(part(1), bytes(3));
        retained.put(part(2), bytes(4));
        retained.put(part(1), bytes(5));
        check(&retained, [Some(2), Some(5), Some(4)]);
        retained.remove(part(0));
        check(&retained, [None, Some(5), Some(4)]);
        retained.remove(part(1));
        retained.remove(part(2));
        check(&retained, [None; 3]);
    }
}
