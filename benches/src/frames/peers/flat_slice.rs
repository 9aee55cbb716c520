//! The limit: one flat slice, written in place, with the generation compared.

use std::sync::{Arc, RwLock};

use crate::frames::place::{Change, Key, Place};
use crate::frames::tables::{Reader, Table};

/// A slice that nobody guards. Readers get a snapshot as of when they were made, since safe code
/// cannot read what another thread writes; so it takes no part where both work at once.
#[derive(Debug)]
pub struct FlatSlice {
    places: Vec<Place>,
    /// What readers share, made when the first of them is.
    snapshot: RwLock<Option<Arc<[Place]>>>,
}

impl Table for FlatSlice {
    const NAME: &'static str = "flat-slice";
    const IS_SHARED: bool = false;
    type Reader = Arc<[Place]>;

    fn new(places: &[Place]) -> Self {
        Self {
            places: places.to_vec(),
            snapshot: RwLock::default(),
        }
    }

    fn publish(&mut self, changes: &[Change]) {
        for change in changes {
            self.places[change.key.index as usize] = change.place;
        }
        if let Ok(snapshot) = self.snapshot.get_mut() {
            *snapshot = None;
        }
    }

    fn reader(&self) -> Self::Reader {
        let mut snapshot = self.snapshot.write().expect("no holder panics");
        let places = snapshot.get_or_insert_with(|| self.places.as_slice().into());
        Arc::clone(places)
    }
}

impl Reader for Arc<[Place]> {
    type Frame<'a> = &'a [Place];

    fn begin(&self) -> Self::Frame<'_> {
        self
    }

    #[inline]
    fn get(&self, frame: &Self::Frame<'_>, key: Key) -> Option<Place> {
        frame.get(key.index as usize)?.checked(key)
    }
}
