//! A small heap on the virtual GPU, what is held of it, and its end.

use std::sync::{Arc, Mutex, PoisonError};

use geoheap::{
    ByteLen, Client, Config, DrawSetId, Fallback, FrameTicket, GeometryManager, Handle, HeapDump,
    HeapEvent, HeapMap, InFlight, Op, PartId, Pending, ReadBack, RequestError, ResidencyConfig,
    StagedWrite, StagingConfig, Threading, Version, VirtualBuffer, VirtualConfig, VirtualControl,
    VirtualGpu,
};

use super::book::{Book, Fate};
use super::judge;
use crate::bytes::Bytes;
use crate::tally::Tally;

/// Bytes in a KiB.
pub(super) const KIB: u64 = 1024;

/// An answer that is waited for.
pub(super) enum Answer {
    Done(Pending<()>),
    Part(Pending<PartId>),
    Version(Pending<Version>),
    Read(Pending<ReadBack>),
    Staged(Pending<StagedWrite>),
    Map(Pending<HeapMap>),
    Dump(Pending<HeapDump>),
}

/// A question, and what its answer has to do with.
pub(super) struct Asked {
    pub(super) what: &'static str,
    pub(super) answer: Answer,
    /// The handle that it is about, and whether that had an owner.
    pub(super) about: Option<(Handle, bool)>,
    /// The change that it was.
    pub(super) change: Option<(u32, usize)>,
}

/// Parts that a frame reads, and their bytes once it was executed.
pub(super) struct Reading {
    pub(super) version: Version,
    pub(super) parts: Vec<(u32, PartId)>,
    pub(super) bytes: Arc<Mutex<Option<Vec<Vec<u8>>>>>,
}

/// A heap, and everything that a program holds of it.
pub(super) struct World {
    pub(super) tally: Tally,
    pub(super) manager: GeometryManager<VirtualGpu>,
    pub(super) control: VirtualControl,
    pub(super) client: Client,
    pub(super) book: Book,
    pub(super) asked: Vec<Asked>,
    pub(super) staged: Vec<StagedWrite>,
    pub(super) tickets: Vec<FrameTicket<VirtualBuffer>>,
    pub(super) in_flight: Vec<InFlight<VirtualBuffer>>,
    pub(super) readings: Vec<Reading>,
    pub(super) draw_sets: Vec<DrawSetId>,
    pub(super) fallback: Option<Fallback>,
    /// Newest version that a ticket had.
    pub(super) version: Version,
    /// The highest budget that what is held may still be under.
    pub(super) budget_bytes: u64,
    /// The budget that was asked for last.
    pub(super) budget_last: u64,
    pub(super) is_lost: bool,
}

impl World {
    /// The heap that the input's first bytes choose; `None` where its settings are refused. The
    /// first bytes also say which buffers, staging buffers and submissions fail.
    pub(super) fn new(bytes: &mut Bytes<'_>) -> Option<Self> {
        let config = config(bytes);
        let staging = StagingConfig {
            buffer_bytes: config.staging_buffer_bytes,
            idle_polls: 8,
            ..StagingConfig::default()
        };
        let (gpu, control) = VirtualGpu::new(&VirtualConfig {
            latency_polls: bytes.pick(&[1, 2, 5, 0]),
            staging,
            ..VirtualConfig::default()
        });
        for plant in [
            VirtualControl::fail_creation,
            VirtualControl::fail_staging,
            VirtualControl::fail_submit,
        ] {
            let nth = bytes.byte();
            if nth > 0 {
                plant(&control, nth.into());
            }
        }
        let budget = config.budget_bytes.get();
        let manager = GeometryManager::with_backend(gpu, config).ok()?;
        let client = manager.client();
        Some(Self {
            tally: Tally::default(),
            manager,
            control,
            client,
            book: Book::default(),
            asked: Vec::new(),
            staged: Vec::new(),
            tickets: Vec::new(),
            in_flight: Vec::new(),
            readings: Vec::new(),
            draw_sets: Vec::new(),
            fallback: None,
            version: Version::default(),
            budget_bytes: budget,
            budget_last: budget,
            is_lost: false,
        })
    }

