//! The placements of all handles in a buffer on the GPU, for shaders that cull and draw by handle.
//!
//! A shader that is given handles looks up where their blocks lie, as the CPU does with a ticket:
//! by slot, comparing the generation. The table is kept up by patches: [`PlacementTable::update`]
//! records into a frame's own encoder what changed between the version that the table shows and
//! the ticket's. Commands run in the order in which they are submitted, so each frame's shaders
//! see exactly the version of its ticket, and nothing has to be kept several times.
//!
//! One thread keeps a table, and submits the encoders in the order of the updates. An encoder that
//! was given up takes its patch with it; that is noticed, and the next update writes everything.
//! wgpu does not tell of a submit that it refused: then call [`PlacementTable::invalidate`].

use core::fmt;
use std::sync::Arc;

use geoheap_chunk_heap::Part;
use geoheap_frame_sync::Version;

use crate::recording::part_rooms::PartRooms;
use crate::recording::patch::{Patch, filled};
use crate::slot::Slot;
use crate::sync::{AtomicBool, Ordering};
use crate::ticket::{FrameTicket, Moved, Stamp};

/// Words of an entry, as `placements.wgsl` has them.
const PLACEMENT_WORDS: usize = 11;
const PART_WORDS: usize = 6;
/// Workgroups in a row of a dispatch, and invocations in a group, as `scatter.wgsl` has them.
const ROW: usize = 65_535;
const GROUP: usize = 64;
const WORD_BYTES: u64 = 4;

/// Why a table could not be made or brought to a version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlacementTableError {
    /// The table would be larger than the device binds as storage: ask the device for a higher
    /// `max_storage_buffer_binding_size`, or keep fewer blocks.
    TooLarge {
        /// Bytes that the table needs.
        requested_bytes: u64,
        /// Bytes that the device binds.
        max_bytes: u64,
    },
    /// The device is lost: the ticket's, or the one whose heap the table showed. The next device
    /// needs a table of its own.
    DeviceLost,
}

impl fmt::Display for PlacementTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge {
                requested_bytes,
                max_bytes,
            } => write!(
                f,
                "the placement table needs {requested_bytes} bytes; the device binds {max_bytes}"
            ),
            Self::DeviceLost => f.write_str("the device is lost"),
        }
    }
}

impl std::error::Error for PlacementTableError {}

/// What an update did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patched {
    /// Entries of slots that were written.
    pub slots: usize,
    /// Entries of parts that were written.
    pub parts: usize,
    /// Bytes that went to the GPU.
    pub bytes: u64,
    /// The whole table was written.
    pub is_whole: bool,
    /// The buffers are others than before: bind groups over them have to be made anew. See
    /// [`PlacementTable::rebinds`].
    pub is_rebound: bool,
}

/// A table of placements on the GPU, at one version.
///
/// Shaders declare it as [`PlacementTable::WGSL`] has it:
///
/// ```wgsl
/// @group(0) @binding(0) var<storage, read> placements: array<Placement>;
/// @group(0) @binding(1) var<storage, read> parts: array<Part>;
/// ```
pub struct PlacementTable {
    device: wgpu::Device,
    scatter: wgpu::ComputePipeline,
    placements: Table,
    parts: Table,
    rooms: PartRooms,
    /// The heap and the version that the table shows once the encoders so far have run.
    shown: Option<Stamp>,
    /// The first that it showed: the device of the heap must not have changed since.
    first: Option<Stamp>,
    /// An encoder with a patch was given up.
    is_broken: Arc<AtomicBool>,
    rebinds: u64,
}

impl fmt::Debug for PlacementTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlacementTable")
            .field("version", &self.version())
            .field("slots", &self.placements.entries())
            .field("parts", &self.parts.entries())
            .finish_non_exhaustive()
    }
}

impl PlacementTable {
    /// The structures and constants that shaders need, as WGSL source to put before their own.
    pub const WGSL: &str = include_str!("placements.wgsl");

    /// An empty table with room for so many slots; it grows by itself.
    ///
    /// # Errors
    /// [`PlacementTableError::TooLarge`].
    pub fn new(device: &wgpu::Device, slots: u32) -> Result<Self, PlacementTableError> {
        let slots = slots.max(1) as usize;
        Ok(Self {
            scatter: scatter_pipeline(device),
            placements: Table::new(device, "placements", PLACEMENT_WORDS, slots)?,
            parts: Table::new(device, "parts", PART_WORDS, slots)?,
            rooms: PartRooms::default(),
            shown: None,
            first: None,
            is_broken: Arc::default(),
            rebinds: 0,
            device: device.clone(),
        })
    }

    /// The entries of all slots, by [`Handle::index`](crate::Handle::index).
    pub fn placements(&self) -> &wgpu::Buffer {
        &self.placements.buffer
    }

    /// The entries of all parts.
    pub fn parts(&self) -> &wgpu::Buffer {
        &self.parts.buffer
    }

    /// How often the buffers were replaced: bind groups made at another count are of old buffers.
    pub fn rebinds(&self) -> u64 {
        self.rebinds
    }

