//! Recording by one and by two render actors.

use std::sync::Arc;

use geoheap::wgpu::{Buffer, CommandBuffer};
use geoheap::{FrameTicket, Handle, RenderActors};

use super::record;
use super::stage::Stage;
use crate::frames::canvas::Canvas;
use crate::frames::plain::share_of;
use crate::frames::record::Cut;

/// A pool of one, and one of two.
#[derive(Debug)]
pub struct Actors {
    one: RenderActors,
    two: RenderActors,
}

impl Actors {
    /// Starts the threads.
    pub fn new() -> Self {
        let actors = |count| RenderActors::new(count).expect("the system gives threads");
        Self {
            one: actors(1),
            two: actors(2),
        }
    }

    /// Records by `count` actors, one or two, with as many equal shares.
    pub fn record(
        &self,
        canvas: &Arc<Canvas>,
        ticket: &FrameTicket<Buffer>,
        handles: &Arc<[Handle]>,
        count: usize,
    ) -> Vec<CommandBuffer> {
        let pool = if count == 1 { &self.one } else { &self.two };
        let (canvas, handles) = (Arc::clone(canvas), Arc::clone(handles));
        let recorded = pool.record(ticket, count, move |share, ticket| {
            let handles = &handles[share_of(handles.len(), share, count)];
            record::share(&canvas, ticket, handles, share == 0)
        });
        recorded.expect("no share panics")
    }
}

impl Default for Actors {
    fn default() -> Self {
        Self::new()
    }
}

/// Records by two actors, cut as told. None yet.
pub fn record_uneven(_: &mut Stage, _: Cut) -> Option<Vec<CommandBuffer>> {
    None
}
