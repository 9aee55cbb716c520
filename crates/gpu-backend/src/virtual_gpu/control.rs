//! The handle with which a test steers a virtual GPU and looks into it.

use core::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use geoheap_suballoc::ByteLen;

use super::VirtualBuffer;
use super::VirtualContents;
use super::device::{Device, lock};
use super::memory::{Account, Bytes};
use super::work::{Outcome, Poison, Work};
use crate::CreateError;

/// Steers a virtual GPU from any thread: faults, stalls, loss, and a look at the bytes.
#[derive(Clone, Debug)]
pub struct VirtualControl {
    device: Arc<Mutex<Device>>,
    account: Arc<Account>,
    contents: VirtualContents,
}

/// A range of a buffer that queued work reads, as a draw does.
#[derive(Clone, Debug)]
pub struct VirtualRead {
    /// The buffer.
    pub buffer: VirtualBuffer,
    /// Its bytes; ends beyond the buffer are cut off.
    pub range: Range<u64>,
}

impl VirtualRead {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Range { start, end } = cut(&self.range, &self.buffer);
        self.buffer.with(|bytes| bytes.read(start, end - start))
    }
}

/// The part of a range that lies in the buffer; never backwards.
fn cut(range: &Range<u64>, buffer: &VirtualBuffer) -> Range<u64> {
    let len = buffer.len().get();
    let start = range.start.min(len);
    start..range.end.clamp(start, len)
}

impl VirtualControl {
    pub(super) fn new(
        device: Arc<Mutex<Device>>,
        account: Arc<Account>,
        contents: VirtualContents,
    ) -> Self {
        Self {
            device,
            account,
            contents,
        }
    }

    /// A buffer of the program's own with `bytes` in it, beside those that the backend makes, as
    /// one would be that a shader has written.
    ///
    /// # Errors
    /// [`CreateError::ZeroSize`], or [`CreateError::OutOfMemory`] if the device has no memory for
    /// it.
    pub fn make_buffer(&self, label: &str, bytes: &[u8]) -> Result<VirtualBuffer, CreateError> {
        if bytes.is_empty() {
            return Err(CreateError::ZeroSize);
        }
        let id = {
            let mut device = lock(&self.device);
            device.next_buffer += 1;
            device.next_buffer
        };
        let len = ByteLen::new(bytes.len() as u64);
        let mut memory = Bytes::buffer(len, 0, self.contents, &self.account)?;
        memory.write(0, bytes);
        Ok(VirtualBuffer::new(id, label, memory))
    }

    /// The `n`-th buffer creation from now fails for want of memory; 1 is the next. Several may
    /// be planted.
    pub fn fail_creation(&self, n: u64) {
        lock(&self.device).creation_faults.plant(n);
    }

    /// Buffers that were asked for so far, whether or not they were made; staging is apart.
    pub fn creations(&self) -> u64 {
        lock(&self.device).creation_faults.calls()
    }

    /// As [`creations`](Self::creations), for staging: ring, leases and read-backs.
    pub fn staging_creations(&self) -> u64 {
        lock(&self.device).staging_faults.calls()
    }

    /// As [`fail_creation`](Self::fail_creation), for staging: ring, leases and read-backs.
    pub fn fail_staging(&self, n: u64) {
        lock(&self.device).staging_faults.plant(n);
    }

    /// The `n`-th submit from now is refused.
    pub fn fail_submit(&self, n: u64) {
        lock(&self.device).submit_faults.plant(n);
    }

    /// The bytes of `range`, as the work executed so far has left them. Ends beyond the buffer
    /// are cut off.
    pub fn read(&self, buffer: &VirtualBuffer, range: Range<u64>) -> Vec<u8> {
        VirtualRead {
            buffer: buffer.clone(),
            range,
        }
        .bytes()
    }

