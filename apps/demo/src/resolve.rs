//! From what a frame wants to draw to where it lies in GPU memory: the same for every backend, so
//! that a virtual flight counts what a drawn one counts.

use std::ops::{AddAssign, Range};

use geoheap::{BlockView, ChunkId, Draw, Fallback, FrameTicket, Handle, IndexFormat, Lookup};

use crate::draw_list::{FramePlan, Item, Kind, Planned, Sightings, StandIns};

/// What became of the things that were looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Draws, stand-ins among them.
    pub draws: u64,
    /// Draws of stand-ins.
    pub fallback: u64,
    /// Things left out.
    pub skipped: u64,
    /// Handles that name no block any more.
    pub stale: u64,
}

/// What a pass, or a part of one, found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In numbers.
    pub counts: Counts,
    /// For the geometry side.
    pub sightings: Sightings,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.draws += other.draws;
        self.fallback += other.fallback;
        self.skipped += other.skipped;
        self.stale += other.stale;
    }
}

/// A draw whose place is known.
#[derive(Debug)]
pub struct Resolved<'t, Buf> {
    /// The chunk, for sorting.
    pub chunk: ChunkId,
    /// The chunk's buffer.
    pub buffer: &'t Buf,
    /// What to draw in it.
    pub draw: Draw,
    /// The instances in the frame's instance buffer.
    pub instances: Range<u32>,
}

/// The stand-ins that are resident in a ticket's version.
struct Ready {
    ground: Option<Fallback>,
    object: Option<Fallback>,
}

impl Ready {
    fn new<Buf>(ticket: &FrameTicket<Buf>, stand_ins: Option<StandIns>) -> Self {
        let ready = |handle: fn(&StandIns) -> Handle| {
            stand_ins
                .as_ref()
                .and_then(|all| ticket.fallback(handle(all)).ok())
        };
        Self {
            ground: ready(|all| all.ground),
            object: ready(|all| all.object),
        }
    }

    fn of(&self, kind: Kind) -> Option<&Fallback> {
        match kind {
            Kind::Ground => self.ground.as_ref(),
            Kind::Grove | Kind::Model => self.object.as_ref(),
            Kind::Interface | Kind::StandIn => None,
        }
    }
}

/// Looks up a run of planned items; `sort` orders the draws by chunk and index width, so that
/// each chunk is bound once. Without it (for the user interface) the order stays.
pub fn resolve<'t, Buf>(
    ticket: &'t FrameTicket<Buf>,
    plan: &FramePlan,
    run: &[Planned],
    sort: bool,
    found: &mut Found,
) -> Vec<Resolved<'t, Buf>> {
    let ready = Ready::new(ticket, plan.list.stand_ins);
    let mut resolved = Vec::with_capacity(run.len());
    for planned in run {
        let item = &plan.list.items[planned.item as usize];
        let view = look_up(ticket, &ready, item, &mut found.counts);
        if view.as_ref().is_none_or(BlockView::is_fallback) {
            found.sightings.away.push(item.handle);
        }
        match view {
            Some(view) => resolved.extend(placed(&view, item, *planned, &mut found.counts)),
            None => found.counts.skipped += 1,
        }
    }
    if sort {
        resolved.sort_by_key(|draw| {
            (
                draw.chunk,
                draw.draw.index_format == Some(IndexFormat::U32),
                draw.draw.first,
            )
        });
    }
    resolved
}

/// Looks up what is watched; the question alone keeps a block in memory, or asks for it.
pub fn watch<Buf>(ticket: &FrameTicket<Buf>, plan: &FramePlan, found: &mut Found) {
    let there = |handle: &Handle| matches!(ticket.get(*handle), Lookup::Resident(_));
    found
        .sightings
        .there
        .extend(plan.list.watched.iter().copied().filter(there));
}

fn look_up<'t, Buf>(
    ticket: &'t FrameTicket<Buf>,
    ready: &Ready,
    item: &Item,
    counts: &mut Counts,
) -> Option<BlockView<'t, Buf>> {
    let lookup = match ready.of(item.kind) {
        Some(fallback) => ticket.get_or(item.handle, fallback),
        None => ticket.get(item.handle),
    };
    match lookup {
        Lookup::Resident(view) => Some(view),
        Lookup::Stale => {
            counts.stale += 1;
            None
        }
        _ => None,
    }
}

fn placed<'t, Buf>(
    view: &BlockView<'t, Buf>,
    item: &Item,
    planned: Planned,
    counts: &mut Counts,
) -> Option<Resolved<'t, Buf>> {
    let own = item.placements.end - item.placements.start;
    let after = planned.first_instance + own;
    let instances = if view.is_fallback() {
        after..after + 1
    } else {
        planned.first_instance..after
    };
    let draw = view.draw()?;
    counts.draws += 1;
    counts.fallback += u64::from(view.is_fallback());
    Some(Resolved {
        chunk: view.chunk(),
        buffer: view.buffer(),
        draw,
        instances,
    })
}
