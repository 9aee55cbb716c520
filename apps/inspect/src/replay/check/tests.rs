//! The checks find what they are for: each looks at a heap that is in order, and at one that was
//! spoiled.

use geoheap::{
    BlockDesc, ByteLen, ByteOffset, Config, GeometryManager, PartData, PartId, Payload, Threading,
    VirtualConfig, VirtualControl, VirtualGpu,
};
use geoheap_trace::{Kind, Part};
use smallvec::smallvec;

use super::*;
use crate::replay::stage::{Stage as _, VirtualStage};

/// A heap with two blocks of 4 096 bytes, as the player knows them.
struct World {
    manager: GeometryManager<VirtualGpu>,
    control: VirtualControl,
    blocks: Vec<LiveBlock>,
}

fn content(fill: u8) -> &'static [u8] {
    Box::leak(vec![fill; 4096].into_boxed_slice())
}

fn world() -> World {
    let (gpu, control) = VirtualGpu::new(&VirtualConfig::default());
    let config = Config {
        threading: Threading::CallerDriven,
        ..Config::default()
    };
    let mut manager = GeometryManager::with_backend(gpu, config).expect("valid settings");
    let client = manager.client();
    let mut blocks = Vec::new();
    for fill in [1, 2] {
        let content = content(fill);
        let part = PartData::storage(Payload::owned(content));
        let handle = client.add(BlockDesc::new().part(part)).expect("room");
        let name = PartName::Known(PartId {
            index: 0,
            generation: 1,
        });
        let part = LivePart::new(PartNo(0), name, &Part::new(Kind::Storage, 4096), content);
        blocks.push(LiveBlock {
            serial: u64::from(fill),
            read_frame: 0,
            handle: Some(handle),
            owners: 1,
            parts: smallvec![part],
            reloads: None,
        });
    }
    (0..4).for_each(|_| manager.poll());
    World {
        manager,
        control,
        blocks,
    }
}

impl World {
    /// Violations of a frame that reads the first block's part.
    fn read(&mut self) -> u64 {
        let checker = Checker::default();
        let ticket = self.manager.begin_frame();
        let block = &self.blocks[0];
        let part = &block.parts[0];
        let PartName::Known(name) = part.name else {
            unreachable!("it was made so")
        };
        let handle = block.handle.expect("it was added");
        let view = ticket.part(handle, name).expect("it is resident");
        let subject = Subject {
            block: 0,
            serial: 1,
            part: part.no,
            frame: 1,
        };
        let read = checker.read(subject, part, &view);
        let mut stage = VirtualStage::new(self.control.clone());
        stage.submit(ticket.finish(), read.into_iter().collect(), 0);
        (0..4).for_each(|_| self.manager.poll());
        let findings = checker.shared.lock();
        assert_eq!(
            findings.violations,
            findings.told.len() as u64,
            "few are told"
        );
        findings.violations
    }

    fn places(&self) -> u64 {
        let mut checker = Checker::default();
        let ticket = self.manager.begin_frame();
        let blocks = (0..).zip(&self.blocks);
        checker.check_places::<VirtualGpu>(&ticket, blocks, 1);

        checker.shared.lock().violations
    }

    fn map(&self, spoil: impl FnOnce(&mut HeapMap)) -> u64 {
        let mut checker = Checker::default();
        let mut map = self.manager.heap_map().expect("the caller drives");
        spoil(&mut map);
        checker.check_map(&map, 1);

        checker.shared.lock().violations
    }
}

#[test]
fn other_bytes_are_found() {
    let mut world = world();
    assert_eq!(world.read(), 0, "its own bytes");
    let part = &mut world.blocks[0].parts[0];
    part.contents = smallvec![content(9)];
    assert_eq!(world.read(), 1, "somebody else's");
    let part = &mut world.blocks[0].parts[0];
    part.contents = smallvec![content(9), content(1)];
    assert_eq!(world.read(), 0, "one of two that it may have");
    let part = &mut world.blocks[0].parts[0];
    part.contents = smallvec![&content(1)[..100]];
    assert_eq!(world.read(), 1, "a length that nobody wrote");
    let part = &mut world.blocks[0].parts[0];
    part.contents = smallvec![content(9)];
    part.overwrite();
    assert_eq!(
        world.read(),
        0,
        "written over where it lies, it may be anything"
    );
}

#[test]
fn shared_bytes_are_found() {
    let mut world = world();
    assert_eq!(world.places(), 0, "two blocks apart");
    let same = world.blocks[0].handle;
    world.blocks[1].handle = same;
    assert_eq!(world.places(), 1, "two names for one place");
}

#[test]
fn lost_bytes_are_found() {
    let world = world();
    assert_eq!(world.map(|_| {}), 0, "the books are in order");
    assert_eq!(
        world.map(|map| map.chunks[0].free = ByteLen::ZERO),
        1,
        "free bytes are lost"
    );
    assert_eq!(
        world.map(|map| map.chunks[0].live = ByteLen::ZERO),
        1,
        "live bytes are lost"
    );
    assert_eq!(
        world.map(|map| drop(map.chunks[0].ranges.pop())),
        1,
        "a range is lost"
    );
    let overlap = |map: &mut HeapMap| map.chunks[0].ranges[1].offset = ByteOffset::new(16);
    assert_eq!(world.map(overlap), 1, "one range reaches into the next");
}
