//! A batch becomes commands.

use std::collections::BTreeMap;

use bytemuck::{Pod, Zeroable};
use wgpu::Buffer;

use crate::error::BatchError;
use crate::heap::GpuHeap;
use crate::heap::batch::{Batch, FlipIf, Path};
use crate::heap::buffers::STATE_BATCH_BYTES;
use crate::heap::lists::{self, Lists};
use crate::heap::pipelines::bind_group;
use crate::heap::steps;
use crate::passes::{self, DIGITS, Pass, Wants};
use crate::records::STREAMS_MAX;

/// Up to so many runs each one counts those before it; more are sorted digit by digit.
const FEW_RUNS: u32 = 2048;
/// Workgroups in a row of the dispatches that may have several rows: see `common.wgsl`.
const ROW: u32 = 32_768;
/// Workgroups that take back what half objects left: see `frees.wgsl`.
const LEFT_GROUPS: u32 = 256;
/// Words of the bitset that an invocation looks at, at most, where one request takes one dispatch.
const WORDS_EACH_MAX: u32 = 1024;
/// Workgroups that go through all runs together: see `runs.wgsl`.
const CHUNK_GROUPS: u32 = 64;

/// The first bytes of each pass: see `common.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Params {
    units: u32,
    words: u32,
    units_per_buffer: u32,
    slots: u32,
    streams: u32,
    separate: u32,
    epoch: u32,
    guards: u32,
    frees_max: u32,
    requests_max: u32,
    copied: u32,
    flips_max: u32,
    flip_always: u32,
    sweep_steps: u32,
    reserved: [u32; 2],
    unit_bytes: [u32; STREAMS_MAX],
    source_bytes: [u32; STREAMS_MAX],
}

/// What becomes commands.
struct Own<'a> {
    lists: Lists<'a>,
    frees_max: u32,
    requests_max: u32,
    flips_max: u32,
}

impl GpuHeap {
    /// Records a batch. Its outcomes are in the heap's buffers for whatever is recorded after it.
    /// Returns its epoch.
    ///
    /// Batches take place as they are submitted, so submit them in their order. One whose commands
    /// are dropped never was, for the heap; its mirror reads the whole heap with one of the next.
    ///
    /// # Errors
    /// [`BatchError`], with nothing recorded.
    pub fn record(
        &mut self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        batch: &Batch<'_>,
    ) -> Result<u32, BatchError> {
        self.check(device, batch)?;
        self.epoch = self.epoch.wrapping_add(1);
        let params = self.params(batch);
        let own = Own {
            lists: lists::send(device, encoder, &self.buffers, &params, batch),
            frees_max: params.frees_max,
            requests_max: params.requests_max,
            flips_max: params.flips_max,
        };
        let is_single = batch.path == Path::Short
            && (own.frees_max, own.requests_max) == (0, 1)
            && !self.shape.separate
            && self.shape.words() <= self.workgroup * WORDS_EACH_MAX;
        if !is_single {
            encoder.clear_buffer(&self.buffers.state, 0, Some(STATE_BATCH_BYTES));
        }
        let mut groups = core::mem::take(&mut self.groups);
        let desc = wgpu::ComputePassDescriptor {
            label: Some("gpu heap: batch"),
            timestamp_writes: None,
        };
        let mut pass = encoder.begin_compute_pass(&desc);
        let mut recorder = Recorder {
            heap: self,
            device,
            own: &own,
            pass: &mut pass,
            groups: &mut groups,
            dispatches: 0,
        };
        if is_single {
            recorder.dispatch(&passes::single(), 1, 1);
        } else {
            recorder.frees();
            recorder.requests();
            recorder.sort();
            recorder.place();
            recorder.enter();
        }
        recorder.copy();
        recorder.flips();
        self.dispatches = recorder.dispatches;
        drop(pass);
        self.groups = groups;
        if self.shape.separate {
            let left_max = own.requests_max * self.shape.streams;
            self.left_max = self.left_max.max(left_max);
        }
        if !is_single {
            let (after, bits) = (&self.buffers.bits_after, &self.buffers.bits);
            let bytes = u64::from(self.shape.words()) * 4;
            encoder.copy_buffer_to_buffer(after, 0, bits, 0, bytes);
        }
        Ok(self.epoch)
    }

