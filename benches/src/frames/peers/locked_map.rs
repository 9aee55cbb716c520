//! A hash map behind a lock, locked at each lookup or once in a frame.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use crate::frames::place::{Change, Key, Place};
use crate::frames::tables::{Reader, Table};

type Map<S> = HashMap<u64, Place, S>;
type Shared<S> = Arc<RwLock<Map<S>>>;

/// When a reader locks.
pub trait Habit: Send + 'static {
    /// The name in the tables.
    const NAME: &'static str;
    /// Hashes the keys.
    type Hasher: BuildHasher + Send + Sync + 'static;
    /// What a frame holds.
    type Frame<'a>;
    /// A map's hasher.
    fn hasher() -> Self::Hasher;
    /// Begins a frame.
    fn begin(map: &Shared<Self::Hasher>) -> Self::Frame<'_>;
    /// Looks up in it.
    fn get(frame: &Self::Frame<'_>, key: Key) -> Option<Place>;
}

/// A map behind a lock.
#[derive(Debug)]
pub struct LockedMap<H: Habit> {
    map: Shared<H::Hasher>,
}

impl<H: Habit> Table for LockedMap<H> {
    const NAME: &'static str = H::NAME;
    type Reader = MapReader<H>;

    fn new(places: &[Place]) -> Self {
        let mut map = Map::with_capacity_and_hasher(places.len(), H::hasher());
        for (index, place) in (0_u32..).zip(places) {
            let generation = place.generation;
            map.insert(Key { index, generation }.bits(), *place);
        }
        Self {
            map: Arc::new(RwLock::new(map)),
        }
    }

    fn publish(&mut self, changes: &[Change]) {
        let mut map = self.map.write().expect("no holder panics");
        for change in changes {
            map.insert(change.key.bits(), change.place);
        }
    }

    fn reader(&self) -> Self::Reader {
        MapReader {
            map: Arc::clone(&self.map),
            habit: PhantomData,
        }
    }
}

/// Reads a map behind a lock.
#[derive(Debug)]
pub struct MapReader<H: Habit> {
    map: Shared<H::Hasher>,
    habit: PhantomData<H>,
}

impl<H: Habit> Reader for MapReader<H> {
    type Frame<'a> = H::Frame<'a>;

    fn begin(&self) -> Self::Frame<'_> {
        H::begin(&self.map)
    }

    #[inline]
    fn get(&self, frame: &Self::Frame<'_>, key: Key) -> Option<Place> {
        H::get(frame, key)
    }
}

/// Locks at each lookup, hashes as the standard library does.
#[derive(Debug)]
pub struct LookupLock;

impl Habit for LookupLock {
    const NAME: &'static str = "rwlock-hashmap";
    type Hasher = RandomState;
    type Frame<'a> = &'a RwLock<Map<Self::Hasher>>;

    fn hasher() -> Self::Hasher {
        RandomState::new()
    }

    fn begin(map: &Shared<Self::Hasher>) -> Self::Frame<'_> {
        map
    }

    #[inline]
    fn get(frame: &Self::Frame<'_>, key: Key) -> Option<Place> {
        let map = frame.read().expect("no holder panics");
        map.get(&key.bits()).copied()
    }
}

/// Locks at each lookup, with a fast hash.
#[derive(Debug)]
pub struct AhashLookupLock;

impl Habit for AhashLookupLock {
    const NAME: &'static str = "rwlock-hashmap-ahash";
    type Hasher = ahash::RandomState;
    type Frame<'a> = &'a RwLock<Map<Self::Hasher>>;

    fn hasher() -> Self::Hasher {
        ahash::RandomState::with_seeds(1, 2, 3, 4)
    }

    fn begin(map: &Shared<Self::Hasher>) -> Self::Frame<'_> {
        map
    }

    #[inline]
    fn get(frame: &Self::Frame<'_>, key: Key) -> Option<Place> {
        let map = frame.read().expect("no holder panics");
        map.get(&key.bits()).copied()
    }
}

/// Locks once in a frame: the writer waits for its end.
#[derive(Debug)]
pub struct FrameLock;

impl Habit for FrameLock {
    const NAME: &'static str = "rwlock-hashmap-frame";
    type Hasher = RandomState;
    type Frame<'a> = RwLockReadGuard<'a, Map<Self::Hasher>>;

    fn hasher() -> Self::Hasher {
        RandomState::new()
    }

    fn begin(map: &Shared<Self::Hasher>) -> Self::Frame<'_> {
        map.read().expect("no holder panics")
    }

    #[inline]
    fn get(frame: &Self::Frame<'_>, key: Key) -> Option<Place> {
        frame.get(&key.bits()).copied()
    }
}

/// `RwLock<HashMap>`, locked at each lookup.
pub type PerLookup = LockedMap<LookupLock>;
/// The same with ahash.
pub type AhashPerLookup = LockedMap<AhashLookupLock>;
/// `RwLock<HashMap>`, locked once in a frame.
pub type PerFrame = LockedMap<FrameLock>;
