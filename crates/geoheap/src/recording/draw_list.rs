//! A frame's draws, grouped so that recording them binds each pipeline and each chunk once.
//!
//! Binding a buffer costs several times what a draw costs, and threads that bind contend for the
//! buffers' reference counts. All meshes of a chunk can be drawn from one binding, because their
//! vertices and indices are addressed from the chunk's start. So draws are put into groups by
//! pipeline, chunk and index format as they come (two loads find the group), and groups are
//! recorded in order. Within a group draws keep the order in which they came.

use core::ops::Range;

use geoheap_chunk_heap::{ChunkId, KindId, PartId};
use smallvec::SmallVec;

use crate::handle::Handle;
use crate::recording::DrawEncoder;
use crate::recording::asked::Asked;
use crate::recording::bound::Bound;
use crate::ticket::{BlockView, Draw, FrameTicket, IndexFormat, Lookup, Lookups, PartView, Stamp};

/// No group yet.
const NONE: u32 = u32::MAX;
/// Lanes of a pipeline: without indices, with 16 bits, with 32 bits.
const LANES: usize = 3;
/// Groups that no frame used are dropped when there are so many more than used ones.
const IDLE_GROUPS_MAX: usize = 64;

/// A draw in its group.
#[derive(Clone, Debug)]
struct Entry {
    draw: Draw,
    instances: Range<u32>,
}

/// Draws that share a pipeline and all bindings.
#[derive(Debug)]
struct Group {
    pipeline: u16,
    chunk: ChunkId,
    format: Option<IndexFormat>,
    entries: Vec<Entry>,
}

/// A draw that binds each of its vertex streams by offset.
#[derive(Debug)]
pub(super) struct StreamDraw {
    pub(super) pipeline: u16,
    pub(super) chunk: ChunkId,
    /// Slot, start and end in the chunk.
    pub(super) streams: SmallVec<[(u32, Range<u64>); 4]>,
    pub(super) draw: Draw,
    pub(super) instances: Range<u32>,
}

/// A vertex stream of a draw with several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The vertex buffer slot of the pipeline.
    pub slot: u32,
    /// The block's part.
    pub part: PartId,
}

/// What recording did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// Draws.
    pub draws: u64,
    /// Calls that set a pipeline.
    pub pipelines: u64,
    /// Calls that bound a vertex or an index buffer.
    pub bindings: u64,
}

/// Memory for a frame's draws; keep it, so that later frames allocate nothing.
///
/// ```no_run
/// # fn frame(
/// #     manager: &geoheap::GeometryManager,
/// #     scene: &[(geoheap::Handle, u16)],
/// #     pipelines: &[geoheap::wgpu::RenderPipeline],
/// #     queue: &geoheap::wgpu::Queue,
/// #     mut encoder: geoheap::wgpu::CommandEncoder,
/// #     list: &mut geoheap::DrawList,
/// # ) {
/// let ticket = manager.begin_frame();
/// ticket.in_flight().attach(&encoder); // the version lives as long as the commands
/// let mut pass = encoder.begin_render_pass(&Default::default());
/// let mut draws = list.begin(&ticket);
/// for (handle, pipeline) in scene {
///     draws.draw(*handle, *pipeline, 0..1); // what is not resident is wished for
/// }
/// draws.record(&mut pass, 0, |pass, pipeline| {
///     pass.set_pipeline(&pipelines[usize::from(pipeline)]);
/// });
/// drop(pass);
/// ticket.finish(); // tells what the frame used, so that it stays
/// queue.submit([encoder.finish()]);
/// # }
/// ```
#[derive(Debug, Default)]
pub struct DrawList {
    groups: Vec<Group>,
    /// Group of a chunk, by pipeline and format.
    lanes: Vec<Vec<u32>>,
    streams: Vec<StreamDraw>,
    /// Groups in the order of recording; reused memory.
    order: Vec<u32>,
    /// Slots of the blocks that were asked for, if the list is to be kept.
    asked: Option<Asked>,
    /// The heap and the version whose places it has; none before it was begun.
    shown: Option<Stamp>,
}

