//! What there is to know of a block that is not at rest: bytes are on their way, somebody waits, or
//! it is away and was asked for.
//!
//! Most blocks of a large heap lie where they lie and nothing happens to them. What only the others
//! have stands in a box of its own that is made when it is needed and dropped when the block is at
//! rest again, so that the books of a heap cost by what goes on in it.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::core::event::{ReplyId, Request};
use crate::core::fill::Fill;
use crate::core::leaving::Leaving;
use crate::core::record::Record;
use crate::error::FailReason;

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

/// One block's affairs. All of it is at its default while the block is at rest.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    /// Bytes on their way, at most one job at a time.
    fill: Option<Fill>,
    pub(crate) reloading: Option<Reloading>,
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
    /// Frame of the last wish for it while it was away.
    pub(crate) wished_frame: u64,
    /// Its bytes are on their way back from the GPU, so that it can leave.
    pub(crate) leaving: Option<Box<Leaving>>,
    /// Why it could not be made resident, while it is failed.
    pub(crate) failure: Option<FailReason>,
}

impl Unsettled {
    /// Takes all of it back to its default.
    fn clear(&mut self) {
        let Self {
            fill,
            reloading,
            deferred,
            waiters,
            set_asides,
            retry_tick,
            room_bytes,
            wished_frame,
            leaving,
            failure,
        } = self;
        (*fill, *reloading, *leaving, *failure) = (None, None, None, None);
        (*deferred, *waiters) = (VecDeque::new(), SmallVec::new());
        (*set_asides, *retry_tick, *room_bytes, *wished_frame) = (0, 0, 0, 0);
    }
}

impl Record {
    /// Its affairs, to change them.
    pub(crate) fn unsettled(&mut self) -> &mut Unsettled {
        self.unsettled.get_or_insert_default()
    }

    /// Lets its affairs have `room`, which is at its default, if they have none yet. Returns what
    /// it has no use for.
    pub(crate) fn unsettle_in(&mut self, room: Option<Box<Unsettled>>) -> Option<Box<Unsettled>> {
        if self.unsettled.is_some() {
            return room;
        }
        self.unsettled = room;
        None
    }

    /// Forgets its affairs, if it lies in a place and none is open. Returns the room they had,
    /// with all at its default.
    pub(crate) fn settle(&mut self) -> Option<Box<Unsettled>> {
        let is_settled = |open: &Unsettled| {
            let nobody_waits = open.deferred.is_empty() && open.waiters.is_empty();
            let nothing_moves = open.fill.is_none() && open.reloading.is_none();
            nothing_moves && open.leaving.is_none() && nobody_waits
        };
        if self.place.is_none() || !self.unsettled.as_deref().is_some_and(is_settled) {
            return None;
        }
        let mut room = self.unsettled.take()?;
        room.clear();
        Some(room)
    }

    /// The job that brings it bytes.
    pub(crate) fn fill(&self) -> Option<&Fill> {
        self.unsettled.as_ref()?.fill.as_ref()
    }

    /// The same, to go on with it.
    pub(crate) fn fill_mut(&mut self) -> Option<&mut Fill> {
        self.unsettled.as_mut()?.fill.as_mut()
    }

    /// Its job, which it has no more.
    pub(crate) fn take_fill(&mut self) -> Option<Fill> {
        self.unsettled.as_mut()?.fill.take()
    }

    /// Gives it a job; it must have none.
    pub(crate) fn set_fill(&mut self, fill: Fill) {
        let handle = self.handle;
        let other = self.unsettled().fill.replace(fill);
        assert!(other.is_none(), "{handle:?} has one job at a time");
    }

    pub(crate) fn leaving(&self) -> Option<&Leaving> {
        self.unsettled.as_ref()?.leaving.as_deref()
    }

    pub(crate) fn leaving_mut(&mut self) -> Option<&mut Leaving> {
        self.unsettled.as_mut()?.leaving.as_deref_mut()
    }

    /// It does not leave that way, or is done with it.
    pub(crate) fn take_leaving(&mut self) -> Option<Box<Leaving>> {
        self.unsettled.as_mut()?.leaving.take()
    }

    pub(crate) fn reloading(&self) -> Option<Reloading> {
        self.unsettled.as_ref()?.reloading
    }

    /// The callback's answer is not waited for any more. Returns whether it was.
    pub(crate) fn stop_reloading(&mut self) -> bool {
        let open = self.unsettled.as_mut();
        open.is_some_and(|open| open.reloading.take().is_some())
    }

    /// Requests that wait until its job is done, oldest first.
    pub(crate) fn deferred(&self) -> impl Iterator<Item = &(u64, Request)> {
        let open = self.unsettled.iter();
        open.flat_map(|open| &open.deferred)
    }

    /// The oldest of these, which waits no more.
    pub(crate) fn pop_deferred(&mut self) -> Option<(u64, Request)> {
        self.unsettled.as_mut()?.deferred.pop_front()
    }

    pub(crate) fn has_waiters(&self) -> bool {
        let open = self.unsettled.as_ref();
        open.is_some_and(|open| !open.waiters.is_empty())
    }

    pub(crate) fn set_asides(&self) -> u32 {
        self.unsettled.as_ref().map_or(0, |open| open.set_asides)
    }

    /// The tick before which it is not brought back for the sake of who waits, and the room that
    /// had come when that was decided.
    pub(crate) fn retry(&self) -> (u64, u64) {
        let open = self.unsettled.as_ref();
        open.map_or((0, 0), |open| (open.retry_tick, open.room_bytes))
    }

    /// It begins anew: how often it found no room so far does not count.
    pub(crate) fn forget_set_asides(&mut self) {
        if let Some(open) = &mut self.unsettled {
            open.set_asides = 0;
            open.retry_tick = 0;
        }
    }

    pub(crate) fn wished_frame(&self) -> u64 {
        self.unsettled.as_ref().map_or(0, |open| open.wished_frame)
    }

    /// Nobody has asked for it since it left.
    pub(crate) fn forget_wish(&mut self) {
        if let Some(open) = &mut self.unsettled {
            open.wished_frame = 0;
        }
    }

    /// Why it could not be made resident; only a failed block knows.
    pub(crate) fn failure(&self) -> FailReason {
        let open = self.unsettled.as_ref();
        let known = open.and_then(|open| open.failure.clone());
        known.expect("a failed block knows why")
    }

    /// Everybody who waits until it is resident, or for its job; they must be answered now.
    pub(crate) fn take_replies_of_job(&mut self) -> Vec<ReplyId> {
        let mut replies: Vec<ReplyId> = self.take_waiters();
        if let Some(fill) = self.fill_mut() {
            replies.extend(fill.replies.drain(..).map(|(reply, _)| reply));
        }
        replies
    }

    /// Everybody who waits for anything about it; they must be answered now.
    pub(crate) fn take_replies(&mut self) -> Vec<ReplyId> {
        let mut replies = self.take_replies_of_job();
        if let Some(open) = &mut self.unsettled {
            let deferred = open.deferred.drain(..);
            replies.extend(deferred.filter_map(|(_, request)| request.reply()));
        }
        replies
    }

    /// The callers who wait until it is resident, who will be refused: the pins that they wait
    /// for go with them.
    pub(crate) fn take_waiters(&mut self) -> Vec<ReplyId> {
        let mut replies = Vec::new();
        let mut pins = 0;
        let open = self.unsettled.as_mut();
        for waiter in open.into_iter().flat_map(|open| open.waiters.drain(..)) {
            pins += u64::from(waiter.pins);
            replies.push(waiter.reply);
        }
        self.drop_pins(pins);
        replies
    }
}
