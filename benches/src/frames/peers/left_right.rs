//! The crate `left-right`: two tables, and a writer that waits for the readers of one of them.

use ::left_right::{Absorb, ReadGuard, ReadHandle, WriteHandle, new_from_empty};

use crate::frames::place::{Change, Key, Place};
use crate::frames::tables::{Reader, Table};

/// A table of which `left-right` keeps two.
#[derive(Clone, Debug)]
pub struct Places(Vec<Place>);

impl Absorb<Change> for Places {
    fn absorb_first(&mut self, change: &mut Change, _: &Self) {
        self.0[change.key.index as usize] = change.place;
    }

    fn sync_with(&mut self, first: &Self) {
        self.0.clone_from(&first.0);
    }
}

/// The writer.
#[derive(Debug)]
pub struct LeftRight(WriteHandle<Places, Change>);

impl Table for LeftRight {
    const NAME: &'static str = "left-right";
    type Reader = ReadHandle<Places>;

    fn new(places: &[Place]) -> Self {
        let (mut writer, _reader) = new_from_empty(Places(places.to_vec()));
        // Until the first of these there is only one table, and operations are carried out at once.
        writer.publish();
        Self(writer)
    }

    fn publish(&mut self, changes: &[Change]) {
        self.0.extend(changes.iter().copied());
        self.0.publish();
    }

    fn reader(&self) -> Self::Reader {
        ReadHandle::clone(&self.0)
    }
}

impl Reader for ReadHandle<Places> {
    type Frame<'a> = ReadGuard<'a, Places>;

    fn begin(&self) -> Self::Frame<'_> {
        self.enter()
            .expect("the writer outlives its readers' frames")
    }

    #[inline]
    fn get(&self, frame: &Self::Frame<'_>, key: Key) -> Option<Place> {
        frame.0.get(key.index as usize)?.checked(key)
    }
}