    /// The next update writes everything. To be called when a submit with an update's commands
    /// failed: a command buffer beside it was not valid, say. Commands that are dropped unsubmitted
    /// are noticed without this.
    pub fn invalidate(&mut self) {
        self.shown = None;
    }

    /// The version that the table shows to commands recorded after the last update.
    pub fn version(&self) -> Option<Version> {
        self.shown.map(|stamp| stamp.version)
    }

    /// Bytes of the table's buffers. They are the caller's, and not in the heap's budget.
    pub fn bytes(&self) -> u64 {
        self.placements.buffer.size() + self.parts.buffer.size()
    }

    /// Records what brings the table to the ticket's version; later commands of the encoder see
    /// it. Costs as much as changed, or the whole table the first time, after a device was lost,
    /// and when the version is further back than the feed of changes reaches.
    ///
    /// # Errors
    /// [`PlacementTableError`]; nothing was recorded, and the next update writes everything.
    pub fn update(
        &mut self,
        ticket: &FrameTicket<wgpu::Buffer>,
        encoder: &mut wgpu::CommandEncoder,
    ) -> Result<Patched, PlacementTableError> {
        let stamp = ticket.stamp();
        let is_of_lost = |first: Stamp| first.is_of_another_device(stamp);
        if ticket.is_void() || self.first.is_some_and(is_of_lost) {
            return Err(PlacementTableError::DeviceLost);
        }
        let is_broken = self.is_broken.load(Ordering::Acquire);
        let fits = ticket.slots().len() <= self.placements.entries();
        // Until this has succeeded, the books of rooms are not those of the table.
        let moved = match self.shown.take() {
            Some(stamp) if !is_broken && fits => ticket.moved_since_stamp(stamp),
            _ => Moved::all(),
        };
        let patched = match moved.slots() {
            Some(slots) => self.patch(ticket, slots, encoder)?,
            None => None,
        };
        let patched = if let Some(patched) = patched {
            patched
        } else {
            self.rewrite(ticket, encoder)?
        };
        if patched.bytes > 0 {
            let guard = Guard::new(&mut self.is_broken, patched.is_whole);
            encoder.on_submitted_work_done(move || guard.ran());
        }
        self.shown = Some(stamp);
        self.first = self.first.or(self.shown);
        Ok(patched)
    }

    /// Writes some slots; `None` if their parts find no room.
    fn patch(
        &mut self,
        ticket: &FrameTicket<wgpu::Buffer>,
        slots: &[u32],
        encoder: &mut wgpu::CommandEncoder,
    ) -> Result<Option<Patched>, PlacementTableError> {
        let mut placements = Patch::new(PLACEMENT_WORDS);
        let mut parts = Patch::new(PART_WORDS);
        for index in slots {
            let Some(slot) = ticket.slots().get(*index as usize) else {
                continue;
            };
            let layout = ticket.layout(*index, slot);
            let (room, is_new) = self.rooms.place(*index, layout);
            if room.end as usize > self.parts.entries() {
                return Ok(None);
            }
            placements.push(*index, &placement_words(slot, &room));
            if let (true, Some(layout)) = (is_new, layout) {
                for (at, part) in (room.start..).zip(layout.parts_by_id()) {
                    parts.push(at, &part_words(&part));
                }
            }
        }
        let mut patched = Patched {
            slots: placements.entries,
            parts: parts.entries,
            ..Patched::default()
        };
        // Whatever can fail comes before the first command.
        let staged = [placements.stage(&self.device)?, parts.stage(&self.device)?];
        let patches = [(&placements, &self.placements), (&parts, &self.parts)];
        for ((patch, table), staged) in patches.into_iter().zip(staged) {
            if let Some(staged) = staged {
                patched.bytes += staged.size();
                self.scatter(patch, table, &staged, encoder);
            }
        }
        Ok(Some(patched))
    }

