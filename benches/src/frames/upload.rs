//! What frames upload and hold: a scene that stays, and one of which a hundredth changes.

use super::ours::upload::Heap;
use super::triple_ring::TripleRing;
use super::world::World;
use crate::random::Random;
use crate::table::{Row, Table};

/// Who keeps a world's meshes on the GPU.
pub trait Keeper {
    /// The name in the tables.
    const NAME: &'static str;

    /// After so many frames without a change one is like the next.
    const SETTLE_FRAMES_MAX: usize;

    /// Brings all meshes to the GPU.
    fn new(world: &World) -> Self;

    /// One frame in which these meshes have new contents, and all are drawn.
    fn frame(&mut self, world: &World, changed: &[usize]);

    /// Bytes sent to the GPU so far.
    fn uploaded_bytes(&self) -> u64;

    /// Bytes of GPU memory held now.
    fn held_bytes(&self) -> u64;

    /// What the last frame read of a mesh.
    fn read(&mut self, world: &World, nth: usize) -> Vec<u8>;
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Bytes of all meshes.
    pub live_bytes: usize,
    /// Frames before the first that counts, in which nothing changes.
    pub settle: usize,
    /// Frames that count.
    pub frames: usize,
}

/// What frames of a keeper came to.
#[derive(Clone, Copy, Debug)]
struct Figures {
    upload_bytes_per_frame: f64,
    held_per_live_byte: f64,
}

/// The rows of frames in each of which one of `one_in` meshes changes, or none.
pub fn run(table: &mut Table, workload: &str, extent: Extent, one_in: Option<usize>) {
    let ours = figures::<Heap>(extent, one_in);
    let peer = figures::<TripleRing>(extent, one_in);
    let mut row = |metric, figure: fn(&Figures) -> f64| {
        table.push(Row::new(
            workload,
            metric,
            figure(&ours),
            TripleRing::NAME,
            figure(&peer),
        ));
    };
    row("upload_bytes_per_frame", |figures| {
        figures.upload_bytes_per_frame
    });
    row("held_per_live_byte", |figures| figures.held_per_live_byte);
}

#[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^53")]
fn figures<K: Keeper>(extent: Extent, one_in: Option<usize>) -> Figures {
    let mut world = World::new(1, extent.live_bytes);
    let mut keeper = K::new(&world);
    for _ in 0..extent.settle.min(K::SETTLE_FRAMES_MAX) {
        keeper.frame(&world, &[]);
    }
    let before = keeper.uploaded_bytes();
    let mut held = 0.0;
    let mut script = Script::new(one_in);
    for _ in 0..extent.frames {
        let changed = script.step(&mut world);
        keeper.frame(&world, &changed);
        held += keeper.held_bytes() as f64;
    }
    let frames = extent.frames as f64;
    let uploaded = keeper.uploaded_bytes() - before;
    Figures {
        upload_bytes_per_frame: uploaded as f64 / frames,
        held_per_live_byte: held / frames / world.live_bytes as f64,
    }
}

/// Which meshes change, frame by frame.
#[derive(Debug)]
struct Script {
    random: Random,
    one_in: Option<usize>,
}

impl Script {
    const fn new(one_in: Option<usize>) -> Self {
        Self {
            random: Random::new(9),
            one_in,
        }
    }

    /// Changes some of the meshes; returns which.
    fn step(&mut self, world: &mut World) -> Vec<usize> {
        let count = self
            .one_in
            .map_or(0, |one_in| world.meshes.len().div_ceil(one_in));
        let mut changed = Vec::with_capacity(count);
        while changed.len() < count {
            let nth = self.random.index(world.meshes.len());
            if !changed.contains(&nth) {
                world.change(&mut self.random, nth);
                changed.push(nth);
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What frames read is what the world says, after changes too.
    fn keeps<K: Keeper>() {
        let mut world = World::new(2, 1 << 20);
        let mut keeper = K::new(&world);
        let mut script = Script::new(Some(4));
        for _ in 0..5 {
            let changed = script.step(&mut world);
            keeper.frame(&world, &changed);
        }
        for nth in 0..world.meshes.len() {
            let read = keeper.read(&world, nth);
            assert!(read == world.contents(nth), "{} keeps mesh {nth}", K::NAME);
        }
    }

    #[test]
    fn all_keep_what_the_world_holds() {
        keeps::<Heap>();
        keeps::<TripleRing>();
    }

    #[test]
    fn a_script_changes_so_many_different_meshes() {
        let mut world = World::new(3, 4 << 20);
        let before: Vec<Vec<u8>> = (0..world.meshes.len())
            .map(|nth| world.contents(nth).to_vec())
            .collect();
        let mut changed = Script::new(Some(10)).step(&mut world);
        assert_eq!(changed.len(), world.meshes.len().div_ceil(10));
        changed.sort_unstable();
        let differ = (0..before.len()).filter(|nth| world.contents(*nth) != before[*nth]);
        assert!(
            differ.eq(changed.iter().copied()),
            "each of them, and no other"
        );
        assert!(Script::new(None).step(&mut world).is_empty());
    }

    #[test]
    fn a_ring_sends_all_in_each_frame_and_holds_it_three_times() {
        let extent = Extent {
            live_bytes: 1 << 20,
            settle: 4,
            frames: 3,
        };
        let ring = figures::<TripleRing>(extent, None);
        let live = World::new(1, extent.live_bytes).live_bytes;
        let per_frame = format!("{}", ring.upload_bytes_per_frame);
        assert_eq!(per_frame, live.to_string());
        assert!((ring.held_per_live_byte - 3.0).abs() < 1e-9);
        let ours = figures::<Heap>(extent, None);
        assert_eq!(ours.upload_bytes_per_frame.to_bits(), 0_f64.to_bits());
        let changing = figures::<Heap>(extent, Some(100));
        assert!(changing.upload_bytes_per_frame > 0.0);
    }
}
