//! The manual pace, poison, and contents kept as words.

use std::sync::{Arc, Mutex};

use geoheap_suballoc::{ByteLen, ByteOffset};

use super::{ZERO, create, gpu, poll};
use crate::{
    Backend, BackendEvent, BufferDesc, BufferRole, VirtualBuffer, VirtualConfig, VirtualContents,
    VirtualControl, VirtualGpu, VirtualRead,
};

const POISON: u32 = 0xDEAD_BEEF;

/// A device at manual pace with a buffer that is zeroed already.
fn manual(len: u64) -> (VirtualGpu, VirtualControl, VirtualBuffer) {
    let (mut gpu, control) = gpu(1);
    control.set_manual(true);
    let buffer = create(&mut gpu, len).expect("memory is there");
    gpu.submit().expect("accepted");
    assert_eq!(control.execute(10), 1, "the clear");
    assert_eq!(control.tell(10), 1, "one batch");
    assert_eq!(poll(&mut gpu).len(), 1, "its completion");
    (gpu, control, buffer)
}

fn upload(gpu: &mut VirtualGpu, buffer: &VirtualBuffer, at: u64, value: u8) {
    gpu.upload(buffer, ByteOffset::new(at), &[value; 4])
        .expect("there is room");
}

/// Queues reads whose bytes come to what is returned.
fn reads(
    control: &VirtualControl,
    buffer: &VirtualBuffer,
    ranges: &[(u64, u64)],
) -> Arc<Mutex<Vec<Vec<u8>>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let read = |&(start, end): &(u64, u64)| VirtualRead {
        buffer: buffer.clone(),
        range: start..end,
    };
    control.submit_reads(ranges.iter().map(read).collect(), move |bytes| {
        *sink.lock().expect("no reader panics") = bytes;
    });
    seen
}

fn taken(seen: &Mutex<Vec<Vec<u8>>>) -> Vec<Vec<u8>> {
    core::mem::take(&mut *seen.lock().expect("no reader panics"))
}

#[test]
fn a_batch_is_executed_command_by_command_and_told_when_it_is_let_out() {
    let (mut gpu, control, buffer) = manual(16);
    upload(&mut gpu, &buffer, 0, 1);
    upload(&mut gpu, &buffer, 8, 2);
    let back = gpu.read_back(&buffer, ZERO, ByteLen::new(12));
    let back = back.expect("there is room");
    let first = gpu.submit().expect("accepted").expect("not empty");
    upload(&mut gpu, &buffer, 0, 3);
    let second = gpu.submit().expect("accepted").expect("not empty");
    assert_eq!(control.queued_commands(), 4, "three and one");
    for _ in 0..5 {
        assert_eq!(poll(&mut gpu), Vec::new(), "a poll executes nothing");
    }
    assert_eq!(control.execute(1), 1);
    let half = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(control.read(&buffer, 0..12), half, "half a batch");
    assert_eq!((control.queued_commands(), control.untold()), (3, 0));
    assert_eq!(control.execute(100), 3, "all that is left");
    assert_eq!(control.untold(), 2, "both");
    assert_eq!(poll(&mut gpu), Vec::new(), "nothing was let out");
    assert_eq!(control.tell(1), 1);
    let bytes = vec![1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 2, 2];
    let expected = vec![
        BackendEvent::ReadBack { id: back, bytes },
        BackendEvent::Completed(first),
    ];
    assert_eq!(poll(&mut gpu), expected, "the first");
    assert_eq!((control.tell(5), control.untold()), (1, 0));
    assert_eq!(poll(&mut gpu), vec![BackendEvent::Completed(second)]);
}

#[test]
fn a_read_takes_its_bytes_when_its_own_command_is_executed() {
    let (mut gpu, control, buffer) = manual(8);
    let seen = reads(&control, &buffer, &[(0, 4), (4, 8), (0, 4)]);
    assert_eq!(control.execute(1), 1);
    // Between the first read and the others, as a range that is reused too early.
    control.poison(&buffer, 0..8, POISON);
    assert!(taken(&seen).is_empty(), "not called before the last read");
    assert_eq!(control.execute(2), 2);
    let poison = POISON.to_le_bytes().to_vec();
    assert_eq!(taken(&seen), [vec![0; 4], poison.clone(), poison]);
    let empty = reads(&control, &buffer, &[]);
    assert_eq!(
        control.queued_commands(),
        1,
        "reads of nothing count as one"
    );
    assert_eq!(control.execute(1), 1);
    assert_eq!(Arc::strong_count(&empty), 1, "called");
    upload(&mut gpu, &buffer, 0, 1);
    gpu.submit().expect("accepted");
    assert!(gpu.wait_idle(1), "a waiting poll executes and tells all");
    assert_eq!((control.queued(), control.untold()), (0, 0));
}

