//! The right bytes in the right place.

use super::{Make, at, buffer, bytes, contents, pattern, settle, staging};
use crate::Backend;

/// A piece larger than a staging buffer arrives byte for byte, also through a second buffer, and
/// leaves its surroundings as they were.
pub fn pieces_split_over_staging_arrive_whole<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(256, 8192));
    let backend = &mut rig.backend;
    let (first, second) = (buffer(backend, 4096), buffer(backend, 4096));
    let piece = pattern(1, 1000);
    backend
        .upload(&first, at(100), &piece)
        .expect("1000 bytes fit into 8192 of staging");
    backend
        .copy(&first, at(100), &second, at(2048), bytes(1000))
        .expect("a correct copy");
    let found = contents(backend, &first, 0, 4096);
    assert_eq!(
        found[100..1100],
        piece[..],
        "the piece lies where it was put"
    );
    assert!(
        found[..100]
            .iter()
            .chain(&found[1100..])
            .all(|byte| *byte == 0),
        "the rest is zero"
    );
    let found = contents(backend, &second, 0, 4096);
    assert_eq!(
        found[2048..3048],
        piece[..],
        "the copy lies where it was put"
    );
    let outside = found[..2048].iter().chain(&found[3048..]);
    assert!(
        outside.copied().all(|byte| byte == 0),
        "the copy touched nothing else"
    );
    assert_eq!(
        backend.counters().upload_bytes,
        1000,
        "every byte is counted once"
    );
}

/// Pieces and moves that continue the one before are one copy; others are not.
pub fn neighbours_become_one_copy<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(4096, 16384));
    let backend = &mut rig.backend;
    let (first, second) = (buffer(backend, 4096), buffer(backend, 4096));
    let bytes_of = pattern(2, 256);
    for piece in 0..4 {
        let range = piece * 64..(piece + 1) * 64;
        backend
            .upload(&first, at(range.start as u64), &bytes_of[range])
            .expect("there is room");
    }
    let counters = backend.counters();
    assert_eq!(
        (counters.copies, counters.copies_merged),
        (1, 3),
        "four neighbours, one copy"
    );
    backend
        .upload(&first, at(1024), &bytes_of[..64])
        .expect("there is room");
    assert_eq!(
        backend.counters().copies,
        2,
        "a gap in the destination starts a copy"
    );

    for piece in 0..3 {
        let (from, to) = (piece * 64, 512 + piece * 64);
        backend
            .copy(&first, at(from), &second, at(to), bytes(64))
            .expect("a correct copy");
    }
    let counters = backend.counters();
    assert_eq!(
        (counters.copies, counters.copies_merged),
        (3, 5),
        "neighbours at both ends"
    );
    backend
        .copy(&first, at(0), &second, at(704), bytes(64))
        .expect("a correct copy");
    assert_eq!(
        backend.counters().copies,
        4,
        "a jump in the source starts a copy"
    );
    assert_eq!(
        contents(backend, &first, 0, 256),
        bytes_of,
        "merged pieces keep their order"
    );
    let found = contents(backend, &second, 512, 256);
    assert_eq!(
        found[..192],
        bytes_of[..192],
        "merged moves keep their order"
    );
    assert_eq!(
        found[192..],
        bytes_of[..64],
        "the last move came from the start"
    );
}

/// Calls take effect in their order: a copy sees the upload before it, and not the one after.
pub fn batches_keep_the_order_of_calls<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 8192));
    let backend = &mut rig.backend;
    let (first, second) = (buffer(backend, 256), buffer(backend, 256));
    let (old, new) = (pattern(3, 256), pattern(4, 256));
    backend.upload(&first, at(0), &old).expect("there is room");
    backend
        .copy(&first, at(0), &second, at(0), bytes(256))
        .expect("a correct copy");
    backend.upload(&first, at(0), &new).expect("there is room");
    assert_eq!(
        contents(backend, &second, 0, 256),
        old,
        "the copy came before the second upload"
    );
    assert_eq!(
        contents(backend, &first, 0, 256),
        new,
        "the second upload came last"
    );
}

/// Runs what a caller's own thread could run; the compiler checks that it could.
fn write_elsewhere<T: Send + 'static>(write: impl FnOnce() -> T + Send + 'static) -> T {
    write()
}

