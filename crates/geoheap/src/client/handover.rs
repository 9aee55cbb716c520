//! How geometry that was made on the GPU becomes a block.

use core::any::TypeId;

use geoheap_gpu_backend::SourceBuffer;
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::actor::mailbox::Message;
use crate::actor::reply::{Pending, read_done};
use crate::client::Client;
use crate::config::WORD_BYTES;
use crate::core::event::Request;
use crate::error::{AddError, Refused, SendError};
use crate::gpu_bytes::{GpuBytes, GpuBytesError};
use crate::handle::Handle;
use crate::payload::{BlockDesc, Content};
use crate::sync::Ordering;

impl Client {
    /// Bytes of a buffer of the program's own, to be handed over as the contents of a part:
    /// [`PartData::on_gpu`](crate::PartData::on_gpu). The buffer is one of this heap's device,
    /// with `COPY_SRC`; offset and length are multiples of four. See [`GpuBytes`] for the order in
    /// which things have to be submitted.
    ///
    /// # Errors
    /// [`GpuBytesError`]. That a buffer of wgpu belongs to another device cannot be seen here: the
    /// block that wants it fails ([`FailReason::Transfer`](crate::FailReason::Transfer)).
    pub fn gpu_bytes<S: SourceBuffer>(
        &self,
        buffer: S,
        offset: ByteOffset,
        len: ByteLen,
    ) -> Result<GpuBytes, GpuBytesError> {
        let shared = &self.shared;
        if TypeId::of::<S>() != shared.buffer_type {
            return Err(GpuBytesError::OtherBackend);
        }
        // The count before the look at the loss: one that comes in between is seen by the actor.
        let device = shared.device.load(Ordering::Relaxed);
        if shared.device_lost.load(Ordering::Relaxed) {
            return Err(GpuBytesError::DeviceLost);
        }
        if !buffer.allows_copies() {
            return Err(GpuBytesError::NoCopySource);
        }
        if len == ByteLen::ZERO {
            return Err(GpuBytesError::ZeroSize);
        }
        let is_whole = |bytes: u64| bytes.is_multiple_of(WORD_BYTES);
        if !is_whole(offset.get()) || !is_whole(len.get()) {
            return Err(GpuBytesError::Misaligned { offset, len });
        }
        let bounds = buffer.bytes();
        let end = offset.get().checked_add(len.get());
        if end.is_none_or(|end| end > bounds.get()) {
            return Err(GpuBytesError::OutOfBounds {
                offset,
                len,
                bounds,
            });
        }
        Ok(GpuBytes::new(buffer, offset, len, device))
    }

    /// Adds a block as [`Client::add`] does, and asks as [`Client::resident`] does: for parts whose
    /// bytes lie on the GPU. The answer comes once a published version shows the block, and so all
    /// its copies were submitted. From then on the program draws the block, and what it submits
    /// may free or write over the bytes that it gave.
    ///
    /// Any other answer is that the engine does not read them any more, and that what it read is
    /// nowhere: no room under the budget or on the device, removed before it was there, a lost
    /// device. The bytes are as they were.
    ///
    /// # Errors
    /// As for [`Client::add`]. The answer may be a [`RequestError`](crate::RequestError).
    pub fn adopt(&self, block: BlockDesc) -> Result<(Handle, Pending<()>), AddError> {
        let handle = self.add(block)?;
        Ok((handle, self.await_adopted(handle)?))
    }

    /// As [`Client::adopt`], or gives the block back if the mailbox is full or the block is not
    /// valid.
    ///
    /// # Errors
    /// The block and why it was refused.
    pub fn try_adopt(
        &self,
        block: BlockDesc,
    ) -> Result<(Handle, Pending<()>), Refused<BlockDesc, AddError>> {
        let handle = self.try_add(block)?;
        match self.await_adopted(handle) {
            Ok(there) => Ok((handle, there)),
            // The block went with the manager.
            Err(error) => Err(Refused {
                item: Box::default(),
                error: error.into(),
            }),
        }
    }

    /// Asks for the block, also where the mailbox is full: it was added, and nobody else has its
    /// handle.
    fn await_adopted(&self, handle: Handle) -> Result<Pending<()>, SendError> {
        let id = self.mailbox.reply_id();
        let (sender, there) = Pending::new(read_done);
        let request = Request::AwaitResident { handle, reply: id };
        let message = Message::Request(request, Some((id, sender)));
        self.mailbox.send_unweighed(message)?;
        Ok(there)
    }

    /// Removes a block whose bytes are somewhere else by now, also where the mailbox is full:
    /// whoever says so holds no payload.
    pub(crate) fn remove_unweighed(&self, block: Handle) -> Result<(), SendError> {
        let request = Request::Remove { handle: block };
        self.mailbox.send_unweighed(Message::Request(request, None))
    }

    /// As [`Client::update`], with contents that lie on the GPU. Not for blocks with a retained
    /// source, which have nothing to retain then. [`Client::flush`] tells when they were copied.
    ///
    /// # Errors
    /// As for [`Client::update`].
    pub fn update_on_gpu(&self, handle: Handle, contents: Vec<GpuBytes>) -> Result<(), SendError> {
        let contents = contents.into_iter().map(Content::on_gpu).collect();
        self.send_update(handle, contents, false)
    }
}
