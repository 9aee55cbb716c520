//! Every way to record a frame draws the same picture, on a real adapter.

use std::time::Duration;

use geoheap::{
    BlockDesc, ByteLen, Config, DrawBundle, DrawList, GeometryManager, Handle, PartData, SetDraw,
    Stream, Threading, wgpu,
};

use crate::canvas::{CELLS, Canvas, cell, corners};
use crate::harness::small;

const WAIT: Duration = Duration::from_mins(1);

fn heap(canvas: &Canvas) -> GeometryManager {
    let config = Config {
        threading: Threading::Actor,
        ..small()
    };
    let (device, queue) = (canvas.device.clone(), canvas.queue.clone());
    GeometryManager::new(device, queue, config).expect("a valid config")
}

fn flush(manager: &GeometryManager) {
    let pending = manager.client().flush().expect("it is sent");
    pending.wait(WAIT).expect("it runs");
}

/// Every second cell as a block; the others are drawn by nobody. With so much room to spare in each
/// block that several chunks are in use.
fn add_cells(manager: &GeometryManager) -> Vec<Handle> {
    let handles = send_cells(manager);
    flush(manager);
    handles
}

fn send_cells(manager: &GeometryManager) -> Vec<Handle> {
    let client = manager.client();
    let block = |nth| cell(nth).spare(ByteLen::new(6_000));
    let handles = (0..CELLS)
        .step_by(2)
        .map(|nth| client.add(block(nth)).expect("a valid block"));
    handles.collect()
}

/// Cells 0, 2, 4 ...: every fourth in the second shade.
fn picture() -> Vec<u8> {
    let shade = |nth| match nth % 4 {
        0 => 1,
        2 => 2,
        _ => 0,
    };
    (0..CELLS).map(shade).collect()
}

fn end(manager: GeometryManager) {
    let end = manager.shutdown();
    assert_eq!(end.report.gpu_errors, 0, "wgpu had nothing to complain of");
}

#[test]
fn a_list_binds_each_chunk_once_and_draws_in_two_pipelines() {
    let canvas = Canvas::new();
    let manager = heap(&canvas);
    let handles = add_cells(&manager);
    let mut list = DrawList::new();
    for _ in 0..2 {
        let ticket = manager.begin_frame();
        let mut draws = list.begin(&ticket);
        for (nth, handle) in (0_u16..).zip(handles.iter()) {
            assert!(draws.draw(*handle, nth % 2, 0..1), "it is resident");
        }
        assert!(!draws.draw(Handle::from_bits(u64::MAX), 0, 0..1), "nobody");
        let chunks: std::collections::BTreeSet<_> = handles
            .iter()
            .filter_map(|handle| ticket.get(*handle).resident().map(|view| view.chunk()))
            .collect();
        assert!(chunks.len() > 1, "several chunks are in use");
        let mut recorded = geoheap::Recorded::default();
        let painted = canvas.paint(&ticket.in_flight(), |pass| {
            recorded = draws.record(pass, 0, |pass, pipeline| {
                pass.set_pipeline(&canvas.pipelines[usize::from(pipeline)]);
            });
        });
        assert_eq!(painted, picture());
        assert_eq!(recorded.draws, u64::from(CELLS / 2));
        assert_eq!(recorded.pipelines, 2);
        // Vertices and indices of each chunk, at most once in each pipeline.
        assert!(recorded.bindings <= 4 * chunks.len() as u64, "{recorded:?}");
        drop(ticket.finish());
    }
    end(manager);
}

#[test]
fn a_set_draws_with_one_call_for_each_chunk() {
    let canvas = Canvas::new();
    let manager = heap(&canvas);
    let handles = add_cells(&manager);
    let client = manager.client();
    let half = |nth: usize| {
        let chosen = handles.iter().skip(nth).step_by(2);
        let draws = chosen.map(|handle| SetDraw {
            handle: *handle,
            instances: 0..1,
        });
        client.add_draw_set(draws.collect()).expect("few draws")
    };
    let sets = [half(0), half(1)];
    flush(&manager);
    for round in 0..3 {
        let ticket = manager.begin_frame();
        let mut calls = 0;
        let painted = canvas.paint(&ticket.in_flight(), |pass| {
            for (set, pipeline) in sets.iter().zip(&canvas.pipelines) {
                pass.set_pipeline(pipeline);
                let view = ticket.draw_set(*set).expect("it is published");
                calls += view.groups().len();
                let recorded = view.record(pass, 0);
                assert_eq!(recorded.draws, u64::from(CELLS / 4));
            }
        });
        assert_eq!(painted, picture(), "round {round}");
        assert!(calls < handles.len(), "{calls} calls");
        drop(ticket.finish());
        // Everything gets another place.
        for (nth, handle) in (0..).step_by(2).zip(&handles) {
            let indices: [u16; 6] = [0, 1, 2, 2, 1, 3];
            let contents = vec![
                bytemuck::bytes_of(&corners(nth)).to_vec().into(),
                bytemuck::bytes_of(&indices).to_vec().into(),
            ];
            client.update(*handle, contents).expect("it is sent");
        }
        flush(&manager);
    }
    end(manager);
}

