//! What each of the core's effects means on a backend.

use std::sync::Arc;

use geoheap_chunk_heap::{ChunkId, Lifetime};
use geoheap_frame_sync::PublishError;
use geoheap_gpu_backend::{
    Backend, BufferDesc, BufferRole, CreateError as BufferError, StageError,
};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::actor::driver::{Driver, Waits};
use crate::actor::reload::{Job, Work};
use crate::actor::reply::Reply;
use crate::actor::spill::SpillJob;
use crate::actor::submitting::Adopted;
use crate::client::drawing::draws_under;
use crate::config::WORD_BYTES;
use crate::core::event::{Answer, Change, Effect, Event, PartsChange, Reading, ReplyId, Retired};
use crate::core::spill::Spilling;
use crate::error::{FailReason, RequestError};
use crate::outside::OutsideLease;
use crate::payload::{Payload, StagedWrite};
#[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
use crate::planted::{self, Bug};
use crate::sync::Ordering;
use crate::ticket::VersionTable;

/// The same as a length in memory.
const WORD: usize = size_of::<u32>();
const _: () = assert!(WORD as u64 == WORD_BYTES, "a word is four bytes");

impl<B: Backend> Driver<B> {
    pub(super) fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::CreateChunk {
                chunk,
                len,
                lifetime,
            } => Some(self.create_chunk(chunk, len, lifetime)),
            Effect::DropChunk { chunk, len } => {
                self.drop_chunk(chunk, len);
                None
            }
            Effect::Submit => Some(self.submit()),
            Effect::Publish {
                changes,
                retired,
                forget,
            } => self.publish(changes, retired, &forget),
            Effect::VoidVersions => {
                self.void_versions();
                None
            }
            Effect::SetBudget { budget, staging } => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.budget(budget.get());
                }
                self.backend.set_staging_limit(staging);
                let block_max = self.shared.block_bytes_under(budget).get();
                let limit = &self.shared.block_bytes_max;
                limit.store(block_max, Ordering::Relaxed);
                let draws_max = draws_under(staging);
                self.shared.draws_max.store(draws_max, Ordering::Relaxed);
                None
            }
            Effect::Reload {
                handle,
                seq,
                make,
                bytes,
            } => {
                let job = Job {
                    handle,
                    seq,
                    bytes,
                    make,
                };
                self.reloader.start(Work::Reload(job));
                None
            }
            Effect::Spill(spilling) => {
                self.spill(spilling);
                None
            }
            Effect::Reply { reply, answer } => {
                self.reply(reply, answer);
                None
            }
            Effect::Notify(event) => {
                self.notify(event);
                None
            }
            transfer => self.record(transfer),
        }
    }

    fn reply(&mut self, reply: ReplyId, answer: Answer) {
        self.record_answer(reply, &answer);
        let answer = match answer {
            // Who does not wait for it any more drops it.
            Answer::Outside(bytes) => {
                let returned = &self.shared.outside_returned;
                Reply::Outside(OutsideLease::new(bytes, returned))
            }
            answer => Reply::Answer(answer),
        };
        if let Some(sender) = self.waiting.remove(&reply) {
            // A caller who went away needs no answer.
            let _ = sender.send(answer);
        }
    }

    fn spill(&mut self, spilling: Spilling) {
        let file = self.spill_file.clone();
        let file = file.expect("copies are spilled where there is a file");
        self.reloader
            .start(Work::Spill(SpillJob { file, spilling }));
    }

    /// Effects that go into the backend's open batch.
    fn record(&mut self, effect: Effect) -> Option<Event> {
        let recorded = match effect {
            Effect::Upload {
                payload,
                from,
                chunk,
                offset,
                len,
            } => {
                let (to, bytes) = (chunk.get(), len.get());
                let _span = tracing::trace_span!("upload", chunk = to, bytes).entered();
                self.upload(&payload, from, chunk, offset, len)
            }
            Effect::UploadStaged {
                staged,
                chunk,
                offset,
            } => self.upload_staged(*staged, chunk, offset),
            Effect::CopyIn {
                handle,
                bytes,
                from_offset,
                chunk,
                offset,
                len,
            } => {
                let to = self.buffer(chunk).clone();
                self.adopted.push(Adopted {
                    handle,
                    bytes,
                    from_offset,
                    to,
                    to_offset: offset,
                    len,
                });
                Ok(())
            }
            Effect::Copy {
                from,
                from_offset,
                to,
                to_offset,
                len,
            } => {
                let (src, dst) = (self.buffer(from).clone(), self.buffer(to).clone());
                let copied = self.backend.copy(&src, from_offset, &dst, to_offset, len);
                copied.map_err(|error| error.to_string())
            }
            Effect::ReadBack {
                read,
                chunk,
                offset,
                len,
            } => return self.read_back(read, chunk, offset, len),
            other => unreachable!("not a transfer: {other:?}"),
        };
        // The core keeps to the backend's rules, so this is a device that has no memory for
        // staging, or is lost. What the copy was to fill must not be published (R1).
        if let Err(message) = recorded {
            self.since.transfer_failed = true;
            if !self.backend.is_lost() {
                self.gpu_error(message);
            }
        }
        None
    }

    fn read_back(
        &mut self,
        read: Reading,
        chunk: ChunkId,
        offset: ByteOffset,
        len: ByteLen,
    ) -> Option<Event> {
        let src = self.buffer(chunk).clone();
        match self.backend.read_back(&src, offset, len) {
            Ok(id) => {
                self.reading.insert(id, read);
                None
            }
            Err(StageError::Full { requested, free }) => {
                self.refuse_read(read, RequestError::StagingFull { requested, free })
            }
            Err(StageError::TooLarge { requested, limit }) => {
                self.refuse_read(read, RequestError::StagingTooSmall { requested, limit })
            }
            Err(error) => {
                if !self.backend.is_lost() {
                    self.gpu_error(error.to_string());
                }
                self.read_failed(read)
            }
        }
    }

    /// The core may not have been told of the loss yet.
    pub(super) fn read_failed(&mut self, read: Reading) -> Option<Event> {
        if !self.backend.is_lost() {
            return Some(Event::ReadBackDone { read, bytes: None });
        }
        self.refuse_read(read, RequestError::DeviceLost)
    }

    fn refuse_read(&mut self, read: Reading, error: RequestError) -> Option<Event> {
        match read {
            Reading::Asked(asked) => self.carry_out(Effect::Reply {
                reply: asked.reply,
                answer: Answer::Refused(error),
            }),
            read @ Reading::Leaving { .. } => Some(Event::ReadBackDelayed { read }),
        }
    }

    fn buffer(&self, chunk: ChunkId) -> &B::Buffer {
        buffer_of(&self.buffers, chunk)
    }

    /// Stages whole words; what the payload lacks at its end is zero.
    fn upload(
        &mut self,
        payload: &Payload,
        from: u64,
        chunk: ChunkId,
        offset: ByteOffset,
        len: ByteLen,
    ) -> Result<(), String> {
        // By fields, as the buffer need not be cloned then.
        let Self {
            buffers, backend, ..
        } = self;
        let dst = buffer_of(buffers, chunk);
        let start = usize::try_from(from).map_err(|error| error.to_string())?;
        let end = usize::try_from(from + len.get()).map_err(|error| error.to_string())?;
        let bytes = payload.bytes();
        let words = &bytes[start..end.min(bytes.len())];
        let (whole, tail) = words.split_at(words.len() - words.len() % WORD);
        backend
            .upload(dst, offset, whole)
            .map_err(|error| error.to_string())?;
        if tail.is_empty() {
            return Ok(());
        }
        let mut word = [0; WORD];
        word[..tail.len()].copy_from_slice(tail);
        let at = offset + ByteLen::new(whole.len() as u64);
        backend
            .upload(dst, at, &word)
            .map_err(|error| error.to_string())
    }

    fn upload_staged(
        &mut self,
        mut staged: StagedWrite,
        chunk: ChunkId,
        offset: ByteOffset,
    ) -> Result<(), String> {
        let dst = self.buffer(chunk).clone();
        let len = ByteLen::new(staged.len.get().next_multiple_of(WORD_BYTES));
        let sent = self
            .backend
            .upload_leased(&dst, offset, &mut staged.lease, 0, len);
        sent.map_err(|error| error.to_string())
    }

    fn create_chunk(&mut self, chunk: ChunkId, len: ByteLen, lifetime: Lifetime) -> Event {
        let kind = match lifetime {
            Lifetime::Dynamic => "dynamic",
            Lifetime::LongLived => "long-lived",
        };
        let label = format!("geoheap {kind} chunk {}", chunk.get());
        match self.backend.create_buffer(&BufferDesc {
            label: &label,
            len,
            role: BufferRole::Chunk,
        }) {
            Ok(buffer) => {
                tracing::debug!(chunk = chunk.get(), bytes = len.get(), kind, "chunk made");
                let index = chunk.get() as usize;
                if self.buffers.len() <= index {
                    self.buffers.resize(index + 1, None);
                }
                assert!(
                    self.buffers[index].is_none(),
                    "a chunk id is used by one chunk"
                );
                self.buffers[index] = Some(buffer.clone());
                self.change_table(index, Some(buffer));
                Event::ChunkReady { chunk }
            }
            Err(error) => {
                if self.backend.is_lost() {
                    // After that the core does not ask for this chunk any more.
                    self.poll_backend();
                }
                let reason = match error {
                    BufferError::OutOfMemory { requested } => FailReason::OutOfMemory { requested },
                    other => FailReason::Refused {
                        message: other.to_string(),
                    },
                };
                tracing::warn!(chunk = chunk.get(), bytes = len.get(), %reason, "no chunk");
                Event::ChunkFailed { chunk, reason }
            }
        }
    }

    fn change_table(&mut self, index: usize, buffer: Option<B::Buffer>) {
        let mut entries = self.table.chunks.clone();
        if entries.len() <= index {
            entries.resize(index + 1, None);
        }
        entries[index] = buffer;
        self.table = Arc::new(VersionTable {
            device: self.table.device,
            chunks: entries,
            draw_sets: self.table.draw_sets.clone(),
        });
        self.table_changed = true;
    }

    fn drop_chunk(&mut self, chunk: ChunkId, len: ByteLen) {
        let buffer = self.buffers[chunk.get() as usize].take();
        let buffer = buffer.expect("the core drops chunks that it made");
        tracing::debug!(chunk = chunk.get(), bytes = len.get(), "chunk dropped");
        let id = self.backend.release_buffer(buffer, len);
        self.releasing.insert(id, len);
    }

    fn publish(
        &mut self,
        changes: Vec<Change>,
        retired: Vec<Retired>,
        forget: &[ChunkId],
    ) -> Option<Event> {
        let (slots, given_up) = (changes.len(), retired.len());
        let _span = tracing::trace_span!("publish", slots, given_up).entered();
        self.draw_sets.apply(&changes);
        for change in changes {
            match change.parts {
                PartsChange::Keep => self.publisher.set_slot(change.index, change.slot),
                PartsChange::Set(parts) => {
                    self.publisher.set(change.index, change.slot, Some(parts));
                }
                PartsChange::Clear => self.publisher.set(change.index, change.slot, None),
            }
        }
        for item in retired {
            #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
            if planted::is(Bug::FreedAtPublish) {
                self.unguarded.push(item);
                continue;
            }
            self.publisher.retire(Waits::Core(item));
        }
        for chunk in forget {
            self.change_table(chunk.get() as usize, None);
        }
        self.try_publish()
    }

    pub(super) fn try_publish(&mut self) -> Option<Event> {
        self.since.tried_publish = true;
        // Records are written for a version that will be published: one that stalls would leave
        // them behind at each try.
        if self.publisher.can_publish() && !self.write_draw_sets() {
            return Some(Event::PublishDelayed);
        }
        match self.publisher.publish(Arc::clone(&self.table)) {
            Ok(version) => {
                self.table_changed = false;
                tracing::trace!(version = version.get(), "published");
                Some(Event::Published { version })
            }
            Err(PublishError::Stalled { held, .. }) => Some(Event::PublishStalled {
                held: held.to_vec(),
            }),
            Err(PublishError::Backpressure { oldest, .. }) => {
                Some(Event::PublishStalled { held: vec![oldest] })
            }
            Err(_) => None,
        }
    }

    fn void_versions(&mut self) {
        self.shared.device_lost.store(true, Ordering::Relaxed);
        let device = self.core.device();
        self.shared.device.store(device, Ordering::Relaxed);
        self.publisher.device_lost();
        self.renew_table();
        self.releasing.clear();
        self.releasing_records.clear();
        self.draw_sets.device_lost();
        for (_, read) in self.reading.drain() {
            // Who was to leave is known to the core.
            let Reading::Asked(read) = read else {
                continue;
            };
            let answer = Answer::Refused(RequestError::DeviceLost);
            self.effects.push_back(Effect::Reply {
                reply: read.reply,
                answer,
            });
        }
    }
}

fn buffer_of<Buf>(buffers: &[Option<Buf>], chunk: ChunkId) -> &Buf {
    let buffer = buffers.get(chunk.index()).and_then(Option::as_ref);
    buffer.expect("the core records only into chunks that are ready")
}
