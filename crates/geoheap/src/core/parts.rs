//! Parts that come, go and change size inside a block.
//!
//! A part that changes gets a fresh room: older versions still read the old one, which retires
//! with the version that stops naming it. Where the block has no such room, the whole block moves
//! to a larger range, and what it already holds is copied on the GPU. Both are one job and one
//! version.

use std::sync::Arc;

use geoheap_chunk_heap::{BlockLayout, Growth, LifetimeChange, PartId, PartSpec};

use crate::core::contents::check_retainable;
use crate::core::event::{Answer, PartOp, ReplyId, Retired};
use crate::core::fill::{Bytes, Fill, Piece, Pieces, Purpose, Target};
use crate::core::record::Away;
use crate::core::transfer::compact_layout;
use crate::core::{Core, sure};
use crate::error::RequestError;
use crate::handle::Handle;
use crate::payload::Content;

/// Further room, in per cent of what is needed, that a block gets when it must grow.
const GROWTH_PERCENT: u32 = 25;

/// A checked change: the layout after it and the part it is about.
struct Planned {
    layout: BlockLayout,
    part: PartId,
    /// Whether the block keeps its place.
    fits: bool,
}

impl Core {
    pub(super) fn part_op(
        &mut self,
        handle: Handle,
        op: PartOp,
        reply: ReplyId,
    ) -> Result<(), RequestError> {
        match op {
            PartOp::Add { spec, content } => self.add_part(handle, spec, content, reply),
            PartOp::Update { part, content } => self.update_part(handle, part, content, reply),
            PartOp::Remove { part } => self.remove_part(handle, part, reply),
        }
    }

    fn add_part(
        &mut self,
        handle: Handle,
        spec: PartSpec,
        content: Content,
        reply: ReplyId,
    ) -> Result<(), RequestError> {
        self.check_reachable(handle, &content)?;
        let record = self.record(handle).expect("the caller looked it up");
        let mut layout = (*record.layout).clone();
        let planned = match layout.add(spec, &self.kinds) {
            Ok(part) => Planned {
                layout,
                part,
                fits: true,
            },
            Err(error) if error.must_grow() => {
                let growth = Growth {
                    add: &[spec],
                    percent: GROWTH_PERCENT,
                    ..Growth::default()
                };
                let grown = record.layout.grown(&growth, &self.kinds, self.align_max)?;
                Planned {
                    layout: grown.layout,
                    part: grown.added[0],
                    fits: false,
                }
            }
            Err(error) => return Err(error.into()),
        };
        self.check_size(planned.layout.len())?;
        self.apply_part(handle, planned, content, Vec::new(), reply);
        Ok(())
    }

    fn update_part(
        &mut self,
        handle: Handle,
        part: PartId,
        content: Content,
        reply: ReplyId,
    ) -> Result<(), RequestError> {
        self.check_reachable(handle, &content)?;
        let record = self.record(handle).expect("the caller looked it up");
        let mut layout = (*record.layout).clone();
        let planned = match layout.replace_with(part, content.len()) {
            Ok(_) => Planned {
                layout,
                part,
                fits: true,
            },
            Err(error) if error.must_grow() => {
                let resize = [(part, content.len())];
                let growth = Growth {
                    resize: &resize,
                    percent: GROWTH_PERCENT,
                    ..Growth::default()
                };
                let grown = record.layout.grown(&growth, &self.kinds, self.align_max)?;
                Planned {
                    layout: grown.layout,
                    part,
                    fits: false,
                }
            }
            Err(error) => return Err(error.into()),
        };
        self.check_size(planned.layout.len())?;
        self.apply_part(handle, planned, content, vec![part], reply);
        Ok(())
    }

    fn remove_part(
        &mut self,
        handle: Handle,
        part: PartId,
        reply: ReplyId,
    ) -> Result<(), RequestError> {
        let record = self.own(handle);
        Arc::make_mut(&mut record.layout)
            .remove(part)
            .map_err(|error| RequestError::Part { part, error })?;
        record.retained.remove(part);
        let place = record.place;
        self.note_copies(handle);
        if let Some(place) = place {
            self.pending.retired.push(Retired::Room {
                handle,
                place,
                part,
            });
        } else {
            self.repack_away(handle);
            self.ask_again(handle);
        }
        self.report.blocks_updated += 1;
        self.queue_slot(handle);
        self.pending.replies.push((reply, Answer::Part(part)));
        Ok(())
    }