    fn params(&self, batch: &Batch<'_>) -> Params {
        let most = |count: usize| u32::try_from(count).expect("checked against the heap's");
        let mut source_bytes = [u32::MAX; STREAMS_MAX];
        let mut copied = 0;
        for (stream, source) in batch.sources.iter().enumerate() {
            if let Some(source) = source {
                copied |= 1 << stream;
                source_bytes[stream] = u32::try_from(source.size()).unwrap_or(u32::MAX);
            }
        }
        let shape = &self.shape;
        Params {
            units: shape.units,
            words: shape.words(),
            units_per_buffer: shape.units_per_buffer,
            slots: shape.slots,
            streams: shape.streams,
            separate: shape.separate.into(),
            epoch: self.epoch,
            guards: shape.buffers - 1,
            frees_max: most(batch.frees.most()),
            requests_max: most(batch.requests.most()),
            copied,
            flips_max: most(batch.flips.most()),
            flip_always: (batch.flip_if == FlipIf::Always).into(),
            sweep_steps: self.sweep_steps,
            reserved: [0; 2],
            unit_bytes: shape.unit_bytes.map(|bytes| bytes.max(16)),
            source_bytes,
        }
    }
}

/// Records the passes of one batch, in their order.
struct Recorder<'a, 'p> {
    heap: &'a GpuHeap,
    device: &'a wgpu::Device,
    own: &'a Own<'a>,
    pass: &'a mut wgpu::ComputePass<'p>,
    groups: &'a mut BindGroups,
    dispatches: u32,
}

impl Recorder<'_, '_> {
    fn frees(&mut self) {
        let frees = self.own.frees_max;
        if frees > 0 {
            self.dispatch(&passes::free_claim(), self.groups(frees), 1);
        }
        let all = frees + self.heap.left_max.min(LEFT_GROUPS);
        if all > 0 {
            self.dispatch(&passes::free_release(), all.min(ROW), all.div_ceil(ROW));
        }
    }

    fn requests(&mut self) {
        let groups = self.groups(self.own.requests_max);
        if self.own.requests_max > 0 {
            self.dispatch(&passes::slot_claim(), groups, 1);
        }
        // Without requests it still forgets what the frees have taken back.
        self.dispatch(&passes::prepare(), groups.max(1), 1);
    }

    fn runs_asked(&self) -> u32 {
        self.own.requests_max * u32::try_from(self.heap.shape.runs_each()).expect("four at most")
    }

    fn sort(&mut self) {
        let runs = self.runs_asked();
        let groups = self.groups(runs);
        if runs == 0 {
            return;
        }
        if runs <= FEW_RUNS {
            self.dispatch(&passes::sort_few(), groups, 1);
            return;
        }
        for digit in 0..DIGITS {
            let [count, scan, scatter] = passes::sort_digit(digit);
            self.dispatch(&count, groups, 1);
            self.dispatch(&scan, 1, 1);
            self.dispatch(&scatter, groups, 1);
        }
    }

    fn place(&mut self) {
        let words = self.groups(self.heap.shape.words().div_ceil(4));
        self.dispatch(&passes::runs_count(), words, 1);
        self.dispatch(&passes::runs_emit(), words, 1);
        if self.own.requests_max > 0 {
            self.dispatch(&passes::chunk_max(), CHUNK_GROUPS, 1);
            let (heap, runs) = (self.heap, self.runs_asked());
            for _ in 0..steps::dispatches(&heap.shape, runs, heap.sweep_steps) {
                self.dispatch(&passes::place(), 1, 1);
            }
            self.dispatch(&passes::resolve(), self.groups(self.runs_asked()), 1);
        }
    }

    fn enter(&mut self) {
        let groups = self.groups(self.own.requests_max);
        if self.own.requests_max > 0 {
            self.dispatch(&passes::enter(), groups, 1);
            self.dispatch(&passes::tiles_scan(), groups, self.heap.shape.streams);
        }
        let words = self.groups(self.heap.shape.words().div_ceil(4));
        self.dispatch(&passes::claim(), words, 1);
        self.dispatch(&passes::finish(), 1, 1);
    }

