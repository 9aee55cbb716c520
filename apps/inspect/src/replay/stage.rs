//! The device that a replay's frames run on.

use std::collections::VecDeque;

use geoheap::{Backend, InFlight, VirtualBuffer, VirtualControl, VirtualGpu, WgpuBackend, wgpu};

use super::check::Read;

/// Runs frames: their commands read what the trace's frames use, and keep their version in use
/// until they are executed.
pub trait Stage<B: Backend> {
    /// Submits a frame's commands. Those of at most `lag_frames` frames before it are still being
    /// executed afterwards.
    fn submit(&mut self, token: InFlight<B::Buffer>, reads: Vec<Read<B::Buffer>>, lag_frames: u32);

    /// Waits until everything is executed, and compared.
    fn finish(&mut self);
}

/// Frames on the virtual GPU.
#[derive(Debug)]
pub struct VirtualStage {
    control: VirtualControl,
    in_flight: VecDeque<(InFlight<VirtualBuffer>, Vec<Read<VirtualBuffer>>)>,
}

impl VirtualStage {
    /// On the device behind `control`.
    pub fn new(control: VirtualControl) -> Self {
        Self {
            control,
            in_flight: VecDeque::new(),
        }
    }

    /// Queues reads behind what was submitted so far.
    fn queue(&self, reads: Vec<Read<VirtualBuffer>>) {
        if reads.is_empty() {
            return;
        }
        let control = self.control.clone();
        self.control.submit_reads(Vec::new(), move |_| {
            for read in &reads {
                let range = read.start..read.start + read.len;
                let compared = control.look(&read.buffer, range, |bytes| read.compare(bytes));
                if compared.is_none() {
                    read.failed();
                }
            }
        });
    }
}

impl Stage<VirtualGpu> for VirtualStage {
    fn submit(
        &mut self,
        token: InFlight<VirtualBuffer>,
        reads: Vec<Read<VirtualBuffer>>,
        lag_frames: u32,
    ) {
        if lag_frames > 0 {
            self.queue(reads.clone());
        }
        self.in_flight.push_back((token, reads));
        while self.in_flight.len() > lag_frames as usize {
            if let Some((token, reads)) = self.in_flight.pop_front() {
                // The bytes must be there for as long as the frame is executed. What is written
                // over them once the token is gone is queued behind this second look.
                self.queue(reads);
                drop(token);
            }
        }
    }

    fn finish(&mut self) {
        self.in_flight.clear();
    }
}

/// What a frame reads, and the buffer that it is copied to.
type Copied = (wgpu::Buffer, Vec<Read<wgpu::Buffer>>);

/// A frame on a wgpu device.
#[derive(Debug)]
struct Submitted {
    index: wgpu::SubmissionIndex,
    read_back: Vec<Copied>,
}

/// Frames on a wgpu device.
#[derive(Debug)]
pub struct WgpuStage {
    device: wgpu::Device,
    queue: wgpu::Queue,
    submitted: VecDeque<Submitted>,
}

impl WgpuStage {
    /// On that device.
    pub fn new(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        Self {
            device,
            queue,
            submitted: VecDeque::new(),
        }
    }

    /// Copies what is read into buffers that can be mapped, none longer than the device makes.
    fn copy(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        reads: Vec<Read<wgpu::Buffer>>,
    ) -> Vec<Copied> {
        let max = self.device.limits().max_buffer_size;
        let mut groups: Vec<(u64, Vec<Read<wgpu::Buffer>>)> = Vec::new();
        for read in reads {
            let len = words(read.len);
            match groups.last_mut() {
                Some((size, group)) if *size + len <= max => {
                    *size += len;
                    group.push(read);
                }
                _ => groups.push((len, vec![read])),
            }
        }
        let copied = groups.into_iter().map(|(size, group)| {
            let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("replay read-back"),
                size,
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            });
            let mut at = 0;
            for read in &group {
                let len = words(read.len);
                encoder.copy_buffer_to_buffer(&read.buffer, read.start, &buffer, at, len);
                at += len;
            }
            (buffer, group)
        });
        copied.collect()
    }

    fn wait(&self, frame: Submitted) {
        for (buffer, _) in &frame.read_back {
            // What went wrong shows when the range is looked at.
            buffer.map_async(wgpu::MapMode::Read, .., |_| {});
        }
        let waited = self.device.poll(wgpu::PollType::Wait {
            submission_index: Some(frame.index),
            timeout: None,
        });
        for (buffer, reads) in frame.read_back {
            match buffer.get_mapped_range(..) {
                Ok(mapped) if waited.is_ok() => compare(&mapped, &reads),
                _ => reads.iter().for_each(Read::failed),
            }
        }
    }
}

/// Compares what was read with the bytes, which lie one after the other in whole words.
fn compare(bytes: &[u8], reads: &[Read<wgpu::Buffer>]) {
    let mut at = 0;
    for read in reads {
        let range = usize::try_from(at).ok();
        let range = range.zip(usize::try_from(at + read.len).ok());
        match range.and_then(|(start, end)| bytes.get(start..end)) {
            Some(bytes) => read.compare(bytes),
            None => read.failed(),
        }
        at += words(read.len);
    }
}

impl Stage<WgpuBackend> for WgpuStage {
    fn submit(
        &mut self,
        token: InFlight<wgpu::Buffer>,
        reads: Vec<Read<wgpu::Buffer>>,
        lag_frames: u32,
    ) {
        let desc = wgpu::CommandEncoderDescriptor {
            label: Some("replay frame"),
        };
        let mut encoder = self.device.create_command_encoder(&desc);
        token.attach(&encoder);
        let read_back = self.copy(&mut encoder, reads);
        let index = self.queue.submit([encoder.finish()]);
        self.submitted.push_back(Submitted { index, read_back });
        while self.submitted.len() > lag_frames as usize {
            if let Some(frame) = self.submitted.pop_front() {
                self.wait(frame);
            }
        }
    }

    fn finish(&mut self) {
        while let Some(frame) = self.submitted.pop_front() {
            self.wait(frame);
        }
    }
}

/// Copies move whole words.
fn words(bytes: u64) -> u64 {
    bytes.next_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT)
}
