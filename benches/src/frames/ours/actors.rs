//! Recording by one and by two render actors.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use geoheap::wgpu::{Buffer, CommandBuffer};
use geoheap::{DrawList, FrameTicket, Handle, RenderActors, Scene};

use super::stage::Stage;
use crate::frames::canvas::Canvas;
use crate::frames::record::Cut;

/// One item in so many is dear.
const DEAR_PART: usize = 10;
/// A dear item costs so many times what another does.
const DEAR: usize = 10;

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

    /// Records by `count` actors, one or two. The first command buffer clears the picture.
    pub fn record(
        &self,
        ticket: &FrameTicket<Buffer>,
        meshes: &Arc<Meshes>,
        count: usize,
    ) -> Vec<CommandBuffer> {
        let pool = if count == 1 { &self.one } else { &self.two };
        let recorded = pool.record(ticket, meshes).expect("nothing panics");
        let mut commands = vec![meshes.canvas.clear()];
        commands.extend(recorded);
        commands
    }
}

impl Default for Actors {
    fn default() -> Self {
        Self::new()
    }
}

/// The scene's meshes, as items that the actors share out.
pub struct Meshes {
    canvas: Arc<Canvas>,
    /// Handles of each item.
    items: Vec<Vec<Handle>>,
    /// Lists of earlier frames, so that a frame allocates nothing.
    lists: Mutex<Vec<DrawList>>,
}

impl fmt::Debug for Meshes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meshes")
            .field("items", &self.items.len())
            .finish_non_exhaustive()
    }
}

impl Meshes {
    /// An item for each of the handles.
    pub fn new(canvas: &Arc<Canvas>, handles: &[Handle]) -> Self {
        Self::of_items(canvas, handles.iter().map(|handle| vec![*handle]).collect())
    }

    /// The same handles in items of which the last tenth is ten times dearer than the others, or
    /// in items that all cost the same.
    pub fn cut(canvas: &Arc<Canvas>, handles: &[Handle], cut: Cut) -> Self {
        if cut == Cut::Ideal {
            return Self::new(canvas, handles);
        }
        // With n items, n / 10 of them dear, there are 0.9 n + 10 n / 10 draws.
        let count = (handles.len() * DEAR_PART / (DEAR_PART - 1 + DEAR)).max(1);
        let cheap = count - count / DEAR_PART;
        let (singles, rest) = handles.split_at(cheap.min(handles.len()));
        let mut items: Vec<Vec<Handle>> = singles.iter().map(|handle| vec![*handle]).collect();
        items.extend(rest.chunks(DEAR).map(<[Handle]>::to_vec));
        Self::of_items(canvas, items)
    }

    fn of_items(canvas: &Arc<Canvas>, items: Vec<Vec<Handle>>) -> Self {
        Self {
            canvas: Arc::clone(canvas),
            items,
            lists: Mutex::default(),
        }
    }

    fn lists(&self) -> std::sync::MutexGuard<'_, Vec<DrawList>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scene<Buffer> for Meshes {
    type Pass = DrawList;
    type Piece = CommandBuffer;

    fn items(&self) -> usize {
        self.items.len()
    }

    fn begin(&self, ticket: &FrameTicket<Buffer>) -> DrawList {
        let mut list = self.lists().pop().unwrap_or_default();
        list.begin(ticket);
        list
    }

    fn record(&self, list: &mut DrawList, items: Range<usize>, ticket: &FrameTicket<Buffer>) {
        let mut draws = list.resume(ticket);
        for handles in &self.items[items] {
            draws.draw_each(handles, 0, |_| 0..1);
        }
    }

    fn end(&self, mut list: DrawList, ticket: &FrameTicket<Buffer>) -> CommandBuffer {
        let mut encoder = self.canvas.encoder();
        ticket.in_flight().attach(&encoder);
        let mut pass = self.canvas.pass(&mut encoder, false);
        list.resume(ticket).record(&mut pass, 0, |_, _| {});
        drop(pass);
        self.lists().push(list);
        encoder.finish()
    }
}

/// Records by two actors, cut as told.
pub fn record_uneven(stage: &mut Stage, cut: Cut) -> Option<Vec<CommandBuffer>> {
    let ticket = stage.manager.begin_frame();
    let meshes = match cut {
        Cut::Uneven => &stage.uneven,
        Cut::Ideal => &stage.even,
    };
    let commands = stage.actors.record(&ticket, meshes, 2);
    drop(ticket.finish());
    Some(commands)
}
