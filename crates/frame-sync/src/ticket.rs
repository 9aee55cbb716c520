//! The readers' side: tickets that pin one version while a frame records.

use crate::bitmap::Words;
use crate::feed::Changes;
#[cfg(any(geoheap_loom, feature = "planted-bugs"))]
use crate::planted;
use crate::primitive::{Arc, AtomicBool, Ordering};
use crate::published::Front;
use crate::table::Published;
use crate::token::Hold;
use crate::usage::{Marks, Usage};
use crate::version::{DeviceEpoch, Version};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// Hands out tickets for the current version; cheap to clone, one for each thread that wants one.
///
/// ```
/// fn shareable<X: Send + Sync + Clone>() {}
/// shareable::<geoheap_frame_sync::Reader<u32, String, u32>>();
/// ```
pub struct Reader<S, E, T> {
    front: Arc<Front<Published<S, E, T>>>,
}

impl<S, E, T> Reader<S, E, T> {
    pub(crate) fn new(front: Arc<Front<Published<S, E, T>>>) -> Self {
        Self { front }
    }

    /// Pins the current version. Takes no lock and never waits for the publisher.
    ///
    /// The versions that one thread gets from calls in sequence never go down (rule R4). Between
    /// the loss of a device and the next publish the ticket is void.
    pub fn ticket(&self) -> Ticket<S, E, T> {
        Ticket {
            published: self.front.load(),
            marks: Marks::default(),
        }
    }

    /// The version that a ticket taken now would pin.
    pub fn current_version(&self) -> Version {
        self.front.peek(|published| published.token.version)
    }
}

impl<S, E, T> Clone for Reader<S, E, T> {
    fn clone(&self) -> Self {
        Self {
            front: Arc::clone(&self.front),
        }
    }
}

impl<S, E, T> fmt::Debug for Reader<S, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("current_version", &self.current_version())
            .finish_non_exhaustive()
    }
}

/// Pins one version: what a frame holds while it records.
///
/// While it lives, every slot, extra and the payload keep the value they had when the version was
/// published (invariant F1). Dropping it unpins the version, also when a panic unwinds;
/// [`finish`](Self::finish) unpins the table only, and keeps the bytes in use.
///
/// A ticket can be sent to another thread, but not shared: what it notes as used is written
/// without atomics. Give each worker a [`fork`](Self::fork).
///
/// ```
/// fn sendable<X: Send>() {}
/// sendable::<geoheap_frame_sync::Ticket<u32, String, u32>>();
/// ```
/// ```compile_fail,E0277
/// fn shareable<X: Sync>() {}
/// shareable::<geoheap_frame_sync::Ticket<u32, String, u32>>();
/// ```
#[must_use = "a ticket pins its version only while it lives"]
pub struct Ticket<S, E, T> {
    published: Arc<Published<S, E, T>>,
    marks: Marks,
}

impl<S, E, T> Ticket<S, E, T> {
    /// The pinned version.
    pub fn version(&self) -> Version {
        self.published.token.version
    }

    /// The device that the version belongs to.
    pub fn epoch(&self) -> DeviceEpoch {
        self.published.token.epoch
    }

    /// True once the device of this version was lost: nothing resolves any more (rule R5).
    pub fn is_void(&self) -> bool {
        self.published.is_void()
    }

    /// Number of slots that the version has; indices from here on give `None`.
    pub fn capacity(&self) -> usize {
        self.published.table.capacity()
    }

    /// The slot at `index`: its default value if it was never set, `None` if the version has no
    /// such slot or is void.
    #[inline]
    pub fn get(&self, index: u32) -> Option<&S> {
        // The flag is read after the slot is on its way from memory: measured, that hides the test.
        let slot = self.published.table.slot(index)?;
        if self.is_void() { None } else { Some(slot) }
    }

    /// All slots of the version, for a loop that looks up many: [`get`](Self::get) asks at each
    /// call whether the device was lost, this asks once. Empty if the version is void.
    ///
    /// A slot taken from the slice after the device was lost is one of the lost device, which is
    /// safe to read and leads to commands that the device refuses.
    #[inline]
    pub fn slots(&self) -> &[S] {
        if self.is_void() {
            &[]
        } else {
            self.published.table.slots()
        }
    }

