//! Requests that wait for a block's job, so that what was sent first is done first.

use crate::core::Core;
use crate::core::event::{Effect, Request};
use crate::core::fill::Purpose;
use crate::core::record::Record;
use crate::handle::Handle;

/// Whether `request` has to wait for the block's job.
pub(super) fn must_wait(record: &Record, request: &Request) -> bool {
    let Some(fill) = record.fill() else {
        return false;
    };
    // Nothing overtakes a request that waits but what asks for no bytes and no place.
    let follows = record.deferred().next().is_some();
    match request {
        // Contents that have begun to arrive do arrive: whoever updates a large block in every
        // tick would never see any of them otherwise.
        Request::Update { in_place, .. } => {
            *in_place || fill.purpose == Purpose::Reshape || fill.has_begun() || follows
        }
        Request::Part { .. }
        | Request::SetLifetime { .. }
        | Request::ReadBack { .. }
        | Request::Evict { .. } => true,
        // A pin in the middle of a move lets the move end first (R9).
        Request::Pin { .. } | Request::Unpin { .. } => record.is_moving() || follows,
        _ => false,
    }
}

impl Core {
    /// Lets a request wait, at its place in the order. Whole contents replace others that wait
    /// right before them, if it is sure that they will be taken themselves: what they replace would
    /// be lost otherwise (R11).
    pub(super) fn defer(&mut self, handle: Handle, order: u64, request: Request) {
        self.deferred_bytes += request.content_bytes();
        let is_taken = self.keeps_parts(handle) && self.is_taken(handle, &request);
        let is_taken = is_taken || is_planted!(WaitingReplacedInVain);
        let deferred = &mut self.own(handle).unsettled().deferred;
        if let Some((_, last)) = deferred.back_mut()
            && is_taken
            && request.replaces(last)
        {
            let replaced = if is_planted!(OldestUpdateWins) {
                request
            } else {
                core::mem::replace(last, request)
            };
            self.deferred_bytes -= replaced.content_bytes();
            self.report.blocks_updated += 1;
            return;
        }
        deferred.push_back((order, request));
        self.open.insert(order);
    }

    /// Whether the block has the parts that it has now when its waiting requests are carried out.
    fn keeps_parts(&self, handle: Handle) -> bool {
        let reshapes = |request: &Request| matches!(request, Request::Part { .. });
        self.record(handle).is_some_and(|record| {
            let fill = record.fill();
            fill.is_none_or(|fill| fill.purpose != Purpose::Reshape)
                && !record.deferred().any(|(_, request)| reshapes(request))
        })
    }

    /// Takes the oldest of a block's waiting requests off the books.
    pub(super) fn pop_deferred(&mut self, handle: Handle) -> Option<(u64, Request)> {
        let (order, request) = self.own(handle).pop_deferred()?;
        self.open.remove(&order);
        self.deferred_bytes -= request.content_bytes();
        Some((order, request))
    }

    /// Requests that waited for the job go on, until one of them starts another.
    pub(super) fn run_deferred(&mut self, handle: Handle, out: &mut Vec<Effect>) {
        let is_free = |core: &Self| {
            let record = core.record(handle);
            record.is_some_and(|record| record.fill().is_none())
        };
        while is_free(self)
            && let Some((order, request)) = self.pop_deferred(handle)
        {
            self.carry_out(order, request, out);
        }
    }
}
