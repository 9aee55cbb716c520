//! Checking, staging, batching and accounting over any driver: the backend itself.

mod batching;
mod completion;

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::check;
use crate::driver::{CopyCommand, CopySource, CopyTarget, Driver, LeaseRef, Read};
use crate::lease::Charge;
use crate::ring::Ring;
use crate::{
    Backend, BackendEvent, BackendInfo, BufferDesc, CopyError, Counters, CreateError, LeaseError,
    Limits, ReadId, ReleaseId, StageError, StagingConfig, StagingFigures, StagingLease,
    SubmissionId, SubmitError,
};
use batching::OpenBatch;
use completion::Ledger;

/// A backend over driver `D`. [`WgpuBackend`](crate::WgpuBackend) and
/// [`VirtualGpu`](crate::VirtualGpu) are names for two of them.
#[derive(Debug)]
pub struct Transfers<D: Driver> {
    driver: D,
    limits: Limits,
    ring: Ring<D::Slot>,
    open: OpenBatch<D>,
    ledger: Ledger,
    next_read: u64,
    counters: Counters,
}

impl<D: Driver> Transfers<D> {
    /// A backend over `driver`.
    pub fn with_driver(driver: D, staging: &StagingConfig) -> Self {
        let limits = driver.limits();
        Self {
            ring: Ring::new(staging, limits.buffer_bytes_max.get()),
            driver,
            limits,
            open: OpenBatch::new(),
            ledger: Ledger::new(),
            next_read: 0,
            counters: Counters::default(),
        }
    }

    /// The driver, for what only it can do.
    pub fn driver(&self) -> &D {
        &self.driver
    }

    fn check_range(
        &self,
        buffer: &D::Buffer,
        offset: ByteOffset,
        len: ByteLen,
    ) -> Result<(), check::RangeFault> {
        check::range(
            offset,
            len,
            self.driver.buffer_len(buffer),
            self.limits.copy_align,
        )
    }

    /// Whether `len` bytes can be staged now. Buffers that were made under another limit may fill
    /// the present one further than buffers made anew, so what fits now is never too large.
    fn check_room(&self, len: ByteLen) -> Result<(), StageError> {
        if self.ring.has_upload_room(len.get()) {
            return Ok(());
        }
        let free = ByteLen::new(self.ring.upload_room());
        let (requested, limit) = (len, ByteLen::new(self.ring.upload_bytes_max()));
        Err(if requested > limit {
            StageError::TooLarge { requested, limit }
        } else {
            StageError::Full { requested, free }
        })
    }

    /// Pushes a copy, merged into the one before where it continues it.
    fn record(&mut self, copy: CopyCommand<D>) {
        if self.open.push(&self.driver, copy) {
            self.counters.copies_merged += 1;
        } else {
            self.counters.copies += 1;
        }
    }

    /// Makes and counts one-shot memory of `len` bytes. Idle ring buffers go first, so that the
    /// limit holds at every moment.
    fn lend<T>(
        &mut self,
        len: ByteLen,
        create: impl FnOnce(&mut D) -> Result<T, CreateError>,
    ) -> Result<T, LendFault> {
        self.ring.settle();
        let limit = self
            .ring
            .limit_bytes()
            .min(self.limits.buffer_bytes_max.get());
        if len.get() > limit {
            return Err(LendFault::TooLarge {
                requested: len,
                limit: ByteLen::new(limit),
            });
        }
        let free = self.ring.one_shot_room();
        if len.get() > free {
            return Err(LendFault::Full {
                requested: len,
                free: ByteLen::new(free),
            });
        }
        self.ring.lend(len.get());
        match create(&mut self.driver) {
            Ok(memory) => {
                self.counters.staging_created += 1;
                Ok(memory)
            }
            Err(error) => {
                self.ring.take_back(len.get());
                Err(LendFault::Create(error))
            }
        }
    }
}

/// Why one-shot staging memory is not to be had.
enum LendFault {
    TooLarge { requested: ByteLen, limit: ByteLen },
    Full { requested: ByteLen, free: ByteLen },
    Create(CreateError),
}

impl From<LendFault> for StageError {
    fn from(fault: LendFault) -> Self {
        match fault {
            LendFault::TooLarge { requested, limit } => Self::TooLarge { requested, limit },
            LendFault::Full { requested, free } => Self::Full { requested, free },
            LendFault::Create(error) => error.into(),
        }
    }
}

