//! Writes the records of draw sets before the version that shows them is published.

use std::sync::Arc;

use geoheap_gpu_backend::{Backend, BufferDesc, BufferRole, StageError};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::actor::draw_sets::{DrawSets, RecordBuffer, Records, RetiredRecords};
use crate::actor::driver::{Driver, Waits};
use crate::draw_set::{DrawSetId, SetDraw};
use crate::ticket::VersionTable;

/// Ticks that a version waits for staging at most; then sets that are not written are left out.
const RECORD_DELAYS_MAX: u32 = 8;

/// Why a set's records were not written.
#[derive(Debug)]
#[expect(dead_code, reason = "the numbers are for the log")]
enum WriteError {
    /// Staging is taken for now.
    StagingTaken,
    /// The budget has no room for so many bytes.
    NoRoom(ByteLen),
    /// The device refuses, with this message.
    Refused(String),
}

impl<B: Backend> Driver<B> {
    /// A client's request: a set's draws, or none to remove it.
    pub(super) fn change_draw_set(&mut self, id: DrawSetId, draws: Option<Vec<SetDraw>>) {
        self.core.expect_version();
        let Some(draws) = draws else {
            let (free, retired) = self.draw_sets.remove(id);
            self.retire_records(retired);
            for buffer in free {
                self.drop_records(buffer);
            }
            return;
        };
        let core = &self.core;
        self.draw_sets.set(id, draws, |index| core.slot_at(index));
    }

    /// Writes what changed, and makes it part of the next version. A set that finds no memory is
    /// not in that version, since its former records name places that the version gives up.
    ///
    /// False if the version has to wait for a tick: staging is taken, and will be free again.
    pub(super) fn write_draw_sets(&mut self) -> bool {
        self.core.forget_side_wishes();
        if !self.draw_sets.is_changed() && !self.draw_sets.has_dirty() {
            return true;
        }
        let mut written = Vec::new();
        let mut is_delayed = false;
        let dirty: Vec<_> = self.draw_sets.dirty().collect();
        for id in dirty {
            let records = self.draw_sets.records(id);
            match self.upload_records(id, &records) {
                Ok(buffer) => written.push((id, buffer, records)),
                Err(WriteError::StagingTaken) if self.record_delays < RECORD_DELAYS_MAX => {
                    is_delayed = true;
                }
                Err(reason) => {
                    tracing::warn!(%id, ?reason, "draw set not written");
                    let retired = self.draw_sets.not_written(id);
                    self.retire_records(retired);
                }
            }
        }
        // The records are submitted before the version that names them is published (R1).
        let is_submitted = written.is_empty() || self.backend.submit().is_ok();
        for (id, buffer, records) in written {
            let retired = if is_submitted {
                self.draw_sets.written(id, buffer, records)
            } else {
                if let Some(buffer) = buffer {
                    self.drop_records(buffer);
                }
                self.draw_sets.not_written(id)
            };
            self.retire_records(retired);
        }
        if is_delayed {
            self.record_delays += 1;
            return false;
        }
        self.record_delays = 0;
        self.table = Arc::new(VersionTable {
            device: self.table.device,
            chunks: self.table.chunks.clone(),
            draw_sets: self.draw_sets.publish(),
        });
        self.table_changed = true;
        true
    }

    /// Records the copy of a set's records into a buffer that no version in use names.
    fn upload_records(
        &mut self,
        id: DrawSetId,
        records: &Records,
    ) -> Result<Option<RecordBuffer<B::Buffer>>, WriteError> {
        let len = ByteLen::new(records.bytes.len() as u64);
        if len == ByteLen::ZERO {
            return Ok(None);
        }
        let buffer = match self.draw_sets.take_free(id, len) {
            Some(buffer) => buffer,
            None => self.make_records(id, DrawSets::<B::Buffer>::buffer_len(len))?,
        };
        let start = ByteOffset::ZERO;
        match self.backend.upload(&buffer.buffer, start, &records.bytes) {
            Ok(()) => Ok(Some(buffer)),
            Err(error) => {
                self.drop_records(buffer);
                Err(match error {
                    StageError::Full { .. } => WriteError::StagingTaken,
                    other => WriteError::Refused(other.to_string()),
                })
            }
        }
    }

    fn make_records(
        &mut self,
        id: DrawSetId,
        len: ByteLen,
    ) -> Result<RecordBuffer<B::Buffer>, WriteError> {
        if !self.core.reserve_side(len) {
            return Err(WriteError::NoRoom(len));
        }
        let label = format!("geoheap {id}");
        let desc = BufferDesc {
            label: &label,
            len,
            role: BufferRole::Records,
        };
        match self.backend.create_buffer(&desc) {
            Ok(buffer) => Ok(RecordBuffer {
                buffer,
                len,
                serial: self.draw_sets.next_serial(),
            }),
            Err(error) => {
                self.core.side_returned(len);
                Err(WriteError::Refused(error.to_string()))
            }
        }
    }

    fn retire_records(&mut self, retired: Option<RetiredRecords>) {
        if let Some(retired) = retired {
            self.publisher.retire(Waits::Records(retired));
        }
    }

    /// No version in use names the buffer any more (R3).
    pub(super) fn free_records(&mut self, retired: RetiredRecords) {
        if let Some(buffer) = self.draw_sets.released(retired) {
            self.drop_records(buffer);
        }
    }

    fn drop_records(&mut self, buffer: RecordBuffer<B::Buffer>) {
        let id = self.backend.release_buffer(buffer.buffer, buffer.len);
        self.releasing_records.insert(id, buffer.len);
    }
}
