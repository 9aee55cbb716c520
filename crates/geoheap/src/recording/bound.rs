//! What an encoder has bound while a list is recorded, so that nothing is bound twice.

use geoheap_chunk_heap::ChunkId;

use crate::recording::draw_list::StreamDraw;
use crate::recording::{DrawEncoder, Recorded};
use crate::ticket::{FrameTicket, IndexFormat};

/// What an encoder has bound so far.
pub(super) struct Bound {
    vertex_slot: u32,
    pipeline: Option<u16>,
    vertices: Option<ChunkId>,
    indices: Option<(ChunkId, IndexFormat)>,
    pub(super) recorded: Recorded,
}

impl Bound {
    pub(super) fn new(vertex_slot: u32) -> Self {
        Self {
            vertex_slot,
            pipeline: None,
            vertices: None,
            indices: None,
            recorded: Recorded::default(),
        }
    }

    pub(super) fn pipeline<E>(
        &mut self,
        encoder: &mut E,
        pipeline: u16,
        set: &mut impl FnMut(&mut E, u16),
    ) {
        if self.pipeline.replace(pipeline) != Some(pipeline) {
            set(encoder, pipeline);
            self.recorded.pipelines += 1;
        }
    }

    pub(super) fn chunk<'b, E: DrawEncoder<'b>>(
        &mut self,
        encoder: &mut E,
        ticket: &'b FrameTicket<wgpu::Buffer>,
        chunk: ChunkId,
        format: Option<IndexFormat>,
    ) {
        if self.vertices.replace(chunk) != Some(chunk) {
            encoder.bind_vertices(self.vertex_slot, ticket.chunk_buffer(chunk).slice(..));
            self.recorded.bindings += 1;
        }
        self.index(encoder, ticket, chunk, format);
    }

    fn index<'b, E: DrawEncoder<'b>>(
        &mut self,
        encoder: &mut E,
        ticket: &'b FrameTicket<wgpu::Buffer>,
        chunk: ChunkId,
        format: Option<IndexFormat>,
    ) {
        let Some(format) = format else { return };
        if self.indices.replace((chunk, format)) != Some((chunk, format)) {
            encoder.bind_indices(ticket.chunk_buffer(chunk).slice(..), format.into());
            self.recorded.bindings += 1;
        }
    }

    pub(super) fn stream<'b, E: DrawEncoder<'b>>(
        &mut self,
        encoder: &mut E,
        ticket: &'b FrameTicket<wgpu::Buffer>,
        draw: &StreamDraw,
        set: &mut impl FnMut(&mut E, u16),
    ) {
        self.pipeline(encoder, draw.pipeline, set);
        let buffer = ticket.chunk_buffer(draw.chunk);
        for (slot, range) in &draw.streams {
            encoder.bind_vertices(*slot, buffer.slice(range.clone()));
            self.recorded.bindings += 1;
        }
        self.vertices = None;
        self.index(encoder, ticket, draw.chunk, draw.draw.index_format);
        encoder.record(&draw.draw, draw.instances.clone());
        self.recorded.draws += 1;
    }
}