    /// The extra that the slot was last set with; `None` without one, and where
    /// [`get`](Self::get) gives `None`.
    #[inline]
    pub fn extra(&self, index: u32) -> Option<&E> {
        let extra = self.published.table.extra(index)?;
        if self.is_void() { None } else { Some(extra) }
    }

    /// The payload of the version. It stays readable in a void ticket, but belongs to the lost
    /// device.
    #[inline]
    pub fn payload(&self) -> &T {
        self.published.token.payload()
    }

    /// Notes that the frame uses the slot. An index that the version does not have is not noted.
    #[inline]
    pub fn mark_used(&self, index: u32) {
        let capacity = self.capacity();
        if (index as usize) < capacity {
            self.marks.mark(index, capacity, &self.published.pool);
        }
    }

    /// As [`get`](Self::get), and notes that the frame uses the slot where there is one.
    ///
    /// ```
    /// use geoheap_frame_sync::{RingConfig, ring};
    ///
    /// let config = RingConfig { slots_initial: 8, ..RingConfig::default() };
    /// let (_publisher, reader) = ring::<u32, (), (), ()>(config, ())?;
    /// let ticket = reader.ticket();
    /// assert_eq!((ticket.get_marked(3), ticket.get_marked(8)), (Some(&0), None));
    /// assert_eq!(ticket.finish().usage.iter().collect::<Vec<_>>(), [3]);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[inline]
    pub fn get_marked(&self, index: u32) -> Option<&S> {
        let slot = self.get(index)?;
        let published = &*self.published;
        self.marks
            .mark(index, published.table.capacity(), &published.pool);
        Some(slot)
    }

    /// The way to the slots and to the bitmap in one small value, for a loop that looks up and
    /// marks many.
    ///
    /// Measured, it saves more than half of what [`get_marked`](Self::get_marked) costs beyond the
    /// access to the slot itself, because the loop keeps it in registers.
    ///
    /// ```
    /// use geoheap_frame_sync::{RingConfig, ring};
    ///
    /// let config = RingConfig { slots_initial: 8, ..RingConfig::default() };
    /// let (_publisher, reader) = ring::<u32, (), (), ()>(config, ())?;
    /// let ticket = reader.ticket();
    /// let lookups = ticket.lookups();
    /// let visible = [6, 1, 6, 99].into_iter().filter_map(|index| lookups.get_marked(index));
    /// assert_eq!(visible.count(), 3);
    /// assert_eq!(ticket.finish().usage.iter().collect::<Vec<_>>(), [1, 6]);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn lookups(&self) -> Lookups<'_, S> {
        let published = &*self.published;
        let slots = published.table.slots();
        Lookups {
            slots,
            void: published.void_flag(),
            words: self.marks.words(slots.len(), &published.pool),
            not_shared: PhantomData,
        }
    }

    /// Which slots were set after the version `older`, up to this ticket's version.
    ///
    /// For callers who keep a table of their own, say on the GPU, and patch it once a frame: they
    /// remember up to which version they did, ask for what came since, and copy those slots. Slots
    /// that came by growth and were never set hold their default and are not named. A slot that was
    /// set to the value that it had is named.
    ///
    /// [`Changes::All`] if `older` is further back than
    /// [`RingConfig::feed_versions`](crate::RingConfig::feed_versions), is of another device, or is
    /// newer than this version, if more than a quarter of the table's slots were set since, and if
    /// this version is void.
    ///
    /// ```
    /// use geoheap_frame_sync::{Changes, RingConfig, ring};
    ///
    /// let (mut publisher, reader) = ring::<u32, (), (), ()>(RingConfig::default(), ())?;
    /// let (mut mirror, mut mirrored) = (vec![0; 1024], reader.current_version());
    /// publisher.set(7, 70, None);
    /// publisher.publish(().into())?;
    /// publisher.set(9, 90, None);
    /// publisher.set(7, 71, None);
    /// publisher.publish(().into())?;
    ///
    /// let ticket = reader.ticket();
    /// mirror.resize(ticket.capacity(), 0);
    /// match ticket.changed_since(mirrored) {
    ///     Changes::Slots(slots) => {
    ///         for index in slots.iter() {
    ///             mirror[index as usize] = ticket.slots()[index as usize];
    ///         }
    ///     }
    ///     Changes::All => mirror.copy_from_slice(ticket.slots()),
    /// }
    /// mirrored = ticket.version();
    /// assert_eq!((mirror[7], mirror[9]), (71, 90));
    /// # assert_eq!(mirrored.get(), 2);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn changed_since(&self, older: Version) -> Changes<'_> {
        if self.is_void() {
            Changes::All
        } else {
            self.published.feed.since(older, self.version())
        }
    }

    /// A further ticket for the same version, with nothing marked as used.
    pub fn fork(&self) -> Self {
        Self {
            published: Arc::clone(&self.published),
            marks: Marks::default(),
        }
    }

    /// Keeps the version's bytes in use beyond this ticket, without keeping its table.
    pub fn hold(&self) -> Hold<T> {
        #[cfg(any(geoheap_loom, feature = "planted-bugs"))]
        if planted::is(planted::Bug::TokenForgotten) {
            return Hold::new(Arc::new(self.published.token.twin()));
        }
        Hold::new(Arc::clone(&self.published.token))
    }

    /// Ends the recording: gives back the table, keeps the version's bytes in use through the
    /// hold, and hands over what was marked as used.
    pub fn finish(self) -> Finished<T> {
        // The hold is taken while the table is still pinned, so that the publisher never sees a
        // moment in which the version looks unused (case R3.3 in the crate's head).
        let hold = self.hold();
        Finished {
            version: self.version(),
            usage: self.marks.into_usage(),
            hold,
        }
    }
}

