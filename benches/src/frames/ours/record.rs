//! Recording meshes by their handles, through a draw list.

use geoheap::wgpu::{Buffer, CommandBuffer};
use geoheap::{DrawList, FrameTicket, Handle};

use crate::frames::canvas::Canvas;

/// Records the pass of all of them, on the calling thread: with the list of an earlier frame, if
/// it is kept and none of its blocks changed, or with a new one.
pub fn all(
    canvas: &Canvas,
    ticket: &FrameTicket<Buffer>,
    list: &mut DrawList,
    handles: &[Handle],
    is_kept: bool,
) -> CommandBuffer {
    let mut encoder = canvas.encoder();
    ticket.in_flight().attach(&encoder);
    let mut pass = canvas.pass(&mut encoder, true);
    if !is_kept {
        list.begin(ticket).draw_each(handles, 0, |_| 0..1);
    } else if !list.refresh(ticket) {
        list.begin_kept(ticket).draw_each(handles, 0, |_| 0..1);
    }
    // The canvas's pass has its one pipeline already.
    list.resume(ticket).record(&mut pass, 0, |_, _| {});
    drop(pass);
    encoder.finish()
}
