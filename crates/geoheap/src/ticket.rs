//! A frame's view of the heap: lookups that take no lock, for one version that never changes.

use core::cell::Cell;
use core::fmt;
use std::sync::Arc;

use geoheap_chunk_heap::{ChunkId, KindId, PartId};
use geoheap_frame_sync::{Hold, Reader, Ticket, Version};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::actor::mailbox::{Mailbox, Note};
use crate::error::FallbackError;
use crate::handle::Handle;
use crate::slot::{DrawFormat, PartTable, Slot, SlotState};
use crate::sync::{AtomicU64, Ordering};

/// Buffers of the chunks that a version names. It belongs to the version's token, so a chunk's
/// buffer lives as long as commands that may read it.
#[derive(Debug)]
pub(crate) struct ChunkTable<Buf>(pub(crate) Vec<Option<Buf>>);

pub(crate) type HeapTicket<Buf> = Ticket<Slot, Arc<PartTable>, ChunkTable<Buf>>;
pub(crate) type HeapReader<Buf> = Reader<Slot, Arc<PartTable>, ChunkTable<Buf>>;

/// Begins frames, on any thread. Cheap to clone.
pub struct FrameSource<Buf> {
    reader: HeapReader<Buf>,
    mailbox: Mailbox,
    frame: Arc<AtomicU64>,
}

impl<Buf> Clone for FrameSource<Buf> {
    fn clone(&self) -> Self {
        Self {
            reader: self.reader.clone(),
            mailbox: self.mailbox.clone(),
            frame: Arc::clone(&self.frame),
        }
    }
}

impl<Buf> fmt::Debug for FrameSource<Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = self.frame.load(Ordering::Relaxed);
        f.debug_struct("FrameSource")
            .field("frame", &frame)
            .finish_non_exhaustive()
    }
}

impl<Buf> FrameSource<Buf> {
    pub(crate) fn new(reader: HeapReader<Buf>, mailbox: Mailbox) -> Self {
        Self {
            reader,
            mailbox,
            frame: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Pins the newest version for a new frame. Never waits.
    pub fn begin_frame(&self) -> FrameTicket<Buf> {
        FrameTicket {
            ticket: self.reader.ticket(),
            frame: self.frame.fetch_add(1, Ordering::Relaxed) + 1,
            is_root: true,
            mailbox: self.mailbox.clone(),
            hidden_uses: Cell::new(0),
            stale_lookups: Cell::new(0),
        }
    }
}

/// What a frame holds while it is prepared: one version of all placements.
///
/// Every lookup of one ticket sees the same version, and what it returns stays valid for commands
/// that carry the ticket's [`InFlight`]. A ticket dropped without [`FrameTicket::finish`] gives its
/// version back; only the note of what it used is lost.
pub struct FrameTicket<Buf> {
    ticket: HeapTicket<Buf>,
    frame: u64,
    is_root: bool,
    mailbox: Mailbox,
    hidden_uses: Cell<u64>,
    stale_lookups: Cell<u64>,
}

impl<Buf> fmt::Debug for FrameTicket<Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameTicket")
            .field("frame", &self.frame)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

impl<Buf> FrameTicket<Buf> {
    /// Number of the frame, from 1 on.
    pub fn frame(&self) -> u64 {
        self.frame
    }

    /// The version it pins.
    pub fn version(&self) -> Version {
        self.ticket.version()
    }

    /// Where the block lies in this version. Whatever the answer, asking tells the residency
    /// policy that the frame wants the block.
    pub fn get(&self, handle: Handle) -> Lookup<'_, Buf> {
        if self.ticket.is_void() {
            return Lookup::Lost;
        }
        let slot = match self.ticket.get(handle.index()) {
            Some(slot) if slot.generation == handle.generation() => slot,
            Some(slot) if slot.generation > handle.generation() => {
                self.stale_lookups.set(self.stale_lookups.get() + 1);
                return Lookup::Stale;
            }
            _ => return Lookup::NotYetPublished,
        };
        self.ticket.mark_used(handle.index());
        match slot.state {
            SlotState::Resident => Lookup::Resident(self.view(slot)),
            SlotState::Pending => {
                let hidden = u64::from(slot.was_resident);
                self.hidden_uses.set(self.hidden_uses.get() + hidden);
                Lookup::Pending
            }
            SlotState::Evicted => Lookup::Evicted,
            SlotState::Lost => Lookup::Lost,
            SlotState::Failed => Lookup::Failed,
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
                Lookup::Resident(view) => Lookup::Resident(BlockView {
                    is_fallback: true,
                    ..view
                }),
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
        let table = self.ticket.extra(handle.index())?;
        let entry = table.0.iter().find(|entry| entry.id == part)?;
        let offset = block.offset + ByteLen::new(entry.offset.get());
        Some(PartView {
            chunk: block.chunk,
            buffer: block.buffer,
            kind: entry.kind,
            offset,
            len: entry.len,
            stride: entry.stride,
        })
    }

    /// Ids of all parts of a resident block, in the order in which updates and read-backs have
    /// their contents.
    pub fn parts(&self, handle: Handle) -> impl Iterator<Item = PartId> + '_ {
        let resident = matches!(self.get(handle), Lookup::Resident(_));
        let table = if resident {
            self.ticket.extra(handle.index())
        } else {
            None
        };
        table
            .into_iter()
            .flat_map(|table| table.0.iter().map(|entry| entry.id))
    }

    /// The same version for another worker, with its own note of what it uses.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            ticket: self.ticket.fork(),
            frame: self.frame,
            is_root: false,
            mailbox: self.mailbox.clone(),
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
        let finished = self.ticket.finish();
        self.mailbox.note(Note {
            frame: self.frame,
            ends_frame: self.is_root,
            usage: finished.usage,
            hidden_uses: self.hidden_uses.get(),
            stale_lookups: self.stale_lookups.get(),
        });
        InFlight {
            hold: finished.hold,
        }
    }

