//! Another device in the place of a lost one: under threads, on wgpu's noop device, and on a real
//! adapter, where the picture is the same before and after.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use geoheap::{
    AddError, BlockDesc, ByteLen, Config, DeviceLoss, DrawList, GeometryManager, Handle, Lookup,
    PartData, PlacementTable, PlacementTableError, RequestError, RestoreError, SetDraw,
    StagedWriteError, Threading, VirtualConfig, VirtualGpu, WgpuBackend, wgpu,
};

use crate::canvas::{CELLS, Canvas, cell, device};
use crate::harness::{World, mesh, small, stamped, vertices};
use crate::threads::{PATIENCE, threaded};

/// Adds a block as soon as there is a device.
fn add(client: &geoheap::Client, id: u32) -> Handle {
    loop {
        match client.add(mesh(id, 100)) {
            Ok(handle) => return handle,
            Err(AddError::DeviceLost) => sleep(Duration::from_micros(200)),
            Err(error) => panic!("block {id}: {error}"),
        }
    }
}

#[test]
fn devices_come_and_go_while_clients_add_and_frames_are_made() {
    let mut world = threaded();
    let stop = AtomicBool::new(false);
    let blocks: Vec<(u32, Handle)> = std::thread::scope(|scope| {
        let client = world.client.clone();
        let writer = scope.spawn(move || {
            let blocks = (0..150).map(|id| {
                let handle = add(&client, id);
                let newer = vec![stamped(id, 1, 2_000).into()];
                client.update(handle, newer).expect("it is sent");
                sleep(Duration::from_micros(100));
                (id, handle)
            });
            blocks.collect()
        });
        let (frames, stop) = (world.manager.frames(), &stop);
        let reader = scope.spawn(move || {
            let mut version = None;
            while !stop.load(Ordering::Relaxed) {
                let ticket = frames.begin_frame();
                assert!(Some(ticket.version()) >= version, "R4");
                version = Some(ticket.version());
                drop(ticket.finish());
                sleep(Duration::from_micros(100));
            }
        });
        for _ in 0..10 {
            world.control.lose_device();
            sleep(Duration::from_millis(1));
            world.restore();
            sleep(Duration::from_millis(2));
        }
        let blocks = writer.join().expect("it does not panic");
        stop.store(true, Ordering::Relaxed);
        reader.join().expect("it does not panic");
        blocks
    });
    check_contents(&world, &blocks);
    let report = world.manager.report();
    assert_eq!((report.device_losses, report.restores), (10, 10), "counted");
    assert_eq!((report.failed, report.gpu_errors), (0, 0), "{report:?}");
    assert_eq!(world.manager.shutdown().leaks.len(), blocks.len());
}

/// Each block has bytes of its own, of one revision: an update without a device is refused.
fn check_contents(world: &World, blocks: &[(u32, Handle)]) {
    for (id, handle) in blocks {
        let read = loop {
            let resident = world.client.resident(*handle).expect("it is sent");
            resident.wait(PATIENCE).expect("it has a source");
            let read = world.client.read_back(*handle).expect("it is sent");
            // It may have been evicted in between.
            if let Ok(read) = read.wait(PATIENCE) {
                break read;
            }
        };
        let bytes = &read.parts[0].1;
        let revision = u32::from(bytes[4]);
        assert!(revision <= 1, "block {id}: {revision}");
        assert_eq!(*bytes, stamped(*id, revision, 2_000), "block {id}");
    }
}

#[test]
fn who_waits_on_another_thread_is_told_when_the_device_goes() {
    let mut world = threaded();
    let handle = add(&world.client, 1);
    let flush = world.client.flush().expect("it is sent");
    flush.wait(PATIENCE).expect("it runs");
    world.control.stall(true);
    let read = world.client.read_back(handle).expect("it is sent");
    let waits = std::thread::spawn(move || read.wait(PATIENCE));
    let refused = world
        .manager
        .restore_backend(VirtualGpu::new(&VirtualConfig::default()).0);
    assert_eq!(refused, Err(RestoreError::NotLost));
    world.control.lose_device();
    world.restore();
    let told = waits.join().expect("it does not panic");
    assert!(told.is_err(), "{told:?}");
    check_contents(&world, &[(1, handle)]);
}

