//! Retained copies under a budget of system memory, on a real file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use geoheap::{
    BlockDesc, ByteLen, Config, CreateError, GeometryManager, Handle, HeapEvent, PartData, Payload,
    Source, SpillConfig, SpillDisk, SpillStep, Threading, VirtualGpu,
};

use crate::harness::{World, device_for, fill, is_resident, small, stamped, vertices};

/// Most bytes of copies in memory.
const RETAINED_MAX: u64 = 200 * 1024;

/// A folder of a test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let process = std::process::id();
        let path = std::env::temp_dir().join(format!("geoheap-test-{process}-{name}"));
        std::fs::create_dir_all(&path).expect("a folder for files");
        Self(path)
    }

    fn files(&self) -> usize {
        std::fs::read_dir(&self.0).expect("it is there").count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn spilling(folder: &Path) -> Config {
    Config {
        spill: Some(SpillConfig {
            folder: folder.to_path_buf(),
            retained_bytes_max: ByteLen::new(RETAINED_MAX),
        }),
        ..small()
    }
}

#[track_caller]
fn check_bytes(world: &mut World, handle: Handle, expected: &[u8]) {
    let back = world.client.resident(handle).expect("it is sent");
    world.answer(back).expect("it comes back");
    let bytes = world.bytes(handle).expect("it is resident");
    assert!(bytes.starts_with(expected), "its own: {:?}", &bytes[..8]);
}

#[test]
fn copies_beyond_the_budget_go_to_a_file_and_come_back() {
    let folder = Folder::new("world");
    let mut world = World::new(spilling(&folder.0));
    let handles = fill(&mut world, 150);
    world.ticks(40);
    let report = world.manager.report();
    assert!(report.retained_bytes <= RETAINED_MAX, "{report:?}");
    let all = 150 * 10_000;
    assert_eq!(
        report.retained_bytes + report.spilled_bytes,
        all,
        "no copy is lost"
    );
    assert_eq!(folder.files(), 1, "in one file");
    for (nth, handle) in handles.iter().enumerate() {
        let block = u32::try_from(nth).expect("small");
        check_bytes(&mut world, *handle, &stamped(block, 0, 10_000));
    }
    let report = world.manager.report();
    assert!(report.stream_ins > 100, "most were away");
    assert_eq!((report.failed, report.spill_failures), (0, 0), "{report:?}");
    assert_eq!(report.retained_bytes + report.spilled_bytes, all, "still");
    for handle in &handles[..100] {
        world.client.remove(*handle).expect("it is sent");
    }
    world.flush();
    let report = world.manager.report();
    assert_eq!(report.retained_bytes + report.spilled_bytes, 50 * 10_000);
    drop(world);
    assert_eq!(folder.files(), 0, "the file is removed at the end");
}

#[test]
fn new_contents_go_before_what_the_file_has() {
    let folder = Folder::new("updates");
    let mut world = World::new(spilling(&folder.0));
    let handles = fill(&mut world, 100);
    world.ticks(40);
    let away: Vec<Handle> = handles[..40].to_vec();
    assert!(away.iter().any(|at| !is_resident(&world, *at)), "evicted");
    for handle in &away {
        let newer = vec![stamped(500, 1, 8_000).into()];
        world.client.update(*handle, newer).expect("it is sent");
    }
    world.ticks(60);
    let report = world.manager.report();
    assert!(report.retained_bytes <= RETAINED_MAX, "{report:?}");
    for handle in &away {
        check_bytes(&mut world, *handle, &stamped(500, 1, 8_000));
    }
    // A file that is read while newer contents come.
    for handle in &handles[40..60] {
        let back = world.client.resident(*handle).expect("it is sent");
        let newer = vec![stamped(501, 2, 10_000).into()];
        world.client.update(*handle, newer).expect("it is sent");
        world.answer(back).expect("it comes back");
        world.flush();
        check_bytes(&mut world, *handle, &stamped(501, 2, 10_000));
    }
}

#[test]
fn a_part_that_changed_joins_those_in_the_file() {
    let folder = Folder::new("parts");
    let mut world = World::new(spilling(&folder.0));
    let storage = |stamp, len| PartData::storage(Payload::from(stamped(stamp, 0, len)));
    let two = BlockDesc::new()
        .part(storage(1, 4_000))
        .part(storage(2, 6_000));
    let block = world.client.add(two).expect("a valid block");
    fill(&mut world, 100);
    world.ticks(40);
    assert!(!is_resident(&world, block), "it left");
    let back = world.client.resident(block).expect("it is sent");
    world.answer(back).expect("it comes back");
    let parts: Vec<_> = world.manager.begin_frame().parts(block).collect();
    for is_away in [true, false] {
        if is_away {
            world.client.evict(block).expect("it is sent");
            world.ticks(3);
            assert!(!is_resident(&world, block), "it left");
        }
        let stamp = 10 + u32::from(is_away);
        let newer = Payload::from(stamped(stamp, 0, 6_000));
        let update = world.client.update_part(block, parts[1], newer);
        world
            .answer(update.expect("it is sent"))
            .expect("it is taken");
        world.client.evict(block).expect("it is sent");
        world.ticks(3);
        let back = world.client.resident(block).expect("it is sent");
        world.answer(back).expect("it comes back");
        let read = world.client.read_back(block).expect("it is sent");
        let read = world.answer(read).expect("it is resident");
        let of = |part| {
            let found = read.parts.iter().find(|(id, _)| *id == part);
            found.expect("both are there").1.clone()
        };
        assert_eq!(of(parts[0]), stamped(1, 0, 4_000), "of the file");
        assert_eq!(of(parts[1]), stamped(stamp, 0, 6_000), "of memory");
    }
}

#[test]
fn parts_that_changed_do_not_stay_in_memory_for_ever() {
    let folder = Folder::new("many-parts");
    let mut world = World::new(spilling(&folder.0));
    let storage = |stamp, len| PartData::storage(Payload::from(stamped(stamp, 0, len)));
    let blocks: Vec<_> = (0..60)
        .map(|nth| {
            let two = BlockDesc::new()
                .part(storage(nth, 2_000))
                .part(storage(100 + nth, 8_000));
            let block = world.client.add(two).expect("a valid block");
            world.flush();
            let parts: Vec<_> = world.manager.begin_frame().parts(block).collect();
            (nth, block, parts)
        })
        .collect();
    world.ticks(40);
    // All of them together are more than may stay in memory; some blocks are away, some are not.
    for (nth, block, parts) in &blocks {
        let newer = Payload::from(stamped(200 + nth, 0, 8_000));
        let update = world.client.update_part(*block, parts[1], newer);
        world
            .answer(update.expect("it is sent"))
            .expect("it is taken");
    }
    world.ticks(40);
    let report = world.manager.report();
    assert!(report.retained_bytes <= RETAINED_MAX, "{report:?}");
    assert_eq!(report.spill_failures, 0, "{report:?}");
    for (nth, block, parts) in &blocks {
        let back = world.client.resident(*block).expect("it is sent");
        world.answer(back).expect("it comes back");
        world.client.evict(*block).expect("it is sent");
        world.ticks(3);
        let back = world.client.resident(*block).expect("it is sent");
        world.answer(back).expect("it comes back");
        let read = world.client.read_back(*block).expect("it is sent");
        let read = world.answer(read).expect("it is resident");
        let of = |part| {
            let found = read.parts.iter().find(|(id, _)| *id == part);
            found.expect("both are there").1.clone()
        };
        assert_eq!(of(parts[0]), stamped(*nth, 0, 2_000), "block {nth}");
        assert_eq!(of(parts[1]), stamped(200 + nth, 0, 8_000), "block {nth}");
    }
    let report = world.manager.report();
    assert!(report.retained_bytes <= RETAINED_MAX, "{report:?}");
}

/// A disk in memory that reads nothing while it is told so.
#[derive(Default)]
struct Disk {
    bytes: Vec<u8>,
    switch: Arc<Switch>,
}

#[derive(Default)]
struct Switch {
    is_unreadable: AtomicBool,
    refused: AtomicU64,
}

impl SpillDisk for Disk {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let at = usize::try_from(at).expect("small");
        let end = at + bytes.len();
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[at..end].copy_from_slice(bytes);
        Ok(())
    }

    fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        if self.switch.is_unreadable.load(Ordering::Relaxed) {
            self.switch.refused.fetch_add(1, Ordering::Relaxed);
            return Err(io::Error::other("a bad sector"));
        }
        let at = usize::try_from(at).expect("small");
        bytes.copy_from_slice(&self.bytes[at..at + bytes.len()]);
        Ok(())
    }
}

