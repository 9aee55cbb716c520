//! A device in memory: the same refusals as wgpu, execution in queue order, late completion, and
//! faults on demand.

mod control;
mod device;
mod memory;
mod pieces;
mod words;
mod work;

use std::sync::{Arc, Mutex};

use geoheap_suballoc::{Align, ByteLen};

pub use control::{VirtualControl, VirtualRead};
pub use memory::{VirtualBuffer, VirtualReadBack, VirtualSlot};

use crate::driver::{Batch, Driver, LeaseMemory, Signal, SlotId};
use crate::{
    BackendInfo, BufferDesc, CreateError, Limits, StagingConfig, SubmissionId, SubmitError,
    Transfers,
};
use device::{Device, lock};
use memory::{Account, Bytes, LeaseBytes};
use work::{Outcome, Poison, Work};

/// What the memory of a virtual GPU keeps of what is written to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VirtualContents {
    /// The bytes.
    #[default]
    Bytes,
    /// Where they came from: for each range the address that its first byte was written from, see
    /// [`VirtualControl::stamps`]. No byte is ever copied, and memory takes as much as there are
    /// pieces in it; read-backs and reads give zeros.
    Stamps,
    /// The bytes, as runs of 32-bit little-endian words that count up by one or stay the same.
    /// Contents made so (word `i` of contents number `b` is `b + i`) take an entry for each piece
    /// instead of a copy, and still each read, look and read-back gives the true bytes. A word
    /// that continues nothing is an entry of its own, so that arbitrary bytes take several times
    /// their size. Copies must be aligned to words.
    Words,
}

/// How a virtual GPU behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtualConfig {
    /// A submission is executed and completes at the poll that is so many polls after it; 0 and 1
    /// both mean the next poll.
    pub latency_polls: u32,
    /// Memory of the device; buffers with their padding, and staging, live in it.
    pub memory_bytes: ByteLen,
    /// What the device accepts.
    pub limits: Limits,
    /// Staging memory.
    pub staging: StagingConfig,
    /// What its memory keeps.
    pub contents: VirtualContents,
}

impl Default for VirtualConfig {
    /// Two polls late, 1 GiB of memory, limits as of a common device, default staging.
    fn default() -> Self {
        let align = |bytes| Align::new(bytes).expect("a positive number");
        Self {
            latency_polls: 2,
            memory_bytes: ByteLen::new(1 << 30),
            limits: Limits {
                buffer_bytes_max: ByteLen::new(256 << 20),
                uniform_align: align(256),
                storage_align: align(256),
                copy_align: align(4),
                vertex_padding: ByteLen::new(4),
                indirect_first_instance: true,
            },
            staging: StagingConfig::default(),
            contents: VirtualContents::Bytes,
        }
    }
}

/// The virtual GPU as a backend.
pub type VirtualGpu = Transfers<VirtualDriver>;

impl Transfers<VirtualDriver> {
    /// A device and the handle that steers it.
    ///
    /// # Panics
    /// If words are kept and copies need not be aligned to them.
    pub fn new(config: &VirtualConfig) -> (VirtualGpu, VirtualControl) {
        let copy_align = config.limits.copy_align.get();
        assert!(
            config.contents != VirtualContents::Words || copy_align.is_multiple_of(pieces::WORD),
            "copies aligned to {copy_align} would cut words"
        );
        let account = Arc::new(Account::new(config.memory_bytes.get()));
        let device = Arc::new(Mutex::new(Device::new(config.latency_polls)));
        let control =
            VirtualControl::new(Arc::clone(&device), Arc::clone(&account), config.contents);
        let driver = VirtualDriver {
            device,
            account,
            limits: config.limits,
            contents: config.contents,
        };
        (Self::with_driver(driver, &config.staging), control)
    }
}

/// Executes batches in memory.
#[derive(Debug)]
pub struct VirtualDriver {
    device: Arc<Mutex<Device>>,
    account: Arc<Account>,
    limits: Limits,
    contents: VirtualContents,
}

impl VirtualDriver {
    /// Memory for staging of any sort, unless a fault is due or there is none.
    fn staging(&mut self, len: ByteLen) -> Result<Bytes, CreateError> {
        if lock(&self.device).staging_faults.is_due() {
            return Err(CreateError::OutOfMemory { requested: len });
        }
        Bytes::staging(len, self.contents, &self.account)
    }
}

impl Driver for VirtualDriver {
    type Buffer = VirtualBuffer;
    type Slot = VirtualSlot;
    type ReadBack = VirtualReadBack;

    fn info(&self) -> BackendInfo {
        BackendInfo {
            name: "virtual GPU".to_owned(),
            kind: "virtual",
        }
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn create_buffer(&mut self, desc: &BufferDesc<'_>) -> Result<VirtualBuffer, CreateError> {
        let id = {
            let mut device = lock(&self.device);
            if device.creation_faults.is_due() {
                return Err(CreateError::OutOfMemory {
                    requested: desc.len,
                });
            }
            device.next_buffer += 1;
            device.next_buffer
        };
        let padding = self.limits.vertex_padding.get();
        let bytes = Bytes::buffer(desc.len, padding, self.contents, &self.account)?;
        Ok(VirtualBuffer::new(id, desc.label, bytes))
    }

    fn buffer_len(&self, buffer: &VirtualBuffer) -> ByteLen {
        buffer.len()
    }

    fn same_buffer(&self, a: &VirtualBuffer, b: &VirtualBuffer) -> bool {
        a == b
    }

    fn create_slot(&mut self, _id: SlotId, len: ByteLen) -> Result<VirtualSlot, CreateError> {
        Ok(VirtualSlot(self.staging(len)?))
    }

    fn write_slot(&mut self, slot: &mut VirtualSlot, offset: u64, bytes: &[u8]) {
        slot.0.write(offset, bytes);
    }

    fn create_lease(&mut self, len: ByteLen) -> Result<LeaseMemory, CreateError> {
        let bytes = LeaseBytes(Arc::new(Mutex::new(self.staging(len)?)));
        Ok(LeaseMemory {
            writer: Box::new(bytes.clone()),
            source: Box::new(bytes),
        })
    }

    fn create_read_back(&mut self, len: ByteLen) -> Result<VirtualReadBack, CreateError> {
        Ok(VirtualReadBack(self.staging(len)?))
    }

    fn execute(&mut self, id: SubmissionId, batch: Batch<Self>) -> Result<(), SubmitError> {
        let mut device = lock(&self.device);
        if device.submit_faults.is_due() {
            let message = "a planted fault".to_owned();
            return Err(SubmitError::Refused { message });
        }
        device.enqueue(Work::Batch {
            id,
            batch,
            executed: 0,
        });
        Ok(())
    }

    fn poll(&mut self, wait: bool, signals: &mut Vec<Signal<Self>>) {
        let (told, due) = lock(&self.device).advance(wait);
        for executed in told {
            executed.tell(signals);
        }
        // Executed without the lock, so that what a read calls may use the control.
        for work in due {
            match work.run() {
                Outcome::Executed(batch) => {
                    batch.tell(signals);
                    let due = lock(&self.device).batch_executed();
                    due.iter().for_each(Poison::apply);
                }
                Outcome::Call(then, seen) => then(seen),
            }
        }
    }

    fn lost(&self) -> Option<String> {
        lock(&self.device).lost.clone()
    }
}
