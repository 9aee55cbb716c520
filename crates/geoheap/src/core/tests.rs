//! The core alone: what it asks for, in which order, and that it always asks for the same.

use std::sync::Arc;

use geoheap_chunk_heap::{BlockLayout, KindTable, Lifetime, PartSpec};
use geoheap_suballoc::{Align, ByteLen};
use smallvec::smallvec;

use super::Core;
use super::event::{Effect, Event, PreparedBlock, Request};
use crate::config::{Config, SpillConfig};
use crate::core::event::{Share, TickFacts};
use crate::core::spill::{SpillError, Spilled};
use crate::error::FailReason;
use crate::handle::Handle;
use crate::payload::{Content, PRIORITY_DEFAULT, Payload, ReloadFn, Source};

/// A core whose shell is this test.
struct Bench {
    core: Core,
    kinds: Arc<KindTable>,
    /// One line an effect.
    lines: Vec<String>,
    versions: u64,
    fail_chunks: u32,
    submit_ok: bool,
    share: Share,
    /// Writes into the file for copies fail.
    fail_spills: bool,
}

impl Bench {
    fn new() -> Self {
        Self::with(None)
    }

    fn with(spill: Option<SpillConfig>) -> Self {
        let align = Align::new(256).expect("a positive number");
        let kinds = Arc::new(KindTable::standard(align, align));
        let config = Config {
            budget_bytes: ByteLen::from_kib(256),
            chunk_bytes: ByteLen::from_kib(64),
            long_lived_chunk_bytes: ByteLen::from_kib(16),
            staging_bytes: ByteLen::from_kib(16),
            spill,
            ..Config::default()
        };
        let max = ByteLen::from_mib(64);
        let core = Core::new(config, Arc::clone(&kinds), max).expect("a valid configuration");
        Self {
            core,
            kinds,
            lines: Vec::new(),
            versions: 0,
            fail_chunks: 0,
            submit_ok: true,
            share: Share::FULL,
            fail_spills: false,
        }
    }

    fn add(&mut self, bytes: u64) -> Handle {
        self.add_with(bytes, PRIORITY_DEFAULT)
    }

    fn add_with(&mut self, bytes: u64, priority: u8) -> Handle {
        let mut handles = Vec::new();
        self.core.refill_reserve(1, &mut handles);
        let spec = PartSpec {
            kind: geoheap_chunk_heap::KindId::STORAGE,
            len: ByteLen::new(bytes),
            stride: 0,
        };
        let layout = BlockLayout::pack(&[spec], &self.kinds, ByteLen::ZERO, self.core.align_max);
        let len = usize::try_from(bytes).expect("small");
        let block = PreparedBlock {
            spare: ByteLen::ZERO,
            layout: layout.expect("a valid layout"),
            contents: smallvec![Content::Shared(Payload::from(vec![7; len]))],
            label: None,
            lifetime: Lifetime::Dynamic,
            priority,
            source: Source::Retained,
        };
        self.step(Event::Request(Request::Add {
            handle: handles[0],
            block: Box::new(block),
        }));
        handles[0]
    }

    fn tick(&mut self) {
        self.lines.push("tick".into());
        self.step(Event::TickBegin(TickFacts {
            staging_held: ByteLen::ZERO,
            idle: false,
            is_held_back: false,
            share: self.share,
        }));
        self.step(Event::Transfer {
            staging_free: ByteLen::from_kib(16),
        });
    }

    fn step(&mut self, event: Event) {
        let mut out = Vec::new();
        self.core.step(event, &mut out);
        for effect in out {
            let (line, answer) = self.answer(effect);
            self.lines.push(line);
            if let Some(event) = answer {
                self.step(event);
            }
        }
    }

