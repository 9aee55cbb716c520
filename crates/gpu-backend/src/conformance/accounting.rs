//! Staging, completion, release and loss: the numbers and their order.

use super::{Make, POLLS_MAX, at, buffer, bytes, completed, contents, pattern, settle, staging};
use crate::{
    Backend, BackendEvent, BufferDesc, BufferRole, CopyError, CreateError, LeaseError,
    LeaseWriteError, StageError, StagingLease, SubmitError,
};

/// Uploads are refused at the limit, with the exact room left; completion brings the room back,
/// and no new buffers are made for later rounds.
pub fn staging_is_bounded_and_recycled<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 4096));
    let backend = &mut rig.backend;
    let target = buffer(backend, 16384);
    let piece = pattern(7, 1000);
    let mut made_in_round_one = 0;
    for round in 0..8 {
        for index in 0..4 {
            backend
                .upload(&target, at(index * 1000), &piece)
                .expect("four go into 4096");
        }
        let (requested, free) = (bytes(1000), bytes(96));
        let error = backend
            .upload(&target, at(4000), &piece)
            .expect_err("the fifth does not");
        assert_eq!(error, StageError::Full { requested, free }, "round {round}");
        let figures = backend.staging();
        assert_eq!(figures.free_bytes, free, "the figures say the same");
        assert!(
            figures.capacity_bytes <= figures.limit_bytes,
            "G4: {figures:?}"
        );
        backend
            .upload(&target, at(4000), &piece[..96])
            .expect("what is free can be used");
        settle(backend);
        let figures = backend.staging();
        assert_eq!(
            figures.free_bytes,
            bytes(4096),
            "all came back: {figures:?}"
        );
        assert_eq!(
            figures.in_flight_bytes,
            bytes(0),
            "nothing is on its way: {figures:?}"
        );
        assert!(figures.peak_bytes <= figures.limit_bytes, "G4: {figures:?}");
        if round == 0 {
            made_in_round_one = backend.counters().staging_created;
            assert_eq!(made_in_round_one, 4, "four buffers of 1024 bytes");
        }
    }
    assert_eq!(
        backend.counters().staging_created,
        made_in_round_one,
        "buffers are recycled"
    );
    let (requested, limit) = (bytes(5000), bytes(4096));
    let error = backend
        .upload(&target, at(0), &pattern(8, 5000))
        .expect_err("above the limit");
    assert_eq!(
        error,
        StageError::TooLarge { requested, limit },
        "it can never go in one piece"
    );
}

/// Staging that lies unused for long is given back.
pub fn idle_staging_goes_back<B: Backend>(make: Make<'_, B>) {
    let mut config = staging(1024, 4096);
    config.idle_polls = 3;
    let mut rig = make(&config);
    let backend = &mut rig.backend;
    let target = buffer(backend, 4096);
    backend
        .upload(&target, at(0), &pattern(9, 2048))
        .expect("there is room");
    settle(backend);
    let mut events = Vec::new();
    assert_eq!(
        backend.staging().capacity_bytes,
        bytes(2048),
        "held for the next upload"
    );
    backend.poll(&mut events);
    assert_eq!(
        backend.staging().capacity_bytes,
        bytes(2048),
        "not idle for long"
    );
    for _ in 0..3 {
        backend.poll(&mut events);
    }
    assert_eq!(backend.staging().capacity_bytes, bytes(0), "idle for long");
    assert_eq!(
        backend.staging().free_bytes,
        bytes(4096),
        "it can be made again"
    );
}

/// What is said to be free can be uploaded in one piece, also where buffers that were made under a
/// lower limit fill the present one further than new ones could.
pub fn free_staging_is_usable<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 1536));
    let backend = &mut rig.backend;
    let target = buffer(backend, 4096);
    backend
        .upload(&target, at(0), &pattern(12, 1536))
        .expect("a whole buffer and a short one");
    settle(backend);
    // Two whole buffers leave too little for a third.
    backend.set_staging_limit(bytes(2200));
    assert_eq!(
        backend.staging().free_bytes,
        bytes(2200),
        "1536 are there, and 664 can be made"
    );
    backend
        .upload(&target, at(0), &pattern(13, 2200))
        .expect("so much is free");
    settle(backend);
}

