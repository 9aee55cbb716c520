//! A frame's view of the heap: lookups that take no lock, for one version that never changes.

use core::cell::Cell;
use core::fmt;
use std::sync::Arc;

use geoheap_chunk_heap::{BlockLayout, ChunkId, PartId};
use geoheap_frame_sync::{Changes, Hold, Reader, Ticket, Version};

use crate::actor::mailbox::{Note, Outcome};
use crate::draw_set::{DrawSetId, DrawSetView, PublishedSet};
use crate::error::FallbackError;
use crate::handle::Handle;
use crate::slot::{Slot, SlotState};
use crate::ticket::board::{HeapId, Presence};

pub(crate) mod board;
mod each;
mod source;
mod views;

pub use each::Each;
pub use source::FrameSource;
pub use views::{BlockView, Draw, IndexFormat, Lookup, PartView};

/// Buffers that a version names. It belongs to the version's token, so a buffer lives as long as
/// commands that may read it.
#[derive(Debug)]
pub(crate) struct VersionTable<Buf> {
    /// The device of the buffers, by the engine's count.
    pub(crate) device: u32,
    /// By chunk.
    pub(crate) chunks: Vec<Option<Buf>>,
    /// By id.
    pub(crate) draw_sets: Vec<Arc<PublishedSet<Buf>>>,
}

impl<Buf> VersionTable<Buf> {
    /// No buffers yet.
    pub(crate) fn of_device(device: u32) -> Self {
        Self {
            device,
            chunks: Vec::new(),
            draw_sets: Vec::new(),
        }
    }

    /// The buffer of a chunk that the version names.
    #[inline]
    pub(crate) fn buffer(&self, chunk: ChunkId) -> &Buf {
        let buffer = self
            .chunks
            .get(chunk.get() as usize)
            .and_then(Option::as_ref);
        buffer.expect("R1: a version has the buffers of the chunks it names")
    }
}

pub(crate) type HeapTicket<Buf> = Ticket<Slot, Arc<BlockLayout>, VersionTable<Buf>>;
pub(crate) type HeapReader<Buf> = Reader<Slot, Arc<BlockLayout>, VersionTable<Buf>>;

/// What a frame holds while it is prepared: one version of all placements.
///
/// Every lookup of one ticket sees the same version, and what it returns stays valid for commands
/// that carry the ticket's [`InFlight`]. A ticket dropped without [`FrameTicket::finish`], also by
/// a panic, gives its version back; only the note of what it used is lost, and
/// [`Report::tickets_dropped`](crate::Report::tickets_dropped) or
/// [`Report::tickets_panicked`](crate::Report::tickets_panicked) counts it. One that is kept for
/// ever is named among [`Report::holders`](crate::Report::holders).
pub struct FrameTicket<Buf> {
    ticket: HeapTicket<Buf>,
    presence: Presence,
    hidden_uses: Cell<u64>,
    stale_lookups: Cell<u64>,
}

impl<Buf> fmt::Debug for FrameTicket<Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameTicket")
            .field("frame", &self.frame())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

impl<Buf> FrameTicket<Buf> {
    /// Number of the frame, from 1 on.
    pub fn frame(&self) -> u64 {
        self.presence.frame()
    }

    /// The version it pins.
    pub fn version(&self) -> Version {
        self.ticket.version()
    }

