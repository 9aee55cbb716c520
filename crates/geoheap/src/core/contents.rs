//! New blocks and new contents of blocks.

use std::sync::Arc;

use geoheap_chunk_heap::{BlockLayout, Growth, PartId};
use geoheap_suballoc::ByteLen;
use smallvec::SmallVec;

use crate::core::Core;
use crate::core::event::{Effect, PreparedBlock, Request};
use crate::core::fill::{Fill, Piece, Pieces, Purpose, Target};
use crate::core::record::{Away, Record, SourceKind};
use crate::core::retained::Retained;
use crate::core::seats::Seat;
use crate::error::RequestError;
use crate::handle::Handle;
use crate::payload::{Content, Contents};

impl Core {
    pub(super) fn add(&mut self, handle: Handle, block: PreparedBlock, out: &mut Vec<Effect>) {
        let Some(tenant) = self.blocks.get_mut(handle.key()) else {
            unreachable!("the reserve gave out {handle:?}, which is not in the map")
        };
        assert!(
            tenant.is_none(),
            "R7: {handle:?} is given to one block only"
        );
        self.reserved -= 1;
        let layout = self.layouts.shared(block.layout);
        let ids = ids_in_order(&layout);
        let mut record = Record {
            handle,
            lifetime: block.lifetime,
            priority: block.priority,
            source: SourceKind::of(&block.source),
            layout: Arc::clone(&layout),
            retained: Retained::of(block.source),
            place: None,
            away: Away::Pending,
            revision: 0,
            written: 0,
            shown: false,
            returns: false,
            unsettled: None,
            rare: None,
        };
        record.set_label(block.label);
        record.retain_all(shared(&ids, &block.contents));
        let index = handle.index() as usize;
        if self.seats.len() <= index {
            self.seats.resize(index + 1, Seat::default());
        }
        let seat = &mut self.seats[index];
        seat.generation = handle.generation();
        seat.added = self.version;
        *tenant = Some(record);
        self.report.blocks_added += 1;
        self.count_world(ByteLen::ZERO, layout.len());
        self.note_copies(handle);
        self.report.blocks += 1;
        if self.lost {
            return self.add_without_device(handle, out);
        }
        if !self.is_of_this_device(&block.contents) {
            return self.add_of_lost_staging(handle, out);
        }
        self.queue_slot(handle);
        let pieces = pieces(&layout, &ids, block.contents);
        let fill = Fill::new(self.order, Purpose::Add, layout, pieces);
        self.start_job(handle, fill);
    }

    pub(super) fn update(
        &mut self,
        handle: Handle,
        contents: Contents,
        in_place: bool,
    ) -> Result<(), RequestError> {
        let checked = self.check_update(handle, &contents, in_place);
        if is_planted!(RefusedUpdateRetained)
            && let Err(RequestError::LengthDiffers { .. }) = checked
        {
            let record = self.own(handle);
            let ids = ids_in_order(&record.layout);
            record.retain_all(shared(&ids, &contents));
        }
        let (ids, layout) = checked?;
        self.report.blocks_updated += 1;
        self.replace_contents(handle, layout, &ids, contents, in_place);
        Ok(())
    }

    /// The parts' ids and the layout that an update brings, if the block as it is now takes it.
    fn check_update(
        &self,
        handle: Handle,
        contents: &[Content],
        in_place: bool,
    ) -> Result<(SmallVec<[PartId; 4]>, Arc<BlockLayout>), RequestError> {
        let record = self.record(handle).expect("the caller looked it up");
        let ids = ids_in_order(&record.layout);
        if ids.len() != contents.len() {
            let (expected, given) = (ids.len(), contents.len());
            return Err(RequestError::PartCount { expected, given });
        }
        check_retainable(record, contents)?;
        self.check_staged(contents)?;
        let same = same_lengths(record, &ids, contents);
        if in_place && let Err((expected, given)) = same {
            return Err(RequestError::LengthDiffers { expected, given });
        }
        if same.is_ok() && record.layout.live_bytes() == record.layout.len() {
            // Laid out anew it would be the same.
            self.check_size(record.layout.len())?;
            return Ok((ids, Arc::clone(&record.layout)));
        }
        let lens: SmallVec<[_; 2]> = ids
            .iter()
            .copied()
            .zip(contents.iter().map(Content::len))
            .collect();
        let growth = Growth {
            resize: &lens,
            ..Growth::default()
        };
        let layout = record
            .layout
            .grown(&growth, &self.kinds, self.align_max)?
            .layout;
        self.check_size(layout.len())?;
        Ok((ids, record.layout_like(layout)))
    }

