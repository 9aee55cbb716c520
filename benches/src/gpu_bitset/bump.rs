//! Offsets by prefix sums, and one copy: what placing costs at least, if nothing is ever freed.

use bytemuck::cast_slice;
use wgpu::{BindGroup, Buffer, ComputePipeline};

use super::read_back::copy_all;
use super::rig::{Rig, dispatch};
use super::{Contender, UNIT_BYTES};

/// The contender.
#[derive(Debug)]
pub struct Bump {
    rig: Rig,
    scan: ComputePipeline,
    copy: ComputePipeline,
    scan_group: BindGroup,
    copy_group: BindGroup,
    units: Buffer,
    counts: Buffer,
}

impl Bump {
    /// An empty heap.
    pub fn new(rig: &Rig, source: &Buffer, units: u32, requests_max: usize) -> Self {
        let scan = rig.pipeline(include_str!("shaders/bump.wgsl"));
        let copy = rig.pipeline(include_str!("shaders/copy_all.wgsl"));
        let sizes = rig.room(requests_max as u64 * 4);
        let counts = rig.room(16);
        let places = rig.room(requests_max as u64 * 8);
        let permanent = rig.room(u64::from(units) * u64::from(UNIT_BYTES));
        Self {
            scan_group: rig.bind(&scan, &[&sizes, &counts, &places]),
            copy_group: rig.bind(&copy, &[&places, &counts, source, &permanent]),
            rig: rig.clone(),
            scan,
            copy,
            units: sizes,
            counts,
        }
    }
}

impl Contender for Bump {
    fn name(&self) -> &'static str {
        "bump"
    }

    fn batch(&mut self, units: &[u32]) {
        let queue = &self.rig.queue;
        queue.write_buffer(&self.units, 0, cast_slice(units));
        let count = u32::try_from(units.len()).expect("65 536 at most");
        queue.write_buffer(&self.counts, 0, cast_slice(&[count, 0]));
        // Its copy should be indirect; the sum is known here.
        let vectors = units.iter().sum::<u32>() * (UNIT_BYTES / 16);
        self.rig.submit(|encoder| {
            dispatch(encoder, &self.scan, &self.scan_group, 1, 1);
            copy_all(encoder, &self.copy, &self.copy_group, vectors);
        });
        self.rig.wait();
    }

    fn dispatches(&self) -> u32 {
        2
    }

    fn undo(&mut self) -> usize {
        0
    }
}