    /// What a shell on a flawless device would say, and the effect as a line.
    fn answer(&mut self, effect: Effect) -> (String, Option<Event>) {
        match effect {
            Effect::CreateChunk { chunk, len, .. } => {
                let line = format!("create chunk {} of {len}", chunk.get());
                if self.fail_chunks > 0 {
                    self.fail_chunks -= 1;
                    let reason = FailReason::OutOfMemory { requested: len };
                    return (line + ": none", Some(Event::ChunkFailed { chunk, reason }));
                }
                (line, Some(Event::ChunkReady { chunk }))
            }
            Effect::Upload {
                chunk, offset, len, ..
            } => (
                format!("upload {len} to chunk {} at {offset}", chunk.get()),
                None,
            ),
            Effect::Submit => (
                "submit".into(),
                Some(Event::Submitted {
                    ok: self.submit_ok,
                    refused: Vec::new(),
                }),
            ),
            Effect::Publish {
                changes,
                retired,
                forget,
            } => {
                self.versions += 1;
                let slots: Vec<_> = changes.iter().map(|change| change.slot.state).collect();
                let line = format!(
                    "publish {slots:?} retiring {}",
                    retired.len() + forget.len()
                );
                let version = geoheap_frame_sync::Version::default();
                (line, Some(Event::Published { version }))
            }
            Effect::Notify(event) => (format!("tell: {event}"), None),
            Effect::Spill(spilling) => {
                let whole = spilling.whole().expect("it is in memory");
                let parts = whole.iter().map(|(id, part)| (*id, part.len())).collect();
                let copies: Vec<_> = whole.into_iter().map(|(_, part)| part).collect();
                let make = ReloadFn::new(move |_| Ok(copies.clone()));
                let result = if self.fail_spills {
                    Err(SpillError::Write(String::from("the disk is full")))
                } else {
                    Ok(Spilled { parts, make })
                };
                let handle = spilling.handle;
                let event = Event::Spilled {
                    handle,
                    seq: spilling.seq,
                    bytes: spilling.bytes,
                    result,
                };
                (format!("spill {handle}"), Some(event))
            }
            other => (format!("{other:?}"), None),
        }
    }
}