    /// Whether a whole update would be taken as the block is now, whatever happens until then: what
    /// is staged may go with its device. One in place is if that before it is, which has the same
    /// lengths.
    pub(super) fn is_taken(&self, handle: Handle, request: &Request) -> bool {
        match request {
            Request::Update {
                contents, in_place, ..
            } => {
                let is_staged = contents.iter().any(|content| content.payload().is_none());
                !is_staged && (*in_place || self.check_update(handle, contents, false).is_ok())
            }
            _ => false,
        }
    }

    /// The checked half of an update: everything is valid, so nothing is half done.
    fn replace_contents(
        &mut self,
        handle: Handle,
        layout: Arc<BlockLayout>,
        ids: &[PartId],
        contents: Contents,
        in_place: bool,
    ) {
        let order = self.order;
        let record = self.own(handle);
        let before = record.layout.len();
        let failed = record.away == Away::Failed;
        let away = record.place.is_none() && record.fill().is_none();
        if away && !failed && record.takes_away(&contents) {
            // An evicted block takes its new contents when it comes back. A callback that was
            // asked for the old ones is asked again.
            record.revision += 1;
            record.written = 0;
            record.layout = layout;
            record.retain_all(shared(ids, &contents));
            let after = record.layout.len();
            self.count_world(before, after);
            self.note_copies(handle);
            self.ask_again(handle);
            return;
        }
        let is_only_there = record.source == SourceKind::ReadBack;
        if is_only_there && record.place.is_none() {
            // What came back from the GPU before is none of the new contents.
            self.forget_copies(handle);
        }
        let record = self.own(handle);
        let in_place = in_place && record.place.is_some() && record.fill().is_none();
        let target_layout = if in_place {
            Arc::clone(&record.layout)
        } else {
            layout
        };
        let earlier = self.cancel_job(handle);
        let retain = self.own(handle).retainable(shared(ids, &contents));
        let mut fill = Fill::new(
            order,
            Purpose::Update,
            target_layout.clone(),
            pieces(&target_layout, ids, contents),
        );
        fill.retain = retain;
        if let Some(earlier) = earlier {
            fill.replies = earlier.replies;
            fill.since = earlier.since;
            fill.misses = earlier.misses;
            fill.create_failures = earlier.create_failures;
            fill.submit_failures = earlier.submit_failures;
            if earlier.purpose == Purpose::Add {
                fill.purpose = Purpose::Add;
            }
        }
        if in_place {
            fill.target = Target::Present;
        } else if self.own(handle).place.is_none() {
            self.lost_no_more(handle);
            let record = self.own(handle);
            record.away = Away::Pending;
            record.layout = target_layout;
            let after = record.layout.len();
            self.count_world(before, after);
            self.queue_slot(handle);
        }
        self.start_job(handle, fill);
    }
}

/// Ids of the live parts in the order in which callers give and get their contents.
pub(super) fn ids_in_order(layout: &BlockLayout) -> SmallVec<[PartId; 4]> {
    layout.ids()
}

/// The shared memory among `contents`, by part.
pub(super) fn shared<'a>(
    ids: &'a [PartId],
    contents: &'a [Content],
) -> impl Iterator<Item = (PartId, crate::payload::Payload)> + 'a {
    ids.iter()
        .zip(contents)
        .filter_map(|(id, content)| content.payload().map(|payload| (*id, payload.clone())))
}

/// One piece a part.
pub(super) fn pieces(layout: &BlockLayout, ids: &[PartId], contents: Contents) -> Pieces {
    let mut pieces = Pieces::new();
    for (id, content) in ids.iter().zip(contents) {
        pieces.push(Piece::of_part(layout, *id, content));
    }
    pieces
}

/// A retained source needs memory to retain.
pub(super) fn check_retainable(record: &Record, contents: &[Content]) -> Result<(), RequestError> {
    let retained = record.source == SourceKind::Retained;
    if retained && contents.iter().any(|content| content.payload().is_none()) {
        return Err(RequestError::StagedCannotRetain);
    }
    Ok(())
}

/// Whether every part keeps its length; else the first that does not: expected, given.
fn same_lengths(
    record: &Record,
    ids: &[PartId],
    contents: &[Content],
) -> Result<(), (ByteLen, ByteLen)> {
    for (id, content) in ids.iter().zip(contents) {
        let part = record
            .layout
            .part(*id)
            .expect("the ids were taken from this layout");
        if part.used_len != content.len() {
            return Err((part.used_len, content.len()));
        }
    }
    Ok(())
}
