//! What the core knows of one block.

use std::collections::VecDeque;
use std::sync::Arc;

use geoheap_chunk_heap::{BlockLayout, Lifetime, PartId, RangeKey};
use smallvec::SmallVec;

use crate::core::event::{ReplyId, Request};
use crate::core::fill::{Fill, Purpose, Target};
use crate::core::leaving::Leaving;
use crate::core::spill::Copied;
use crate::error::FailReason;
use crate::handle::Handle;
use crate::payload::{Content, PRIORITY_DEFAULT, Payload, Source};

/// Why a block without a place has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// Its bytes are on their way for the first time.
    Pending,
    /// It was evicted.
    Evicted,
    /// The device took its bytes and there is no source.
    Lost,
    /// It could not be made resident.
    Failed(FailReason),
}

/// A callback's answer that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reloading {
    pub(crate) seq: u64,
}

/// A caller who waits until a block is resident.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    pub(crate) reply: ReplyId,
    /// Whether he waits for a pin, which goes if he is refused.
    pub(crate) pins: bool,
}

/// One block.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) handle: Handle,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) lifetime: Lifetime,
    pub(crate) priority: u8,
    pub(crate) owners: u64,
    pub(crate) pins: u64,
    pub(crate) source: Source,
    /// Layout of the bytes in `place`, or of those that will come.
    pub(crate) layout: BlockLayout,
    /// Retained contents: complete for [`Source::Retained`], complete while it is away for
    /// [`Source::ReadBack`], else empty.
    pub(crate) retained: SmallVec<[(PartId, Payload); 2]>,
    /// What of it is counted, and what is in a file; none where there is no file.
    pub(crate) copied: Option<Box<Copied>>,
    /// Where the next version shows it.
    pub(crate) place: Option<RangeKey>,
    /// Meaningful while `place` is `None`.
    pub(crate) away: Away,
    /// Bytes on their way, at most one job at a time.
    pub(crate) fill: Option<Box<Fill>>,
    pub(crate) reloading: Option<Reloading>,
    /// Its bytes are on their way back from the GPU, so that it can leave.
    pub(crate) leaving: Option<Box<Leaving>>,
    /// Counts contents: an update raises it, a move does not.
    pub(crate) revision: u64,
    /// The version that first showed its present contents; 0 before there was one.
    pub(crate) written: u64,
    /// Requests that wait until `fill` is done, each with its place in the order of requests.
    pub(crate) deferred: VecDeque<(u64, Request)>,
    /// Callers who wait until it is resident.
    pub(crate) waiters: SmallVec<[Waiter; 1]>,
    /// How often it found no room since it was last resident.
    pub(crate) set_asides: u32,
    /// Before this tick it is not brought back for the sake of who waits.
    pub(crate) retry_tick: u64,
    /// Room that had come by then, see `Core::room_bytes`.
    pub(crate) room_bytes: u64,
    /// The last queued slot showed it in a place.
    pub(crate) shown: bool,
    /// Frame of the last wish for it while it was away.
    pub(crate) wished_frame: u64,
    /// It comes back unasked, after the loss of a device.
    pub(crate) returns: bool,
}

impl Record {
    /// Whether moves and evictions must leave it alone.
    pub(crate) fn is_busy(&self) -> bool {
        self.fill.is_some() || self.pins > 0
    }

    /// Whether compaction may move it. A job that is to take it elsewhere, but has found no room
    /// yet, takes it from wherever it lies by then.
    pub(crate) fn is_movable(&self) -> bool {
        let waits =
            |fill: &Fill| fill.purpose == Purpose::Reshape && fill.target == Target::Unplaced;
        let is_pinned = self.pins > 0 && !is_planted!(PinnedMoved);
        let waits = self.fill.as_deref().is_none_or(waits) || is_planted!(MovedWhileFilling);
        waits && !is_pinned
    }