#[test]
fn a_mesh_is_published_after_its_bytes_were_submitted() {
    let mut bench = Bench::new();
    bench.add(40_000);
    for _ in 0..4 {
        bench.tick();
    }
    // 16 KiB of staging a tick: the block stays pending until the third submit (R1).
    insta::assert_snapshot!(bench.lines.join("\n"), @"
    tick
    create chunk 0 of 65536
    upload 16384 to chunk 0 at 0
    submit
    publish [Pending] retiring 0
    tick
    upload 16384 to chunk 0 at 16384
    submit
    tick
    upload 7232 to chunk 0 at 32768
    submit
    publish [Resident] retiring 0
    tick
    submit
    ");
}

#[test]
fn a_submit_that_fails_publishes_no_place() {
    let mut bench = Bench::new();
    bench.submit_ok = false;
    let handle = bench.add(1_000);
    bench.tick();
    let record = bench.core.record(handle).expect("it lives");
    assert!(
        record.place.is_none(),
        "R1: nothing of it reached the queue"
    );
    let shown = bench.lines.iter().any(|line| line.contains("Resident"));
    assert!(!shown, "R1: no version names a place: {:?}", bench.lines);
}

#[test]
fn a_chunk_that_cannot_be_made_is_tried_once_more_and_then_the_block_fails() {
    let mut bench = Bench::new();
    bench.fail_chunks = 2;
    bench.add(1_000);
    bench.add(2_000);
    bench.tick();
    bench.tick();
    let failed: Vec<_> = bench
        .lines
        .iter()
        .filter(|line| line.contains("failed"))
        .collect();
    assert_eq!(
        failed.len(),
        2,
        "both were in the chunk, twice: {:?}",
        bench.lines
    );
    bench.add(3_000);
    bench.tick();
    let last = bench
        .lines
        .iter()
        .rev()
        .find(|line| line.starts_with("publish"));
    assert!(
        last.expect("it was published").contains("Resident"),
        "the third time it works"
    );
}

#[test]
fn the_same_events_give_the_same_effects() {
    let run = || {
        let mut bench = Bench::new();
        let mut handles = Vec::new();
        for nth in 0..60u64 {
            handles.push(bench.add(1_000 + nth * 977 % 30_000));
            if nth % 4 == 3 {
                let at = usize::try_from(nth * 5).expect("small") % handles.len();
                let handle = handles.swap_remove(at);
                bench.step(Event::Request(Request::Remove { handle }));
            }
            bench.tick();
        }
        bench.lines
    };
    let first = run();
    assert!(first.len() > 200, "there is something to compare");
    assert_eq!(first, run(), "no clock, no random numbers, no map order");
}

#[test]
fn what_is_urgent_goes_first() {
    let mut bench = Bench::new();
    bench.add(16_384);
    bench.add_with(16_384, PRIORITY_DEFAULT + 1);
    bench.add_with(16_384, PRIORITY_DEFAULT - 1);
    for _ in 0..3 {
        bench.tick();
    }
    // The urgent one gets the first place and the first tick; below the default all are alike.
    insta::assert_snapshot!(bench.lines.join("\n"), @"
    tick
    create chunk 0 of 65536
    upload 16384 to chunk 0 at 0
    submit
    publish [Pending, Pending, Pending, Resident] retiring 0
    tick
    upload 16384 to chunk 0 at 16384
    submit
    publish [Resident] retiring 0
    tick
    upload 16384 to chunk 0 at 32768
    submit
    publish [Resident] retiring 0
    ");
}

#[test]
fn a_tick_that_has_little_time_sends_little() {
    let mut bench = Bench::new();
    bench.core.config.tick_upload_bytes = ByteLen::new(16_000);
    bench.add(16_000);
    bench.share = Share::new(250);
    bench.tick();
    bench.share = Share::MIN;
    bench.tick();
    bench.share = Share::FULL;
    bench.tick();
    let sent = bench.lines.iter().filter(|line| line.starts_with("upload"));
    let sent: Vec<&str> = sent.map(|line| &line[..12]).collect();
    assert_eq!(
        sent,
        ["upload 4000 ", "upload 992 t", "upload 11008"],
        "a quarter, a sixteenth, the rest"
    );
}

#[test]
fn no_share_of_something_is_nothing() {
    for (thousandths, cap, part) in [
        (1_000, 7, 7),
        (500, 7, 3),
        (0, 7, 1),
        (0, 0, 0),
        (62, 1_600, 99),
        (5_000, 7, 7),
        (1_000, u64::MAX, u64::MAX),
    ] {
        assert_eq!(
            Share::new(thousandths).of(cap),
            part,
            "{thousandths} of {cap}"
        );
    }
}

#[test]
fn a_copy_that_cannot_be_written_stays_in_memory_and_is_tried_later() {
    let mut bench = Bench::with(Some(SpillConfig {
        folder: std::path::PathBuf::new(),
        retained_bytes_max: ByteLen::new(2_500),
    }));
    bench.fail_spills = true;
    let handles = [bench.add(1_000), bench.add(1_000), bench.add(1_000)];
    for _ in 0..20 {
        bench.tick();
    }
    let told = |bench: &Bench, what: &str| {
        let lines = bench.lines.iter();
        lines.filter(|line| line.contains(what)).count()
    };
    assert_eq!(told(&bench, "spill "), 1, "not again and again");
    assert_eq!(told(&bench, "the disk is full"), 1, "it is told");
    let report = bench.core.report();
    assert_eq!((report.retained_bytes, report.spilled_bytes), (3_000, 0));
    assert_eq!(report.spill_failures, 1, "counted");
    for _ in 0..300 {
        bench.tick();
    }
    assert_eq!(told(&bench, "the disk is full"), 2, "tried later");
    bench.fail_spills = false;
    for _ in 0..300 {
        bench.tick();
    }
    let report = bench.core.report();
    assert_eq!(
        (report.retained_bytes, report.spilled_bytes),
        (2_000, 1_000)
    );
    let in_file = |handle| {
        let record = bench.core.record(handle).expect("it lives");
        record.spilled().is_some()
    };
    let spilled = handles.map(in_file);
    assert_eq!(spilled, [true, false, false], "the longest not needed goes");
}