impl From<LendFault> for LeaseError {
    fn from(fault: LendFault) -> Self {
        match fault {
            LendFault::TooLarge { requested, limit } => Self::TooLarge { requested, limit },
            LendFault::Full { requested, free } => Self::Full { requested, free },
            LendFault::Create(error) => error.into(),
        }
    }
}

impl<D: Driver> Backend for Transfers<D> {
    type Buffer = D::Buffer;

    fn info(&self) -> BackendInfo {
        self.driver.info()
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn create_buffer(&mut self, desc: &BufferDesc<'_>) -> Result<D::Buffer, CreateError> {
        let (len, max) = (desc.len, self.limits.buffer_bytes_max);
        let align = self.limits.copy_align;
        if self.is_lost() {
            return Err(CreateError::DeviceLost);
        }
        if len.get() == 0 {
            return Err(CreateError::ZeroSize);
        }
        if !len.get().is_multiple_of(align.get()) {
            return Err(CreateError::Misaligned { len, align });
        }
        if len > max {
            return Err(CreateError::TooLarge {
                requested: len,
                max,
            });
        }
        let buffer = self.driver.create_buffer(desc)?;
        self.open.clears.push(buffer.clone());
        self.counters.buffers_created += 1;
        Ok(buffer)
    }

    fn buffer_len(&self, buffer: &D::Buffer) -> ByteLen {
        self.driver.buffer_len(buffer)
    }

    fn release_buffer(&mut self, buffer: D::Buffer, bytes: ByteLen) -> ReleaseId {
        // Zeroing a buffer that is already given up would only keep it alive.
        let driver = &self.driver;
        self.open
            .clears
            .retain(|new| !driver.same_buffer(new, &buffer));
        drop(buffer);
        self.ledger.release(bytes)
    }

    fn staging(&self) -> StagingFigures {
        self.ring.figures()
    }

    fn set_staging_limit(&mut self, limit: ByteLen) {
        self.ring.set_limit(limit.get());
    }

    fn lease(&mut self, len: ByteLen) -> Result<StagingLease, LeaseError> {
        let align = self.limits.copy_align;
        if self.is_lost() {
            return Err(LeaseError::DeviceLost);
        }
        if len.get() == 0 {
            return Err(LeaseError::ZeroSize);
        }
        if !len.get().is_multiple_of(align.get()) {
            return Err(LeaseError::Misaligned { len, align });
        }
        let memory = self.lend(len, |driver| driver.create_lease(len))?;
        let charge = Charge::new(Some(memory.source), len.get(), self.ring.account());
        Ok(StagingLease::new(memory.writer, charge))
    }

    fn upload(
        &mut self,
        dst: &D::Buffer,
        offset: ByteOffset,
        bytes: &[u8],
    ) -> Result<(), StageError> {
        let len = ByteLen::new(bytes.len() as u64);
        if self.is_lost() {
            return Err(StageError::DeviceLost);
        }
        self.check_range(dst, offset, len)?;
        self.ring.settle();
        self.check_room(len)?;
        let (driver, created) = (&mut self.driver, &mut self.counters.staging_created);
        self.ring.ensure(len.get(), |id, capacity| {
            let slot = driver.create_slot(id, capacity)?;
            *created += 1;
            Ok::<_, CreateError>(slot)
        })?;
        let (mut rest, mut at) = (bytes, offset.get());
        while !rest.is_empty() {
            let stretch = self.ring.stretch(rest.len() as u64);
            let count = usize::try_from(stretch.len).expect("a stretch is no longer than a slice");
            let (piece, after) = rest.split_at(count);
            self.driver
                .write_slot(stretch.memory, stretch.offset, piece);
            let copy = CopyCommand {
                src: CopySource::Slot(stretch.slot),
                src_offset: stretch.offset,
                dst: CopyTarget::Buffer(dst.clone()),
                dst_offset: at,
                len: stretch.len,
            };
            at += copy.len;
            rest = after;
            self.record(copy);
        }
        self.counters.upload_bytes += len.get();
        Ok(())
    }

    fn upload_leased(
        &mut self,
        dst: &D::Buffer,
        offset: ByteOffset,
        lease: &mut StagingLease,
        from: u64,
        len: ByteLen,
    ) -> Result<(), StageError> {
        if self.is_lost() {
            return Err(StageError::DeviceLost);
        }
        if !lease.charge().belongs_to(self.ring.account()) {
            return Err(StageError::ForeignLease);
        }
        check::range(
            ByteOffset::new(from),
            len,
            lease.len(),
            self.limits.copy_align,
        )?;
        self.check_range(dst, offset, len)?;
        if len.get() == 0 {
            return Ok(());
        }
        lease.seal();
        self.record(CopyCommand {
            src: CopySource::Lease(LeaseRef(lease.charge().clone())),
            src_offset: from,
            dst: CopyTarget::Buffer(dst.clone()),
            dst_offset: offset.get(),
            len: len.get(),
        });
        self.counters.upload_bytes += len.get();
        Ok(())
    }

    fn copy(
        &mut self,
        src: &D::Buffer,
        src_offset: ByteOffset,
        dst: &D::Buffer,
        dst_offset: ByteOffset,
        len: ByteLen,
    ) -> Result<(), CopyError> {
        if self.is_lost() {
            return Err(CopyError::DeviceLost);
        }
        if self.driver.same_buffer(src, dst) {
            return Err(CopyError::SameBuffer);
        }
        self.check_range(src, src_offset, len)?;
        self.check_range(dst, dst_offset, len)?;
        if len.get() > 0 {
            self.record(CopyCommand {
                src: CopySource::Buffer(src.clone()),
                src_offset: src_offset.get(),
                dst: CopyTarget::Buffer(dst.clone()),
                dst_offset: dst_offset.get(),
                len: len.get(),
            });
            self.counters.copied_bytes += len.get();
        }
        Ok(())
    }

    fn read_back(
        &mut self,
        src: &D::Buffer,
        offset: ByteOffset,
        len: ByteLen,
    ) -> Result<ReadId, StageError> {
        if self.is_lost() {
            return Err(StageError::DeviceLost);
        }
        self.check_range(src, offset, len)?;
        let id = ReadId(self.next_read);
        if len.get() == 0 {
            self.next_read += 1;
            self.ledger.announce(BackendEvent::ReadBack {
                id,
                bytes: Vec::new(),
            });
            return Ok(id);
        }
        let memory = self.lend(len, |driver| driver.create_read_back(len))?;
        self.next_read += 1;
        let index = self.open.reads.len();
        self.open.reads.push(Read { id, memory });
        self.open
            .charges
            .push(Charge::new(None, len.get(), self.ring.account()));
        self.record(CopyCommand {
            src: CopySource::Buffer(src.clone()),
            src_offset: offset.get(),
            dst: CopyTarget::Read(index),
            dst_offset: 0,
            len: len.get(),
        });
        self.counters.read_bytes += len.get();
        Ok(id)
    }

    fn submit(&mut self) -> Result<Option<SubmissionId>, SubmitError> {
        if self.is_lost() {
            return Err(SubmitError::DeviceLost);
        }
        if self.open.is_empty() {
            return Ok(None);
        }
        let slots = self.ring.close();
        let (batch, held) = core::mem::replace(&mut self.open, OpenBatch::new()).close(slots);
        let slot_ids: Vec<_> = batch.slots.iter().map(|(slot, _)| *slot).collect();
        let id = self.ledger.next_submission();
        match self.driver.execute(id, batch) {
            Ok(()) => {
                self.counters.submits += 1;
                self.ledger.submitted(held);
                Ok(Some(id))
            }
            Err(error) => {
                self.ledger.refused();
                for slot in slot_ids {
                    self.ring.give_back(slot, None);
                }
                for (read, _) in held.reads {
                    self.ledger.announce(BackendEvent::ReadFailed { id: read });
                }
                if let SubmitError::Refused { message } = &error {
                    self.counters.errors += 1;
                    self.ledger.announce(BackendEvent::Error {
                        message: message.clone(),
                    });
                }
                Err(error)
            }
        }
    }

    fn poll(&mut self, events: &mut Vec<BackendEvent>) {
        self.observe(false);
        self.ring.age();
        self.ledger.take_events(events);
    }

    fn wait_idle(&mut self, polls_max: u32) -> bool {
        (0..polls_max).any(|_| self.observe(true) || self.is_lost())
    }

    fn is_lost(&self) -> bool {
        self.driver.lost().is_some()
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