/// A lowered limit binds at once, and is reached as staging comes back.
pub fn lowered_limit_is_reached<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 4096));
    let backend = &mut rig.backend;
    let target = buffer(backend, 4096);
    backend
        .upload(&target, at(0), &pattern(10, 3000))
        .expect("there is room");
    backend.set_staging_limit(bytes(1024));
    let (requested, free) = (bytes(512), bytes(72));
    let error = backend
        .upload(&target, at(3000), &pattern(11, 512))
        .expect_err("no new buffers");
    assert_eq!(
        error,
        StageError::Full { requested, free },
        "the open buffer's tail is left"
    );
    settle(backend);
    let figures = backend.staging();
    assert!(
        figures.capacity_bytes <= bytes(1024),
        "the rest went: {figures:?}"
    );
    assert_eq!(
        figures.free_bytes,
        bytes(1024),
        "the lower limit is usable: {figures:?}"
    );
    // Idle buffers go at once, and a limit below a whole buffer still serves.
    backend.set_staging_limit(bytes(104));
    let figures = backend.staging();
    assert_eq!(
        (figures.capacity_bytes, figures.free_bytes),
        (bytes(0), bytes(104)),
        "{figures:?}"
    );
    backend
        .upload(&target, at(0), &pattern(12, 104))
        .expect("a short buffer");
    let figures = backend.staging();
    assert_eq!(figures.in_flight_bytes, bytes(0), "nothing is submitted");
    backend.submit().expect("accepted");
    let figures = backend.staging();
    assert_eq!(figures.in_flight_bytes, bytes(104), "{figures:?}");
    assert_eq!(
        figures.peak_bytes,
        bytes(3072),
        "three buffers at first: {figures:?}"
    );
    settle(backend);
    let limit = bytes(104);
    assert_eq!(
        backend.upload(&target, at(0), &pattern(12, 112)),
        Err(StageError::TooLarge {
            requested: bytes(112),
            limit
        }),
        "what never fits is told apart from what does not fit now"
    );
}

/// A lease that is dropped unused gives its bytes back without a submission.
pub fn unused_lease_gives_its_bytes_back<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 4096));
    let backend = &mut rig.backend;
    let target = buffer(backend, 4096);
    backend
        .upload(&target, at(0), &pattern(12, 4096))
        .expect("there is room");
    settle(backend);
    let lease = backend
        .lease(bytes(4096))
        .expect("idle ring buffers make room for a lease");
    let figures = backend.staging();
    assert_eq!(figures.capacity_bytes, bytes(4096), "G4: {figures:?}");
    assert_eq!(
        figures.one_shot_bytes,
        bytes(4096),
        "the lease counts: {figures:?}"
    );
    assert_eq!(
        figures.free_bytes,
        bytes(0),
        "nothing else goes: {figures:?}"
    );
    drop(lease);
    let figures = backend.staging();
    assert_eq!(
        figures.capacity_bytes,
        bytes(0),
        "the lease is gone: {figures:?}"
    );
    backend
        .upload(&target, at(0), &pattern(13, 4096))
        .expect("there is room again");
    settle(backend);
}