    /// Waits for an answer, if the question was taken.
    pub(super) fn ask<T, E>(
        &mut self,
        what: &'static str,
        handle: Option<Handle>,
        sent: Result<Pending<T>, E>,
        answer: fn(Pending<T>) -> Answer,
    ) -> bool {
        let about = handle.map(|handle| (handle, self.book.lives(handle)));
        let sent = self.tally.note(what, sent);
        let is_sent = sent.is_ok();
        self.asked.extend(sent.ok().map(|pending| Asked {
            what,
            answer: answer(pending),
            about,
            change: None,
        }));
        is_sent
    }

    /// Some ticks, with what they bring.
    pub(super) fn ticks(&mut self, count: usize) {
        for _ in 0..count {
            self.manager.poll();
            self.take_answers();
            self.take_readings();
        }
        self.take_events();
    }

    fn take_events(&mut self) {
        for event in self.manager.events() {
            match event {
                // A job that fails leaves a resident block as it was.
                HeapEvent::Failed { handle, .. } => self.book.failed(handle),
                HeapEvent::Refused {
                    handle,
                    op: Op::Update,
                    ..
                } => self.book.update_refused(handle),
                HeapEvent::Refused { handle, op, error } => {
                    self.judge_refused(handle, op, &error);
                }
                HeapEvent::DeviceLost { .. } => self.is_lost = true,
                _ => {}
            }
        }
    }

    /// Judges a refusal that came as an event.
    pub(super) fn judge_refused(&self, handle: Handle, op: Op, error: &RequestError) {
        let stale = matches!(error, RequestError::Stale { .. });
        let lives = self.book.lives(handle) && !self.book.guessed.contains(&handle);
        // What was sent to a live block comes before its removal.
        assert!(
            !stale || !lives,
            "R7: {op:?} of {handle}, which has an owner"
        );
    }

    fn take_answers(&mut self) {
        for mut asked in std::mem::take(&mut self.asked) {
            let what = asked.what;
            let (fate, error) = match &mut asked.answer {
                Answer::Done(pending) => match pending.try_take() {
                    None => (Fate::Open, None),
                    Some(answer) => (Fate::Done, answer.err()),
                },
                Answer::Part(pending) => match pending.try_take() {
                    None => (Fate::Open, None),
                    Some(Ok(part)) => (Fate::Part(part), None),
                    Some(Err(error)) => (Fate::Done, Some(error)),
                },
                Answer::Version(pending) => match pending.try_take() {
                    None => (Fate::Open, None),
                    Some(answer) => (Fate::Done, answer.err()),
                },
                Answer::Read(pending) => match pending.try_take() {
                    None => (Fate::Open, None),
                    Some(answer) => {
                        let read = answer.map(|read| self.judge_read(asked.about, &read));
                        (Fate::Done, read.err())
                    }
                },
                Answer::Staged(pending) => match pending.try_take() {
                    None => (Fate::Open, None),
                    Some(answer) => {
                        let kept = answer.map(|staged| self.staged.push(staged));
                        (Fate::Done, kept.err())
                    }
                },
                Answer::Map(pending) => match pending.try_take() {
                    None => (Fate::Open, None),
                    Some(answer) => (Fate::Done, answer.map(|map| judge::map(&map)).err()),
                },
                Answer::Dump(pending) => match pending.try_take() {
                    None => (Fate::Open, None),
                    Some(answer) => (Fate::Done, answer.map(|dump| judge_dump(&dump)).err()),
                },
            };
            if fate == Fate::Open {
                self.asked.push(asked);
                continue;
            }
            self.tally.count_in(what, error.is_none());
            self.judge_answer(&asked, error.as_ref());
            if let Some((block, nth)) = asked.change {
                let fate = if error.is_some() { Fate::Refused } else { fate };
                self.book.answered(block, nth, fate);
            }
        }
    }

    /// Whether a refusal, or none, is right for the handle that it was about (R7).
    fn judge_answer(&self, asked: &Asked, error: Option<&RequestError>) {
        let Some((handle, lived)) = asked.about else {
            return;
        };
        let what = asked.what;
        if lived && !self.book.lives(handle) {
            // Removed while it waited: either will do.
            return;
        }
        if lived {
            let stale = matches!(error, Some(RequestError::Stale { .. }));
            assert!(
                !stale,
                "R7: {what} of {handle}, which had an owner: {error:?}"
            );
        } else {
            assert!(
                error.is_some(),
                "R7: {what} of {handle}, which had no owner"
            );
        }
    }

