//! One request in a submission, as an engine did it that had its allocator on the GPU first: a
//! word for each unit; one invocation for 128 of them, which goes through them one by one; a copy
//! of 2048 groups of 256 invocations, however few bytes there are.
//!
//! Written from the description of that allocator. Where it found no room it wrote over what was
//! there; here it copies nothing then, so that all contenders do the same work.

use wgpu::{BindGroup, Buffer, ComputePipeline};

use super::rig::{Rig, dispatch};
use super::{Contender, UNIT_BYTES};

/// Units of the largest heap: 128 groups of 128.
pub const UNITS: u32 = 16_384;
const UNIT_VECTORS: u32 = UNIT_BYTES / 16;

const FIND: &str = include_str!("shaders/seed_find.wgsl");
const COPY: &str = include_str!("shaders/seed_copy.wgsl");

/// The contender.
#[derive(Debug)]
pub struct Seed {
    rig: Rig,
    units: Buffer,
    found: Buffer,
    find: ComputePipeline,
    copy: ComputePipeline,
    copy_group: BindGroup,
    /// What each size asks for, in a buffer of its own.
    sizes: Vec<BindGroup>,
    placed: usize,
    results: Buffer,
}

impl Seed {
    /// An empty heap; objects of at most `units_max` units come.
    pub fn new(rig: &Rig, source: &Buffer, units_max: u32) -> Self {
        let units = rig.room(u64::from(UNITS) * 4);
        let found = rig.room(16);
        let permanent = rig.room(u64::from(UNITS) * u64::from(UNIT_BYTES));
        let draw = rig.room(16);
        let results = rig.room(1 << 18);
        let find = rig.pipeline(FIND);
        let copy = rig.pipeline(COPY);
        let buffers = [&found, source, &permanent, &draw];
        let copy_group = rig.bind(&copy, &buffers);
        let sizes = (0..=units_max).map(|wanted| {
            let wanted = rig.filled(&[wanted, wanted * UNIT_VECTORS, 0, 0]);
            rig.bind(&find, &[&wanted, &units, &found])
        });
        Self {
            sizes: sizes.collect(),
            rig: rig.clone(),
            units,
            found,
            find,
            copy,
            copy_group,
            placed: 0,
            results,
        }
    }
}

impl Contender for Seed {
    fn name(&self) -> &'static str {
        "seed"
    }

    fn batch(&mut self, units: &[u32]) {
        for (&wanted, place) in units.iter().zip((0_u64..).step_by(4)) {
            self.rig.submit(|encoder| {
                encoder.clear_buffer(&self.found, 0, None);
                dispatch(encoder, &self.find, &self.sizes[wanted as usize], 1, 1);
                dispatch(encoder, &self.copy, &self.copy_group, 2048, 1);
                encoder.copy_buffer_to_buffer(&self.found, 0, &self.results, place, 4);
            });
        }
        self.placed = units.len();
        self.rig.wait();
    }

    fn dispatches(&self) -> u32 {
        2 * u32::try_from(self.placed).expect("16 384 at most")
    }

    fn undo(&mut self) -> usize {
        let found: Vec<u32> = self.rig.read(&self.results, self.placed);
        self.rig
            .submit(|encoder| encoder.clear_buffer(&self.units, 0, None));
        self.rig.wait();
        found.iter().filter(|&&offset| offset == u32::MAX).count()
    }
}