#[test]
fn loss_leaves_a_batch_half_executed_and_untold() {
    let (mut gpu, control, buffer) = manual(16);
    upload(&mut gpu, &buffer, 0, 1);
    upload(&mut gpu, &buffer, 8, 2);
    let back = gpu.read_back(&buffer, ZERO, ByteLen::new(8));
    let back = back.expect("there is room");
    gpu.submit().expect("accepted");
    upload(&mut gpu, &buffer, 0, 3);
    upload(&mut gpu, &buffer, 8, 4);
    gpu.submit().expect("accepted");
    assert_eq!(control.execute(4), 4, "the first batch and half the second");
    control.lose_device();
    assert_eq!(control.execute(1), 0, "nothing is left");
    assert_eq!(control.untold(), 0, "nor to be told");
    let half = [3, 3, 3, 3, 0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 0, 0];
    assert_eq!(control.read(&buffer, 0..16), half, "half a batch");
    let events = poll(&mut gpu);
    assert_eq!(events[0], BackendEvent::ReadFailed { id: back });
    assert!(matches!(events[1], BackendEvent::DeviceLost { .. }));
    assert_eq!(control.live_staging_bytes(), ByteLen::ZERO);
}

#[test]
fn loss_within_a_call_of_a_read_ends_the_execution() {
    let (mut gpu, control, buffer) = manual(8);
    let inner = control.clone();
    control.submit_reads(Vec::new(), move |_| inner.lose_device());
    upload(&mut gpu, &buffer, 0, 1);
    gpu.submit().expect("accepted");
    assert_eq!(control.execute(10), 1, "the read");
    assert_eq!(control.read(&buffer, 0..8), [0; 8], "not the upload");
}

#[test]
fn poison_passes_reads_and_waits_for_batches() {
    let (mut gpu, control, buffer) = manual(8);
    let other = create(&mut gpu, 8).expect("memory is there");
    upload(&mut gpu, &buffer, 0, 7);
    // The engine's own copy still reads the range that it has freed.
    gpu.copy(&buffer, ZERO, &other, ZERO, ByteLen::new(4))
        .expect("a correct copy");
    gpu.submit().expect("accepted");
    let draw = reads(&control, &buffer, &[(0, 8)]);
    control.poison(&buffer, 0..100, POISON);
    assert_eq!(control.execute(2), 2, "clear and upload");
    assert_eq!(control.read(&buffer, 0..4), [7; 4], "the batch is not over");
    assert_eq!(control.execute(1), 1, "the copy");
    let poison = [POISON.to_le_bytes(); 2].concat();
    assert_eq!(control.read(&buffer, 0..8), poison, "as soon as it is over");
    assert_eq!(control.read(&other, 0..4), [7; 4], "the copy was right");
    assert_eq!(control.execute(1), 1, "the draw");
    assert_eq!(taken(&draw), [poison], "the draw came too late");
    control.set_manual(false);
    upload(&mut gpu, &buffer, 0, 7);
    gpu.submit().expect("accepted");
    control.poison(&buffer, 4..8, 0x0101_0101);
    poll(&mut gpu);
    let found = control.read(&buffer, 0..8);
    assert_eq!(found, [7, 7, 7, 7, 1, 1, 1, 1], "at the other pace too");
}

#[test]
fn poison_at_any_byte_is_laid_out_by_words() {
    for contents in [VirtualContents::Bytes, VirtualContents::Words] {
        let config = VirtualConfig {
            contents,
            ..VirtualConfig::default()
        };
        let (mut gpu, control) = VirtualGpu::new(&config);
        let buffer = create(&mut gpu, 8).expect("memory is there");
        assert!(gpu.submit().is_ok() && gpu.wait_idle(10), "zeroed");
        control.poison(&buffer, 3..6, 0x0403_0201);
        let expected = [0, 0, 0, 4, 1, 2, 0, 0];
        assert_eq!(control.read(&buffer, 0..8), expected, "{contents:?}");
        let seen = control.look(&buffer, 3..5, <[u8]>::to_vec);
        assert_eq!(seen, Some(vec![4, 1]), "{contents:?}");
        assert_eq!(control.stamps(&buffer, 0..8), None, "{contents:?}");
    }
}

#[test]
fn a_large_memory_of_words_costs_its_pieces() {
    let config = VirtualConfig {
        contents: VirtualContents::Words,
        memory_bytes: ByteLen::new(1 << 40),
        limits: crate::Limits {
            buffer_bytes_max: ByteLen::new(1 << 36),
            ..VirtualConfig::default().limits
        },
        ..VirtualConfig::default()
    };
    let (mut gpu, control) = VirtualGpu::new(&config);
    let desc = BufferDesc {
        label: "64 GiB",
        len: ByteLen::new(1 << 36),
        role: BufferRole::Chunk,
    };
    // Neither fits this machine; both are a handful of pieces.
    let (from, to) = (gpu.create_buffer(&desc), gpu.create_buffer(&desc));
    let (from, to) = (from.expect("in words"), to.expect("in words"));
    let end = (1 << 36) - 4;
    upload(&mut gpu, &from, end, 9);
    gpu.copy(&from, ZERO, &to, ZERO, desc.len)
        .expect("a correct copy");
    gpu.submit().expect("accepted");
    assert!(gpu.wait_idle(10), "executed");
    let found = control.read(&to, end - 4..end + 4);
    assert_eq!(found, [0, 0, 0, 0, 9, 9, 9, 9]);
}