impl<S, E, T> fmt::Debug for Ticket<S, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("version", &self.version())
            .field("epoch", &self.epoch())
            .field("void", &self.is_void())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// What a loop needs for lookups in one version: see [`Ticket::lookups`].
///
/// ```compile_fail,E0277
/// fn shareable<X: Sync>() {}
/// shareable::<geoheap_frame_sync::Lookups<'_, u32>>();
/// ```
#[derive(Clone, Copy)]
pub struct Lookups<'a, S> {
    slots: &'a [S],
    void: &'a AtomicBool,
    words: Words<'a>,
    /// Marks are written without read-modify-write: one thread only.
    not_shared: PhantomData<&'a Cell<()>>,
}

impl<'a, S> Lookups<'a, S> {
    /// As [`Ticket::slots`].
    #[inline]
    pub fn slots(&self) -> &'a [S] {
        if self.void.load(Ordering::Relaxed) {
            &[]
        } else {
            self.slots
        }
    }

    /// As [`Ticket::get`].
    #[inline]
    pub fn get(&self, index: u32) -> Option<&'a S> {
        let slot = self.slots.get(index as usize)?;
        (!self.void.load(Ordering::Relaxed)).then_some(slot)
    }

    /// As [`Ticket::mark_used`].
    #[inline]
    pub fn mark_used(&self, index: u32) {
        if (index as usize) < self.slots.len() {
            self.words.mark(index as usize);
        }
    }

    /// Marks many at once, in rising order: one write for each word of the bitmap, where single
    /// marks of neighbours wait for one another.
    ///
    /// # Panics
    /// In debug builds, if the indices do not rise.
    pub fn mark_rising(&self, indices: &[u32]) {
        debug_assert!(indices.is_sorted(), "F8: marks of a run rise");
        let end = indices.partition_point(|index| (*index as usize) < self.slots.len());
        for run in indices[..end].chunk_by(|one, other| one / 64 == other / 64) {
            let bits = run.iter().fold(0, |bits, index| bits | 1 << (index % 64));
            self.words.mark_word(run[0] as usize / 64, bits);
        }
    }

    /// As [`Ticket::get_marked`].
    ///
    /// Marking before the slot's contents are looked at is cheaper than after: the store does not
    /// wait for them (measured at 1 Mi random slots: 2.4 ns).
    #[inline]
    pub fn get_marked(&self, index: u32) -> Option<&'a S> {
        let slot = self.get(index)?;
        self.words.mark(index as usize);
        Some(slot)
    }
}

impl<S> fmt::Debug for Lookups<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups")
            .field("capacity", &self.slots.len())
            .finish_non_exhaustive()
    }
}

/// What [`Ticket::finish`] leaves.
#[derive(Debug)]
#[must_use = "its hold keeps the version's bytes in use until it is dropped"]
pub struct Finished<T> {
    /// The version that the ticket had pinned.
    pub version: Version,
    /// What the ticket marked as used.
    pub usage: Usage,
    /// To be dropped when the commands recorded from the ticket are done.
    pub hold: Hold<T>,
}
