//! What the core knows of one block.

use std::sync::Arc;

use geoheap_chunk_heap::{BlockLayout, Lifetime, PartId, RangeKey};

use crate::core::fill::{Fill, Purpose, Retain, Target};
use crate::core::rare::Rare;
use crate::core::retained::Retained;
use crate::core::unsettled::Unsettled;
use crate::handle::Handle;
use crate::payload::{Content, PRIORITY_DEFAULT, Payload, Source};

/// Why a block without a place has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// Its bytes are on their way for the first time.
    Pending,
    /// It was evicted.
    Evicted,
    /// The device took its bytes and there is no source.
    Lost,
    /// It could not be made resident; [`Unsettled::failure`] says why.
    ///
    /// [`Unsettled::failure`]: crate::core::unsettled::Unsettled::failure
    Failed,
}

/// Which [`Source`] a block has; what a callback is, [`Retained`] knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// [`Source::Retained`].
    Retained,
    /// [`Source::Reload`].
    Reload,
    /// [`Source::ReadBack`].
    ReadBack,
    /// [`Source::None`].
    None,
}

impl SourceKind {
    pub(crate) fn of(source: &Source) -> Self {
        match source {
            Source::Retained => Self::Retained,
            Source::Reload(_) => Self::Reload,
            Source::ReadBack => Self::ReadBack,
            Source::None => Self::None,
        }
    }
}

/// One block.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) handle: Handle,
    pub(crate) lifetime: Lifetime,
    pub(crate) priority: u8,
    pub(crate) source: SourceKind,
    /// Layout of the bytes in `place`, or of those that will come; shared with the versions that
    /// show it.
    pub(crate) layout: Arc<BlockLayout>,
    /// Retained contents: complete for [`Source::Retained`], complete while it is away for
    /// [`Source::ReadBack`]; the callback of [`Source::Reload`].
    pub(crate) retained: Retained,
    /// Where the next version shows it.
    pub(crate) place: Option<RangeKey>,
    /// Meaningful while `place` is `None`.
    pub(crate) away: Away,
    /// Counts contents: an update raises it, a move does not.
    pub(crate) revision: u64,
    /// The version that first showed its present contents; 0 before there was one.
    pub(crate) written: u64,
    /// The last queued slot showed it in a place.
    pub(crate) shown: bool,
    /// It comes back unasked, after the loss of a device.
    pub(crate) returns: bool,
    /// What there is to know while it is not at rest.
    pub(crate) unsettled: Option<Box<Unsettled>>,
    /// What few blocks have.
    pub(super) rare: Option<Box<Rare>>,
}

// What each block of a heap costs the engine's books, beside what the lower crates keep of it.
const _: () = assert!(size_of::<Option<Record>>() == 88, "Record must stay small");

impl Record {
    /// That layout, as the one that it has if they are the same, so that there is one of them.
    pub(crate) fn layout_like(&self, layout: BlockLayout) -> Arc<BlockLayout> {
        if *self.layout == layout {
            Arc::clone(&self.layout)
        } else {
            Arc::new(layout)
        }
    }

    /// Whether moves and evictions must leave it alone.
    pub(crate) fn is_busy(&self) -> bool {
        self.fill().is_some() || self.is_pinned()
    }

    /// Whether compaction may move it. A job that is to take it elsewhere, but has found no room
    /// yet, takes it from wherever it lies by then.
    pub(crate) fn is_movable(&self) -> bool {
        let waits =
            |fill: &Fill| fill.purpose == Purpose::Reshape && fill.target == Target::Unplaced;
        let is_pinned = self.is_pinned() && !is_planted!(PinnedMoved);
        let waits = self.fill().is_none_or(waits) || is_planted!(MovedWhileFilling);
        waits && !is_pinned
    }

    /// Whether it is wanted back also if no frame looks at it.
    pub(crate) fn is_wanted(&self) -> bool {
        self.has_waiters() || self.is_pinned() || self.lifetime == Lifetime::LongLived
    }

    /// Whether its contents go before those of others: it may not be late, or its priority says so.
    pub(crate) fn is_urgent(&self) -> bool {
        self.is_wanted() || self.priority > PRIORITY_DEFAULT
    }

    /// Whether its job takes it to another place, contents kept.
    pub(crate) fn is_moving(&self) -> bool {
        self.fill()
            .is_some_and(|fill| fill.purpose == Purpose::Reshape && fill.target != Target::Present)
    }

    /// Whether it can leave and come back.
    pub(crate) fn has_source(&self) -> bool {
        self.source != SourceKind::None
    }

    /// Whether the engine keeps its contents while it is away.
    pub(crate) fn keeps_copies(&self) -> bool {
        matches!(self.source, SourceKind::Retained | SourceKind::ReadBack)
    }

    /// Whether its contents can be had without the GPU.
    pub(crate) fn is_covered(&self) -> bool {
        match self.source {
            SourceKind::Retained | SourceKind::Reload => true,
            SourceKind::ReadBack => self.is_covered_by(&self.layout, &[]),
            SourceKind::None => false,
        }
    }

    /// Whether `others` and what is retained are the contents of all parts of `layout`.
    pub(crate) fn is_covered_by(&self, layout: &BlockLayout, others: &[(PartId, Payload)]) -> bool {
        let others = others.iter().map(|(id, payload)| (*id, payload));
        let known = others.chain(self.retained.iter());
        let known = known.map(|(id, payload)| (id, payload.len()));
        let known = known.chain(self.spilled_parts().iter().copied());
        layout.parts().all(|part| {
            let mut known = known.clone();
            known.any(|known| known == (part.id, part.used_len))
        })
    }

    /// Whether it takes `contents` while it is away, to come back with them.
    pub(crate) fn takes_away(&self, contents: &[Content]) -> bool {
        let is_shared = |content: &Content| content.payload().is_some();
        match self.source {
            SourceKind::Retained | SourceKind::Reload => true,
            SourceKind::ReadBack => self.away == Away::Evicted && contents.iter().all(is_shared),
            SourceKind::None => false,
        }
    }

    /// Whether the policy may choose it: long-lived blocks stay (R9), and what has no source
    /// could not come back.
    pub(crate) fn is_exempt(&self) -> bool {
        self.lifetime == Lifetime::LongLived || !self.has_source()
    }

    /// Those of `contents` that the source wants kept.
    pub(crate) fn retainable(&self, contents: impl Iterator<Item = (PartId, Payload)>) -> Retain {
        let mut retain = Retain::new();
        if self.keeps_copies() {
            contents.for_each(|content| retain.push(content));
        }
        retain
    }

    /// Takes over contents as the ones to come back from, where the source says so.
    pub(crate) fn retain_all(&mut self, contents: impl Iterator<Item = (PartId, Payload)>) {
        if self.keeps_copies() {
            for (part, payload) in contents {
                self.retained.put(part, payload);
            }
        }
    }
}