    fn copy(&mut self) {
        if self.own.requests_max == 0 {
            return;
        }
        for stream in 0..u8::try_from(self.heap.shape.streams).expect("four at most") {
            if self.own.source(stream).is_some() {
                self.set(&passes::copy(stream, &self.heap.shape));
                let place = u64::from(stream) * 16;
                let copies = &self.heap.buffers.copies;
                self.pass.dispatch_workgroups_indirect(copies, place);
                self.dispatches += 1;
            }
        }
    }

    fn flips(&mut self) {
        if self.own.flips_max > 0 {
            for pass in passes::flips() {
                self.dispatch(&pass, self.groups(self.own.flips_max), 1);
            }
        }
    }

    fn groups(&self, invocations: u32) -> u32 {
        invocations.div_ceil(self.heap.workgroup)
    }

    fn dispatch(&mut self, pass: &Pass, x: u32, y: u32) {
        self.set(pass);
        self.pass.dispatch_workgroups(x, y, 1);
        self.dispatches += 1;
    }

    fn set(&mut self, pass: &Pass) {
        let pipeline = self.heap.pipelines.of(pass);
        self.pass.set_pipeline(pipeline);
        let (device, heap, own) = (self.device, self.heap, self.own);
        let make = || {
            let wants = pass.wants.iter();
            let buffers = wants.map(|&(binding, wants)| (binding, buffer(heap, own, wants)));
            bind_group(device, pipeline, buffers)
        };
        // A group that was kept would keep a program's own buffer with it.
        if !pass
            .wants
            .iter()
            .all(|&(_, wants)| own.is_heaps(heap, wants))
        {
            self.pass.set_bind_group(0, &make(), &[]);
            return;
        }
        let key = (pass.entry, pass.nth);
        let group = self.groups.entry(key).or_insert_with(make);
        self.pass.set_bind_group(0, &*group, &[]);
    }
}

/// Bind groups over nothing but the heap's own buffers, made once: by entry point, and the pass's
/// number among those of that entry point.
pub(super) type BindGroups = BTreeMap<(&'static str, u8), wgpu::BindGroup>;

impl<'a> Own<'a> {
    fn source(&self, stream: u8) -> Option<&'a Buffer> {
        let sources = self.lists.sources;
        sources.get(usize::from(stream)).copied().flatten()
    }

    /// Whether what a pass wants is always the same buffer of the heap.
    fn is_heaps(&self, heap: &GpuHeap, wants: Wants) -> bool {
        let (lists, buffers) = (&self.lists, &heap.buffers);
        match wants {
            Wants::Frees => lists.frees == &buffers.frees,
            Wants::Requests => lists.requests == &buffers.requests,
            Wants::Flips | Wants::Source(_) => false,
            _ => true,
        }
    }
}

/// The buffer that a pass wants.
fn buffer<'a>(heap: &'a GpuHeap, own: &'a Own<'_>, wants: Wants) -> &'a Buffer {
    let buffers = &heap.buffers;
    match wants {
        Wants::Params => &buffers.params,
        Wants::Counts => &buffers.counts,
        Wants::Frees => own.lists.frees,
        Wants::Requests => own.lists.requests,
        Wants::Flips => &own.lists.flips,
        Wants::Bits => &buffers.bits,
        Wants::BitsAfter => &buffers.bits_after,
        Wants::Slots => &buffers.slots,
        Wants::Claims => &buffers.claims,
        Wants::State => &buffers.state,
        Wants::Pending => &buffers.pending,
        Wants::Outcomes => &buffers.outcomes,
        Wants::Keys => &buffers.keys,
        Wants::KeysA => &buffers.sorted[0].0,
        Wants::OrderA => &buffers.sorted[0].1,
        Wants::KeysB => &buffers.sorted[1].0,
        Wants::OrderB => &buffers.sorted[1].1,
        Wants::Bins => &buffers.bins,
        Wants::Digit(digit) => &buffers.digits[usize::from(digit)],
        Wants::RunTiles => &buffers.run_tiles,
        Wants::Runs => &buffers.runs,
        Wants::Chunks => &buffers.chunks,
        Wants::Segments => &buffers.segments,
        Wants::CopyTiles => &buffers.copy_tiles,
        Wants::Copies => &buffers.copies,
        Wants::Stream(stream) => &buffers.streams[usize::from(stream)],
        Wants::Source(stream) => own.source(stream).unwrap_or(&buffers.nothing),
        Wants::Permanent(set, buffer) => &buffers.permanent[usize::from(set)][usize::from(buffer)],
    }
}
