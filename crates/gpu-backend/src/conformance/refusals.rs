//! Bad input: an error that names the numbers, and nothing recorded.

use geoheap_suballoc::ByteLen;

use super::{Make, at, buffer, bytes, settle, staging};
use crate::{
    Backend, BufferDesc, BufferRole, CopyError, CreateError, LeaseError, LeaseWriteError,
    StageError,
};

/// An empty batch is not submitted.
pub fn nothing_to_submit_is_none<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 8192));
    let backend = &mut rig.backend;
    assert_eq!(backend.submit(), Ok(None), "nothing was recorded");
    let target = buffer(backend, 256);
    let submission = backend.submit().expect("accepted");
    assert!(submission.is_some(), "a new buffer is cleared");
    settle(backend);
    backend
        .upload(&target, at(0), &[])
        .expect("no bytes are fine");
    let source = buffer(backend, 256);
    settle(backend);
    backend
        .copy(&source, at(0), &target, at(0), bytes(0))
        .expect("no bytes are fine");
    assert_eq!(backend.submit(), Ok(None), "nothing was recorded");
}

/// wgpu refuses a copy within one buffer even where the ranges are disjoint.
pub fn copies_within_one_buffer_are_refused<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 8192));
    let backend = &mut rig.backend;
    let one = buffer(backend, 1024);
    settle(backend);
    let other_handle = one.clone();
    let result = backend.copy(&one, at(0), &other_handle, at(512), bytes(64));
    assert_eq!(
        result,
        Err(CopyError::SameBuffer),
        "both handles are one buffer"
    );
    assert_eq!(backend.submit(), Ok(None), "G1: nothing was recorded");
}

/// Misaligned and out-of-bounds ranges are refused by each call, at each end.
pub fn bad_ranges_are_refused<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 8192));
    let backend = &mut rig.backend;
    let (first, second) = (buffer(backend, 256), buffer(backend, 512));
    let mut lease = backend.lease(bytes(64)).expect("there is room");
    settle(backend);
    let before = backend.counters();
    // Offset and length; the last column says whether the fault is the alignment.
    let table = [
        (2, 4, true),
        (4, 6, true),
        (1, 1, true),
        (256, 4, false),
        (0, 260, false),
        (!3, 8, false),
    ];
    for (offset, len, misaligned) in table {
        let check = |is_misaligned: bool, is_bounds: bool| {
            assert_eq!(is_misaligned, misaligned, "offset {offset}, length {len}");
            assert_eq!(is_bounds, !misaligned, "offset {offset}, length {len}");
        };
        let check_copy = |error: CopyError| {
            check(
                matches!(error, CopyError::Misaligned { .. }),
                matches!(error, CopyError::OutOfBounds { .. }),
            );
        };
        let check_stage = |error: StageError| {
            check(
                matches!(error, StageError::Misaligned { .. }),
                matches!(error, StageError::OutOfBounds { .. }),
            );
        };
        let refused = "a bad range is refused";
        let length = bytes(len);
        check_copy(
            backend
                .copy(&first, at(offset), &second, at(0), length)
                .expect_err(refused),
        );
        check_copy(
            backend
                .copy(&second, at(0), &first, at(offset), length)
                .expect_err(refused),
        );
        check_stage(
            backend
                .read_back(&first, at(offset), length)
                .expect_err(refused),
        );
        let piece = vec![7; usize::try_from(len).expect("a small length")];
        check_stage(
            backend
                .upload(&first, at(offset), &piece)
                .expect_err(refused),
        );
        let result = backend.upload_leased(&second, at(0), &mut lease, offset, length);
        check_stage(result.expect_err(refused));
    }
    let result = backend.upload_leased(&first, at(224), &mut lease, 0, bytes(64));
    result.expect_err("the destination is checked too");
    assert!(
        !lease.is_sealed(),
        "a refused upload leaves the lease as it was"
    );
    assert_eq!(backend.submit(), Ok(None), "G1: nothing was recorded");
    assert_eq!(backend.counters(), before, "G1: nothing was counted");
}

/// Buffers of no bytes, of odd bytes, and above the device's limit.
pub fn bad_creations_are_refused<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 8192));
    let backend = &mut rig.backend;
    let (max, align) = (
        backend.limits().buffer_bytes_max,
        backend.limits().copy_align,
    );
    let mut create = |len: ByteLen| {
        backend
            .create_buffer(&BufferDesc {
                label: "bad",
                len,
                role: BufferRole::Chunk,
            })
            .expect_err("a bad length")
    };
    assert_eq!(create(bytes(0)), CreateError::ZeroSize, "no bytes");
    let odd = bytes(6);
    assert_eq!(
        create(odd),
        CreateError::Misaligned { len: odd, align },
        "odd bytes"
    );
    let large = bytes((max.get() & !3) + 4);
    assert_eq!(
        create(large),
        CreateError::TooLarge {
            requested: large,
            max
        },
        "above the limit"
    );
    assert_eq!(
        backend.counters().buffers_created,
        0,
        "G1: nothing was created"
    );
}

/// Leases of no bytes, of odd bytes, above the limit, above what is free, and of other backends.
pub fn bad_leases_are_refused<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 4096));
    let mut other = make(&staging(1024, 4096));
    let backend = &mut rig.backend;
    let align = backend.limits().copy_align;
    let refused = "a bad lease is refused";
    assert_eq!(
        backend.lease(bytes(0)).expect_err(refused),
        LeaseError::ZeroSize,
        "no bytes"
    );
    let len = bytes(10);
    let error = backend.lease(len).expect_err(refused);
    assert_eq!(error, LeaseError::Misaligned { len, align }, "odd bytes");
    let (requested, limit) = (bytes(8192), bytes(4096));
    let error = backend.lease(requested).expect_err(refused);
    assert_eq!(
        error,
        LeaseError::TooLarge { requested, limit },
        "above the limit"
    );
    let mut lease = backend.lease(bytes(3072)).expect("there is room");
    let (requested, free) = (bytes(2048), bytes(1024));
    let error = backend.lease(requested).expect_err(refused);
    assert_eq!(
        error,
        LeaseError::Full { requested, free },
        "above what is free"
    );

    let (offset, len, bounds) = (at(3070), bytes(4), bytes(3072));
    let error = lease.write_at(3070, &[1; 4]).expect_err("beyond the end");
    assert_eq!(
        error,
        LeaseWriteError::OutOfBounds {
            offset,
            len,
            bounds
        },
        "beyond the end"
    );
    lease
        .write_at(u64::MAX, &[1])
        .expect_err("an end that overflows");

    let target = buffer(&mut other.backend, 4096);
    let result = other
        .backend
        .upload_leased(&target, at(0), &mut lease, 0, bytes(64));
    assert_eq!(
        result,
        Err(StageError::ForeignLease),
        "a lease of another backend"
    );
}