    /// Whether it is wanted back also if no frame looks at it.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.waiters.is_empty() || self.pins > 0 || self.lifetime == Lifetime::LongLived
    }

    /// Whether its contents go before those of others: it may not be late, or its priority says so.
    pub(crate) fn is_urgent(&self) -> bool {
        self.is_wanted() || self.priority > PRIORITY_DEFAULT
    }

    /// Whether its job takes it to another place, contents kept.
    pub(crate) fn is_moving(&self) -> bool {
        self.fill
            .as_deref()
            .is_some_and(|fill| fill.purpose == Purpose::Reshape && fill.target != Target::Present)
    }

    /// Everybody who waits until it is resident, or for its job; they must be answered now.
    pub(crate) fn take_replies_of_job(&mut self) -> Vec<ReplyId> {
        let mut replies: Vec<ReplyId> = self.take_waiters();
        if let Some(fill) = &mut self.fill {
            replies.extend(fill.replies.drain(..).map(|(reply, _)| reply));
        }
        replies
    }

    /// Everybody who waits for anything about it; they must be answered now.
    pub(crate) fn take_replies(&mut self) -> Vec<ReplyId> {
        let mut replies = self.take_replies_of_job();
        let deferred = self.deferred.drain(..);
        replies.extend(deferred.filter_map(|(_, request)| request.reply()));
        replies
    }

    /// The callers who wait until it is resident, who will be refused: the pins that they wait
    /// for go with them.
    pub(crate) fn take_waiters(&mut self) -> Vec<ReplyId> {
        let mut replies = Vec::new();
        for waiter in self.waiters.drain(..) {
            self.pins -= u64::from(waiter.pins);
            replies.push(waiter.reply);
        }
        replies
    }

    /// Whether it can leave and come back.
    pub(crate) fn has_source(&self) -> bool {
        !matches!(self.source, Source::None)
    }

    /// Whether the engine keeps its contents while it is away.
    pub(crate) fn keeps_copies(&self) -> bool {
        matches!(self.source, Source::Retained | Source::ReadBack)
    }

    /// Whether its contents can be had without the GPU.
    pub(crate) fn is_covered(&self) -> bool {
        match self.source {
            Source::Retained | Source::Reload(_) => true,
            Source::ReadBack => self.is_covered_by(&self.layout, &[]),
            Source::None => false,
        }
    }

    /// Whether `others` and what is retained are the contents of all parts of `layout`.
    pub(crate) fn is_covered_by(&self, layout: &BlockLayout, others: &[(PartId, Payload)]) -> bool {
        let known = others.iter().chain(&self.retained);
        let known = known.map(|(id, payload)| (*id, payload.len()));
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
            Source::Retained | Source::Reload(_) => true,
            Source::ReadBack => self.away == Away::Evicted && contents.iter().all(is_shared),
            Source::None => false,
        }
    }

    /// Whether the policy may choose it: long-lived blocks stay (R9), and what has no source
    /// could not come back.
    pub(crate) fn is_exempt(&self) -> bool {
        self.lifetime == Lifetime::LongLived || !self.has_source()
    }

    /// Retained bytes of a part.
    pub(crate) fn retained(&self, part: PartId) -> Option<&Payload> {
        self.retained
            .iter()
            .find(|(id, _)| *id == part)
            .map(|(_, payload)| payload)
    }

    /// Puts a part's retained bytes in place of older ones.
    pub(crate) fn retain(&mut self, part: PartId, payload: Payload) {
        match self.retained.iter_mut().find(|(id, _)| *id == part) {
            Some(entry) => entry.1 = payload,
            None => self.retained.push((part, payload)),
        }
    }

    /// Those of `contents` that the source wants kept.
    pub(crate) fn retainable(
        &self,
        contents: impl Iterator<Item = (PartId, Payload)>,
    ) -> Vec<(PartId, Payload)> {
        if self.keeps_copies() {
            contents.collect()
        } else {
            Vec::new()
        }
    }

    /// Takes over contents as the ones to come back from, where the source says so.
    pub(crate) fn retain_all(&mut self, contents: impl Iterator<Item = (PartId, Payload)>) {
        if self.keeps_copies() {
            for (part, payload) in contents {
                self.retain(part, payload);
            }
        }
    }
}