    fn judge_read(&mut self, about: Option<(Handle, bool)>, read: &ReadBack) {
        let handle = about.map(|(handle, _)| handle);
        let Some(block) = handle.and_then(|handle| self.book.find(handle)) else {
            panic!("R7: a handle that was never given out was read: {read:?}");
        };
        let entry = &self.book.entries[&block];
        for (part, bytes) in &read.parts {
            assert!(
                entry.is_own(bytes),
                "R1: part {part:?} of {handle:?} was read as {} bytes of others",
                bytes.len()
            );
        }
    }

    fn take_readings(&mut self) {
        for reading in std::mem::take(&mut self.readings) {
            let bytes = reading
                .bytes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let Some(bytes) = bytes else {
                self.readings.push(reading);
                continue;
            };
            for ((block, part), bytes) in reading.parts.iter().zip(bytes) {
                self.book.judge_seen(reading.version, *block, *part, &bytes);
            }
        }
    }

    /// Compares everything that can be known at any time.
    pub(super) fn compare(&mut self) {
        let report = self.manager.report();
        self.book.is_deaf |= report.events_lost > 0;
        if report.budget_bytes == self.budget_last && report.held_bytes <= self.budget_last {
            self.budget_bytes = self.budget_last;
        }
        let moves = self.manager.config().move_long_lived;
        judge::report(&report, self.budget_bytes, moves);
        if let Some(map) = self.manager.heap_map() {
            judge::map(&map);
        }
    }
}

pub(super) fn judge_dump(dump: &HeapDump) {
    if let Err(error) = dump.check() {
        panic!("R6: a dump keeps its own rules: {error}");
    }
}

/// Settings, small in all that counts; zeros choose common ones.
fn config(bytes: &mut Bytes<'_>) -> Config {
    let mut kib = |table: &[u64]| ByteLen::from_kib(bytes.pick(table));
    let chunk_bytes = kib(&[32, 16, 64, 8]);
    let budget_bytes = kib(&[256, 128, 512, 192]);
    let staging_bytes = kib(&[32, 16, 64, 8]);
    let staging_buffer_bytes = kib(&[4, 8, 2, 16]);
    let long_lived_chunk_bytes = kib(&[16, 8, 32]);
    let mailbox_bytes = kib(&[256, 16, 64, 4]);
    let tick_upload_bytes = kib(&[48, 4, 256, 1]);
    let flags = bytes.byte();
    let mut config = Config {
        budget_bytes,
        chunk_bytes,
        long_lived_chunk_bytes,
        staging_bytes,
        staging_buffer_bytes,
        mailbox_bytes,
        tick_upload_bytes,
        handles_max: bytes.pick(&[64, 8, 16, 4096]),
        handles_initial: 8,
        generation_max: bytes.pick(&[1 << 30, 3, 5, 9]),
        mailbox_messages: bytes.pick(&[64, 8, 256, 2]),
        events_max: bytes.pick(&[4096, 16]),
        tick_copies: bytes.pick(&[256, 2, 16]),
        replicas: bytes.pick(&[4, 2, 3, 8]),
        versions_alive_max: bytes.pick(&[64, 4, 8]),
        feed_versions: bytes.pick(&[32, 0, 2]),
        keep_empty_ticks: bytes.pick(&[4, 0, 100]),
        spare_chunks: u32::from(flags & 1),
        small_heap_chunks: u32::from(flags >> 1 & 1) * 2,
        split_by_kind: flags & 4 > 0,
        move_long_lived: flags & 8 > 0,
        residency: ResidencyConfig {
            min_resident_ticks: bytes.pick(&[2, 0, 30]),
            protect_frames: bytes.pick(&[6, 0, 2]),
            ..ResidencyConfig::default()
        },
        threading: Threading::CallerDriven,
        ..Config::default()
    };
    config.defrag.enabled = flags & 16 == 0;
    config.defrag.every_ticks = 1 + u64::from(flags >> 5);
    config
}
