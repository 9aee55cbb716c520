//! The device is lost, and another one follows.

mod books;
mod devices;
mod order;
mod sources;
mod under_way;

use geoheap::{Handle, Lifetime};

use crate::harness::{World, is_resident, mesh, stamped};

/// Bytes of a block of [`mesh`]`(_, 500)`.
const BLOCK_BYTES: usize = 10_000;

/// Blocks of 10 000 bytes with a source, each with the number and the revision in its bytes.
struct Blocks(Vec<(u32, u32, Handle)>);

impl Blocks {
    /// Twelve dynamic blocks and two long-lived ones, all resident.
    fn resident(world: &mut World) -> Self {
        let mut blocks = Vec::new();
        for id in 0..14 {
            let mut block = mesh(id, 500);
            if id >= 12 {
                block = block.lifetime(Lifetime::LongLived);
            }
            blocks.push((id, 0, world.client.add(block).expect("a valid block")));
        }
        world.flush();
        let all = blocks.iter().all(|block| is_resident(world, block.2));
        assert!(all, "they fit");
        Self(blocks)
    }

    /// Waits until all are resident, and reads each of them.
    #[track_caller]
    fn check(&self, world: &mut World) {
        for (id, revision, handle) in &self.0 {
            let resident = world.client.resident(*handle).expect("it is sent");
            world.answer(resident).expect("it has a source");
            let read = world.client.read_back(*handle).expect("it is sent");
            let read = world.answer(read).expect("it is resident");
            let expected = stamped(*id, *revision, BLOCK_BYTES);
            assert_eq!(read.parts[0].1, expected, "block {id}");
        }
    }
}
