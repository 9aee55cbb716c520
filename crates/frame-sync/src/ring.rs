//! The writer's side: K replicas, of which one is current, and the log that keeps them equal.

use crate::bitmap::Pool;
use crate::config::{RingConfig, RingFigures};
use crate::error::{PublishError, RingError};
use crate::feed::Feed;
use crate::log::{Log, Pending};
#[cfg(any(geoheap_loom, feature = "planted-bugs"))]
use crate::planted::Bug;
use crate::primitive::Arc;
use crate::published::Front;
use crate::retire::{History, Waiting};
use crate::table::{Change, Published, Table};
use crate::ticket::Reader;
use crate::token::Token;
use crate::version::{DeviceEpoch, Version};
use core::fmt;
use std::sync::{Arc as PayloadArc, Arc as PoolArc};

#[cfg(geoheap_loom)]
mod planted;
mod validate;

/// A replica that has missed more than this part of the table is copied rather than replayed.
const BACKLOG_PART_MAX: usize = 4;

/// The only writer of a ring.
///
/// No call waits for a reader. Dropping the publisher leaves the last version readable; items that
/// were not collected are dropped with it.
///
/// ```
/// fn sendable<X: Send>() {}
/// sendable::<geoheap_frame_sync::Publisher<u32, String, u32, Box<u8>>>();
/// ```
pub struct Publisher<S, E, T, R> {
    front: Arc<Front<Published<S, E, T>>>,
    /// The version in `front`.
    current: Arc<Published<S, E, T>>,
    /// Superseded replicas not yet seen to be unpinned, oldest first.
    superseded: Vec<Arc<Published<S, E, T>>>,
    /// Replicas that nobody else refers to.
    free: Vec<Table<S, E>>,
    replicas: usize,
    versions_alive_max: usize,
    /// Slots that the next version has.
    capacity: usize,
    epoch: DeviceEpoch,
    pending: Pending<S, E>,
    pending_retired: Vec<R>,
    log: Log<S, E>,
    history: History<T, R>,
    /// The bitmaps of all tickets.
    pool: PoolArc<Pool>,
    feed: Feed,
    figures: RingFigures,
}

/// Makes a ring; version 0, with every slot at its default, is published at once.
///
/// `S` is a slot, `E` an extra that only some slots have (say an `Arc` of a layout), `T` the
/// payload that belongs to a version as a whole, and `R` what is retired.
///
/// # Errors
/// [`RingError`] names the field of the configuration that cannot work, or says that there is not
/// enough memory.
#[expect(
    clippy::type_complexity,
    reason = "the pair is the only thing a caller ever names"
)]
pub fn ring<S: Copy + Default, E: Clone, T, R>(
    config: RingConfig,
    first_payload: T,
) -> Result<(Publisher<S, E, T, R>, Reader<S, E, T>), RingError> {
    config.check()?;
    let RingConfig {
        replicas,
        slots_initial,
        versions_alive_max,
        feed_versions,
    } = config;
    let (epoch, capacity) = (DeviceEpoch::ZERO, slots_initial as usize);
    let mut free: Vec<Table<S, E>> = Vec::with_capacity(replicas);
    for _ in 0..replicas {
        let mut table = Table::vacant(epoch);
        if !table.try_reserve(capacity) {
            return Err(RingError::OutOfMemory {
                slots: slots_initial,
                replicas,
            });
        }
        // All replicas are built now: building one later would make one publish many times slower.
        table.reset(capacity);
        free.push(table);
    }
    let table = free.pop().expect("at least two replicas were built above");
    let token = Arc::new(Token::new(
        Version::ZERO,
        epoch,
        PayloadArc::new(first_payload),
    ));
    let (pool, feed) = (PoolArc::new(Pool::new()), Feed::new(feed_versions));
    let first = Published::new(table, token, PoolArc::clone(&pool), feed.window());
    let current = Arc::new(first);
    let front = Arc::new(Front::new(Arc::clone(&current)));
    let reader = Reader::new(Arc::clone(&front));
    let publisher = Publisher {
        front,
        current,
        superseded: Vec::with_capacity(replicas),
        free,
        replicas,
        versions_alive_max: versions_alive_max as usize,
        capacity,
        epoch,
        pending: Pending::new(),
        pending_retired: Vec::new(),
        log: Log::new(Version::ZERO),
        history: History::new(),
        pool,
        feed,
        figures: RingFigures::default(),
    };
    Ok((publisher, reader))
}