impl DrawList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a frame, or a worker's share of one, with an empty list.
    pub fn begin<'l>(&'l mut self, ticket: &'l FrameTicket<wgpu::Buffer>) -> Draws<'l> {
        self.clear();
        self.asked = None;
        self.shown = Some(ticket.stamp());
        self.resume(ticket)
    }

    /// Goes on with a list that was begun with this ticket, or with another of its version: for
    /// [`Scene::record`](crate::Scene::record), which is called for one run of items after the
    /// other, and [`Scene::end`](crate::Scene::end), which records them all.
    ///
    /// # Panics
    /// If the list was not begun, or in another version, or by a ticket of another heap.
    pub fn resume<'l>(&'l mut self, ticket: &'l FrameTicket<wgpu::Buffer>) -> Draws<'l> {
        assert_eq!(
            self.shown,
            Some(ticket.stamp()),
            "a list has places of the heap and version that it was begun in"
        );
        Draws {
            list: self,
            lookups: ticket.lookups(),
            ticket,
        }
    }

    /// As [`begin`](Self::begin), for a list that is kept for later frames, see
    /// [`refresh`](Self::refresh), or becomes a bundle with [`Draws::record_bundle`]: it notes
    /// which blocks it is asked for.
    pub fn begin_kept<'l>(&'l mut self, ticket: &'l FrameTicket<wgpu::Buffer>) -> Draws<'l> {
        let draws = self.begin(ticket);
        draws.list.asked = Some(Asked::new(ticket));
        draws
    }

    /// Whether a kept list draws what the ticket's version shows: none of the blocks that it was
    /// asked for changed since it was begun, resident or not. It then goes over to that version,
    /// its blocks count as used by the frame, and [`resume`](Self::resume) gives its draws. If
    /// not, begin it anew.
    ///
    /// ```no_run
    /// # fn frame(
    /// #     manager: &geoheap::GeometryManager,
    /// #     scene: &[geoheap::Handle],
    /// #     pass: &mut geoheap::wgpu::RenderPass<'_>,
    /// #     list: &mut geoheap::DrawList,
    /// # ) {
    /// let ticket = manager.begin_frame(); // attached to the encoder of the pass
    /// if !list.refresh(&ticket) {
    ///     list.begin_kept(&ticket).draw_each(scene, 0, |_| 0..1);
    /// }
    /// list.resume(&ticket).record(pass, 0, |_, _| {});
    /// ticket.finish();
    /// # }
    /// ```
    pub fn refresh(&mut self, ticket: &FrameTicket<wgpu::Buffer>) -> bool {
        let Some(asked) = &mut self.asked else {
            return false;
        };
        let is_current = asked.refresh(ticket);
        if is_current {
            asked.mark(ticket);
            self.shown = Some(ticket.stamp());
        }
        is_current
    }

    fn clear(&mut self) {
        let used = self.groups.iter().filter(|group| !group.entries.is_empty());
        if self.groups.len() > 2 * used.count() + IDLE_GROUPS_MAX {
            self.groups.clear();
            self.lanes.clear();
        }
        for group in &mut self.groups {
            group.entries.clear();
        }
        self.streams.clear();
    }

    /// The group of a draw.
    #[inline]
    fn group(&mut self, pipeline: u16, chunk: ChunkId, format: Option<IndexFormat>) -> &mut Group {
        let lane = usize::from(pipeline) * LANES + lane(format);
        let known = self
            .lanes
            .get(lane)
            .and_then(|lane| lane.get(chunk.get() as usize));
        let at = match known {
            Some(at) if *at != NONE => *at as usize,
            _ => self.add_group(lane, pipeline, chunk, format),
        };
        &mut self.groups[at]
    }

    #[cold]
    fn add_group(
        &mut self,
        lane: usize,
        pipeline: u16,
        chunk: ChunkId,
        format: Option<IndexFormat>,
    ) -> usize {
        if self.lanes.len() <= lane {
            self.lanes.resize(lane + 1, Vec::new());
        }
        let (lane, chunk_at) = (&mut self.lanes[lane], chunk.get() as usize);
        if lane.len() <= chunk_at {
            lane.resize(chunk_at + 1, NONE);
        }
        let at = self.groups.len();
        lane[chunk_at] = u32::try_from(at).expect("a group holds memory, so there are fewer");
        self.groups.push(Group {
            pipeline,
            chunk,
            format,
            entries: Vec::new(),
        });
        at
    }

    /// Sorts what is to be recorded by pipeline, then by chunk.
    fn sort(&mut self) {
        self.order.clear();
        let groups = (0..).zip(&self.groups);
        let filled = groups.filter(|(_, group)| !group.entries.is_empty());
        self.order.extend(filled.map(|(at, _)| at));
        let groups = &self.groups;
        self.order.sort_unstable_by_key(|at| {
            let group = &groups[*at as usize];
            (group.pipeline, group.chunk, group.format)
        });
        self.streams.sort_by_key(|draw| draw.pipeline);
    }
}

