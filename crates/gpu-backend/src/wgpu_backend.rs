//! The form on wgpu: own staging, own encoder, own submits.

mod loss;
mod news;

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use geoheap_suballoc::{Align, ByteLen};
use wgpu::{BufferUsages, MapMode, PollType};

pub use loss::DeviceLoss;

use crate::driver::{Batch, CopySource, CopyTarget, Driver, LeaseMemory, LeaseRef, Signal, SlotId};
use crate::lease::LeaseWriter;
use crate::{
    BackendInfo, BufferDesc, BufferRole, CreateError, LeaseWriteError, Limits, ReadId,
    StagingConfig, SubmissionId, SubmitError, Transfers,
};
use loss::guarded;
use news::{Inbox, News};

/// wgpu as a backend.
pub type WgpuBackend = Transfers<WgpuDriver>;

/// wgpu allocates one byte more for each vertex buffer, rounded up to 4.
const VERTEX_PADDING_BYTES: u64 = 4;
/// Longest that one poll of a `wait_idle` waits.
const WAIT: Duration = Duration::from_millis(5);

const CHUNK_USAGES: BufferUsages = BufferUsages::VERTEX
    .union(BufferUsages::INDEX)
    .union(BufferUsages::UNIFORM)
    .union(BufferUsages::STORAGE)
    .union(BufferUsages::COPY_SRC)
    .union(BufferUsages::COPY_DST);

const RECORD_USAGES: BufferUsages = BufferUsages::INDIRECT
    .union(BufferUsages::STORAGE)
    .union(BufferUsages::COPY_SRC)
    .union(BufferUsages::COPY_DST);

impl Transfers<WgpuDriver> {
    /// A backend on a device and its queue. Takes the device's one device-lost callback; a
    /// program that needs that for itself sets its own afterwards and passes the news on through
    /// [`loss`](Self::loss).
    pub fn new(device: wgpu::Device, queue: wgpu::Queue, staging: &StagingConfig) -> Self {
        let loss = DeviceLoss::new();
        let heard = loss.clone();
        device.set_device_lost_callback(move |reason, message| {
            heard.report(&format!("{reason:?}: {message}"));
        });
        let driver = WgpuDriver {
            device,
            queue,
            loss,
            inbox: Inbox::default(),
            slots: Vec::new(),
            reads: Vec::new(),
        };
        Self::with_driver(driver, staging)
    }

    /// The flag that says the device is lost. A program that calls `Device::destroy` reports the
    /// loss here first: that waits for the threads that write into leases, whose memory goes with
    /// the device.
    pub fn loss(&self) -> DeviceLoss {
        self.driver().loss.clone()
    }

    /// The device.
    pub fn device(&self) -> &wgpu::Device {
        &self.driver().device
    }

    /// The queue.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.driver().queue
    }
}

/// Executes batches on wgpu.
#[derive(Debug)]
pub struct WgpuDriver {
    device: wgpu::Device,
    queue: wgpu::Queue,
    loss: DeviceLoss,
    inbox: Inbox,
    /// Staging buffers that wait to be mapped again.
    slots: Vec<(SlotId, wgpu::Buffer)>,
    /// Read-backs that wait to be mapped.
    reads: Vec<(ReadId, wgpu::Buffer)>,
}

/// A mapped staging buffer.
#[derive(Debug)]
pub struct WgpuSlot {
    // Stands before the buffer: wgpu panics where a buffer is unmapped under a view.
    view: wgpu::BufferViewMut,
    buffer: wgpu::Buffer,
}

/// The memory of a read-back.
#[derive(Debug)]
pub struct WgpuReadBack(wgpu::Buffer);

/// The side of a lease that is copied from.
struct LeaseBuffer {
    buffer: wgpu::Buffer,
    is_mapped: AtomicBool,
}

/// The side of a lease that is written, on any thread.
struct LeaseView {
    view: wgpu::BufferViewMut,
    loss: DeviceLoss,
}

impl LeaseWriter for LeaseView {
    fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), LeaseWriteError> {
        let view = &mut self.view;
        let write = || {
            view.slice(offset..offset + bytes.len())
                .copy_from_slice(bytes);
        };
        self.loss
            .while_alive(write)
            .ok_or(LeaseWriteError::DeviceLost)
    }
}

impl WgpuDriver {
    fn create(
        &self,
        label: &str,
        len: ByteLen,
        usage: BufferUsages,
        mapped_at_creation: bool,
    ) -> Result<wgpu::Buffer, CreateError> {
        let desc = wgpu::BufferDescriptor {
            label: Some(label),
            size: len.get(),
            usage,
            mapped_at_creation,
        };
        let (buffer, error) = guarded(&self.device, || self.device.create_buffer(&desc));
        if self.loss.is_lost() {
            return Err(CreateError::DeviceLost);
        }
        match error {
            None => Ok(buffer),
            Some(wgpu::Error::OutOfMemory { .. }) => {
                Err(CreateError::OutOfMemory { requested: len })
            }
            Some(error) => Err(CreateError::Refused(error.to_string())),
        }
    }