impl<S: Copy + Default, E: Clone, T, R> Publisher<S, E, T, R> {
    /// Queues a change: from the next version on the slot has this value and this extra.
    ///
    /// A slot beyond the present capacity makes the next version larger, at least twofold; the
    /// versions before keep their size. Of several changes to one slot the last counts.
    pub fn set(&mut self, index: u32, slot: S, extra: Option<E>) {
        self.queue(Change {
            index,
            slot,
            extra,
            keeps_extra: false,
        });
    }

    /// As [`set`](Self::set), but the slot keeps the extra that it has, or none.
    ///
    /// Where extras are counted references this is much cheaper: K replicas need not touch them.
    pub fn set_slot(&mut self, index: u32, slot: S) {
        self.queue(Change {
            index,
            slot,
            extra: None,
            keeps_extra: true,
        });
    }

    fn queue(&mut self, change: Change<S, E>) {
        let needed = change.index as usize + 1;
        if needed > self.capacity {
            self.capacity = needed.max(self.capacity * 2);
        }
        self.pending.push(change);
    }

    /// Queues an item that the next version stops naming (rule R2).
    ///
    /// It comes out of [`collect`](Self::collect) when that version is published, and the one
    /// before it and all older ones are out of use.
    pub fn retire(&mut self, item: R) {
        self.pending_retired.push(item);
    }