    /// Where the block lies in this version. Whatever the answer, asking tells the residency
    /// policy that the frame wants the block.
    #[inline]
    pub fn get(&self, handle: Handle) -> Lookup<'_, Buf> {
        match self.ticket.get(handle.index()) {
            Some(slot) if slot.shows(handle) => {
                self.ticket.mark_used(handle.index());
                Lookup::Resident(BlockView::new(handle.index(), slot, self))
            }
            other => self.absent(handle, other),
        }
    }

    /// The same lookups for a loop over many handles: what they need of the ticket is in registers
    /// then, which makes each of them a good deal cheaper.
    pub fn lookups(&self) -> Lookups<'_, Buf> {
        Lookups {
            slots: self.ticket.lookups(),
            ticket: self,
        }
    }

    /// Which slots (by [`Handle::index`]) changed between an older version and this one: whose
    /// blocks moved, came, went, or were evicted or replaced. For callers who keep a table of
    /// their own, or commands that were recorded before. All of them if the older version is
    /// further back than [`Config::feed_versions`](crate::Config::feed_versions) or newer than this
    /// one, or if a good part of the table changed since.
    pub fn moved_since(&self, older: Version) -> Moved {
        Moved {
            slots: match self.ticket.changed_since(older) {
                Changes::Slots(slots) => Some(slots.to_sorted()),
                Changes::All => None,
            },
        }
    }

    /// Slots of the version: every [`Handle::index`] that it knows is below. 0 if the device was
    /// lost.
    pub fn slot_count(&self) -> usize {
        self.ticket.slots().len()
    }

    /// What tells it from tickets of other heaps and versions.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            heap: self.presence.heap(),
            device: self.ticket.payload().device,
            version: self.version(),
        }
    }

    /// As [`moved_since`](Self::moved_since); of another heap or device everything differs.
    pub(crate) fn moved_since_stamp(&self, older: Stamp) -> Moved {
        if older.is_of_device(self.stamp()) {
            self.moved_since(older.version)
        } else {
            Moved::all()
        }
    }

    /// Whether the device of the version was lost: no lookup of this ticket finds anything.
    pub fn is_void(&self) -> bool {
        self.ticket.is_void()
    }

    /// All slots of the version.
    pub(crate) fn slots(&self) -> &[Slot] {
        self.ticket.slots()
    }

    /// Where the parts of a slot's block lie in it, if it is resident.
    pub(crate) fn layout(&self, index: u32, slot: &Slot) -> Option<&Arc<BlockLayout>> {
        let resident = slot.state == SlotState::Resident;
        resident.then(|| self.ticket.extra(index)).flatten()
    }

    /// What a lookup answers that found no resident block.
    #[cold]
    fn absent(&self, handle: Handle, slot: Option<&Slot>) -> Lookup<'_, Buf> {
        if self.ticket.is_void() {
            return Lookup::Lost;
        }
        let slot = match slot {
            Some(slot) if slot.generation == handle.generation() => slot,
            Some(slot) if slot.generation > handle.generation() => {
                self.stale_lookups.set(self.stale_lookups.get() + 1);
                return Lookup::Stale;
            }
            _ => return Lookup::NotYetPublished,
        };
        self.ticket.mark_used(handle.index());
        match slot.state {
            SlotState::Pending => {
                let hidden = u64::from(slot.was_resident);
                self.hidden_uses.set(self.hidden_uses.get() + hidden);
                Lookup::Pending
            }
            SlotState::Evicted => Lookup::Evicted,
            SlotState::Lost => Lookup::Lost,
            SlotState::Failed => Lookup::Failed,
            SlotState::Resident => unreachable!("R5: a void ticket was answered above"),
            SlotState::Vacant => unreachable!("R7: a vacant slot has no block's generation"),
        }
    }

    /// Like [`FrameTicket::get`], with `fallback` in place of a block that is not resident. A
    /// stale handle stays stale: that is a mistake, not a block on its way. A fallback that is not
    /// long-lived and resident in this version stands in for nothing.
    pub fn get_or(&self, handle: Handle, fallback: &Fallback) -> Lookup<'_, Buf> {
        match self.get(handle) {
            resident @ Lookup::Resident(_) => resident,
            Lookup::Stale => Lookup::Stale,
            away if self.fallback(fallback.handle).is_err() => away,
            away => match self.get(fallback.handle) {
                Lookup::Resident(view) => Lookup::Resident(view.as_fallback()),
                _ => away,
            },
        }
    }

    /// Makes a long-lived, resident block a stand-in for others, in this frame and later ones.
    ///
    /// # Errors
    /// [`FallbackError`] when it is not long-lived or not resident in this version.
    pub fn fallback(&self, handle: Handle) -> Result<Fallback, FallbackError> {
        let slot = self.ticket.get(handle.index());
        match slot.filter(|slot| slot.generation == handle.generation()) {
            Some(slot) if !slot.long_lived => Err(FallbackError::NotLongLived { handle }),
            Some(slot) if slot.state == SlotState::Resident && !self.ticket.is_void() => {
                Ok(Fallback { handle })
            }
            _ => Err(FallbackError::NotResident { handle }),
        }
    }

    /// One part of a resident block; `None` if the block is not resident in this version or has
    /// no such part.
    pub fn part(&self, handle: Handle, part: PartId) -> Option<PartView<'_, Buf>> {
        let Lookup::Resident(block) = self.get(handle) else {
            return None;
        };
        let layout = self.ticket.extra(handle.index())?;
        Some(PartView::new(block, layout.part(part).ok()?))
    }

    /// Ids of all parts of a resident block, in the order in which updates and read-backs have
    /// their contents.
    pub fn parts(&self, handle: Handle) -> impl Iterator<Item = PartId> + '_ {
        let resident = matches!(self.get(handle), Lookup::Resident(_));
        let layout = if resident {
            self.ticket.extra(handle.index())
        } else {
            None
        };
        let parts = layout.into_iter().flat_map(|layout| layout.parts_by_id());
        parts.map(|part| part.id)
    }

    /// The chunks of the version with their buffers, by id: what a shader that draws by handle may
    /// name, see [`PlacementTable`](crate::PlacementTable). Ids are used again, so there are not
    /// many more than chunks at a time. Empty if the device was lost.
    pub fn chunks(&self) -> impl Iterator<Item = (ChunkId, &Buf)> {
        let is_void = self.ticket.is_void();
        let chunks = if is_void {
            &[][..]
        } else {
            &self.ticket.payload().chunks
        };
        let named = (0..).zip(chunks);
        named.filter_map(|(chunk, buffer)| Some((ChunkId::new(chunk), buffer.as_ref()?)))
    }

    /// The buffer of a chunk that the version names.
    pub(crate) fn chunk_buffer(&self, chunk: ChunkId) -> &Buf {
        self.ticket.payload().buffer(chunk)
    }

    /// The records of a draw set in this version. `None` if the set is not published yet, was
    /// removed, or could not be written for lack of memory, in which case a later version tries
    /// again; the blocks can be drawn one by one meanwhile.
    pub fn draw_set(&self, id: DrawSetId) -> Option<DrawSetView<'_, Buf>> {
        if self.ticket.is_void() {
            return None;
        }
        let sets = &self.ticket.payload().draw_sets;
        let at = sets.binary_search_by_key(&id, |set| set.id).ok()?;
        Some(DrawSetView::new(&sets[at], self))
    }

    /// Notes the use of blocks by their slots, which rise.
    pub(crate) fn mark_slots(&self, slots: &[u32]) {
        self.ticket.lookups().mark_rising(slots);
    }

    /// The same version for another worker, with its own note of what it uses.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            ticket: self.ticket.fork(),
            presence: self.presence.fork(),
            hidden_uses: Cell::new(0),
            stale_lookups: Cell::new(0),
        }
    }

    /// The version's token alone. Whatever reads the frame's places must keep it until it is done:
    /// commands carry it, see [`InFlight::attach`].
    pub fn in_flight(&self) -> InFlight<Buf> {
        InFlight {
            hold: self.ticket.hold(),
        }
    }

    /// Ends the frame's lookups and tells the geometry actor what it used. The end of the frame
    /// itself (not of a fork) is the actor's tick. The version stays in use until the returned
    /// token, and all others of it, are gone.
    pub fn finish(self) -> InFlight<Buf> {
        let Self {
            ticket,
            presence,
            hidden_uses,
            stale_lookups,
        } = self;
        let version = ticket.version();
        let finished = ticket.finish();
        presence.finish(|frame, ends_frame| Note {
            frame,
            version,
            outcome: Outcome::Finished,
            ends_frame,
            usage: finished.usage,
            hidden_uses: hidden_uses.get(),
            stale_lookups: stale_lookups.get(),
        });
        InFlight {
            hold: finished.hold,
        }
    }
}