/// A heap on wgpu that can lose its device, and frames as an application makes them.
struct Rig {
    device: wgpu::Device,
    queue: wgpu::Queue,
    loss: DeviceLoss,
    make: fn() -> (wgpu::Device, wgpu::Queue),
    manager: GeometryManager,
    blocks: Vec<(u32, Handle)>,
}

impl Rig {
    fn new(make: fn() -> (wgpu::Device, wgpu::Queue), threading: Threading) -> Self {
        let config = Config {
            threading,
            tick_interval: Duration::from_millis(1),
            ..small()
        };
        let (device, queue) = make();
        let backend = WgpuBackend::new(device.clone(), queue.clone(), &config.staging());
        let loss = backend.loss();
        let manager = GeometryManager::with_backend(backend, config).expect("a valid config");
        Self {
            device,
            queue,
            loss,
            make,
            manager,
            blocks: Vec::new(),
        }
    }

    fn add(&mut self, count: u32) {
        for id in (0..).skip(self.blocks.len()).take(count as usize) {
            let block = BlockDesc::new()
                .part(vertices(id, 0, 100))
                .part(PartData::index_u16(stamped(id, 0, 602)));
            let added = self.manager.client().add(block);
            self.blocks.push((id, added.expect("a valid block")));
        }
    }

    fn tick(&mut self) {
        self.manager.poll();
        sleep(Duration::from_micros(300));
    }

    fn answer<T>(&mut self, mut pending: geoheap::Pending<T>) -> Result<T, RequestError> {
        let start = Instant::now();
        loop {
            self.tick();
            match pending.try_take() {
                Some(answer) => return answer,
                None => assert!(start.elapsed() < PATIENCE, "{:?}", self.manager.report()),
            }
        }
    }

    /// Commands of a frame that copies from every chunk, with the frame's version.
    fn commands(&self) -> wgpu::CommandBuffer {
        let ticket = self.manager.begin_frame();
        let desc = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = self.device.create_command_encoder(&desc);
        ticket.in_flight().attach(&encoder);
        let into = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 16 << 10,
            usage: wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        for (_, buffer) in ticket.chunks() {
            encoder.copy_buffer_to_buffer(buffer, 0, &into, 0, 16 << 10);
        }
        drop(ticket.finish());
        encoder.finish()
    }

    /// The device goes with all that is on its way, and another one follows.
    fn replace_device(&mut self) {
        // Whoever writes into its staging memory at this moment is waited for.
        self.loss.report("destroyed");
        self.device.destroy();
        let (device, queue) = (self.make)();
        let config = self.manager.config().staging();
        let backend = WgpuBackend::new(device.clone(), queue.clone(), &config);
        self.loss = backend.loss();
        let restored = self.manager.restore_backend(backend);
        restored.expect("the other device is like it");
        (self.device, self.queue) = (device, queue);
    }

    fn check(&mut self) {
        for (id, handle) in self.blocks.clone() {
            let resident = self.manager.client().resident(handle);
            let resident = self.answer(resident.expect("it is sent"));
            resident.expect("it has a source");
            let read = loop {
                let read = self.manager.client().read_back(handle);
                match self.answer(read.expect("it is sent")) {
                    Ok(read) => break read,
                    // Others come back at this moment.
                    Err(RequestError::StagingFull { .. }) => {}
                    Err(error) => panic!("block {id}: {error}"),
                }
            };
            assert_eq!(read.parts[0].1, stamped(id, 0, 2_000), "block {id}");
            assert_eq!(read.parts[1].1, stamped(id, 0, 602), "block {id}");
        }
    }
}