#[test]
fn a_copy_that_cannot_be_read_keeps_no_other_from_the_file() {
    let config = spilling(Path::new(""));
    let disk = Disk::default();
    let switch = Arc::clone(&disk.switch);
    let (gpu, control) = VirtualGpu::new(&device_for(&config));
    let manager = GeometryManager::with_disk(gpu, config, Some(Box::new(disk)));
    let manager = manager.expect("a valid configuration");
    let client = manager.client();
    let mut world = World {
        manager,
        control,
        client,
    };
    let storage = |stamp, len| PartData::storage(Payload::from(stamped(stamp, 0, len)));
    let two = BlockDesc::new()
        .part(storage(900, 4_000))
        .part(storage(901, 6_000));
    let block = world.client.add(two).expect("a valid block");
    world.flush();
    let parts: Vec<_> = world.manager.begin_frame().parts(block).collect();
    fill(&mut world, 60);
    world.ticks(40);
    let back = world.client.resident(block).expect("it is sent");
    world.answer(back).expect("it comes back");
    let newer = Payload::from(stamped(902, 0, 6_000));
    let update = world.client.update_part(block, parts[1], newer);
    let update = update.expect("it is sent");
    world.answer(update).expect("it is taken");
    // One part is in memory now, the other in the file, which nobody can read for a while.
    switch.is_unreadable.store(true, Ordering::Relaxed);
    drop(world.manager.events());
    fill(&mut world, 60);
    for tick in 0..200 {
        world.ticks(1);
        let report = world.manager.report();
        let is_settled = report.retained_bytes <= RETAINED_MAX;
        assert!(is_settled || tick < 40, "tick {tick}: {report:?}");
    }
    let told = world.manager.events();
    let steps = told.iter().filter_map(|event| match event {
        HeapEvent::SpillFailed { bytes, step, .. } => Some((bytes.get(), *step)),
        _ => None,
    });
    let steps: Vec<_> = steps.collect();
    assert_eq!(steps, [(6_000, SpillStep::Read)], "told once");
    assert_eq!(switch.refused.load(Ordering::Relaxed), 1, "and tried once");
    switch.is_unreadable.store(false, Ordering::Relaxed);
    world.ticks(300);
    // It takes its turn again once there is need.
    fill(&mut world, 30);
    world.ticks(40);
    let report = world.manager.report();
    assert!(report.retained_bytes <= RETAINED_MAX, "{report:?}");
    assert_eq!(report.spill_failures, 1, "{report:?}");
    let read = |world: &mut World| {
        let back = world.client.resident(block).expect("it is sent");
        world.answer(back).expect("it comes back");
        let read = world.client.read_back(block).expect("it is sent");
        world.answer(read).expect("it is resident").parts
    };
    let found = read(&mut world);
    let of = |part| {
        found
            .iter()
            .find(|(id, _)| *id == part)
            .expect("it is there")
    };
    assert_eq!(of(parts[0]).1, stamped(900, 0, 4_000), "of the file");
    assert_eq!(of(parts[1]).1, stamped(902, 0, 6_000), "the newer one");
}