/// What a loop over many handles looks up through: see [`FrameTicket::lookups`].
pub struct Lookups<'a, Buf> {
    slots: geoheap_frame_sync::Lookups<'a, Slot>,
    ticket: &'a FrameTicket<Buf>,
}

impl<'a, Buf> Lookups<'a, Buf> {
    /// As [`FrameTicket::get`].
    #[inline]
    pub fn get(&self, handle: Handle) -> Lookup<'a, Buf> {
        self.answer(self.slots.get(handle.index()), handle)
    }

    /// Looks up many handles; the answers come in their order.
    ///
    /// The cheapest way, above all where the table is larger than the caches: scattered slots are
    /// touched before they are used, a run of them at a time, so that the memory works on many
    /// questions at once. Measured at 1 Mi random handles: half the time of single lookups. It is
    /// made for internal iteration: `for_each`, `fold` and the adapters that end in them.
    ///
    /// ```
    /// # let (gpu, _) = geoheap::VirtualGpu::new(&geoheap::VirtualConfig::default());
    /// # let manager = geoheap::GeometryManager::with_backend(gpu, geoheap::Config::default())?;
    /// # let handles = [geoheap::Handle::from_bits(9)];
    /// let ticket = manager.begin_frame();
    /// let found = ticket.lookups().each(&handles);
    /// let bytes: u64 = found.filter_map(|found| Some(found.resident()?.len().get())).sum();
    /// # assert_eq!(bytes, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn each<'h>(&self, handles: &'h [Handle]) -> Each<'a, 'h, Buf> {
        Each {
            lookups: *self,
            handles,
            touched: 0,
        }
    }

    #[inline]
    fn answer(&self, slot: Option<&'a Slot>, handle: Handle) -> Lookup<'a, Buf> {
        match slot {
            Some(slot) if slot.shows(handle) => {
                self.slots.mark_used(handle.index());
                Lookup::Resident(BlockView::new(handle.index(), slot, self.ticket))
            }
            other => self.ticket.absent(handle, other),
        }
    }
}