/// Loses the device with frames in every stage of their life.
fn lose_in_mid_flight(make: fn() -> (wgpu::Device, wgpu::Queue), threading: Threading) {
    let mut rig = Rig::new(make, threading);
    rig.add(40);
    rig.check();

    let recorded = rig.commands();
    rig.replace_device();
    drop(recorded);
    rig.check();

    let commands = rig.commands();
    rig.queue.submit([commands]);
    rig.replace_device();
    rig.check();

    // Uploads, a read-back and a piece of staging that somebody writes into.
    let client = rig.manager.client();
    let piece = client.stage(ByteLen::new(4_000)).expect("it is sent");
    let mut piece = rig.answer(piece).expect("staging is at rest");
    rig.add(20);
    rig.tick();
    let read = client.read_back(rig.blocks[0].1).expect("it is sent");
    let commands = rig.commands();
    rig.queue.submit([commands]);
    rig.tick();
    rig.replace_device();
    let refused = piece.write_at(0, &[1; 8]);
    assert_eq!(
        refused,
        Err(StagedWriteError::DeviceLost),
        "its memory is gone"
    );
    // Answered with its bytes or refused, but answered.
    let start = Instant::now();
    let mut read = read;
    while read.try_take().is_none() {
        assert!(start.elapsed() < PATIENCE, "nobody waits for ever");
        rig.tick();
    }
    rig.check();

    rig.replace_device();
    rig.replace_device();
    rig.check();
    let report = rig.manager.shutdown().report;
    assert_eq!((report.device_losses, report.restores), (5, 5), "counted");
    assert_eq!((report.failed, report.gpu_errors), (0, 0), "{report:?}");
    assert!(report.held_bytes_peak <= report.budget_bytes, "R10");
}

fn noop() -> (wgpu::Device, wgpu::Queue) {
    wgpu::Device::noop(&wgpu::DeviceDescriptor::default())
}

#[test]
fn a_noop_device_is_lost_in_mid_flight() {
    lose_in_mid_flight(noop, Threading::CallerDriven);
    lose_in_mid_flight(noop, Threading::Actor);
}

#[test]
fn a_real_device_is_lost_in_mid_flight() {
    lose_in_mid_flight(device, Threading::CallerDriven);
    lose_in_mid_flight(device, Threading::Actor);
}

#[test]
fn a_loss_that_nobody_told_of_is_found() {
    let (device, queue) = noop();
    let mut manager = GeometryManager::new(device.clone(), queue, small()).expect("a valid config");
    let (next, next_queue) = noop();
    let refused = manager.restore(next.clone(), next_queue.clone());
    assert_eq!(refused, Err(RestoreError::NotLost));
    device.destroy();
    let restored = manager.restore(next, next_queue);
    assert!(restored.is_ok(), "{restored:?}");
}

#[test]
fn a_table_of_the_device_before_is_refused() {
    let mut rig = Rig::new(noop, Threading::CallerDriven);
    let before = rig.device.clone();
    let mut table = PlacementTable::new(&before, 8).expect("a small table");
    let update = |rig: &Rig, table: &mut PlacementTable, device: &wgpu::Device| {
        let desc = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = device.create_command_encoder(&desc);
        table.update(&rig.manager.begin_frame(), &mut encoder)
    };
    assert!(
        update(&rig, &mut table, &before).is_ok(),
        "it is of this device"
    );
    // Given up, but not destroyed: wgpu itself would let the table be written.
    rig.loss.report("given up");
    let (device, queue) = noop();
    rig.manager
        .restore(device.clone(), queue)
        .expect("it is like it");
    rig.tick();
    let refused = update(&rig, &mut table, &device);
    assert_eq!(
        refused,
        Err(PlacementTableError::DeviceLost),
        "another device"
    );
    let mut table = PlacementTable::new(&device, 8).expect("a small table");
    assert!(update(&rig, &mut table, &device).is_ok(), "its own table");
}

/// A picture drawn in each of the ways there are, which have to agree.
struct Painter {
    list: DrawList,
    table: PlacementTable,
    set: geoheap::DrawSetId,
}

