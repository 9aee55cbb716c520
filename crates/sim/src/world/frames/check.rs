//! What must be true of what a frame sees.

use geoheap::{Handle, HeapMap, Lifetime, RangeState, Version};

use super::{Frame, Frames, Place, Seen, Sight, Stage, look};
use crate::finding::{Broken, Check, Verdict, ensure};
use crate::gpu::Gpu;
use crate::oracle::{Block, Kept, Life, Shape};
use crate::world::World;

impl<G: Gpu> World<G> {
    /// A frame has just begun.
    pub(super) fn check_begun(&mut self, frame: &Frame<G::Buffer>) -> Verdict {
        self.timeline.mix(frame.version.get());
        let is_void = match &frame.stage {
            Stage::Held(ticket) => ticket.is_void(),
            _ => false,
        };
        if is_void || self.is_lost() {
            return Ok(());
        }
        ensure(frame.version >= self.frames.newest, Check::Versions, || {
            let (version, newest) = (frame.version, self.frames.newest);
            format!("R4: a ticket has version {version} after one had {newest}")
        })?;
        self.frames.newest = frame.version;
        for sight in &frame.sights {
            self.timeline.mix(sight.seen as u64);
            self.check_seen(frame.version, sight)?;
            if let Some(place) = &sight.place {
                self.timeline
                    .mix(place.offset ^ (u64::from(place.chunk.get()) << 40));
                self.check_place(frame.version, sight, place)?;
            }
        }
        check_apart::<G>(&frame.sights)
    }

    /// Whether a block may be in that state in that version.
    fn check_seen(&self, version: Version, sight: &Sight<G::Buffer>) -> Verdict {
        let block = self.oracle.block(sight.block);
        let (handle, seen) = (sight.handle, sight.seen);
        let wrong = |check: Check, rule: &str| {
            Err(Broken {
                check,
                message: format!(
                    "{rule}: block {} ({handle}) is {seen} at {version}",
                    block.number
                ),
            })
        };
        if let Life::Gone(from) = block.life
            && version >= from
            && seen != Seen::Stale
        {
            return wrong(Check::Handles, "R7: it was removed before");
        }
        let is_known = block.known_from.is_some_and(|from| version >= from);
        let is_quiet = block.quiet_from.is_some_and(|from| version >= from);
        let was_fixed = is_quiet && block.place.is_some_and(|(seen, _, _)| seen <= version);
        let has_failed = block.has_failed.covers(version);
        let may_be_lost = block.may_be_lost.covers(version);
        match seen {
            Seen::Stale if block.life == Life::Alive => {
                wrong(Check::Handles, "R7: nobody removed it")
            }
            Seen::NotYetPublished if is_known => wrong(Check::Handles, "it was published before"),
            // Nobody asked for anything since: at most it was evicted, which looks otherwise.
            Seen::Pending if was_fixed && !has_failed && !may_be_lost => {
                wrong(Check::Moves, "R8: it was shown in a place before")
            }
            Seen::Failed if !has_failed => wrong(Check::Residency, "nobody was told why"),
            Seen::Lost if !may_be_lost => {
                wrong(Check::Loss, "R5: no device went with its only bytes")
            }
            Seen::Evicted if !block.kept.can_leave() && !may_be_lost => {
                wrong(Check::Residency, "a block without a source never leaves")
            }
            Seen::Evicted | Seen::Pending if was_fixed && block.pins > 0 => {
                wrong(Check::Residency, "R9: it is pinned and was resident")
            }
            Seen::Evicted | Seen::Pending if was_fixed && block.lifetime == Lifetime::LongLived => {
                wrong(Check::Residency, "R9: it is long-lived and was resident")
            }
            _ => Ok(()),
        }
    }

