//! Two tables behind a lock, and a reference count for each block that every draw increments.

use std::mem;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use crate::frames::place::{Change, Key, Place};
use crate::frames::tables::{Reader, Table};

/// The writer changes the table behind, then swaps both under the lock; what it changed it does
/// again to the other table with the next version. Counts are taken off when the GPU is done with a
/// frame, which is not counted against it here.
#[derive(Debug)]
pub struct DoubleBuffer {
    front: Arc<RwLock<Vec<Place>>>,
    uses: Arc<[AtomicU32]>,
    behind: Vec<Place>,
    /// What the table behind has missed.
    missed: Vec<Change>,
}

/// Reads the table in front.
#[derive(Debug)]
pub struct FrontReader {
    front: Arc<RwLock<Vec<Place>>>,
    uses: Arc<[AtomicU32]>,
}

impl Table for DoubleBuffer {
    const NAME: &'static str = "double-buffer-refcount";
    type Reader = FrontReader;

    fn new(places: &[Place]) -> Self {
        Self {
            front: Arc::new(RwLock::new(places.to_vec())),
            uses: places.iter().map(|_| AtomicU32::new(0)).collect(),
            behind: places.to_vec(),
            missed: Vec::new(),
        }
    }

    fn publish(&mut self, changes: &[Change]) {
        for change in self.missed.iter().chain(changes) {
            self.behind[change.key.index as usize] = change.place;
        }
        let mut front = self.front.write().expect("no holder panics");
        mem::swap(&mut *front, &mut self.behind);
        drop(front);
        self.missed.clear();
        self.missed.extend_from_slice(changes);
    }

    fn reader(&self) -> Self::Reader {
        FrontReader {
            front: Arc::clone(&self.front),
            uses: Arc::clone(&self.uses),
        }
    }
}

impl Reader for FrontReader {
    type Frame<'a> = RwLockReadGuard<'a, Vec<Place>>;

    fn begin(&self) -> Self::Frame<'_> {
        self.front.read().expect("no holder panics")
    }

    #[inline]
    fn get(&self, frame: &Self::Frame<'_>, key: Key) -> Option<Place> {
        let place = frame.get(key.index as usize)?.checked(key)?;
        self.uses[key.index as usize].fetch_add(1, Ordering::Relaxed);
        Some(place)
    }
}
