//! Recording meshes by their handles: sorted by chunk and width of indices, each bound once.

use geoheap::wgpu::{Buffer, CommandBuffer};
use geoheap::{FrameTicket, Handle, IndexFormat};

use crate::frames::canvas::Canvas;

/// Records the pass of one share.
pub fn share(
    canvas: &Canvas,
    ticket: &FrameTicket<Buffer>,
    handles: &[Handle],
    is_first: bool,
) -> CommandBuffer {
    let mut encoder = canvas.encoder();
    ticket.in_flight().attach(&encoder);
    let mut pass = canvas.pass(&mut encoder, is_first);
    let resident = handles.iter().filter_map(|at| ticket.get(*at).resident());
    let mut blocks: Vec<_> = resident
        .filter_map(|block| {
            let draw = block.draw?;
            let is_wide = draw.index_format == Some(IndexFormat::U32);
            Some((block.chunk, is_wide, draw, block))
        })
        .collect();
    blocks.sort_unstable_by_key(|(chunk, is_wide, ..)| (*chunk, *is_wide));
    let mut bound = None;
    for (chunk, is_wide, draw, block) in &blocks {
        if bound != Some((*chunk, *is_wide)) {
            block.bind_chunk(&mut pass, 0, draw.index_format);
            bound = Some((*chunk, *is_wide));
        }
        draw.record(&mut pass, 0..1);
    }
    drop(pass);
    encoder.finish()
}