#[test]
fn what_is_in_the_file_outlives_the_device() {
    let folder = Folder::new("loss");
    let mut world = World::new(spilling(&folder.0));
    let handles = fill(&mut world, 100);
    let on_gpu = BlockDesc::new().part(vertices(900, 0, 500));
    let on_gpu = world.client.add(on_gpu.source(Source::ReadBack));
    let on_gpu = on_gpu.expect("a valid block");
    world.flush();
    world.client.evict(on_gpu).expect("it is sent");
    world.ticks(12);
    // Its copy is the newest, so it goes last.
    for handle in &handles {
        let newer = vec![stamped(800, 1, 10_000).into()];
        world.client.update(*handle, newer).expect("it is sent");
    }
    world.ticks(100);
    assert!(world.manager.report().spilled_bytes > 0, "some are there");
    world.control.lose_device();
    world.ticks(3);
    let restored = world.restore();
    assert_eq!(restored.lost_blocks, 0, "R5: all of them have a source");
    world.ticks(60);
    for handle in &handles {
        check_bytes(&mut world, *handle, &stamped(800, 1, 10_000));
    }
    check_bytes(&mut world, on_gpu, &stamped(900, 0, 10_000));
}

#[test]
fn the_worker_writes_and_reads_where_there_are_threads() {
    let folder = Folder::new("threads");
    let world = World::new(Config {
        threading: Threading::Actor,
        ..spilling(&folder.0)
    });
    let patience = std::time::Duration::from_mins(1);
    let handles: Vec<Handle> = (0..80)
        .map(|nth| {
            let block = crate::harness::mesh(nth, 500);
            let handle = world.client.add(block).expect("a valid block");
            let flush = world.client.flush().expect("it is sent");
            flush.wait(patience).expect("the actor runs");
            handle
        })
        .collect();
    while world.manager.report().retained_bytes > RETAINED_MAX {
        let flush = world.client.flush().expect("it is sent");
        flush.wait(patience).expect("the actor runs");
    }
    for (nth, handle) in handles.iter().enumerate() {
        let pin = world.client.pin(*handle).expect("it is sent");
        pin.wait(patience).expect("it comes back");
        let read = world.client.read_back(*handle).expect("it is sent");
        let read = read.wait(patience).expect("it is pinned");
        let block = u32::try_from(nth).expect("small");
        assert_eq!(read.parts[0].1, stamped(block, 0, 10_000), "block {nth}");
        world.client.unpin(*handle).expect("it is sent");
    }
    let end = world.manager.shutdown();
    assert!(!end.actor_panicked, "the actor ended in order");
    assert_eq!(folder.files(), 0, "the file is removed at the end");
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let folder = Folder::new("none");
    let config = spilling(&folder.0.join("nowhere"));
    let (gpu, _control) = VirtualGpu::new(&device_for(&config));
    let refused = GeometryManager::with_backend(gpu, config);
    let error = refused.expect_err("no file can be made there");
    assert!(matches!(error, CreateError::SpillFile(_)), "{error}");
    assert!(error.to_string().contains("retained copies"), "{error}");
}