/// Read-backs count as staging until their bytes are delivered, and are refused at the limit.
pub fn read_backs_count_as_staging<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 4096));
    let backend = &mut rig.backend;
    let source = buffer(backend, 8192);
    backend
        .read_back(&source, at(0), bytes(3072))
        .expect("there is room");
    assert_eq!(backend.staging().one_shot_bytes, bytes(3072), "it counts");
    let (requested, free) = (bytes(2048), bytes(1024));
    let error = backend
        .read_back(&source, at(0), requested)
        .expect_err("above what is free");
    assert_eq!(
        error,
        StageError::Full { requested, free },
        "the numbers to act on"
    );
    let events = settle(backend);
    let is_read = |event: &&BackendEvent| matches!(event, BackendEvent::ReadBack { .. });
    assert_eq!(
        events.iter().filter(is_read).count(),
        1,
        "answered once: {events:?}"
    );
    assert_eq!(
        backend.staging().one_shot_bytes,
        bytes(0),
        "it counts no more"
    );
    let none = backend
        .read_back(&source, at(0), bytes(0))
        .expect("no bytes are fine");
    let expected = BackendEvent::ReadBack {
        id: none,
        bytes: Vec::new(),
    };
    assert!(
        settle(backend).contains(&expected),
        "no bytes are answered too"
    );
}

/// Completions come in the order of submission, each after its read-backs.
pub fn completions_ascend<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 8192));
    let backend = &mut rig.backend;
    let target = buffer(backend, 256);
    let (mut submissions, mut reads) = (Vec::new(), Vec::new());
    for round in 0_u64..5 {
        backend
            .upload(&target, at(0), &pattern(round, 256))
            .expect("there is room");
        reads.push(
            backend
                .read_back(&target, at(0), bytes(256))
                .expect("there is room"),
        );
        submissions.push(backend.submit().expect("accepted").expect("not empty"));
    }
    assert!(submissions.is_sorted(), "numbers ascend: {submissions:?}");
    assert!(
        backend.wait_idle(POLLS_MAX),
        "the device has to come to an end"
    );
    let mut events = Vec::new();
    backend.poll(&mut events);
    assert_eq!(
        completed(&events),
        submissions,
        "G2: in the order of submission"
    );
    for (round, (submission, read)) in submissions.iter().zip(&reads).enumerate() {
        let done = BackendEvent::Completed(*submission);
        let bytes = pattern(round as u64, 256);
        let answer = BackendEvent::ReadBack { id: *read, bytes };
        let place = |event: &BackendEvent| events.iter().position(|other| other == event);
        assert!(
            place(&answer).is_some(),
            "the read saw the bytes of its round, {round}"
        );
        assert!(
            place(&answer) < place(&done),
            "G2: the read-back comes first"
        );
    }
    assert_eq!(
        backend.counters().submits,
        5,
        "each batch was one submission"
    );
}

/// A release is told once, with its bytes, after what came before it was executed.
pub fn released_bytes_are_told<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 8192));
    let backend = &mut rig.backend;
    let (source, target) = (buffer(backend, 256), buffer(backend, 256));
    let piece = pattern(14, 256);
    backend
        .upload(&source, at(0), &piece)
        .expect("there is room");
    backend
        .copy(&source, at(0), &target, at(0), bytes(256))
        .expect("a correct copy");
    let release = backend.release_buffer(source, bytes(260));
    let mut events = Vec::new();
    backend.poll(&mut events);
    let told = BackendEvent::Released(release, bytes(260));
    assert!(
        !events.contains(&told),
        "G3: the open batch still reads from it"
    );
    let submission = backend.submit().expect("accepted").expect("not empty");
    assert!(
        backend.wait_idle(POLLS_MAX),
        "the device has to come to an end"
    );
    backend.poll(&mut events);
    let place = |event: &BackendEvent| events.iter().position(|other| other == event);
    let done = BackendEvent::Completed(submission);
    assert!(
        place(&done).is_some() && place(&done) < place(&told),
        "G3: {events:?}"
    );
    assert_eq!(
        contents(backend, &target, 0, 256),
        piece,
        "the copy saw the released buffer"
    );

    let release = backend.release_buffer(target, bytes(260));
    assert_eq!(backend.submit(), Ok(None), "a release is nothing to submit");
    assert!(backend.wait_idle(POLLS_MAX), "there is nothing to wait for");
    events.clear();
    backend.poll(&mut events);
    let expected = vec![BackendEvent::Released(release, bytes(260))];
    assert_eq!(events, expected, "told on an idle device too, once");
}

