//! What was recorded goes to the queue: the engine's own transfers in one batch, and then, in
//! another, the copies from buffers of callers.
//!
//! A caller may have destroyed his buffer, or mapped it, or taken it from another device; then the
//! device refuses the whole batch that reads it. In a batch of their own such copies take nothing
//! else with them, and where that batch is refused each block's are tried by themselves, which
//! tells who is to blame.

use geoheap_gpu_backend::Backend;
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::actor::driver::Driver;
use crate::core::event::Event;
use crate::gpu_bytes::GpuBytes;
use crate::handle::Handle;
#[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
use crate::planted::{self, Bug};

/// A copy from a caller's buffer to a chunk.
#[derive(Debug)]
pub(super) struct Adopted<Buf> {
    pub(super) handle: Handle,
    pub(super) bytes: GpuBytes,
    pub(super) from_offset: ByteOffset,
    pub(super) to: Buf,
    pub(super) to_offset: ByteOffset,
    pub(super) len: ByteLen,
}

impl<B: Backend> Driver<B> {
    pub(super) fn submit(&mut self) -> Event {
        let _span = tracing::trace_span!("submit").entered();
        let complete = !core::mem::take(&mut self.since.transfer_failed);
        let complete = complete || is_planted!(RefusedStagingCounts);
        let refused = Vec::new();
        #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
        if planted::is(Bug::SubmittedLate) && core::mem::take(&mut self.skips_submit) {
            return Event::Submitted {
                ok: complete,
                refused,
            };
        }
        #[cfg(any(geoheap_shuttle, feature = "planted-bugs"))]
        {
            self.skips_submit = true;
        }
        let adopted = core::mem::take(&mut self.adopted);
        let submitted = match self.backend.submit() {
            Ok(_) => Ok(refused),
            Err(error) => Err(error.to_string()),
        };
        let submitted = match submitted {
            Ok(_) if complete && !adopted.is_empty() => self.submit_adopted(&adopted),
            other => other,
        };
        match submitted {
            Ok(refused) => Event::Submitted {
                ok: complete,
                refused,
            },
            Err(message) => {
                if self.backend.is_lost() {
                    // Before anything is called a failure of a block.
                    self.poll_backend();
                } else {
                    self.gpu_error(message);
                }
                Event::Submitted {
                    ok: is_planted!(RefusedSubmitCounts),
                    refused: Vec::new(),
                }
            }
        }
    }

    /// Submits copies from buffers of callers: all at once, or, if that is refused, each block's
    /// by themselves. Returns the blocks whose copies were refused.
    ///
    /// # Errors
    /// The device is lost.
    fn submit_adopted(&mut self, adopted: &[Adopted<B::Buffer>]) -> Result<Vec<Handle>, String> {
        let _span = tracing::trace_span!("adopt", copies = adopted.len()).entered();
        if self.submit_copies(adopted).is_ok() {
            return Ok(Vec::new());
        }
        let mut refused = Vec::new();
        // The pieces of a block lie in one range, so they follow each other in the order of
        // addresses.
        for of_block in adopted.chunk_by(|one, next| one.handle == next.handle) {
            if let Err(message) = self.submit_copies(of_block) {
                if self.backend.is_lost() {
                    return Err(message);
                }
                let handle = of_block[0].handle;
                self.gpu_error(format!("the bytes that {handle} is made of: {message}"));
                refused.push(handle);
            }
        }
        Ok(refused)
    }

    /// Records the copies and submits them. What is recorded before one that is refused goes to
    /// the queue, too: it fills a range that nobody sees, and is written again.
    fn submit_copies(&mut self, copies: &[Adopted<B::Buffer>]) -> Result<(), String> {
        let recorded = copies.iter().try_for_each(|copy| {
            let Some(from) = copy.bytes.buffer::<B::Buffer>() else {
                return Err(String::from("a buffer of another kind of backend"));
            };
            let (at, to, to_offset) = (copy.from_offset, &copy.to, copy.to_offset);
            let copied = self.backend.copy(from, at, to, to_offset, copy.len);
            copied.map_err(|error| error.to_string())
        });
        let submitted = self.backend.submit();
        recorded.and(submitted.map(|_| ()).map_err(|error| error.to_string()))
    }
}