    /// True if a publish would put out anything new: changes, retired items, or the first version
    /// after the loss of a device.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
            || !self.pending_retired.is_empty()
            || self.current.token.epoch != self.epoch
    }

    /// Makes all queued changes the next version. Never waits: takes a replica that nobody pins,
    /// brings it up to date, and swaps it in.
    ///
    /// The caller has submitted, on the same queue, the copies that fill the places which the
    /// version names (rule R1).
    ///
    /// # Errors
    /// [`PublishError::Stalled`] if tickets pin every replica, [`PublishError::Backpressure`] if
    /// the limit of versions alive is reached. Nothing that was queued is lost.
    pub fn publish(&mut self, payload: PayloadArc<T>) -> Result<Version, PublishError> {
        self.sweep();
        let (alive, limit) = (self.versions_alive(), self.versions_alive_max);
        if alive >= limit {
            self.figures.backpressures += 1;
            self.pending.refused();
            return Err(PublishError::Backpressure {
                oldest: self.oldest_in_use(),
                alive,
                limit,
            });
        }
        let Some(mut table) = self.take_free() else {
            self.figures.stalls += 1;
            self.pending.refused();
            let held = self
                .superseded
                .iter()
                .map(|published| published.token.version)
                .collect();
            return Err(PublishError::Stalled {
                held,
                pending_changes: self.pending.len(),
            });
        };
        let version = self.current.token.version.next();
        self.catch_up(&mut table);
        let changes = self.pending.take(self.log.take_spare());
        table.apply(&changes);
        if self.current.token.epoch == self.epoch {
            let set = changes.iter().map(|change| change.index);
            self.feed.push(set, table.capacity());
        } else {
            self.feed.clear();
        }
        self.figures.changes_replayed += changes.len() as u64;
        self.log.push(version, changes);
        table.version = version;
        table.epoch = self.epoch;
        self.swap_in(table, Arc::new(Token::new(version, self.epoch, payload)));
        let oldest_replica = self.oldest_replica();
        self.log
            .trim(oldest_replica, self.capacity / BACKLOG_PART_MAX);
        self.figures.publishes += 1;
        self.debug_validate();
        Ok(version)
    }

    /// Whether a publish would find a free replica, and room among the versions in use. For callers
    /// who prepare a publish at some cost.
    pub fn can_publish(&mut self) -> bool {
        self.sweep();
        self.versions_alive() < self.versions_alive_max && !self.free.is_empty()
    }

    /// Moves out every item whose wait is over, oldest first (rule R3).
    ///
    /// Makes progress without a publish: when the last tickets and holds of the superseded
    /// versions are gone, the next call brings out everything that was published as retired.
    pub fn collect(&mut self, out: &mut Vec<R>) {
        self.sweep();
        self.history.drain_into(out);
        self.debug_validate();
    }

    /// The newest published version.
    pub fn current(&self) -> Version {
        self.current.token.version
    }

    /// The device epoch that the next version will belong to.
    pub fn epoch(&self) -> DeviceEpoch {
        self.epoch
    }

    /// The oldest version that is not reclaimed yet, as of the latest publish or collect; the
    /// current one if no other is in use.
    pub fn oldest_in_use(&self) -> Version {
        self.history.oldest().unwrap_or(self.current())
    }

    /// Versions in use, the current one among them, as of the latest publish or collect.
    pub fn versions_alive(&self) -> usize {
        self.history.len() + 1
    }

    /// The superseded versions in use, and what each keeps from being reused, oldest first, as of
    /// the latest publish or collect.
    ///
    /// ```
    /// use geoheap_frame_sync::{RingConfig, VersionStage, ring};
    ///
    /// // What is retired here is a number of bytes.
    /// let (mut publisher, reader) = ring::<u32, (), (), u64>(RingConfig::default(), ())?;
    /// let recording = reader.ticket();
    /// publisher.retire(4096);
    /// publisher.publish(().into())?;
    /// publisher.retire(512);
    /// publisher.publish(().into())?;
    ///
    /// let waiting: Vec<_> = publisher.waiting().map(|w| (w.version.get(), w.stage)).collect();
    /// assert_eq!(waiting, [(0, VersionStage::Pinned), (1, VersionStage::Pinned)]);
    /// publisher.collect(&mut Vec::new());
    /// let in_use: Vec<_> = publisher.waiting().map(|w| (w.version.get(), w.stage)).collect();
    /// assert_eq!(in_use, [(0, VersionStage::Pinned)]);
    /// let behind_the_ticket: u64 = publisher.waiting().flat_map(|w| w.items).sum();
    /// assert_eq!(behind_the_ticket, 4608);
    /// # drop(recording);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn waiting(&self) -> impl Iterator<Item = Waiting<'_, R>> {
        self.history.waiting()
    }

    /// A further reader of this ring.
    pub fn reader(&self) -> Reader<S, E, T> {
        Reader::new(Arc::clone(&self.front))
    }

    /// Counts since the start, and the present state.
    pub fn figures(&self) -> RingFigures {
        let (bitmaps_made, bitmaps_reused) = self.pool.counts();
        RingFigures {
            bitmaps_made,
            bitmaps_reused,
            versions_alive: self.versions_alive(),
            retired_items: self.history.items() + self.pending_retired.len(),
            pending_changes: self.pending.len(),
            log_changes: self.log.len(),
            slots: self.current.table.capacity(),
            table_bytes: self.current.table.bytes()
                + self.free.iter().map(Table::bytes).sum::<usize>(),
            ..self.figures
        }
    }

    /// Voids everything that belongs to the device so far (rule R5).
    ///
    /// From here on no ticket that exists resolves a slot, nor does one taken before the next
    /// publish. Queued changes are dropped; the next version starts with every slot at its default
    /// and the same capacity. Every retired item comes out of the next collect. Versions of the
    /// lost device no longer count as alive.
    pub fn device_lost(&mut self) {
        self.epoch = self.epoch.next();
        #[cfg(any(geoheap_loom, feature = "planted-bugs"))]
        if !crate::planted::is(Bug::CurrentNotVoid) {
            self.current.make_void();
        }
        #[cfg(not(any(geoheap_loom, feature = "planted-bugs")))]
        self.current.make_void();
        self.pending.take(Vec::new());
        self.log = Log::new(self.current());
        self.history.make_void();
        self.history
            .release_now(core::mem::take(&mut self.pending_retired));
        for published in core::mem::take(&mut self.superseded) {
            published.make_void();
            self.recycle_void(published);
        }
        self.debug_validate();
    }

    /// Takes back the replicas that no ticket pins any more, then lets the history advance.
    fn sweep(&mut self) {
        let mut at = 0;
        while at < self.superseded.len() {
            // Success means that this was the only reference, and no other can come into being:
            // the front does not lead here any more. It also orders all reads by the last reader
            // before the writes of the next replay (case R3.2 in the crate's head).
            let published = self.superseded.remove(at);
            #[cfg(geoheap_loom)]
            let (published, seen) = planted::glance(published);
            match Arc::try_unwrap(published) {
                Ok(Published { table, token, .. }) => {
                    #[cfg(geoheap_loom)]
                    let token = planted::believe(seen, token);
                    self.free.push(table);
                    self.history.cpu_free(token);
                }
                #[cfg(geoheap_loom)]
                Err(pinned) if crate::planted::is(Bug::PinnedRecycled) => {
                    self.recycle_pinned(&pinned);
                }
                Err(pinned) => {
                    self.superseded.insert(at, pinned);
                    at += 1;
                }
            }
        }
        self.history.advance();
    }

    /// Takes the free replica that has missed the most, so that none falls behind for good.
    fn take_free(&mut self) -> Option<Table<S, E>> {
        let at = (0..self.free.len()).min_by_key(|&at| self.free[at].version)?;
        Some(self.free.swap_remove(at))
    }

    /// Brings a free replica to the state of the current version, in the next version's size.
    fn catch_up(&mut self, table: &mut Table<S, E>) {
        let current = &self.current;
        if current.token.epoch != self.epoch {
            table.reset(self.capacity);
            return;
        }
        let backlog = (table.epoch == self.epoch).then(|| self.log.backlog(table.version));
        match backlog.flatten() {
            Some(changes) if changes <= self.capacity / BACKLOG_PART_MAX => {
                table.grow(self.capacity);
                for batch in self.log.since(table.version) {
                    table.apply(batch);
                }
                self.figures.changes_replayed += changes as u64;
            }
            _ => {
                table.copy_from(&current.table);
                table.grow(self.capacity);
                self.figures.full_copies += 1;
            }
        }
    }

    /// Puts a finished table out as the current version and files the one before.
    fn swap_in(&mut self, table: Table<S, E>, token: Arc<Token<T>>) {
        let pool = PoolArc::clone(&self.pool);
        let next = Arc::new(Published::new(table, token, pool, self.feed.window()));
        #[cfg(geoheap_loom)]
        let is_unpinned =
            crate::planted::is(Bug::JudgedBeforeSwap) && Arc::strong_count(&self.current) == 2;
        let before = self.front.swap(Arc::clone(&next));
        // The publisher's own reference to the version before goes here, the one from the front
        // goes into the ring: readers never drop the last reference to a table.
        let own = core::mem::replace(&mut self.current, next);
        assert!(
            Arc::ptr_eq(&own, &before),
            "F2: only the publisher swaps the front"
        );
        drop(own);
        let retired = core::mem::take(&mut self.pending_retired);
        if before.token.epoch == self.epoch {
            self.history.superseded(before.token.version, retired);
            #[cfg(geoheap_loom)]
            if is_unpinned {
                self.recycle_pinned(&before);
                return;
            }
            self.superseded.push(before);
        } else {
            // No version of this device ever named what was retired before its first publish.
            self.history.release_now(retired);
            self.recycle_void(before);
        }
    }

    /// Takes back a replica of a lost device, or makes a new one if a void ticket pins it: what is
    /// void must not be able to stall the device that follows.
    fn recycle_void(&mut self, published: Arc<Published<S, E, T>>) {
        let epoch = published.token.epoch;
        let table = Arc::try_unwrap(published).map(|published| published.table);
        self.free
            .push(table.unwrap_or_else(|_| Table::vacant(epoch)));
    }

    /// The oldest version that some replica of this device is at.
    fn oldest_replica(&self) -> Version {
        let pinned = self
            .superseded
            .iter()
            .map(|published| published.token.version);
        let free = self.free.iter().filter(|table| table.epoch == self.epoch);
        pinned
            .chain(free.map(|table| table.version))
            .min()
            .unwrap_or(self.current())
    }
}

impl<S: Copy + Default, E: Clone, T, R> fmt::Debug for Publisher<S, E, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("current", &self.current())
            .field("epoch", &self.epoch)
            .field("figures", &self.figures())
            .finish_non_exhaustive()
    }
}