    /// A staging buffer that is mapped at its creation, and the view into it.
    fn create_mapped(
        &self,
        label: &str,
        len: ByteLen,
    ) -> Result<(wgpu::Buffer, wgpu::BufferViewMut), CreateError> {
        let usage = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
        let buffer = self.create(label, len, usage, true)?;
        match buffer.get_mapped_range_mut(..) {
            Ok(view) => Ok((buffer, view)),
            // On a device that is lost, wgpu hands out buffers that are none.
            Err(error) => Err(CreateError::Refused(error.to_string())),
        }
    }

    fn encode(&self, id: SubmissionId, batch: &Batch<Self>) -> wgpu::CommandEncoder {
        let label = Some("geoheap transfers");
        let desc = wgpu::CommandEncoderDescriptor { label };
        let mut encoder = self.device.create_command_encoder(&desc);
        for buffer in &batch.clears {
            encoder.clear_buffer(buffer, 0, None);
        }
        for copy in &batch.copies {
            let src = match &copy.src {
                CopySource::Buffer(buffer) => buffer,
                CopySource::Lease(lease) => &lease_buffer(lease).buffer,
                CopySource::Slot(slot) => {
                    let found = self.slots.iter().find(|(id, _)| id == slot);
                    &found
                        .expect("G6: a batch carries the slots it reads from")
                        .1
                }
            };
            let dst = match &copy.dst {
                CopyTarget::Buffer(buffer) => buffer,
                CopyTarget::Read(index) => &batch.reads[*index].memory.0,
            };
            encoder.copy_buffer_to_buffer(src, copy.src_offset, dst, copy.dst_offset, copy.len);
        }
        let inbox = self.inbox.clone();
        encoder.on_submitted_work_done(move || inbox.push(News::Done(id)));
        encoder
    }

    /// Unmaps what the batch reads from, so that the device may have it.
    fn unmap(&mut self, batch: &mut Batch<Self>) {
        for (id, slot) in core::mem::take(&mut batch.slots) {
            drop(slot.view);
            slot.buffer.unmap();
            self.slots.push((id, slot.buffer));
        }
        for copy in &batch.copies {
            if let CopySource::Lease(lease) = &copy.src {
                let lease = lease_buffer(lease);
                if lease.is_mapped.swap(false, Ordering::AcqRel) {
                    lease.buffer.unmap();
                }
            }
        }
    }

    /// Asks for the batch's staging to be mapped once it has been executed.
    fn map_when_done(&mut self, slots: core::ops::Range<usize>, batch: Batch<Self>) {
        for (id, buffer) in &self.slots[slots] {
            let (inbox, id) = (self.inbox.clone(), *id);
            buffer.map_async(MapMode::Write, .., move |result| {
                inbox.push(News::Slot(id, result.is_ok()));
            });
        }
        for read in batch.reads {
            let (inbox, id) = (self.inbox.clone(), read.id);
            read.memory.0.map_async(MapMode::Read, .., move |result| {
                inbox.push(News::Read(id, result.is_ok()));
            });
            self.reads.push((read.id, read.memory.0));
        }
    }

    fn slot_mapped(&mut self, id: SlotId, is_mapped: bool) -> Option<Signal<Self>> {
        let index = self.slots.iter().position(|(slot, _)| *slot == id)?;
        let (_, buffer) = self.slots.swap_remove(index);
        let view = if is_mapped {
            buffer.get_mapped_range_mut(..).ok()
        } else {
            None
        };
        Some(match view {
            Some(view) => Signal::SlotBack(id, WgpuSlot { view, buffer }),
            None => Signal::SlotGone(id),
        })
    }

    fn read_mapped(&mut self, id: ReadId, is_mapped: bool) -> Option<Signal<Self>> {
        let index = self.reads.iter().position(|(read, _)| *read == id)?;
        let (_, buffer) = self.reads.swap_remove(index);
        let view = if is_mapped {
            buffer.get_mapped_range(..).ok()
        } else {
            None
        };
        let bytes = view.and_then(|view| self.loss.while_alive(|| view.to_vec()));
        Some(Signal::Read(id, bytes))
    }
}

fn lease_buffer(lease: &LeaseRef) -> &LeaseBuffer {
    lease
        .source()
        .expect("G6: the lease was made by this kind of driver")
}

fn refused(error: &wgpu::Error) -> SubmitError {
    let message = error.to_string();
    tracing::error!(%message, "wgpu refused a batch of transfers");
    SubmitError::Refused { message }
}

impl Driver for WgpuDriver {
    type Buffer = wgpu::Buffer;
    type Slot = WgpuSlot;
    type ReadBack = WgpuReadBack;

    fn info(&self) -> BackendInfo {
        let info = self.device.adapter_info();
        BackendInfo {
            name: info.name,
            kind: info.backend.to_str(),
        }
    }

