//! One job's share of a tick, as effects.

use geoheap_chunk_heap::{ChunkId, RangeInfo};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::core::copies::TickCopies;
use crate::core::event::Effect;
use crate::core::fill::{Bytes, Fill};
use crate::core::transfer::Allowance;
use crate::handle::Handle;

/// Records as much of a job as is left of the tick.
pub(super) fn record_fill(
    handle: Handle,
    fill: &mut Fill,
    (chunk, start): (ChunkId, ByteOffset),
    from: Option<RangeInfo>,
    left: &mut Allowance,
    copies: &mut TickCopies,
) {
    while let Some(piece) = fill.pieces.get_mut(fill.piece) {
        if left.bytes == 0 || left.copies == 0 {
            return;
        }
        let whole = piece.len.get() - fill.piece_done;
        let offset = start + ByteLen::new(piece.to.get() + fill.piece_done);
        let mut len = whole.min(left.bytes);
        let effect = match &mut piece.bytes {
            Bytes::Shared(payload) => {
                len = len.min(left.staging);
                if len == 0 {
                    return;
                }
                left.staging -= len;
                fill.sent_bytes += len;
                Effect::Upload {
                    payload: payload.clone(),
                    from: fill.piece_done,
                    chunk,
                    offset,
                    len: ByteLen::new(len),
                }
            }
            Bytes::Staged(staged) => {
                // Already staged, so it goes whole, and the cap is what the others have less.
                len = whole;
                fill.sent_bytes += len;
                let staged = staged.take().expect("a staged piece is sent once");
                Effect::UploadStaged {
                    staged,
                    chunk,
                    offset,
                }
            }
            Bytes::OnGpu(bytes) => {
                fill.sent_bytes += len;
                Effect::CopyIn {
                    handle,
                    from_offset: bytes.offset() + ByteLen::new(fill.piece_done),
                    bytes: bytes.clone(),
                    chunk,
                    offset,
                    len: ByteLen::new(len),
                }
            }
            Bytes::FromPresent(start) => {
                let from = from.expect("a job that copies the present place has one");
                let done = ByteLen::new(start.get() + fill.piece_done);
                Effect::Copy {
                    from: from.chunk,
                    from_offset: from.range.start + done,
                    to: chunk,
                    to_offset: offset,
                    len: ByteLen::new(len),
                }
            }
        };
        copies.push(chunk, offset, effect);
        left.take_copy(len);
        fill.advance(len);
    }
}