/// After a loss each open read and release is answered once, then the loss is told once, and
/// every call says so; nothing panics.
pub fn lost_device_is_told_once<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 8192));
    let backend = &mut rig.backend;
    let (first, second) = (buffer(backend, 256), buffer(backend, 256));
    settle(backend);
    let mut lease = backend.lease(bytes(64)).expect("there is room");
    backend
        .upload(&first, at(0), &pattern(15, 256))
        .expect("there is room");
    let submitted = backend
        .read_back(&first, at(0), bytes(64))
        .expect("there is room");
    backend.submit().expect("accepted");
    let open = backend
        .read_back(&first, at(0), bytes(64))
        .expect("there is room");
    let release = backend.release_buffer(second, bytes(256));
    (rig.lose)();
    let mut events = Vec::new();
    assert!(
        backend.wait_idle(POLLS_MAX),
        "the device has to come to an end"
    );
    for _ in 0..3 {
        backend.poll(&mut events);
    }
    assert!(backend.is_lost(), "the loss is noticed");
    let answers = |read| {
        let is_answer = |event: &&BackendEvent| match event {
            BackendEvent::ReadBack { id, .. } | BackendEvent::ReadFailed { id } => *id == read,
            _ => false,
        };
        events.iter().filter(is_answer).count()
    };
    assert_eq!(
        (answers(submitted), answers(open)),
        (1, 1),
        "each read is answered: {events:?}"
    );
    let told = BackendEvent::Released(release, bytes(256));
    assert!(
        events.contains(&told),
        "the release is answered: {events:?}"
    );
    let is_loss = |event: &BackendEvent| matches!(event, BackendEvent::DeviceLost { .. });
    assert_eq!(
        events.iter().filter(|event| is_loss(event)).count(),
        1,
        "told once: {events:?}"
    );
    assert!(
        events.last().is_some_and(is_loss),
        "G5: it is the last event: {events:?}"
    );

    every_call_is_refused(backend, &first, &mut lease);
    backend.release_buffer(first, bytes(256));
    drop(lease);
    assert!(backend.wait_idle(1), "a lost device is idle");
    events.clear();
    backend.poll(&mut events);
    assert_eq!(events, Vec::new(), "G5: nothing is told after the loss");
    assert_eq!(
        backend.staging().capacity_bytes,
        bytes(0),
        "nothing is held"
    );
}

fn every_call_is_refused<B: Backend>(
    backend: &mut B,
    buffer: &B::Buffer,
    lease: &mut StagingLease,
) {
    assert_eq!(
        lease.write_at(0, &[1; 64]),
        Err(LeaseWriteError::DeviceLost),
        "the lease's memory went with the device"
    );
    let desc = BufferDesc {
        label: "late",
        len: bytes(64),
        role: BufferRole::Chunk,
    };
    assert_eq!(
        backend.create_buffer(&desc).err(),
        Some(CreateError::DeviceLost),
        "create"
    );
    assert_eq!(
        backend.upload(buffer, at(0), &[0; 4]),
        Err(StageError::DeviceLost),
        "upload"
    );
    let result = backend.upload_leased(buffer, at(0), lease, 0, bytes(4));
    assert_eq!(result, Err(StageError::DeviceLost), "leased upload");
    assert_eq!(
        backend.lease(bytes(64)).err(),
        Some(LeaseError::DeviceLost),
        "lease"
    );
    let result = backend.read_back(buffer, at(0), bytes(4));
    assert_eq!(result, Err(StageError::DeviceLost), "read-back");
    let result = backend.copy(buffer, at(0), buffer, at(4), bytes(4));
    assert_eq!(result, Err(CopyError::DeviceLost), "copy");
    assert_eq!(backend.submit(), Err(SubmitError::DeviceLost), "submit");
}