    fn scatter(
        &self,
        patch: &Patch,
        table: &Table,
        staged: &wgpu::Buffer,
        encoder: &mut wgpu::CommandEncoder,
    ) {
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("geoheap placement patch"),
            layout: &self.scatter.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: staged.as_entire_binding(),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: table.buffer.as_entire_binding(),
                },
            ],
        });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.scatter);
        pass.set_bind_group(0, &group, &[]);
        let groups = (patch.entries * patch.entry_words).div_ceil(GROUP);
        let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        pass.dispatch_workgroups(narrow(groups.min(ROW)), narrow(groups.div_ceil(ROW)), 1);
    }

    /// Writes everything, into larger buffers where the version needs them.
    fn rewrite(
        &mut self,
        ticket: &FrameTicket<wgpu::Buffer>,
        encoder: &mut wgpu::CommandEncoder,
    ) -> Result<Patched, PlacementTableError> {
        let slots = ticket.slots();
        let mut rooms = PartRooms::default();
        let mut placements = Vec::with_capacity(slots.len() * PLACEMENT_WORDS);
        let mut parts: Vec<u32> = Vec::new();
        let mut live = 0;
        for (index, slot) in (0..).zip(slots) {
            let layout = ticket.layout(index, slot);
            let (room, _) = rooms.place(index, layout);
            placements.extend(placement_words(slot, &room));
            for part in layout.into_iter().flat_map(|layout| layout.parts_by_id()) {
                parts.extend(part_words(&part));
                live += 1;
            }
        }
        let mut patched = Patched {
            slots: slots.len(),
            parts: live,
            is_whole: true,
            ..Patched::default()
        };
        let larger = |table: &Table, label, words, needed: usize| {
            let needed = needed.max(1);
            (table.entries() < needed)
                .then(|| Table::new(&self.device, label, words, needed.next_power_of_two()))
                .transpose()
        };
        let larger_placements =
            larger(&self.placements, "placements", PLACEMENT_WORDS, slots.len())?;
        // Room for parts to come, so that a patch seldom finds none.
        let larger_parts = larger(&self.parts, "parts", PART_WORDS, live + live / 2)?;
        // Whatever can fail comes before the first command, and before the table is another.
        let staged = [self.stage(&placements)?, self.stage(&parts)?];
        patched.is_rebound = larger_placements.is_some() || larger_parts.is_some();
        self.rebinds += u64::from(patched.is_rebound);
        if let Some(larger) = larger_placements {
            self.placements = larger;
        }
        if let Some(larger) = larger_parts {
            self.parts = larger;
        }
        self.rooms = rooms;
        // A table that showed a newer version may have entries that this one has not.
        let shown_bytes = (slots.len() * PLACEMENT_WORDS) as u64 * WORD_BYTES;
        if shown_bytes < self.placements.buffer.size() {
            encoder.clear_buffer(&self.placements.buffer, shown_bytes, None);
        }
        for (staged, table) in staged.into_iter().zip([&self.placements, &self.parts]) {
            if let Some(staged) = staged {
                encoder.copy_buffer_to_buffer(&staged, 0, &table.buffer, 0, staged.size());
                patched.bytes += staged.size();
            }
        }
        Ok(patched)
    }

    /// Words on their way to a table; `None` if there are none.
    fn stage(&self, words: &[u32]) -> Result<Option<wgpu::Buffer>, PlacementTableError> {
        let usage = wgpu::BufferUsages::COPY_SRC;
        filled(&self.device, "placement table", words, usage)
    }
}

/// A buffer of entries.
#[derive(Debug)]
struct Table {
    buffer: wgpu::Buffer,
    entry_words: usize,
}

impl Table {
    fn new(
        device: &wgpu::Device,
        label: &str,
        entry_words: usize,
        entries: usize,
    ) -> Result<Self, PlacementTableError> {
        let requested_bytes = (entries * entry_words) as u64 * WORD_BYTES;
        let limits = device.limits();
        let max_bytes = limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size);
        if requested_bytes > max_bytes {
            return Err(PlacementTableError::TooLarge {
                requested_bytes,
                max_bytes,
            });
        }
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(&format!("geoheap {label}")),
            size: requested_bytes,
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_DST
                | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        Ok(Self {
            buffer,
            entry_words,
        })
    }

    fn entries(&self) -> usize {
        let words = usize::try_from(self.buffer.size() / WORD_BYTES).unwrap_or(usize::MAX);
        words / self.entry_words
    }
}

/// Notices whether an encoder with a patch was run or given up.
struct Guard {
    is_broken: Arc<AtomicBool>,
    is_done: bool,
}

impl Guard {
    /// A patch that writes everything makes good what was broken before it: those who come after
    /// it have a flag of their own.
    fn new(flag: &mut Arc<AtomicBool>, is_whole: bool) -> Self {
        if is_whole {
            *flag = Arc::default();
        }
        Self {
            is_broken: Arc::clone(flag),
            is_done: false,
        }
    }

    fn ran(mut self) {
        self.is_done = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_done {
            self.is_broken.store(true, Ordering::Release);
        }
    }
}

fn placement_words(slot: &Slot, room: &core::ops::Range<u32>) -> [u32; PLACEMENT_WORDS] {
    let narrow = |bytes: u64| u32::try_from(bytes).expect("no buffer has 4 GiB");
    [
        slot.generation,
        slot.state as u32,
        slot.chunk,
        narrow(slot.offset().get()),
        narrow(slot.len().get()),
        slot.format as u32,
        slot.base_vertex.cast_unsigned(),
        slot.first,
        slot.count,
        room.start,
        room.end - room.start,
    ]
}

fn part_words(part: &Part) -> [u32; PART_WORDS] {
    let narrow = |bytes: u64| u32::try_from(bytes).expect("no buffer has 4 GiB");
    [
        part.id.index.into(),
        part.id.generation.into(),
        part.kind.get().into(),
        narrow(part.range.start.get()),
        narrow(part.used_len.get()),
        part.stride,
    ]
}

fn scatter_pipeline(device: &wgpu::Device) -> wgpu::ComputePipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("geoheap placement scatter"),
        source: wgpu::ShaderSource::Wgsl(include_str!("scatter.wgsl").into()),
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some("geoheap placement scatter"),
        layout: None,
        module: &module,
        entry_point: Some("scatter"),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    })
}