    /// A part can only change where the block's other bytes are at hand: in GPU memory or
    /// retained.
    fn check_reachable(&self, handle: Handle, content: &Content) -> Result<(), RequestError> {
        let record = self.record(handle).expect("the caller looked it up");
        check_retainable(record, core::slice::from_ref(content))?;
        self.check_staged(core::slice::from_ref(content))?;
        if record.place.is_some() {
            return Ok(());
        }
        let is_kept = record.keeps_copies() && record.is_covered();
        let takes_part = is_kept && content.payload().is_some();
        match record.away {
            Away::Failed => Err(RequestError::Failed {
                handle,
                reason: record.failure(),
            }),
            _ if takes_part => Ok(()),
            _ => Err(RequestError::NotResident { handle }),
        }
    }

    fn apply_part(
        &mut self,
        handle: Handle,
        planned: Planned,
        content: Content,
        retire_rooms: Vec<PartId>,
        reply: ReplyId,
    ) {
        let seq = self.order;
        self.report.blocks_updated += 1;
        let record = self.own(handle);
        let kept = content
            .payload()
            .map(|payload| (planned.part, payload.clone()));
        let retain = record.retainable(kept.into_iter());
        if record.place.is_none() {
            record.retain_all(retain.into_iter());
            let before = record.layout.len();
            record.layout = Arc::new(planned.layout);
            record.revision += 1;
            record.written = 0;
            self.note_copies(handle);
            self.repack_away(handle);
            let after = self.own(handle).layout.len();
            self.count_world(before, after);
            self.pending
                .replies
                .push((reply, Answer::Part(planned.part)));
            return;
        }
        let piece = Piece::of_part(&planned.layout, planned.part, content);
        let mut pieces = Pieces::from_iter([piece]);
        let mut fill = if planned.fits {
            let mut fill = Fill::new(seq, Purpose::Reshape, Arc::new(planned.layout), pieces);
            fill.target = Target::Present;
            fill.retire_rooms = retire_rooms;
            fill
        } else {
            pieces.extend(present_pieces(
                &record.layout,
                &planned.layout,
                Some(planned.part),
            ));
            Fill::new(seq, Purpose::Reshape, Arc::new(planned.layout), pieces)
        };
        fill.retain = retain;
        fill.raises_revision = true;
        fill.replies.push((reply, Answer::Part(planned.part)));
        self.start_job(handle, fill);
    }

    /// The layout of a block without a place has no readers, so nothing in it need wait.
    fn repack_away(&mut self, handle: Handle) {
        let record = self.record(handle).expect("the caller looked it up");
        if record.layout.part_count() == 0 {
            return;
        }
        let packed = record
            .layout
            .grown(&Growth::default(), &self.kinds, self.align_max);
        if let Ok(grown) = packed {
            self.own(handle).layout = Arc::new(grown.layout);
        }
    }

    /// A callback that was asked for contents which have changed since is asked again; its first
    /// answer is dropped.
    pub(super) fn ask_again(&mut self, handle: Handle) {
        if self.own(handle).stop_reloading() {
            self.wish_for(handle);
        }
    }

    /// Takes a placed block to a chunk of its lifetime, contents and parts kept, if it lies in one
    /// of the other. A chunk that is the block's alone, and would be in either lifetime, changes
    /// sides with it, and nothing is copied. Otherwise it moves: a pinned block stays put (R9) and
    /// goes when the last pin is taken off; one with a job goes when that is done.
    pub(super) fn move_to_its_lifetime(&mut self, handle: Handle, order: u64) {
        let record = self.record(handle).expect("the caller looked it up");
        let (lifetime, is_busy) = (record.lifetime, record.is_busy());
        let Some((place, home)) = self.home(handle) else {
            return;
        };
        if home.lifetime == lifetime {
            return;
        }
        let len = self.heap.range(place).map(|info| info.range.len);
        let alone_in_both = |len| self.heap.config().is_dedicated(len, lifetime);
        if home.dedicated && len.is_some_and(alone_in_both) {
            let done = sure(self.heap.change_lifetime(place, lifetime));
            assert_eq!(
                done,
                LifetimeChange::InPlace,
                "a dedicated chunk has one block"
            );
            return;
        }
        if is_busy {
            return;
        }
        let record = self.record(handle).expect("the caller looked it up");
        let layout = compact_layout(self, &record.layout);
        let pieces = present_pieces(&record.layout, &layout, None).collect();
        let fill = Fill::new(order, Purpose::Reshape, layout, pieces);
        self.start_job(handle, fill);
    }
}

/// Pieces that copy the parts of `from`, all but one, to where `to` has them.
pub(super) fn present_pieces<'a>(
    from: &'a BlockLayout,
    to: &'a BlockLayout,
    but: Option<PartId>,
) -> impl Iterator<Item = Piece> + 'a {
    from.parts()
        .filter(move |part| Some(part.id) != but)
        .filter_map(|part| {
            let new = to.part(part.id).ok()?;
            Some(Piece {
                to: new.range.start,
                len: new.range.len,
                bytes: Bytes::FromPresent(part.range.start),
            })
        })
}