#[test]
fn a_draw_with_several_streams_binds_each_by_offset() {
    let canvas = Canvas::new();
    let manager = heap(&canvas);
    let client = manager.client();
    let handles: Vec<Handle> = (0..CELLS)
        .step_by(2)
        .map(|nth| {
            let indices: [u32; 6] = [0, 1, 2, 2, 1, 3];
            let others = PartData::vertex(vec![7; 48], 12);
            let block = BlockDesc::new()
                .part(others)
                .part(PartData::vertex(bytemuck::bytes_of(&corners(nth)), 8))
                .part(PartData::index_u32(bytemuck::bytes_of(&indices)));
            client.add(block).expect("a valid block")
        })
        .collect();
    flush(&manager);
    let ticket = manager.begin_frame();
    let mut list = DrawList::new();
    let mut draws = list.begin(&ticket);
    for (nth, handle) in (0_u16..).zip(handles.iter()) {
        let parts: Vec<_> = ticket.parts(*handle).collect();
        let (other, corner, index) = (parts[0], parts[1], parts[2]);
        let streams = [
            Stream {
                slot: 0,
                part: corner,
            },
            Stream {
                slot: 1,
                part: other,
            },
        ];
        let pipeline = nth % 2;
        let drawn = draws.draw_streams(*handle, pipeline, &streams, Some(index), 0..6, 0..1);
        assert!(drawn, "all parts are there");
        let missing = [Stream {
            slot: 0,
            part: geoheap::PartId { index: 9, ..corner },
        }];
        assert!(!draws.draw_streams(*handle, 0, &missing, None, 0..4, 0..1));
    }
    assert_eq!(draws.len(), handles.len());
    let painted = canvas.paint(&ticket.in_flight(), |pass| {
        draws.record(pass, 0, |pass, pipeline| {
            pass.set_pipeline(&canvas.pipelines[usize::from(pipeline)]);
        });
    });
    assert_eq!(painted, picture());
    drop(ticket.finish());
    end(manager);
}

#[test]
#[should_panic(expected = "a list draws places of one version")]
fn a_view_of_another_version_is_refused() {
    let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
    let mut manager = GeometryManager::new(device, queue, small()).expect("a valid config");
    let handle = manager.client().add(cell(0)).expect("a valid block");
    manager.poll();
    let older = manager.begin_frame();
    manager.client().add(cell(1)).expect("a valid block");
    manager.poll();
    let newer = manager.begin_frame();
    let view = older.get(handle).resident().expect("it is there");
    let mut list = DrawList::new();
    list.begin(&newer).draw_view(handle, &view, 0, 0..1);
}

#[test]
fn a_bundle_is_recorded_anew_only_when_one_of_its_blocks_changed() {
    let canvas = Canvas::new();
    let (device, queue) = (canvas.device.clone(), canvas.queue.clone());
    let mut manager = GeometryManager::new(device, queue, small()).expect("a valid config");
    let client = manager.client();
    let mut handles = send_cells(&manager);
    manager.poll();
    let mut list = DrawList::new();
    let record = |manager: &GeometryManager, list: &mut DrawList, handles: &[Handle]| {
        let ticket = manager.begin_frame();
        let mut draws = list.begin_kept(&ticket);
        for (nth, handle) in (0_u16..).zip(handles.iter()) {
            draws.draw(*handle, nth % 2, 0..1);
        }
        let desc = wgpu::RenderBundleDescriptor::default();
        let encoder = canvas.bundle_encoder();
        draws.record_bundle(encoder, &desc, 0, |encoder, pipeline| {
            encoder.set_pipeline(&canvas.pipelines[usize::from(pipeline)]);
        })
    };
    let mut bundle = record(&manager, &mut list, &handles);
    let paint = |bundle: &DrawBundle| {
        canvas.paint(bundle.in_flight(), |pass| {
            pass.execute_bundles([bundle.bundle()]);
        })
    };
    assert_eq!(paint(&bundle), picture());

    // Others come and go: the bundle stays, and holds no old version.
    for nth in 0..20 {
        let other = BlockDesc::new().part(PartData::vertex(vec![nth; 800], 8));
        let other = client.add(other).expect("a valid block");
        manager.poll();
        let ticket = manager.begin_frame();
        assert!(
            bundle.refresh(&ticket),
            "round {nth}: none of its blocks changed"
        );
        assert_eq!(bundle.version(), ticket.version());
        drop(ticket.finish());
        client.remove(other).expect("it is sent");
    }
    assert_eq!(paint(&bundle), picture());

    // One of its own moves: what it drew is still there until it is recorded anew.
    let indices: [u16; 6] = [0, 1, 2, 2, 1, 3];
    let contents = vec![
        bytemuck::bytes_of(&corners(1)).to_vec().into(),
        bytemuck::bytes_of(&indices).to_vec().into(),
    ];
    client.update(handles[0], contents).expect("it is sent");
    manager.poll();
    let ticket = manager.begin_frame();
    assert!(!bundle.refresh(&ticket), "its first block changed place");
    drop(ticket.finish());
    assert_eq!(paint(&bundle), picture(), "R3: the older places are held");
    bundle = record(&manager, &mut list, &handles);
    let mut moved = picture();
    moved.swap(0, 1);
    assert_eq!(paint(&bundle), moved);

    // One that it only asked for comes back.
    client.remove(handles[2]).expect("it is sent");
    manager.poll();
    handles[2] = client.add(cell(4)).expect("a valid block");
    bundle = record(&manager, &mut list, &handles);
    manager.poll();
    let ticket = manager.begin_frame();
    assert!(!bundle.refresh(&ticket), "a block that was not there came");
    drop(ticket.finish());
    drop(bundle);
    end(manager);
}

