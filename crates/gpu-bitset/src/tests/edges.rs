//! Cases at which an allocator of this kind is known to break.

use super::rig::{Gpu, Pair, stream};
use crate::records::{Handle, Outcome, Request, Status};
use crate::{GpuHeap, GpuHeapDesc, HeapError};

const UNIT: u32 = 16;

fn pair(units: u32, requests_max: u32) -> Pair {
    let streams = [stream(UNIT)];
    Pair::new(&GpuHeapDesc {
        units,
        streams: &streams,
        slots: 1 << 16,
        requests_max,
        frees_max: 1 << 16,
        ..GpuHeapDesc::default()
    })
}

fn ask(slot: u32, units: u32) -> Request {
    Request {
        slot,
        bytes: [units.saturating_mul(UNIT), 0, 0, 0],
        ..Request::default()
    }
}

fn handles(slots: impl IntoIterator<Item = u32>, generation: u32) -> Vec<Handle> {
    let handle = |slot| Handle { slot, generation };
    slots.into_iter().map(handle).collect()
}

#[test]
fn no_request_and_no_free() {
    let mut pair = pair(77, 4);
    let result = pair.batch(&[], &[]);
    assert_eq!(
        (result.header.runs, result.header.largest_run_units),
        (1, 77)
    );
}

/// A free that cleared the whole word, or all but its own bit, took the neighbours' units too.
#[test]
fn a_free_leaves_its_neighbours_in_the_same_word() {
    let mut pair = pair(64, 64);
    let requests: Vec<Request> = (0..64).map(|slot| ask(slot, 1)).collect();
    pair.batch(&[], &requests);
    let result = pair.batch(&handles([7, 40], 0), &[]);
    assert_eq!((result.header.freed, result.header.used_units), (2, 62));
    assert_eq!(pair.model.words, [!(1 << 7), !(1 << 8)]);
}

/// A search that begins near the end of its section found units of the next, which another search
/// found as well.
#[test]
fn a_run_ends_where_its_buffer_ends() {
    let gpu = Gpu::with_limits(wgpu::Limits {
        max_storage_buffer_binding_size: 256 << 10,
        ..wgpu::Limits::default()
    });
    let streams = [stream(4096)];
    let desc = GpuHeapDesc {
        units: 128,
        streams: &streams,
        slots: 16,
        ..GpuHeapDesc::default()
    };
    let mut pair = Pair::on(gpu, &desc);
    let ask = |slot, units: u32| Request {
        slot,
        bytes: [units * 4096, 0, 0, 0],
        ..Request::default()
    };
    // 60 leave four free at the first buffer's end; five have to begin in the next.
    pair.batch(&[], &[ask(0, 60)]);
    let result = pair.batch(&[], &[ask(1, 5), ask(2, 5), ask(3, 4)]);
    let offsets: Vec<u32> = result.outcomes.iter().map(|run| run.offset_units).collect();
    assert_eq!(offsets, [65, 70, 60]);
}

#[test]
fn runs_cross_words_groups_and_tiles() {
    for border in [32, 128, 4096, 32_768] {
        let mut pair = pair(2 * border, 8);
        let result = pair.batch(&[], &[ask(0, border - 3), ask(1, border + 3)]);
        let offsets: Vec<u32> = result.outcomes.iter().map(|run| run.offset_units).collect();
        assert_eq!(offsets, [border + 3, 0], "around {border}");
        // The hole over the border is found by what fits it exactly.
        let result = pair.batch(&handles([1], 0), &[ask(2, border + 4), ask(3, border + 3)]);
        let statuses: Vec<Status> = result.outcomes.iter().map(Outcome::status).collect();
        assert_eq!(statuses, [Status::NoSpace, Status::Ok], "around {border}");
    }
}

#[test]
fn all_none_and_too_much() {
    let mut pair = pair(1000, 8);
    let result = pair.batch(
        &[],
        &[ask(0, 0), ask(1, 1001), ask(2, 1000), ask(3, u32::MAX)],
    );
    let statuses: Vec<Status> = result.outcomes.iter().map(Outcome::status).collect();
    assert_eq!(
        statuses,
        [Status::Zero, Status::Invalid, Status::Ok, Status::Invalid]
    );
    assert_eq!((result.header.runs, result.header.top_units), (0, 1000));
    let full = pair.batch(&[], &[ask(5, 1)]);
    assert_eq!((full.header.no_space, full.header.missing_units), (1, 1));
}

#[test]
fn every_second_unit_is_free() {
    let units: u32 = 1 << 14;
    let mut pair = pair(units, 1 << 16);
    let requests: Vec<Request> = (0..units).map(|slot| ask(slot, 1)).collect();
    pair.batch(&[], &requests);
    let result = pair.batch(&handles((0..units).step_by(2), 0), &[]);
    assert_eq!(
        (result.header.runs, result.header.largest_run_units),
        (units / 2, 1)
    );
    let result = pair.batch(&[], &[ask(0, 2), ask(2, 1), ask(4, 1)]);
    assert_eq!(result.header.no_space, 1);
    let offsets: Vec<u32> = result.outcomes.iter().map(|run| run.offset_units).collect();
    assert_eq!(offsets, [u32::MAX, 0, 2]);
}

