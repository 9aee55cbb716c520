//! What a published version says of one handle: 32 bytes, so that most lookups are one cache line.

use geoheap_chunk_heap::{BlockLayout, ChunkId, KindId, Part};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::handle::Handle;
use crate::ticket::{Draw, IndexFormat};

/// Offsets and lengths are stored in words of four bytes, the step of every GPU copy.
const WORD_BYTES: u64 = 4;

/// No buffer is longer than this: a slot counts words in 32 bits, and a draw counts its vertices,
/// which may be of one byte, in 31.
pub(crate) const BUFFER_BYTES_MAX: ByteLen = ByteLen::new((2 << 30) - WORD_BYTES);

/// Residency of a block as a version shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SlotState {
    /// No block has this slot.
    #[default]
    Vacant,
    /// Bytes are on their way.
    Pending,
    /// In a chunk.
    Resident,
    /// Only its source is left.
    Evicted,
    /// The device went, and there is no source.
    Lost,
    /// It could not be made resident; the event stream says why.
    Failed,
}

/// How a block's first draw reads its indices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum DrawFormat {
    /// Nothing to draw: no vertex part.
    #[default]
    None,
    /// Vertices in order.
    Plain,
    /// 16-bit indices.
    U16,
    /// 32-bit indices.
    U32,
}

/// One handle's entry in a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(32))]
pub(crate) struct Slot {
    pub(crate) generation: u32,
    pub(crate) state: SlotState,
    pub(crate) long_lived: bool,
    /// The block had been resident and was neither evicted nor lost since: a version that shows
    /// such a block without a place hides it, which R8 forbids and lookups count.
    pub(crate) was_resident: bool,
    pub(crate) format: DrawFormat,
    pub(crate) chunk: u32,
    offset_words: u32,
    len_words: u32,
    pub(crate) base_vertex: i32,
    pub(crate) first: u32,
    pub(crate) count: u32,
}

const _: () = assert!(
    size_of::<Slot>() == 32 && align_of::<Slot>() == 32,
    "a slot is half a cache line, and lies in one"
);

impl Slot {
    /// The entry of a slot that no block has, such that handles up to `generation` are stale.
    pub(crate) fn vacant(generation: u32) -> Self {
        Self {
            generation: generation.wrapping_add(1),
            ..Self::default()
        }
    }

    /// The entry of a block without a place.
    pub(crate) fn placeless(generation: u32, state: SlotState, long_lived: bool) -> Self {
        debug_assert!(state != SlotState::Resident, "a resident block has a place");
        Self {
            generation,
            state,
            long_lived,
            ..Self::default()
        }
    }

    /// The entry of a block that lies in `chunk` at `offset`.
    pub(crate) fn resident(
        generation: u32,
        long_lived: bool,
        chunk: ChunkId,
        offset: ByteOffset,
        layout: &BlockLayout,
    ) -> Self {
        let draw = first_draw(layout, offset);
        Self {
            generation,
            state: SlotState::Resident,
            long_lived,
            was_resident: true,
            format: draw.format,
            chunk: chunk.get(),
            offset_words: words(offset.get()),
            len_words: words(layout.len().get()),
            base_vertex: draw.base_vertex,
            first: draw.first,
            count: draw.count,
        }
    }

    /// Whether it shows the handle's block in a chunk.
    #[inline]
    pub(crate) fn shows(&self, handle: Handle) -> bool {
        let is_same = self.generation == handle.generation() || is_planted!(GenerationIgnored);
        is_same && self.state == SlotState::Resident
    }

    /// How the first vertex part is drawn with the first index part; `None` without a vertex part.
    #[inline]
    pub(crate) fn draw(&self) -> Option<Draw> {
        let index_format = match self.format {
            DrawFormat::None => return None,
            DrawFormat::Plain => None,
            DrawFormat::U16 => Some(IndexFormat::U16),
            DrawFormat::U32 => Some(IndexFormat::U32),
        };
        Some(Draw {
            base_vertex: self.base_vertex,
            first: self.first,
            count: self.count,
            index_format,
        })
    }

    /// Start of the block in its chunk.
    pub(crate) fn offset(&self) -> ByteOffset {
        ByteOffset::new(u64::from(self.offset_words) * WORD_BYTES)
    }

    /// Length of the block.
    pub(crate) fn len(&self) -> ByteLen {
        ByteLen::new(u64::from(self.len_words) * WORD_BYTES)
    }
}

fn words(bytes: u64) -> u32 {
    assert!(
        bytes.is_multiple_of(WORD_BYTES),
        "placements are multiples of a word: {bytes}"
    );
    u32::try_from(bytes / WORD_BYTES).expect("no buffer is longer than `BUFFER_BYTES_MAX`")
}

#[derive(Default)]
struct FirstDraw {
    format: DrawFormat,
    base_vertex: i32,
    first: u32,
    count: u32,
}

/// The draw of a block's first vertex part with its first index part, by their ids, addressed from
/// the chunk's start, so that a chunk is bound once for all blocks in it.
fn first_draw(layout: &BlockLayout, block_start: ByteOffset) -> FirstDraw {
    let (mut vertices, mut indices) = (None, None);
    for part in layout.parts() {
        let found = match part.kind {
            KindId::VERTEX => &mut vertices,
            KindId::INDEX => &mut indices,
            _ => continue,
        };
        if found
            .as_ref()
            .is_none_or(|first: &Part| part.id.index < first.id.index)
        {
            *found = Some(part);
        }
    }
    let Some(vertices) = vertices else {
        return FirstDraw::default();
    };
    let start = block_start.get() + vertices.range.start.get();
    let stride = u64::from(vertices.stride.max(1));
    assert!(
        start.is_multiple_of(stride),
        "vertex parts start at a multiple of their stride: {start} % {stride}"
    );
    let first_vertex = start / stride;
    let Some(indices) = indices else {
        return FirstDraw {
            format: DrawFormat::Plain,
            base_vertex: 0,
            first: narrow(first_vertex),
            count: narrow(vertices.used_len.get() / stride),
        };
    };
    let width = u64::from(indices.stride);
    FirstDraw {
        format: if width == 2 {
            DrawFormat::U16
        } else {
            DrawFormat::U32
        },
        base_vertex: i32::try_from(first_vertex).expect("a chunk holds under 2^31 vertices"),
        first: narrow((block_start.get() + indices.range.start.get()) / width),
        count: narrow(indices.used_len.get() / width),
    }
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).expect("a chunk holds under 2^32 elements")
}
