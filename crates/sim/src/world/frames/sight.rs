//! What a ticket says about a block.

use core::fmt;

use geoheap::{ChunkId, FrameTicket, Handle, KindId, Lookup, PartId};

/// Where a part lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartPlace {
    pub(crate) id: PartId,
    pub(crate) kind: KindId,
    pub(crate) stride: u32,
    /// From the chunk's start, in bytes.
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// Where a resident block lies.
#[derive(Clone, Debug)]
pub(crate) struct Place<Buf> {
    pub(crate) chunk: ChunkId,
    pub(crate) buffer: Buf,
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) parts: Vec<PartPlace>,
}

/// The answer to a lookup, without the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Resident,
    Pending,
    Evicted,
    NotYetPublished,
    Stale,
    Lost,
    Failed,
}

impl Seen {
    /// The word in a block's story.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Resident => "sees it",
            Self::Pending => "sees it pending",
            Self::Evicted => "sees it evicted",
            Self::NotYetPublished => "knows nothing",
            Self::Stale => "sees it gone",
            Self::Lost => "sees it lost",
            Self::Failed => "sees it failed",
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resident => "resident",
            Self::Pending => "pending",
            Self::Evicted => "evicted",
            Self::NotYetPublished => "not yet published",
            Self::Stale => "gone",
            Self::Lost => "lost",
            Self::Failed => "failed",
        })
    }
}

/// A block as a ticket shows it.
#[derive(Clone, Debug)]
pub(crate) struct Sight<Buf> {
    pub(crate) block: u32,
    pub(crate) handle: Handle,
    pub(crate) seen: Seen,
    pub(crate) place: Option<Place<Buf>>,
}

impl<Buf> Sight<Buf> {
    /// Whether both say the same.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let place = |sight: &Self| {
            let place = sight.place.as_ref()?;
            Some((place.chunk, place.offset, place.len, place.parts.clone()))
        };
        self.seen == other.seen && place(self) == place(other)
    }
}

impl<Buf> fmt::Display for Sight<Buf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seen)?;
        let Some(place) = &self.place else {
            return Ok(());
        };
        let (chunk, at, len) = (place.chunk, place.offset, place.len);
        write!(f, " in chunk {chunk} at {at}, {len} bytes")?;
        for part in &place.parts {
            let (id, at, len) = (part.id, part.offset, part.len);
            write!(f, ", part {id} at {at}, {len} bytes")?;
        }
        Ok(())
    }
}

/// Looks blocks up.
pub(crate) fn look<Buf: Clone>(
    ticket: &FrameTicket<Buf>,
    wanted: &[(u32, Handle)],
) -> Vec<Sight<Buf>> {
    let sights = wanted.iter().map(|(block, handle)| {
        let mut place = None;
        let seen = match ticket.get(*handle) {
            Lookup::Resident(view) => {
                place = Some(Place {
                    chunk: view.chunk(),
                    buffer: view.buffer().clone(),
                    offset: view.offset().get(),
                    len: view.len().get(),
                    parts: parts_of(ticket, *handle),
                });
                Seen::Resident
            }
            Lookup::Pending => Seen::Pending,
            Lookup::Evicted => Seen::Evicted,
            Lookup::NotYetPublished => Seen::NotYetPublished,
            Lookup::Stale => Seen::Stale,
            Lookup::Lost => Seen::Lost,
            Lookup::Failed => Seen::Failed,
        };
        Sight {
            block: *block,
            handle: *handle,
            seen,
            place,
        }
    });
    sights.collect()
}

fn parts_of<Buf>(ticket: &FrameTicket<Buf>, handle: Handle) -> Vec<PartPlace> {
    let ids = ticket.parts(handle);
    let places = ids.filter_map(|id| {
        let part = ticket.part(handle, id)?;
        Some(PartPlace {
            id,
            kind: part.kind(),
            stride: part.stride(),
            offset: part.offset().get(),
            len: part.len().get(),
        })
    });
    places.collect()
}