/// Whole elements of a part.
fn elements(part: &PartView<'_, wgpu::Buffer>) -> u64 {
    part.len().get() / u64::from(part.stride().max(1))
}

fn lane(format: Option<IndexFormat>) -> usize {
    match format {
        None => 0,
        Some(IndexFormat::U16) => 1,
        Some(IndexFormat::U32) => 2,
    }
}

/// The draws of one frame, or of one worker's share of it, in one version.
#[derive(Debug)]
pub struct Draws<'l> {
    list: &'l mut DrawList,
    ticket: &'l FrameTicket<wgpu::Buffer>,
    lookups: Lookups<'l, wgpu::Buffer>,
}

impl<'l> Draws<'l> {
    /// Adds `instances` of the block's first draw under the pipeline of that number, the caller's
    /// own count from 0 on. Returns whether there is something to draw: a block that is not
    /// resident in this version, or has no vertex part, adds nothing.
    #[inline]
    pub fn draw(&mut self, handle: Handle, pipeline: u16, instances: Range<u32>) -> bool {
        self.note(handle.index());
        let Lookup::Resident(view) = self.lookups.get(handle) else {
            return false;
        };
        self.add(&view, pipeline, instances)
    }

    /// As [`draw`](Self::draw) for many blocks under one pipeline: `instances` gives those of the
    /// block at a position. Cheaper than one by one, see [`Lookups::each`]. Returns how many of
    /// them there are to draw.
    pub fn draw_each(
        &mut self,
        handles: &[Handle],
        pipeline: u16,
        instances: impl Fn(usize) -> Range<u32>,
    ) -> usize {
        if let Some(asked) = &mut self.list.asked {
            for handle in handles {
                asked.note(handle.index());
            }
        }
        let found = self.lookups.each(handles).enumerate();
        let add = |(nth, found)| match found {
            Lookup::Resident(view) => usize::from(self.add(&view, pipeline, instances(nth))),
            _ => 0,
        };
        found.map(add).sum()
    }

    /// As [`draw`](Self::draw), for a block that was looked up already, say by
    /// [`FrameTicket::get_or`] with a fallback; `asked` is the block that was looked up.
    ///
    /// # Panics
    /// If the view is of another version than the ticket that the list began with.
    #[inline]
    pub fn draw_view(
        &mut self,
        asked: Handle,
        view: &BlockView<'_, wgpu::Buffer>,
        pipeline: u16,
        instances: Range<u32>,
    ) -> bool {
        assert!(
            view.is_of(self.ticket),
            "a list draws places of one version, {}",
            self.ticket.version()
        );
        self.note(asked.index());
        self.note(view.slot_index());
        self.add(view, pipeline, instances)
    }

    #[inline]
    fn add(
        &mut self,
        view: &BlockView<'_, wgpu::Buffer>,
        pipeline: u16,
        instances: Range<u32>,
    ) -> bool {
        let Some(draw) = view.draw() else {
            return false;
        };
        if instances.is_empty() {
            return false;
        }
        let group = self.list.group(pipeline, view.chunk(), draw.index_format);
        group.entries.push(Entry { draw, instances });
        true
    }