    fn limits(&self) -> Limits {
        let limits = self.device.limits();
        let align = |bytes: u32| Align::new(u64::from(bytes)).unwrap_or(Align::ONE);
        Limits {
            buffer_bytes_max: ByteLen::new(limits.max_buffer_size),
            uniform_align: align(limits.min_uniform_buffer_offset_alignment),
            storage_align: align(limits.min_storage_buffer_offset_alignment),
            copy_align: Align::new(wgpu::COPY_BUFFER_ALIGNMENT).unwrap_or(Align::ONE),
            vertex_padding: ByteLen::new(VERTEX_PADDING_BYTES),
            indirect_first_instance: self
                .device
                .features()
                .contains(wgpu::Features::INDIRECT_FIRST_INSTANCE),
        }
    }

    fn create_buffer(&mut self, desc: &BufferDesc<'_>) -> Result<wgpu::Buffer, CreateError> {
        let usages = match desc.role {
            BufferRole::Chunk => CHUNK_USAGES,
            BufferRole::Records => RECORD_USAGES,
        };
        self.create(desc.label, desc.len, usages, false)
    }

    fn buffer_len(&self, buffer: &wgpu::Buffer) -> ByteLen {
        ByteLen::new(buffer.size())
    }

    fn same_buffer(&self, a: &wgpu::Buffer, b: &wgpu::Buffer) -> bool {
        a == b
    }

    fn create_slot(&mut self, id: SlotId, len: ByteLen) -> Result<WgpuSlot, CreateError> {
        let label = format!("geoheap staging {}", id.0);
        let (buffer, view) = self.create_mapped(&label, len)?;
        Ok(WgpuSlot { view, buffer })
    }

    fn write_slot(&mut self, slot: &mut WgpuSlot, offset: u64, bytes: &[u8]) {
        let start = usize::try_from(offset).expect("a mapped range fits the address space");
        // A device that is lost meanwhile loses these bytes too; the next submit tells.
        let _lost = self.loss.while_alive(|| {
            slot.view
                .slice(start..start + bytes.len())
                .copy_from_slice(bytes);
        });
    }

    fn create_lease(&mut self, len: ByteLen) -> Result<LeaseMemory, CreateError> {
        let (buffer, view) = self.create_mapped("geoheap lease", len)?;
        let loss = self.loss.clone();
        Ok(LeaseMemory {
            writer: Box::new(LeaseView { view, loss }),
            source: Box::new(LeaseBuffer {
                buffer,
                is_mapped: AtomicBool::new(true),
            }),
        })
    }

    fn create_read_back(&mut self, len: ByteLen) -> Result<WgpuReadBack, CreateError> {
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        self.create("geoheap read-back", len, usage, false)
            .map(WgpuReadBack)
    }

    fn execute(&mut self, id: SubmissionId, mut batch: Batch<Self>) -> Result<(), SubmitError> {
        let _span =
            tracing::trace_span!("transfers", id = id.0, copies = batch.copies.len()).entered();
        let first_slot = self.slots.len();
        let device = self.device.clone();
        let (commands, error) = guarded(&device, || {
            self.unmap(&mut batch);
            self.encode(id, &batch).finish()
        });
        if let Some(error) = error {
            self.slots.truncate(first_slot);
            return Err(refused(&error));
        }
        let ((), error) = guarded(&device, || {
            self.queue.submit([commands]);
        });
        if let Some(error) = error {
            self.slots.truncate(first_slot);
            return Err(refused(&error));
        }
        let ((), error) = guarded(&device, || {
            self.map_when_done(first_slot..self.slots.len(), batch);
        });
        if let Some(error) = error {
            // Each failed mapping also tells its own callback, which gives up that buffer.
            tracing::error!(message = %error, "wgpu refused to map staging memory");
            self.inbox.push(News::Error(error.to_string()));
        }
        if self.loss.is_lost() {
            Err(SubmitError::DeviceLost)
        } else {
            Ok(())
        }
    }

    fn poll(&mut self, wait: bool, signals: &mut Vec<Signal<Self>>) {
        if self.loss.is_lost() {
            return;
        }
        let poll_type = if wait {
            PollType::Wait {
                submission_index: None,
                timeout: Some(WAIT),
            }
        } else {
            PollType::Poll
        };
        // wgpu panics where the device turns out to be lost during the poll.
        let status = catch_unwind(AssertUnwindSafe(|| self.device.poll(poll_type)));
        if status.is_err() {
            self.loss.report("the device failed while it was polled");
        }
        for news in self.inbox.take() {
            let signal = match news {
                News::Done(id) => Some(Signal::Done(id)),
                News::Slot(id, is_mapped) => self.slot_mapped(id, is_mapped),
                News::Read(id, is_mapped) => self.read_mapped(id, is_mapped),
                News::Error(message) => Some(Signal::Error(message)),
            };
            signals.extend(signal);
        }
    }

    fn lost(&self) -> Option<String> {
        self.loss.reason()
    }
}