    fn view(&self, slot: &Slot) -> BlockView<'_, Buf> {
        let buffer = self
            .ticket
            .payload()
            .0
            .get(slot.chunk as usize)
            .and_then(Option::as_ref);
        let draw = match slot.format {
            DrawFormat::None => None,
            format => Some(Draw {
                base_vertex: slot.base_vertex,
                first: slot.first,
                count: slot.count,
                index_format: match format {
                    DrawFormat::U16 => Some(IndexFormat::U16),
                    DrawFormat::U32 => Some(IndexFormat::U32),
                    DrawFormat::Plain | DrawFormat::None => None,
                },
            }),
        };
        BlockView {
            chunk: ChunkId::new(slot.chunk),
            buffer: buffer.expect("R1: a version has the buffers of the chunks it names"),
            offset: slot.offset(),
            len: slot.len(),
            draw,
            is_fallback: false,
        }
    }
}

/// A block's state in one version.
#[derive(Debug)]
pub enum Lookup<'a, Buf> {
    /// It lies in a chunk.
    Resident(BlockView<'a, Buf>),
    /// Its bytes are on their way.
    Pending,
    /// It was evicted, and is wished for from now on.
    Evicted,
    /// The handle is younger than this version.
    NotYetPublished,
    /// The block is gone.
    Stale,
    /// The device took it.
    Lost,
    /// It could not be made resident; the event stream says why.
    Failed,
}

impl<'a, Buf> Lookup<'a, Buf> {
    /// The view of a resident block.
    pub fn resident(self) -> Option<BlockView<'a, Buf>> {
        match self {
            Self::Resident(view) => Some(view),
            _ => None,
        }
    }
}

/// Width of indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexFormat {
    /// 16 bits.
    U16,
    /// 32 bits.
    U32,
}

/// A block's first draw, addressed from its chunk's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// What is added to each index; 0 without indices.
    pub base_vertex: i32,
    /// First index, or first vertex without indices.
    pub first: u32,
    /// Count of them.
    pub count: u32,
    /// `None` without indices.
    pub index_format: Option<IndexFormat>,
}

/// Where a resident block lies.
pub struct BlockView<'a, Buf> {
    /// Its chunk; sort by it and bind each chunk once.
    pub chunk: ChunkId,
    /// The chunk's buffer.
    pub buffer: &'a Buf,
    /// Start in the chunk.
    pub offset: ByteOffset,
    /// Length.
    pub len: ByteLen,
    /// `None` without a vertex part.
    pub draw: Option<Draw>,
    /// Whether it stands in for another.
    pub is_fallback: bool,
}

impl<Buf> fmt::Debug for BlockView<'_, Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockView")
            .field("chunk", &self.chunk)
            .field("offset", &self.offset)
            .field("len", &self.len)
            .field("draw", &self.draw)
            .field("is_fallback", &self.is_fallback)
            .finish_non_exhaustive()
    }
}

/// Where a part of a resident block lies.
pub struct PartView<'a, Buf> {
    /// Its chunk.
    pub chunk: ChunkId,
    /// The chunk's buffer.
    pub buffer: &'a Buf,
    /// Its kind.
    pub kind: KindId,
    /// Start in the chunk.
    pub offset: ByteOffset,
    /// Length as given, without padding.
    pub len: ByteLen,
    /// Its stride, 0 if it has none.
    pub stride: u32,
}

impl<Buf> fmt::Debug for PartView<'_, Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartView")
            .field("chunk", &self.chunk)
            .field("kind", &self.kind)
            .field("offset", &self.offset)
            .field("len", &self.len)
            .field("stride", &self.stride)
            .finish_non_exhaustive()
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
    hold: Hold<ChunkTable<Buf>>,
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
}
