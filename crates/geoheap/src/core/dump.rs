//! The heap's state at one moment, for tools to look into.

use geoheap_chunk_heap::{ChunkInfo, ChunkState, Lifetime, RangeInfo, RangeState};
use geoheap_heap_dump::{
    BlockDump, BlockState, ChunkDump, ChunkStateDump, HeapDump, LifetimeDump, PartDump, RangeDump,
    RangeStateDump, SCHEMA, SourceDump,
};

use crate::core::record::{Away, Record, SourceKind};
use crate::core::{Core, entry};
use crate::handle::Handle;

impl Core {
    /// Everything that is known of chunks and blocks, in one pass over the heap. What only the
    /// backend knows is the shell's to add.
    pub(crate) fn dump(&self) -> HeapDump {
        let chunks = self.heap.chunks();
        HeapDump {
            schema: SCHEMA.to_owned(),
            tick: self.tick,
            frame: self.frame,
            version: self.version.get(),
            unit_bytes: self.heap.config().unit_bytes.get(),
            budget_bytes: self.budget.asked.get(),
            held_bytes: self.held_bytes().get(),
            staging_bytes: 0,
            chunks: chunks.map(|info| self.dump_chunk(&info)).collect(),
            blocks: self
                .records()
                .map(|record| self.dump_block(record))
                .collect(),
        }
    }

    fn dump_chunk(&self, info: &ChunkInfo) -> ChunkDump {
        let state = match info.state {
            ChunkState::Opening => ChunkStateDump::Opening,
            ChunkState::Ready => ChunkStateDump::Open,
            ChunkState::Draining => ChunkStateDump::Draining,
            ChunkState::Closing => ChunkStateDump::Closing,
        };
        let ranges = self.heap.ranges(info.id);
        ChunkDump {
            id: info.id.get(),
            capacity: info.capacity.get(),
            lifetime: lifetime(info.lifetime),
            dedicated: info.dedicated,
            class: info.class,
            state,
            live: info.live.get(),
            reserved: info.reserved.get(),
            retired: info.retired.get(),
            free: info.free.get(),
            largest_free: info.largest_free.get(),
            fragmentation: info.fragmentation(),
            ranges: ranges.map(|range| self.dump_range(&range)).collect(),
        }
    }

    fn dump_range(&self, range: &RangeInfo) -> RangeDump {
        let handle = Handle::from_bits(range.owner.0);
        RangeDump {
            offset: range.range.start.get(),
            size: range.range.len.get(),
            state: match range.state {
                RangeState::Live => RangeStateDump::Live,
                RangeState::Reserved => RangeStateDump::Reserved,
                RangeState::Retired => RangeStateDump::Retired,
            },
            handle: self.record(handle).map(|record| record.handle.to_string()),
        }
    }

    fn dump_block(&self, record: &Record) -> BlockDump {
        let place = record.place.and_then(|place| self.heap.range(place));
        let used = self.residency.get(entry(record.handle));
        let used = used.and_then(|entry| entry.last_used);
        let wished = Some(record.wished_frame()).filter(|frame| *frame > 0);
        let state = match (&record.away, place) {
            (_, Some(_)) => BlockState::Resident,
            (Away::Pending, _) => BlockState::Pending,
            (Away::Evicted, _) => BlockState::Evicted,
            (Away::Lost, _) => BlockState::Lost,
            (Away::Failed, _) => BlockState::Failed,
        };
        let source = match record.source {
            SourceKind::Retained => SourceDump::Retained,
            SourceKind::Reload => SourceDump::Reload,
            SourceKind::ReadBack => SourceDump::ReadBack,
            SourceKind::None => SourceDump::None,
        };
        BlockDump {
            handle: record.handle.to_string(),
            chunk: place.map(|info| info.chunk.get()),
            offset: place.map(|info| info.range.start.get()),
            size: record.layout.len().get(),
            alignment: record.layout.align().get(),
            state,
            lifetime: lifetime(record.lifetime),
            pins: record.pins(),
            owners: record.owners(),
            priority: record.priority,
            source,
            revision: record.revision,
            // The version that is to show it may wait for a replica.
            version_written: Some(record.written)
                .filter(|written| *written <= self.version.get())
                .unwrap_or_default(),
            frame_last_used: used.map(geoheap_residency::Frame::get).or(wished),
            largest_hole: record.layout.largest_room().get(),
            label: record.label().map(ToString::to_string),
            parts: self.dump_parts(record),
        }
    }

    fn dump_parts(&self, record: &Record) -> Vec<PartDump> {
        let name = |kind| self.kinds.get(kind).map_or("unknown", |row| row.name);
        let parts = record.layout.parts();
        let dump = parts.map(|part| PartDump {
            id: part.id.to_string(),
            offset: part.range.start.get(),
            size: part.used_len.get(),
            kind: name(part.kind).to_owned(),
            alignment: part.align.get(),
        });
        dump.collect()
    }
}

fn lifetime(lifetime: Lifetime) -> LifetimeDump {
    match lifetime {
        Lifetime::Dynamic => LifetimeDump::Dynamic,
        Lifetime::LongLived => LifetimeDump::LongLived,
    }
}
