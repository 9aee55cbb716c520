//! What a table of places can do, whoever keeps it: publish versions, and serve frames.
//!
//! [`Table`], [`Reader`] and its frame are what a peer implements; [`Seat`] is how the workloads
//! see one reader of it, without knowing which.

use std::hint::black_box;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::place::{Change, Key, Place};

/// The writer's side of a table.
pub trait Table: Send + Sized + 'static {
    /// The name in the tables.
    const NAME: &'static str;
    /// The readers' side; `None` from [`Table::reader`] where nobody may read beside the writer.
    type Reader: Reader;

    /// A table of these places, in the order of their indices, in its first version.
    fn new(places: &[Place]) -> Self;

    /// Makes the next version.
    fn publish(&mut self, changes: &[Change]);

    /// A reader, on any thread.
    fn reader(&self) -> Self::Reader;

    /// Whether readers may read while the writer publishes.
    const IS_SHARED: bool = true;
}

/// Begins frames.
pub trait Reader: Send + 'static {
    /// A frame's view of the table.
    type Frame<'a>;

    /// Begins a frame.
    fn begin(&self) -> Self::Frame<'_>;

    /// Where a block lies in the frame's version; `None` for a stale name.
    fn get(&self, frame: &Self::Frame<'_>, key: Key) -> Option<Place>;
}

/// What a frame came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How long it took to begin.
    pub begin: Duration,
    /// The sum of the [digests](Place::digest) of all that it looked up.
    pub digest: u64,
}

/// One reader with the names it looks up.
pub trait Seat: Send {
    /// Sets what is looked up.
    fn prepare(&mut self, keys: Vec<Key>);

    /// One frame: begins, looks up the keys of this range, and ends.
    fn frame(&mut self, range: Range<usize>) -> Frame;
}

/// The seat at a [`Table`].
#[derive(Debug)]
pub struct TableSeat<R> {
    reader: R,
    keys: Vec<Key>,
}

impl<R: Reader> Seat for TableSeat<R> {
    fn prepare(&mut self, keys: Vec<Key>) {
        self.keys = keys;
    }

    fn frame(&mut self, range: Range<usize>) -> Frame {
        let start = Instant::now();
        let frame = black_box(self.reader.begin());
        let begin = start.elapsed();
        let keys = &self.keys[range];
        let found = keys.iter().filter_map(|key| self.reader.get(&frame, *key));
        let digest = found.fold(0, |sum: u64, place| sum.wrapping_add(place.digest()));
        Frame { begin, digest }
    }
}

/// A table of any type that takes part.
pub trait Entrant: Send {
    /// The name in the tables.
    fn name(&self) -> &'static str;

    /// A reader; `None` where nobody may read beside the writer and `is_beside` is set.
    fn seat(&self, is_beside: bool) -> Option<Box<dyn Seat>>;

    /// Makes the next version.
    fn publish(&mut self, changes: &[Change]);
}

impl<T: Table> Entrant for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn seat(&self, is_beside: bool) -> Option<Box<dyn Seat>> {
        let seat = || -> Box<dyn Seat> {
            Box::new(TableSeat {
                reader: self.reader(),
                keys: Vec::new(),
            })
        };
        (T::IS_SHARED || !is_beside).then(seat)
    }

    fn publish(&mut self, changes: &[Change]) {
        Table::publish(self, changes);
    }
}

/// Makes an entrant of the places.
pub type Enter = fn(&[Place]) -> Box<dyn Entrant>;

/// The function that enters the table `T`.
pub fn enter<T: Table>(places: &[Place]) -> Box<dyn Entrant> {
    Box::new(T::new(places))
}