    /// Whether a resident block lies where it may.
    fn check_place(
        &mut self,
        version: Version,
        sight: &Sight<G::Buffer>,
        place: &Place<G::Buffer>,
    ) -> Verdict {
        let ids: Vec<_> = place.parts.iter().map(|part| part.id).collect();
        let block = self.oracle.block_mut(sight.block);
        block.learn_ids(&ids);
        check_parts(block, place)?;
        let is_quiet = block.quiet_from.is_some_and(|from| version >= from);
        if !is_quiet {
            return Ok(());
        }
        let here = (version, place.chunk.get(), place.offset);
        let is_fixed = block.pins > 0
            || (block.lifetime == Lifetime::LongLived
                && !block.changes_lifetime
                && !self.setting.config.move_long_lived);
        let block = self.oracle.block_mut(sight.block);
        if let Some((before, chunk, offset)) = block.place
            && is_fixed
            && (chunk, offset) != (here.1, here.2)
        {
            return Err(Broken {
                check: Check::Residency,
                message: format!(
                    "R9: block {} is pinned or long-lived, and lay in chunk {chunk} at {offset} \
                     at version {before}, and in chunk {} at {} at version {version}",
                    block.number, here.1, here.2
                ),
            });
        }
        if block.place.is_none_or(|(before, _, _)| before <= version) {
            block.place = Some(here);
        }
        Ok(())
    }

    /// A ticket that is held says what it said when it began (C4).
    pub(super) fn check_unchanged(frame: &Frame<G::Buffer>) -> Verdict {
        let Stage::Held(ticket) = &frame.stage else {
            return Ok(());
        };
        let wanted: Vec<_> = frame
            .sights
            .iter()
            .map(|sight| (sight.block, sight.handle))
            .collect();
        let again = look(ticket, &wanted);
        if ticket.is_void() {
            let resolves = again.iter().any(|sight| sight.seen == Seen::Resident);
            return ensure(!resolves, Check::Loss, || {
                format!(
                    "R5: a ticket of version {} resolves on a lost device",
                    frame.version
                )
            });
        }
        for (before, now) in frame.sights.iter().zip(&again) {
            ensure(before.is_as(now), Check::Versions, || {
                format!(
                    "R2: version {} changed under its ticket: block {} was {}, and is {}",
                    frame.version, before.block, before, now
                )
            })?;
        }
        Ok(())
    }

    /// What a frame's commands have read (C1).
    pub(super) fn check_executed(&mut self, at: usize, bytes: &[Vec<u8>]) -> Verdict {
        let (id, version) = (
            self.frames.under_way[at].id,
            self.frames.under_way[at].version,
        );
        let mut reads = bytes.iter();
        let sights = core::mem::take(&mut self.frames.under_way[at].sights);
        for sight in &sights {
            let Some(place) = &sight.place else { continue };
            for part in &place.parts {
                let read = reads.next().expect("there is a read of each part");
                let len = usize::try_from(part.len).expect("parts are small");
                let (contents, padding) = read.split_at(len.min(read.len()));
                self.watch_read(id, sight.block, part.id, contents);
                self.oracle
                    .check_read(sight.block, part.id, version, contents)?;
                let seen = contents
                    .first_chunk()
                    .copied()
                    .map_or(0, u32::from_le_bytes);
                self.timeline.mix(u64::from(seen));
                ensure(padding.iter().all(|byte| *byte == 0), Check::Bytes, || {
                    format!(
                        "block {}: the padding of part {} is not zero",
                        sight.block, part.id
                    )
                })?;
            }
        }
        self.frames.under_way[at].sights = sights;
        for (group, bytes) in self.frames.under_way[at].groups.iter().zip(reads) {
            group.check(bytes)?;
        }
        Ok(())
    }
}

