//! Sizes are read back, the CPU places them first fit, and one dispatch copies all: what the
//! engine of [`seed`](super::seed) went over to.

use bytemuck::cast_slice;
use wgpu::{Buffer, ComputePipeline};

use super::first_fit::FirstFit;
use super::rig::{Rig, dispatch};
use super::{Contender, UNIT_BYTES};

const UNIT_VECTORS: u32 = UNIT_BYTES / 16;
/// Invocations in a row of the copy: see `copy_all.wgsl`.
const ROW: u32 = 32_767 * 256;

/// Dispatches a copy of so many vectors of 16 bytes.
pub(super) fn copy_all(
    encoder: &mut wgpu::CommandEncoder,
    pipeline: &ComputePipeline,
    group: &wgpu::BindGroup,
    vectors: u32,
) {
    let x = vectors.min(ROW).div_ceil(256).max(1);
    dispatch(encoder, pipeline, group, x, vectors.div_ceil(ROW).max(1));
}

/// The contender.
#[derive(Debug)]
pub struct ReadBack {
    rig: Rig,
    bits: FirstFit,
    copy: ComputePipeline,
    group: wgpu::BindGroup,
    places: Buffer,
    counts: Buffer,
    placed: Vec<(u32, u32)>,
    failed: usize,
}

impl ReadBack {
    /// An empty heap.
    pub fn new(rig: &Rig, source: &Buffer, units: u32, requests_max: usize) -> Self {
        let copy = rig.pipeline(include_str!("shaders/copy_all.wgsl"));
        let places = rig.room(requests_max as u64 * 8);
        let counts = rig.room(16);
        let permanent = rig.room(u64::from(units) * u64::from(UNIT_BYTES));
        let group = rig.bind(&copy, &[&places, &counts, source, &permanent]);
        Self {
            rig: rig.clone(),
            bits: FirstFit::new(units),
            copy,
            group,
            places,
            counts,
            placed: Vec::new(),
            failed: 0,
        }
    }
}

impl Contender for ReadBack {
    fn name(&self) -> &'static str {
        "readback-cpu"
    }

    fn batch(&mut self, units: &[u32]) {
        // The sizes are the GPU's: here they lie in a buffer that is read first.
        let made = self.rig.filled(units);
        let sizes: Vec<u32> = self.rig.read(&made, units.len());
        let mut before = 0;
        let mut table = Vec::with_capacity(sizes.len());
        for &units in &sizes {
            let place = self.bits.take(units);
            table.push([before, place.map_or(u32::MAX, |unit| unit * UNIT_VECTORS)]);
            before += units * UNIT_VECTORS;
            match place {
                Some(start) => self.placed.push((start, units)),
                None => self.failed += 1,
            }
        }
        let queue = &self.rig.queue;
        queue.write_buffer(&self.places, 0, cast_slice(&table));
        let count = u32::try_from(sizes.len()).expect("65 536 at most");
        queue.write_buffer(&self.counts, 0, cast_slice(&[count, before]));
        self.rig
            .submit(|encoder| copy_all(encoder, &self.copy, &self.group, before));
        self.rig.wait();
    }

    fn dispatches(&self) -> u32 {
        1
    }

    fn undo(&mut self) -> usize {
        for (start, units) in self.placed.drain(..) {
            self.bits.free(start, units);
        }
        std::mem::take(&mut self.failed)
    }
}
