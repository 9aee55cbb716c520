//! The engine on wgpu itself: the noop device, which moves bytes under real validation, and a
//! real adapter, where a frame is drawn and its pixels are looked at.

use std::time::Duration;

use geoheap::{
    BlockDesc, ByteLen, Config, GeometryManager, Handle, Lifetime, Lookup, PartData, RequestError,
    Source, Threading, wgpu,
};

use crate::canvas::{Canvas, cell, device};
use crate::harness::{small, stamped, vertices};

/// Fills a small heap to several times its budget, changes and removes, and reads everything back.
fn churn(device: &wgpu::Device, queue: &wgpu::Queue) {
    let mut manager =
        GeometryManager::new(device.clone(), queue.clone(), small()).expect("a valid config");
    let client = manager.client();
    let mut blocks: Vec<(u32, u32, Handle)> = Vec::new();
    for round in 0..40u32 {
        for nth in 0..4 {
            let id = round * 4 + nth;
            let block = BlockDesc::new()
                .part(vertices(id, 0, 300))
                .part(PartData::index_u16(stamped(id, 0, 602)))
                .source(Source::Retained);
            blocks.push((id, 0, client.add(block).expect("a valid block")));
        }
        if round % 3 == 1 {
            let at = usize::try_from(round).expect("small") * 7 % blocks.len();
            let (id, revision, handle) = &mut blocks[at];
            *revision += 1;
            let contents = vec![
                stamped(*id, *revision, 6_000).into(),
                stamped(*id, *revision, 602).into(),
            ];
            client.update(*handle, contents).expect("it is sent");
        }
        if round % 2 == 1 {
            let at = usize::try_from(round).expect("small") * 5 % blocks.len();
            let (_, _, handle) = blocks.swap_remove(at);
            client.remove(handle).expect("it is sent");
        }
        let ticket = manager.begin_frame();
        for (_, _, handle) in blocks.iter().rev().take(20) {
            let _ = ticket.get(*handle);
        }
        let encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        ticket.in_flight().attach(&encoder);
        drop(ticket.finish());
        if round % 4 == 0 {
            // A frame that is given up unsubmitted gives its version back too.
            drop(encoder);
        } else {
            queue.submit([encoder.finish()]);
        }
        manager.poll();
        std::thread::sleep(Duration::from_micros(300));
    }
    for (id, revision, handle) in blocks {
        // It would leave again before there is staging for its bytes.
        let mut pinned = client.pin(handle).expect("it is sent");
        while pinned.try_take().is_none() {
            manager.poll();
        }
        let mut read = client.read_back(handle).expect("it is sent");
        let read = loop {
            manager.poll();
            match read.try_take() {
                None => {}
                // A driver that is behind has what was staged for the ticks before.
                Some(Err(RequestError::StagingFull { .. })) => {
                    std::thread::sleep(Duration::from_micros(300));
                    read = client.read_back(handle).expect("it is sent");
                }
                Some(read) => break read.expect("it is pinned"),
            }
        };
        client.unpin(handle).expect("it is sent");
        assert_eq!(
            read.parts[0].1,
            stamped(id, revision, 6_000),
            "vertices of block {id}"
        );
        assert_eq!(
            read.parts[1].1,
            stamped(id, revision, 602),
            "indices of block {id}"
        );
    }
    let report = manager.report();
    assert!(
        report.evictions > 0 && report.stream_ins > 0,
        "it streamed: {report:?}"
    );
    assert!(
        report.held_bytes_peak <= report.budget_bytes,
        "R10: {report:?}"
    );
    let end = manager.shutdown();
    assert_eq!(end.report.gpu_errors, 0, "wgpu had nothing to complain of");
}

#[test]
fn the_noop_device_validates_and_moves_the_same_bytes() {
    let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor::default());
    churn(&device, &queue);
}

#[test]
fn a_real_adapter_moves_the_same_bytes() {
    let (device, queue) = device();
    churn(&device, &queue);
}

#[test]
fn frames_draw_what_is_resident_and_nothing_else() {
    let canvas = Canvas::new();
    let config = Config {
        threading: Threading::Actor,
        ..small()
    };
    let manager = GeometryManager::new(canvas.device.clone(), canvas.queue.clone(), config)
        .expect("a valid config");
    let client = manager.client();
    let mut cells: Vec<(usize, Handle)> = (0..64)
        .map(|nth| {
            let lifetime = if nth % 5 == 0 {
                Lifetime::LongLived
            } else {
                Lifetime::Dynamic
            };
            let handle = client
                .add(cell(nth).lifetime(lifetime))
                .expect("a valid block");
            (nth as usize, handle)
        })
        .collect();
    for round in 0..6 {
        client
            .flush()
            .expect("it is sent")
            .wait(Duration::from_mins(1))
            .expect("it runs");
        let handles: Vec<Handle> = cells.iter().map(|(_, handle)| *handle).collect();
        let ticket = manager.begin_frame();
        let white = canvas.paint(&ticket.in_flight(), |pass| {
            pass.set_pipeline(&canvas.pipelines[0]);
            for handle in &handles {
                if let Lookup::Resident(view) = ticket.get(*handle) {
                    let draw = view.draw().expect("a cell has vertices");
                    view.bind_chunk(pass, 0, draw.index_format);
                    draw.record(pass, 0..1);
                }
            }
        });
        drop(ticket.finish());
        let lives = |nth| cells.iter().any(|(cell, _)| *cell == nth);
        let expected: Vec<u8> = (0..64).map(|nth| u8::from(lives(nth))).collect();
        assert_eq!(
            white, expected,
            "round {round}: every cell that lives, and no other"
        );
        cells.retain(|(nth, handle)| {
            let keep = (nth * 7 + round) % 4 != 0;
            if !keep {
                client.remove(*handle).expect("it is sent");
            }
            keep
        });
        // Others come into the room of those that went.
        let filler = BlockDesc::new()
            .part(vertices(1, 0, 40))
            .spare(ByteLen::new(64));
        client.add(filler).expect("a valid block");
    }
    let end = manager.shutdown();
    assert_eq!(end.report.gpu_errors, 0, "wgpu had nothing to complain of");
}