impl<Buf> Clone for Lookups<'_, Buf> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Buf> Copy for Lookups<'_, Buf> {}

impl<Buf> fmt::Debug for Lookups<'_, Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups")
            .field("ticket", self.ticket)
            .finish_non_exhaustive()
    }
}

/// The heap, the device and the version that something was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    heap: HeapId,
    device: u32,
    pub(crate) version: Version,
}

impl Stamp {
    /// Whether both are of one heap on one device.
    pub(crate) fn is_of_device(self, other: Self) -> bool {
        (self.heap, self.device) == (other.heap, other.device)
    }

    /// Whether both are of one heap, but its device has changed in between.
    pub(crate) fn is_of_another_device(self, other: Self) -> bool {
        self.heap == other.heap && self.device != other.device
    }
}

/// What changed between two versions: see [`FrameTicket::moved_since`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    slots: Option<Vec<u32>>,
}

impl Moved {
    /// Everything.
    pub(crate) fn all() -> Self {
        Self::default()
    }

    /// The slots, rising; `None` if all of them have to be taken as changed.
    pub fn slots(&self) -> Option<&[u32]> {
        self.slots.as_deref()
    }

    /// Whether a block's slot is among them.
    pub fn names(&self, handle: Handle) -> bool {
        let slots = self.slots.as_deref();
        slots.is_none_or(|slots| slots.binary_search(&handle.index()).is_ok())
    }
}

/// A long-lived block that stands in for others; made by [`FrameTicket::fallback`], so that it
/// was seen to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback {
    handle: Handle,
}

/// Keeps a version's bytes and buffers as they are until it is dropped.
#[derive(Clone)]
pub struct InFlight<Buf> {
    hold: Hold<VersionTable<Buf>>,
}

impl<Buf> fmt::Debug for InFlight<Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight")
            .field("version", &self.version())
            .finish()
    }
}

impl<Buf> InFlight<Buf> {
    /// The version it holds.
    pub fn version(&self) -> Version {
        self.hold.version()
    }

    /// Whether the device of the version was lost.
    pub fn is_void(&self) -> bool {
        self.hold.is_void()
    }
}
