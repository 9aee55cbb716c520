//! Counters, the heap map and read-backs.

use geoheap_chunk_heap::{ChunkState, Lifetime, PartId};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::core::Core;
use crate::core::event::{Answer, Asked, Effect, Reading, ReplyId};
use crate::core::record::Record;
use crate::error::{FailReason, RequestError};
use crate::handle::Handle;
use crate::report::{ChunkMap, HeapMap, RangeMap, ReadBack, Report};

impl Core {
    /// The block's bytes changed from `before` to `after`.
    pub(super) fn count_world(&mut self, before: ByteLen, after: ByteLen) {
        self.report.world_bytes = self.report.world_bytes - before.get() + after.get();
        self.report.world_bytes_peak = self.report.world_bytes_peak.max(self.report.world_bytes);
    }

    pub(super) fn note_chunks(&mut self) {
        let open = self
            .heap
            .chunks()
            .filter(|info| info.state != ChunkState::Opening)
            .count();
        self.report.chunks = open as u64;
        self.report.chunks_peak = self.report.chunks_peak.max(open as u64);
    }

    /// Counters and figures as of now; what only the backend knows is the shell's to add.
    pub(crate) fn report(&self) -> Report {
        let mut report = self.report.clone();
        report.tick = self.tick;
        report.budget_bytes = self.budget.asked.get();
        report.budget_origin = self.budget.origin;
        report.budget_effective_bytes = self.budget.effective_asked().get();
        report.held_bytes = self.held_bytes().get();
        report.record_bytes = self.budget.side.get();
        report.outside_bytes = self.budget.outside_held.get();
        report.held_bytes_peak = self.budget.held_peak.get();
        report.chunks = 0;
        for info in self.heap.chunks() {
            report.chunks += 1;
            report.chunk_bytes += info.capacity.get();
            report.live_bytes += info.live.get();
            report.reserved_bytes += info.reserved.get();
            report.retired_bytes += info.retired.get();
            match info.lifetime {
                Lifetime::Dynamic => report.dynamic_chunks += 1,
                Lifetime::LongLived => report.long_lived_chunks += 1,
            }
        }
        report.retained_bytes = self.copies.retained_bytes;
        report.spilled_bytes = self.copies.spilled_bytes;
        report.leaving_blocks = self.leaving.len() as u64;
        report.resident_blocks = self.residency.figures().entries as u64;
        report
    }

    /// Every chunk and range. One pass over the heap.
    pub(crate) fn heap_map(&self) -> HeapMap {
        let chunks = self.heap.chunks().map(|info| ChunkMap {
            id: info.id,
            capacity: info.capacity,
            lifetime: info.lifetime,
            dedicated: info.dedicated,
            state: info.state,
            live: info.live,
            reserved: info.reserved,
            retired: if is_planted!(RetiredUncounted) {
                ByteLen::ZERO
            } else {
                info.retired
            },
            free: info.free,
            ranges: self
                .heap
                .ranges(info.id)
                .map(|range| self.map_range(&range))
                .collect(),
        });
        HeapMap {
            chunks: chunks.collect(),
        }
    }

    fn map_range(&self, range: &geoheap_chunk_heap::RangeInfo) -> RangeMap {
        let handle = Handle::from_bits(range.owner.0);
        let record = self.record(handle);
        let mut kind_bytes = [0; 5];
        for part in record.iter().flat_map(|record| record.layout.parts()) {
            kind_bytes[usize::from(part.kind.get()).min(4)] += part.range.len.get();
        }
        RangeMap {
            offset: range.range.start,
            len: range.range.len,
            state: range.state,
            handle: record.map(|record| record.handle),
            kind_bytes,
            pinned: record.is_some_and(Record::is_pinned),
            label: record.and_then(|record| record.label().cloned()),
        }
    }

    /// Reads a resident block; the answer carries the revision it had when the read was queued.
    pub(super) fn read_back(
        &mut self,
        handle: Handle,
        reply: ReplyId,
        out: &mut Vec<Effect>,
    ) -> Result<(), RequestError> {
        let record = self.record(handle).expect("the caller looked it up");
        let place = record.place.ok_or(RequestError::NotResident { handle })?;
        let info = self
            .heap
            .range(place)
            .expect("a place is a range of the heap");
        let parts = record.layout.parts_by_id();
        let read = Asked {
            reply,
            handle,
            parts: parts
                .iter()
                .map(|part| (part.id, part.range.start, part.used_len))
                .collect(),
            revision: record.revision,
        };
        out.push(Effect::ReadBack {
            read: Reading::Asked(read),
            chunk: info.chunk,
            offset: info.range.start,
            len: record.layout.len(),
        });
        Ok(())
    }

    /// The bytes of a block, cut into its parts; none if they did not arrive.
    pub(super) fn answer_read_back(
        &self,
        read: Asked,
        bytes: Option<Vec<u8>>,
        out: &mut Vec<Effect>,
    ) {
        let Asked {
            reply,
            handle,
            parts,
            revision,
        } = read;
        let answer = match bytes.and_then(|bytes| cut(&parts, &bytes)) {
            Some(parts) => Answer::ReadBack(ReadBack { revision, parts }),
            None if self.lost => Answer::Refused(RequestError::DeviceLost),
            None => Answer::Refused(RequestError::Failed {
                handle,
                reason: FailReason::Transfer { attempts: 1 },
            }),
        };
        out.push(Effect::Reply { reply, answer });
    }
}

/// Cuts a block's bytes into its parts.
pub(super) fn cut(
    parts: &[(PartId, ByteOffset, ByteLen)],
    bytes: &[u8],
) -> Option<Vec<(PartId, Vec<u8>)>> {
    let one = |start: u64, len: u64| {
        let (start, len) = (usize::try_from(start).ok()?, usize::try_from(len).ok()?);
        bytes
            .get(start..start.checked_add(len)?)
            .map(<[u8]>::to_vec)
    };
    parts
        .iter()
        .map(|(id, start, len)| Some((*id, one(start.get(), len.get())?)))
        .collect()
}