/// Two blocks of a heap on the noop device, and the canvas's pipelines left out.
fn noop_heap(config: Config) -> (GeometryManager, Vec<Handle>) {
    let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
    let mut manager = GeometryManager::new(device, queue, config).expect("a valid config");
    let client = manager.client();
    let handles = (0..2).map(|nth| client.add(cell(nth)).expect("a valid block"));
    let handles = handles.collect();
    manager.poll();
    (manager, handles)
}

#[test]
fn draws_beyond_their_parts_are_not_taken() {
    let (manager, handles) = noop_heap(small());
    let ticket = manager.begin_frame();
    let handle = handles[1];
    let parts: Vec<_> = ticket.parts(handle).collect();
    let mut list = DrawList::new();
    let mut draws = list.begin(&ticket);
    let streams = [Stream {
        slot: 0,
        part: parts[0],
    }];
    let index_streams = [Stream {
        slot: 0,
        part: parts[1],
    }];
    let mut take = |streams: &[Stream], index, vertices| {
        draws.draw_streams(handle, 0, streams, index, vertices, 0..1)
    };
    assert!(take(&streams, Some(parts[1]), 0..6), "six indices");
    assert!(!take(&streams, Some(parts[1]), 0..7), "there are six");
    assert!(!take(&streams, Some(parts[1]), u32::MAX - 1..u32::MAX));
    assert!(!take(&streams, Some(parts[1]), 3..3), "none");
    assert!(
        !take(&streams, Some(parts[0]), 0..4),
        "these are no indices"
    );
    assert!(!take(&index_streams, None, 0..4), "nor are those vertices");
    assert!(take(&streams, None, 0..4), "four vertices");
    assert!(!take(&streams, None, 0..5), "there are four");
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let reversed = 5..3;
    assert!(!draws.draw(handle, 0, reversed));
    assert_eq!(
        draws.draw_each(&handles, 0, |nth| 0..u32::from(nth == 0)),
        1
    );
    assert_eq!(draws.len(), 3);
}

#[test]
fn a_kept_list_holds_in_versions_that_its_blocks_did_not_change_in() {
    let config = Config {
        feed_versions: 4,
        ..small()
    };
    let (mut manager, handles) = noop_heap(config);
    let client = manager.client();
    let older = manager.begin_frame();
    client.remove(handles[1]).expect("it is sent");
    manager.poll();
    let newer = manager.begin_frame();
    let mut list = DrawList::new();
    assert!(!list.refresh(&newer), "nothing was kept");
    list.begin_kept(&newer).draw(handles[0], 0, 0..1);
    assert!(!list.refresh(&older), "an older version is not told");
    assert!(list.refresh(&newer));
    let changes = |manager: &mut GeometryManager, count| {
        for _ in 0..count {
            let other = client.add(cell(5)).expect("a valid block");
            manager.poll();
            client.remove(other).expect("it is sent");
            manager.poll();
        }
    };
    changes(&mut manager, 1);
    let ticket = manager.begin_frame();
    assert!(list.refresh(&ticket), "others came and went");
    assert_eq!(list.resume(&ticket).len(), 1);
    drop((older, newer, ticket));
    changes(&mut manager, 6);
    assert!(
        !list.refresh(&manager.begin_frame()),
        "too many versions passed"
    );
    list.begin(&manager.begin_frame()).draw(handles[0], 0, 0..1);
    assert!(
        !list.refresh(&manager.begin_frame()),
        "it was not to be kept"
    );
}

#[test]
#[should_panic(expected = "a list has places of the heap and version")]
fn a_list_of_another_heap_is_refused() {
    let ((one, handles), (other, _)) = (noop_heap(small()), noop_heap(small()));
    let mut list = DrawList::new();
    let ticket = one.begin_frame();
    list.begin_kept(&ticket).draw(handles[0], 0, 0..1);
    let foreign = other.begin_frame();
    assert!(!list.refresh(&foreign), "heaps are told apart");
    list.resume(&foreign);
}