/// A lease arrives, in parts, and can no longer be written then.
pub fn lease_round_trip<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 8192));
    let backend = &mut rig.backend;
    let target = buffer(backend, 4096);
    let mut lease = backend.lease(bytes(2048)).expect("there is room");
    let piece = pattern(5, 2048);
    let written = piece.clone();
    let mut lease = write_elsewhere(move || {
        lease
            .write_at(0, &written[..1001])
            .expect("within the lease");
        lease
            .write_at(1001, &written[1001..])
            .expect("within the lease");
        lease
    });
    backend
        .upload_leased(&target, at(64), &mut lease, 0, bytes(1024))
        .expect("a correct upload");
    backend
        .upload_leased(&target, at(2048), &mut lease, 1024, bytes(1024))
        .expect("a correct upload");
    assert!(lease.is_sealed(), "an upload seals the lease");
    lease
        .write_at(0, &[1])
        .expect_err("a sealed lease cannot be written");
    drop(lease);
    backend.submit().expect("a correct batch is accepted");
    let one_shot = backend.staging().one_shot_bytes;
    assert_eq!(
        one_shot,
        bytes(2048),
        "G4: the batch still reads from the lease"
    );
    let found = contents(backend, &target, 0, 4096);
    assert_eq!(found[64..1088], piece[..1024], "the first part");
    assert_eq!(found[2048..3072], piece[1024..], "the second part");
    settle(backend);
    let one_shot = backend.staging().one_shot_bytes;
    assert_eq!(
        one_shot,
        bytes(0),
        "G4: the lease's bytes came back with its completion"
    );
}

/// Copies that continue each other in offsets but not in their source stay two.
pub fn copies_from_two_sources_stay_two<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(1024, 8192));
    let backend = &mut rig.backend;
    let (first, second) = (buffer(backend, 64), buffer(backend, 64));
    let target = buffer(backend, 128);
    for (source, seed) in [(&first, 21), (&second, 22)] {
        let bytes_of = pattern(seed, 64);
        let sent = backend.upload(source, at(0), &bytes_of);
        sent.expect("there is room");
    }
    for (source, from) in [(&first, 0), (&second, 32)] {
        let sent = backend.copy(source, at(from), &target, at(from), bytes(32));
        sent.expect("a correct copy");
    }
    let mut leases = Vec::new();
    for seed in [23, 24] {
        let mut lease = backend.lease(bytes(64)).expect("there is room");
        let written = lease.write_at(0, &pattern(seed, 64));
        written.expect("within the lease");
        leases.push(lease);
    }
    for (lease, from) in leases.iter_mut().zip([0, 32]) {
        let sent = backend.upload_leased(&target, at(64 + from), lease, from, bytes(32));
        sent.expect("a correct upload");
    }
    let found = contents(backend, &target, 0, 128);
    for (seed, range) in [(21, 0..32), (22, 32..64), (23, 0..32), (24, 32..64)] {
        let start = range.start + if seed > 22 { 64 } else { 0 };
        let found = &found[start..start + 32];
        assert_eq!(found, &pattern(seed, 64)[range], "source {seed}");
    }
}

/// New buffers are zero, also where the device gives out memory that was used.
pub fn new_buffers_are_zero<B: Backend>(make: Make<'_, B>) {
    let mut rig = make(&staging(4096, 16384));
    let backend = &mut rig.backend;
    for round in 0..4 {
        let new = buffer(backend, 4096);
        assert!(
            contents(backend, &new, 0, 4096)
                .iter()
                .all(|byte| *byte == 0),
            "round {round}"
        );
        backend
            .upload(&new, at(0), &pattern(round, 4096))
            .expect("there is room");
        settle(backend);
        backend.release_buffer(new, bytes(4096));
        settle(backend);
    }
}

/// Many uploads and copies leave what the same steps leave in plain memory.
pub fn mixed_transfers_match_a_plain_copy<B: Backend>(make: Make<'_, B>) {
    const LEN: usize = 1024;
    let mut rig = make(&staging(512, 4096));
    let backend = &mut rig.backend;
    let buffers: Vec<_> = (0..3).map(|_| buffer(backend, LEN as u64)).collect();
    let mut plain = vec![vec![0_u8; LEN]; 3];
    let choices = pattern(6, 6 * 300);
    for (step, choice) in choices.chunks_exact(6).enumerate() {
        let (to, from) = (usize::from(choice[0]) % 3, usize::from(choice[1]) % 3);
        let len = 4 * (1 + usize::from(choice[2]) % 64);
        let at_to = 4 * usize::from(choice[3]) % (LEN - len + 4);
        let at_from = 4 * usize::from(choice[4]) % (LEN - len + 4);
        if choice[5] % 2 == 0 || to == from {
            let piece = pattern(step as u64, len);
            if backend
                .upload(&buffers[to], at(at_to as u64), &piece)
                .is_err()
            {
                settle(backend);
                let result = backend.upload(&buffers[to], at(at_to as u64), &piece);
                result.expect("an idle device has room again");
            }
            plain[to][at_to..at_to + len].copy_from_slice(&piece);
        } else {
            let (src, dst) = (&buffers[from], &buffers[to]);
            let result = backend.copy(
                src,
                at(at_from as u64),
                dst,
                at(at_to as u64),
                bytes(len as u64),
            );
            result.expect("a correct copy");
            let piece = plain[from][at_from..at_from + len].to_vec();
            plain[to][at_to..at_to + len].copy_from_slice(&piece);
        }
        if choice[2] % 8 == 0 {
            backend.submit().expect("a correct batch is accepted");
        }
    }
    settle(backend);
    for (buffer, plain) in buffers.iter().zip(&plain) {
        assert_eq!(
            &contents(backend, buffer, 0, LEN as u64),
            plain,
            "as in plain memory"
        );
    }
}