    /// Calls `look` with the bytes of `range`, as the work executed so far has left them, without
    /// a copy where bytes are kept; `None` where the range ends beyond the buffer, or where only
    /// stamps are kept. `look` must not read the buffer again.
    pub fn look<T>(
        &self,
        buffer: &VirtualBuffer,
        range: Range<u64>,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Option<T> {
        let len = range.end.checked_sub(range.start)?;
        if range.end > buffer.len().get() {
            return None;
        }
        buffer.with(|bytes| bytes.look(range.start, len, look))
    }

    /// Where the bytes of `range` were written from, as the work executed so far has left them:
    /// lengths in order, each with the address of its first byte; 0 for what was never written.
    /// `None` where the range ends beyond the buffer, or where something else is kept.
    pub fn stamps(&self, buffer: &VirtualBuffer, range: Range<u64>) -> Option<Vec<(ByteLen, u64)>> {
        let len = range.end.checked_sub(range.start)?;
        if range.end > buffer.len().get() {
            return None;
        }
        let pieces = buffer.with(|bytes| bytes.stamps(range.start, len))?;
        let pairs = pieces
            .iter()
            .map(|piece| (ByteLen::new(piece.len), piece.first));
        Some(pairs.collect())
    }

    /// Queues reads behind all that was submitted, as a frame queues its draws. When they are
    /// executed, in queue order, `then` is called with the bytes of each; it may hold what must
    /// live until then. If the device is lost first, `then` is dropped without a call.
    pub fn submit_reads(
        &self,
        reads: Vec<VirtualRead>,
        then: impl FnOnce(Vec<Vec<u8>>) + Send + 'static,
    ) {
        let work = Work::Reads {
            reads,
            then: Box::new(then),
            seen: Vec::new(),
        };
        let mut device = lock(&self.device);
        if device.lost.is_none() {
            device.enqueue(work);
        } else {
            // What it holds may use this control when it is dropped.
            drop(device);
            drop(work);
        }
    }

    /// Loses the device and all that is queued; the backend tells at its next poll.
    pub fn lose_device(&self) {
        self.account.lost.store(true, Ordering::Release);
        let wreck = lock(&self.device).lose("the virtual device was lost on demand");
        drop(wreck);
    }

    /// Changes the device's memory, in bytes. What lives above a smaller size stays.
    pub fn set_memory_bytes(&self, memory: ByteLen) {
        self.account.memory.store(memory.get(), Ordering::Release);
    }

    /// Changes the latency of what is submitted from now on, in polls.
    pub fn set_latency_polls(&self, latency_polls: u32) {
        lock(&self.device).set_latency(latency_polls);
    }

    /// While stalled, polls execute nothing and the latency does not run.
    pub fn stall(&self, stalled: bool) {
        lock(&self.device).is_stalled = stalled;
    }

    /// Sets the pace. While manual, a poll executes nothing and its latency counts for nothing:
    /// [`execute`](Self::execute) and [`tell`](Self::tell) do it step by step. A waiting poll, as
    /// at shutdown, still comes to the end of all. Back from manual, the next poll tells what was
    /// left untold.
    pub fn set_manual(&self, manual: bool) {
        lock(&self.device).is_manual = manual;
    }

    /// Executes the next `commands` of the queue, in queue order, and says how many there were.
    /// One clear, one copy, or one read of a [`submit_reads`](Self::submit_reads) is a command;
    /// queued reads of nothing count as one. So a batch can be half executed, also when the device
    /// is lost. The bytes of a read are taken when its command is executed; what it calls is
    /// called with its last one, and may use the control. Meant for the one thread that sets the
    /// pace: two at once would mix the order.
    pub fn execute(&self, commands: usize) -> usize {
        for executed in 0..commands {
            let Some((at, mut work)) = lock(&self.device).take_front() else {
                return executed;
            };
            if !work.step() {
                let lost = lock(&self.device).put_front(at, work);
                drop(lost);
                continue;
            }
            match work.finish() {
                Outcome::Call(then, seen) => then(seen),
                Outcome::Executed(batch) => {
                    // The lock is given back before the poison touches the buffers.
                    let due = {
                        let mut device = lock(&self.device);
                        device.keep_untold(batch);
                        device.batch_executed()
                    };
                    due.iter().for_each(Poison::apply);
                }
            }
        }
        commands
    }

    /// Lets the end of the next `batches` executed ones out to the next poll, in order: their
    /// staging, read-backs and completion. Says of how many.
    pub fn tell(&self, batches: usize) -> usize {
        lock(&self.device).tell(batches)
    }

    /// Commands in the queue that are not yet executed, see [`execute`](Self::execute).
    pub fn queued_commands(&self) -> usize {
        lock(&self.device).queued_commands()
    }

    /// Batches that were executed by [`execute`](Self::execute) and not let out since.
    pub fn untold(&self) -> usize {
        lock(&self.device).untold()
    }

    /// Fills `range` with `word` over and over, little-endian, as soon as the batches that are
    /// queued now were executed; at once if none is. It passes the reads in the queue, and so
    /// shows whoever reads what is no longer his; the batches before may still copy from it. Ends
    /// beyond the buffer are cut off. Where stamps are kept, the word is the stamp of each byte.
    pub fn poison(&self, buffer: &VirtualBuffer, range: Range<u64>, word: u32) {
        let poison = Poison {
            buffer: buffer.clone(),
            range: cut(&range, buffer),
            word,
        };
        // The lock is given back before the poison touches the buffer.
        let due = lock(&self.device).hold_poison(poison);
        if let Some(poison) = due {
            poison.apply();
        }
    }

    /// Bytes of all buffers that live, padding included; those that only queued work holds too.
    pub fn live_buffer_bytes(&self) -> ByteLen {
        ByteLen::new(self.account.buffers.load(Ordering::Acquire))
    }

    /// Bytes of the staging memory that lives.
    pub fn live_staging_bytes(&self) -> ByteLen {
        ByteLen::new(self.account.staging.load(Ordering::Acquire))
    }

    /// The most bytes that lived at once, buffers and staging.
    pub fn peak_bytes(&self) -> ByteLen {
        ByteLen::new(self.account.peak.load(Ordering::Acquire))
    }

    /// Submissions and reads that wait in the queue.
    pub fn queued(&self) -> usize {
        lock(&self.device).queued()
    }
}