/// Parts lie inside their block, aligned as their kinds demand, and are those that were given (R6).
fn check_parts<Buf>(block: &Block, place: &Place<Buf>) -> Verdict {
    let number = block.number;
    let end = place.offset + place.len;
    for part in &place.parts {
        let is_inside = part.offset >= place.offset && part.offset + part.len <= end;
        ensure(is_inside, Check::Ranges, || {
            format!(
                "R6: part {} of block {number} lies outside of its block",
                part.id
            )
        })?;
        let (kind, stride) = (part.kind, part.stride);
        let align = Shape { kind, stride }.align();
        let is_aligned = part.offset % align == 0 && part.offset % 4 == 0;
        ensure(is_aligned, Check::Ranges, || {
            format!(
                "R6: part {} of block {number} lies at {}, which is no multiple of {align} and 4",
                part.id, part.offset
            )
        })?;
        if let Some(at) = block.part_of(part.id) {
            let shape = block.parts[at].shape;
            ensure(shape.kind == part.kind, Check::Handles, || {
                format!(
                    "part {} of block {number} has another kind than it was given",
                    part.id
                )
            })?;
        }
    }
    let is_changing = block.is_changing_parts || matches!(block.kept, Kept::Reload(_));
    ensure(
        is_changing || !place.parts.is_empty(),
        Check::Handles,
        || format!("block {number} is resident without parts"),
    )
}

/// No two places that a frame sees overlap (C2).
fn check_apart<G: Gpu>(sights: &[Sight<G::Buffer>]) -> Verdict {
    let mut places: Vec<_> = sights
        .iter()
        .filter_map(|sight| Some((sight.place.as_ref()?, sight.block)))
        .collect();
    places.sort_by_key(|(place, block)| (place.chunk, place.offset, *block));
    for pair in places.windows(2) {
        let ((one, first), (two, second)) = (&pair[0], &pair[1]);
        let is_apart = first == second
            || !G::is_same(&one.buffer, &two.buffer)
            || one.offset + one.len <= two.offset;
        ensure(is_apart, Check::Ranges, || {
            format!(
                "R6: blocks {first} and {second} overlap in chunk {}",
                one.chunk
            )
        })?;
    }
    Ok(())
}

impl<G: Gpu> Frames<G> {
    /// No place that a frame under way names is free (C5).
    pub(crate) fn check_named(&self, map: &HeapMap) -> Verdict {
        for frame in &self.under_way {
            let is_void = match &frame.stage {
                Stage::Held(ticket) => ticket.is_void(),
                Stage::Recorded(token) | Stage::Executed(Some(token)) => token.is_void(),
                // Nobody tells any more whether the commands have completed.
                Stage::Executed(None) => true,
                Stage::Submitted => false,
            };
            if is_void {
                continue;
            }
            for sight in &frame.sights {
                let Some(place) = &sight.place else { continue };
                let is_kept = is_kept(map, sight.handle, place);
                ensure(is_kept, Check::Retirement, || {
                    format!(
                        "R3: frame {} of version {} is under way and names chunk {} at {}, {} \
                         bytes, which is free",
                        frame.id, frame.version, place.chunk, place.offset, place.len
                    )
                })?;
            }
        }
        Ok(())
    }
}

/// Whether the block's range is there, or its old one that waits for older versions.
fn is_kept<Buf>(map: &HeapMap, handle: Handle, place: &Place<Buf>) -> bool {
    let chunks = &map.chunks;
    let Ok(at) = chunks.binary_search_by_key(&place.chunk, |chunk| chunk.id) else {
        return false;
    };
    let ranges = &chunks[at].ranges;
    let next = ranges.partition_point(|range| range.offset.get() <= place.offset);
    let Some(range) = next.checked_sub(1).map(|last| &ranges[last]) else {
        return false;
    };
    let end = range.offset.get() + range.len.get();
    let is_its = match range.state {
        RangeState::Live => range.handle == Some(handle),
        RangeState::Retired => range.handle.is_none_or(|owner| owner == handle),
        // What is being filled again was free in between.
        RangeState::Reserved => false,
    };
    is_its && place.offset + place.len <= end
}