    /// Adds a draw with several vertex streams, each bound by its offset, with base vertex 0.
    /// Returns whether there is something to draw: the block is resident, has all these vertex
    /// parts and the index part, and no range is empty or reaches beyond them.
    ///
    /// `vertices` says which vertices are drawn, or which indices with an `index` part.
    pub fn draw_streams(
        &mut self,
        handle: Handle,
        pipeline: u16,
        streams: &[Stream],
        index: Option<PartId>,
        vertices: Range<u32>,
        instances: Range<u32>,
    ) -> bool {
        self.note(handle.index());
        let ticket = self.ticket;
        if vertices.is_empty() || instances.is_empty() {
            return false;
        }
        let mut bound = SmallVec::new();
        let mut chunk = None;
        for stream in streams {
            let part = ticket.part(handle, stream.part);
            let Some(part) = part.filter(|part| part.kind() == KindId::VERTEX) else {
                return false;
            };
            // With indices, only they know which vertices are read.
            if index.is_none() && u64::from(vertices.end) > elements(&part) {
                return false;
            }
            let start = part.offset().get();
            bound.push((stream.slot, start..start + part.len().get()));
            chunk = Some(part.chunk());
        }
        let Some(chunk) = chunk else {
            return false;
        };
        let mut draw = Draw {
            base_vertex: 0,
            first: vertices.start,
            count: vertices.end - vertices.start,
            index_format: None,
        };
        if let Some(part) = index {
            let part = ticket.part(handle, part);
            let part = part.filter(|part| {
                part.kind() == KindId::INDEX && u64::from(vertices.end) <= elements(part)
            });
            let Some(part) = part else {
                return false;
            };
            let before = u32::try_from(part.offset().get() / u64::from(part.stride()));
            draw.first += before.expect("a chunk holds under 2^32 indices");
            draw.index_format = Some(if part.stride() == 2 {
                IndexFormat::U16
            } else {
                IndexFormat::U32
            });
        }
        self.list.streams.push(StreamDraw {
            pipeline,
            chunk,
            streams: bound,
            draw,
            instances,
        });
        true
    }

    #[inline]
    fn note(&mut self, slot: u32) {
        if let Some(asked) = &mut self.list.asked {
            asked.note(slot);
        }
    }

    /// What a bundle of this list has to know.
    pub(super) fn asked(&mut self) -> (Asked, &'l FrameTicket<wgpu::Buffer>) {
        let asked = self.list.asked.take();
        let asked = asked.expect("a bundle is made from a list begun by `begin_kept`");
        (asked, self.ticket)
    }

    /// Number of draws so far.
    pub fn len(&self) -> usize {
        let grouped: usize = self
            .list
            .groups
            .iter()
            .map(|group| group.entries.len())
            .sum();
        grouped + self.list.streams.len()
    }

    /// Whether nothing is to be drawn.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records all draws, by pipeline and chunk, with the chunk as vertex buffer `vertex_slot`.
    /// `set_pipeline` is called once for each pipeline that is used, in rising order, with its
    /// number; it sets the pipeline and what belongs to it.
    ///
    /// The commands have to carry the ticket's version: see [`InFlight::attach`]. If the ticket's
    /// device was lost since the list was begun, nothing is recorded.
    ///
    /// [`InFlight::attach`]: crate::InFlight::attach
    pub fn record<E: DrawEncoder<'l>>(
        &mut self,
        encoder: &mut E,
        vertex_slot: u32,
        mut set_pipeline: impl FnMut(&mut E, u16),
    ) -> Recorded {
        if self.ticket.is_void() {
            return Recorded::default();
        }
        self.list.sort();
        let mut bound = Bound::new(vertex_slot);
        let mut streams = self.list.streams.iter().peekable();
        for at in &self.list.order {
            let group = &self.list.groups[*at as usize];
            while let Some(draw) = streams.next_if(|draw| draw.pipeline < group.pipeline) {
                bound.stream(encoder, self.ticket, draw, &mut set_pipeline);
            }
            bound.pipeline(encoder, group.pipeline, &mut set_pipeline);
            bound.chunk(encoder, self.ticket, group.chunk, group.format);
            for entry in &group.entries {
                encoder.record(&entry.draw, entry.instances.clone());
            }
            bound.recorded.draws += group.entries.len() as u64;
        }
        for draw in streams {
            bound.stream(encoder, self.ticket, draw, &mut set_pipeline);
        }
        bound.recorded
    }
}
