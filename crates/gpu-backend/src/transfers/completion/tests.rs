//! The order of events, whatever order a driver's signals have.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use geoheap_suballoc::ByteLen;

use super::{Held, Ledger};
use crate::lease::Charge;
use crate::{BackendEvent, ReadId, ReleaseId, SubmissionId};

fn submit(ledger: &mut Ledger, reads: &[u64]) {
    let account = Arc::new(AtomicU64::new(0));
    let reads = reads
        .iter()
        .map(|read| (ReadId(*read), Charge::new(None, 4, &account)));
    let held = Held {
        reads: reads.collect(),
        leases: Vec::new(),
    };
    ledger.submitted(held);
}

fn told(ledger: &mut Ledger, all_done: bool) -> Vec<BackendEvent> {
    ledger.advance(all_done);
    let mut events = Vec::new();
    ledger.take_events(&mut events);
    events
}

#[test]
fn completion_waits_for_its_reads_and_for_those_before() {
    let mut ledger = Ledger::new();
    submit(&mut ledger, &[0, 1]);
    submit(&mut ledger, &[]);
    ledger.done(SubmissionId(1));
    ledger.done(SubmissionId(0));
    assert_eq!(
        told(&mut ledger, false),
        Vec::new(),
        "G2: two reads are not answered"
    );
    ledger.read(ReadId(1), None);
    let failed = BackendEvent::ReadFailed { id: ReadId(1) };
    assert_eq!(
        told(&mut ledger, false),
        vec![failed],
        "G2: one read is not answered"
    );
    ledger.read(ReadId(0), Some(vec![7]));
    ledger.read(ReadId(0), Some(vec![8]));
    let expected = vec![
        BackendEvent::ReadBack {
            id: ReadId(0),
            bytes: vec![7],
        },
        BackendEvent::Completed(SubmissionId(0)),
        BackendEvent::Completed(SubmissionId(1)),
    ];
    assert_eq!(
        told(&mut ledger, false),
        expected,
        "G2: in order, each answer once"
    );
}

#[test]
fn release_waits_for_the_batch_that_was_open() {
    let mut ledger = Ledger::new();
    submit(&mut ledger, &[]);
    let release = ledger.release(ByteLen::new(16));
    ledger.done(SubmissionId(0));
    let expected = vec![BackendEvent::Completed(SubmissionId(0))];
    assert_eq!(
        told(&mut ledger, false),
        expected,
        "G3: the batch before is not enough"
    );
    submit(&mut ledger, &[]);
    assert_eq!(told(&mut ledger, true), Vec::new(), "G3: it is on its way");
    ledger.done(SubmissionId(1));
    let expected = vec![
        BackendEvent::Completed(SubmissionId(1)),
        BackendEvent::Released(release, ByteLen::new(16)),
    ];
    assert_eq!(told(&mut ledger, false), expected, "G3: then it is told");
}

#[test]
fn nothing_is_told_after_a_loss() {
    let mut ledger = Ledger::new();
    submit(&mut ledger, &[0]);
    ledger.release(ByteLen::new(16));
    ledger.lose("gone".to_owned(), vec![ReadId(1)]);
    ledger.lose("gone again".to_owned(), vec![ReadId(2)]);
    ledger.release(ByteLen::new(16));
    ledger.announce(BackendEvent::Completed(SubmissionId(0)));
    ledger.done(SubmissionId(0));
    ledger.read(ReadId(0), None);
    let expected = vec![
        BackendEvent::ReadFailed { id: ReadId(0) },
        BackendEvent::ReadFailed { id: ReadId(1) },
        BackendEvent::Released(ReleaseId(0), ByteLen::new(16)),
        BackendEvent::DeviceLost {
            reason: "gone".to_owned(),
        },
    ];
    assert_eq!(
        told(&mut ledger, true),
        expected,
        "G5: answers, then the loss, then nothing"
    );
}
