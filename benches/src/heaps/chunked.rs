//! `geoheap-chunk-heap`, as the engine uses it.

use std::collections::VecDeque;

use geoheap_chunk_heap::{
    BlockLayout, ChunkHeap, ChunkId, HeapConfig, KindId, KindTable, Lifetime, Owner, PartSpec,
    RangeKey, Request, ReserveError,
};
use geoheap_suballoc::{Align, ByteLen, ByteOffset};

use super::{Figures, Mesh, MeshHeap, Span};

/// Frames until the GPU has done with what a frame read.
const LAG_FRAMES: u64 = 3;
/// Alignment of uniform and storage parts, which meshes do not have.
const BUFFER_ALIGN: u64 = 256;
/// The engine's limit for a block's alignment.
const ALIGN_MAX: u64 = 64 << 10;

/// A heap in chunks. A mesh is a block of two parts. Ranges of meshes that went are released three
/// frames later, and so are the buffers of chunks that closed; buffers are ready at once.
#[derive(Debug)]
pub struct Chunked {
    heap: ChunkHeap,
    kinds: KindTable,
    /// By mesh.
    places: Vec<Option<(RangeKey, BlockLayout)>>,
    live_bytes: u64,
    frame: u64,
    retired: VecDeque<(u64, RangeKey)>,
    closing: VecDeque<(u64, ChunkId)>,
    buffers_made: u64,
}

impl Default for Chunked {
    fn default() -> Self {
        let align = align(BUFFER_ALIGN);
        Self {
            heap: ChunkHeap::new(HeapConfig::default()).expect("the default is well formed"),
            kinds: KindTable::standard(align, align),
            places: Vec::new(),
            live_bytes: 0,
            frame: 0,
            retired: VecDeque::new(),
            closing: VecDeque::new(),
            buffers_made: 0,
        }
    }
}

fn align(bytes: u64) -> Align {
    Align::new(bytes).expect("the constants of this file are not zero")
}

impl Chunked {
    fn open(&mut self, capacity: ByteLen, lifetime: Lifetime, dedicated: bool) {
        let id = self.heap.open_chunk(capacity, lifetime, dedicated, 0);
        let id = id.expect("the heap asked for a chunk that it can have");
        self.heap.chunk_ready(id).expect("the chunk is opening");
        self.buffers_made += 1;
    }

    fn layout(&self, mesh: &Mesh) -> BlockLayout {
        let part = |kind, len: u32, stride| PartSpec {
            kind,
            len: ByteLen::new(len.into()),
            stride,
        };
        let parts = [
            part(KindId::VERTEX, mesh.vertex_bytes, mesh.stride),
            part(KindId::INDEX, mesh.index_bytes, mesh.index_width),
        ];
        let layout = BlockLayout::pack(&parts, &self.kinds, ByteLen::ZERO, align(ALIGN_MAX));
        layout.expect("meshes have whole elements")
    }

    fn reserve(&mut self, request: &Request) -> RangeKey {
        let reserved = self
            .heap
            .reserve(request, None)
            .or_else(|error| match error {
                ReserveError::NeedsChunk {
                    capacity,
                    lifetime,
                    dedicated,
                } => {
                    self.open(capacity, lifetime, dedicated);
                    self.heap.reserve(request, None)
                }
                other => Err(other),
            });
        reserved.expect("meshes are shorter than a buffer can be, and there is no budget")
    }
}

fn contents(layout: &BlockLayout) -> u64 {
    layout.parts().map(|part| part.used_len.get()).sum()
}

impl MeshHeap for Chunked {
    const NAME: &'static str = "geoheap-chunk-heap";

    fn add(&mut self, id: u32, mesh: &Mesh) {
        let layout = self.layout(mesh);
        let key = self.reserve(&Request {
            len: layout.len(),
            align: layout.align(),
            lifetime: Lifetime::Dynamic,
            owner: Owner(id.into()),
            class: 0,
        });
        self.heap.commit(key).expect("its chunk is ready");
        self.live_bytes += contents(&layout);
        let at = id as usize;
        if at >= self.places.len() {
            self.places.resize(at + 1, None);
        }
        let before = self.places[at].replace((key, layout));
        assert!(before.is_none(), "mesh {id} was there");
    }

    fn remove(&mut self, id: u32) {
        let (key, layout) = self.places[id as usize].take().expect("the mesh is there");
        self.live_bytes -= contents(&layout);
        self.heap.retire(key).expect("it is live");
        self.retired.push_back((self.frame + LAG_FRAMES, key));
    }

    fn frame(&mut self) {
        self.frame += 1;
        let now = self.frame;
        while let Some((_, key)) = self.retired.pop_front_if(|(at, _)| *at <= now) {
            self.heap.release(key).expect("it is retired");
        }
        let mut closed = Vec::new();
        self.heap.close_empty(now, false, &mut closed);
        let gone = now + LAG_FRAMES;
        self.closing.extend(closed.into_iter().map(|id| (gone, id)));
        while let Some((_, id)) = self.closing.pop_front_if(|(at, _)| *at <= now) {
            self.heap.chunk_gone(id).expect("the chunk is closing");
        }
        if let Some((capacity, lifetime)) = self.heap.wants_spare() {
            self.open(capacity, lifetime, false);
        }
    }

    fn figures(&self) -> Figures {
        let figures = self.heap.figures();
        Figures {
            held_bytes: figures.capacity().get(),
            live_bytes: self.live_bytes,
            buffers_held: figures.chunks() as usize,
            buffers_made: self.buffers_made,
            copied_bytes: 0,
        }
    }

    fn spans(&self) -> Vec<Span> {
        let spans = self.places.iter().flatten().flat_map(|(key, layout)| {
            let place = self.heap.range(*key).expect("the mesh is live");
            let chunk = self.heap.chunk(place.chunk).expect("it holds the mesh");
            let start = place.range.start - ByteOffset::ZERO;
            layout.parts().map(move |part| Span {
                buffer: place.chunk.get(),
                start: (part.range.start + start - ByteOffset::ZERO).get(),
                len: part.used_len.get(),
                stride: part.stride,
                buffer_bytes: chunk.capacity.get(),
            })
        });
        spans.collect()
    }
}