#[test]
fn batches_of_every_size() {
    for requests in [0, 1, 256, 257, 2048, 2049, 65_536] {
        let mut pair = pair(1 << 18, 1 << 16);
        let asked: Vec<Request> = (0..requests).map(|slot| ask(slot, 1 + slot % 5)).collect();
        let result = pair.batch(&[], &asked);
        assert_eq!(result.header.ok, requests);
        let result = pair.batch(&handles((0..requests).rev(), 0), &[ask(0, 1 << 18)]);
        assert_eq!((result.header.freed, result.header.ok), (requests, 1));
    }
}

/// As many rounds of the placement's loops as no single dispatch gets from each driver.
#[test]
fn thousands_of_lengths_in_one_batch() {
    let mut pair = pair(1 << 22, 1 << 12);
    let requests: Vec<Request> = (0..4000)
        .map(|slot| Request {
            priority: slot % 2,
            ..ask(slot, 1 + slot / 2)
        })
        .collect();
    let result = pair.batch(&[], &requests);
    assert_eq!(result.header.ok, 4000);
}

/// Each chunk of free runs has one that fits, so that a step does not do for all of the class, and
/// the next dispatch goes on with it.
#[test]
pub(super) fn a_class_goes_on_in_the_next_dispatch() {
    let streams = [stream(UNIT)];
    let units = 1 << 12;
    let mut pair = Pair::new(&GpuHeapDesc {
        units,
        streams: &streams,
        slots: units,
        requests_max: units,
        frees_max: units,
        workgroup: 64,
        sweep_steps: Some(2),
        ..GpuHeapDesc::default()
    });
    let requests: Vec<Request> = (0..units).map(|slot| ask(slot, 1)).collect();
    pair.batch(&[], &requests);
    let gone = (0..units).filter(|slot| slot % 4 == 0 || slot % 256 == 1);
    pair.batch(&handles(gone, 0), &[]);
    let requests: Vec<Request> = (0..20).map(|nth| ask(4 * nth, 2)).collect();
    let header = pair.batch(&[], &requests).header;
    assert_eq!((header.ok, header.no_space), (16, 4));
}

#[test]
fn stale_and_double_frees_do_no_harm() {
    let mut pair = pair(100, 8);
    pair.batch(&[], &[ask(0, 10), ask(1, 10)]);
    let twice = [handles([0], 0), handles([0, 5, 70_000], 0), handles([1], 1)].concat();
    let result = pair.batch(&twice, &[ask(0, 5)]);
    let header = result.header;
    assert_eq!(
        (header.freed, header.double_frees, header.stale_frees),
        (1, 1, 3)
    );
    // The handle of what was freed does not free what came after it.
    let result = pair.batch(&handles([0], 0), &[]);
    assert_eq!((result.header.freed, result.header.stale_frees), (0, 1));
}

#[test]
fn one_slot_is_given_once() {
    let mut pair = pair(100, 8);
    let result = pair.batch(&[], &[ask(3, 10), ask(3, 20)]);
    assert_eq!((result.header.ok, result.header.invalid), (1, 1));
    let result = pair.batch(&[], &[ask(3, 1), ask(70_000, 1)]);
    assert_eq!(result.header.invalid, 2);
}

#[test]
fn a_higher_priority_goes_before_a_longer_run() {
    let mut pair = pair(100, 8);
    let mut urgent = ask(0, 10);
    let mut late = ask(1, 95);
    (urgent.priority, late.priority) = (0, 1);
    let result = pair.batch(&[], &[late, urgent]);
    let offsets: Vec<u32> = result.outcomes.iter().map(|run| run.offset_units).collect();
    assert_eq!(offsets, [u32::MAX, 0]);
}

/// Numbers that no `u32` can add up.
#[test]
fn what_is_missing_saturates() {
    let mut pair = pair(1 << 22, 1 << 16);
    pair.batch(&[], &[ask(0, 1)]);
    let requests: Vec<Request> = (1..1 << 12).map(|slot| ask(slot, (1 << 22) - 1)).collect();
    let result = pair.batch(&[], &requests);
    assert_eq!(result.header.ok, 1);
    assert_eq!(result.header.missing_units, u32::MAX);
}

#[test]
fn heaps_beyond_the_device_are_refused_by_name() {
    let gpu = Gpu::new();
    let streams = [stream(4096)];
    let desc = |units| GpuHeapDesc {
        units,
        streams: &streams,
        slots: 16,
        ..GpuHeapDesc::default()
    };
    // 128 MiB are 32 768 units of 4 KiB; four buffers have room for four times as many.
    let error = GpuHeap::new(&gpu.device, &desc(4 * 32_768 + 1)).expect_err("one too many");
    let expected = HeapError::Buffers {
        stream: 0,
        needed: 5,
        buffers_max: 4,
        buffer_bytes_max: 128 << 20,
    };
    assert_eq!(error, expected);
    let heap = GpuHeap::new(&gpu.device, &desc(32_768 + 1)).expect("two buffers");
    assert_eq!(heap.shape().buffers, 2);
    // As many units as there may be, which with the guards between buffers are a few less.
    let streams = [stream(64)];
    let most = GpuHeapDesc {
        streams: &streams,
        ..desc(1 << 22)
    };
    let heap = GpuHeap::new(&gpu.device, &most).expect("two buffers");
    assert_eq!(heap.shape().buffers, 2);
    assert_eq!(heap.shape().units_usable(), (1 << 22) - 2);
}