impl Painter {
    fn paint(
        &mut self,
        canvas: &Canvas,
        manager: &GeometryManager,
        cells: &[Handle],
    ) -> Result<Vec<u8>, PlacementTableError> {
        let ticket = manager.begin_frame();
        let in_flight = ticket.in_flight();
        let white = |pass: &mut wgpu::RenderPass<'_>| pass.set_pipeline(&canvas.pipelines[0]);
        if !self.list.refresh(&ticket) {
            let mut draws = self.list.begin_kept(&ticket);
            draws.draw_each(cells, 0, |_| 0..1);
        }
        let by_list = canvas.paint(&in_flight, |pass| {
            self.list
                .resume(&ticket)
                .record(pass, 0, |pass, _| white(pass));
        });
        let by_set = canvas.paint(&in_flight, |pass| {
            white(pass);
            let set = ticket.draw_set(self.set).expect("it is written");
            set.record(pass, 0);
        });
        let mut patched = Ok(geoheap::Patched::default());
        let by_view = canvas.paint_after(
            &in_flight,
            |encoder| patched = self.table.update(&ticket, encoder),
            |pass| {
                white(pass);
                for handle in cells {
                    if let Lookup::Resident(view) = ticket.get(*handle) {
                        let draw = view.draw().expect("a cell has vertices");
                        view.bind_chunk(pass, 0, draw.index_format);
                        draw.record(pass, 0..1);
                    }
                }
            },
        );
        drop(ticket.finish());
        patched?;
        assert_eq!(by_list, by_set, "all ways to draw agree");
        assert_eq!(by_list, by_view, "all ways to draw agree");
        Ok(by_list)
    }
}

#[test]
fn the_picture_is_the_same_on_the_next_device() {
    let config = Config {
        threading: Threading::Actor,
        ..small()
    };
    let mut canvas = Canvas::new();
    let (device, queue) = (canvas.device.clone(), canvas.queue.clone());
    let backend = WgpuBackend::new(device, queue, &config.staging());
    let mut loss = backend.loss();
    let mut manager = GeometryManager::with_backend(backend, config).expect("a valid config");
    let client = manager.client();
    let block = |nth| cell(nth).spare(ByteLen::new(6_000));
    let added = (0..CELLS).filter(|nth| nth % 3 != 0);
    let added = added.map(|nth| client.add(block(nth)).expect("a valid block"));
    let cells: Vec<Handle> = added.collect();
    let draws = cells.iter().map(|handle| SetDraw {
        handle: *handle,
        instances: 0..1,
    });
    let set = client.add_draw_set(draws.collect()).expect("few draws");
    let mut painter = Painter {
        list: DrawList::new(),
        table: PlacementTable::new(&canvas.device, 64).expect("a small table"),
        set,
    };
    let all_there = |manager: &GeometryManager| {
        for handle in &cells {
            let resident = manager.client().resident(*handle).expect("it is sent");
            resident.wait(PATIENCE).expect("it has a source");
        }
        let flush = manager.client().flush().expect("it is sent");
        flush.wait(PATIENCE).expect("it runs");
    };
    all_there(&manager);
    let before = painter.paint(&canvas, &manager, &cells);
    let before = before.expect("the table is of this device");
    let expected: Vec<u8> = (0..CELLS).map(|nth| u8::from(nth % 3 != 0)).collect();
    assert_eq!(before, expected);
    for round in 0..2 {
        loss.report("destroyed");
        canvas.device.destroy();
        canvas = Canvas::new();
        let staging = manager.config().staging();
        let (device, queue) = (canvas.device.clone(), canvas.queue.clone());
        let backend = WgpuBackend::new(device, queue, &staging);
        loss = backend.loss();
        manager
            .restore_backend(backend)
            .expect("it is the same adapter");
        let table = &mut painter.table;
        let ticket = manager.begin_frame();
        let desc = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = canvas.device.create_command_encoder(&desc);
        let refused = table.update(&ticket, &mut encoder);
        assert_eq!(refused, Err(PlacementTableError::DeviceLost), "{round}");
        drop(ticket);
        *table = PlacementTable::new(&canvas.device, 64).expect("a small table");
        all_there(&manager);
        let after = painter.paint(&canvas, &manager, &cells);
        assert_eq!(after.as_ref(), Ok(&before), "after loss {round}");
    }
    let end = manager.shutdown();
    assert_eq!(end.report.gpu_errors, 0, "wgpu had nothing to complain of");
}
