//! What a batch is told, and what can be wrong with it.

use wgpu::{Buffer, BufferUsages};

use crate::error::BatchError;
use crate::heap::GpuHeap;
use crate::records::{FLIPS_MAX, Flip, Handle, Request};

/// Frees or requests of a batch.
#[derive(Clone, Copy, Debug)]
pub enum List<'a, T> {
    /// The CPU has them.
    Known(&'a [T]),
    /// Shaders have written them, one after the other from the buffer's beginning.
    OnGpu {
        /// Where they are. Needs `STORAGE`.
        items: &'a Buffer,
        /// Where their number is, a `u32`. Needs `COPY_SRC`.
        count: &'a Buffer,
        /// Its place in that buffer, in bytes, a multiple of 4.
        count_offset: u64,
        /// The most that there may be; what a larger number says beyond that is ignored.
        items_max: u32,
    },
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self::Known(&[])
    }
}

impl<T> List<'_, T> {
    pub(crate) fn most(&self) -> usize {
        match self {
            Self::Known(items) => items.len(),
            Self::OnGpu { items_max, .. } => *items_max as usize,
        }
    }
}

/// What a batch shall do: all frees, then all requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    /// Objects to free.
    pub frees: List<'a, Handle>,
    /// Objects that want memory.
    pub requests: List<'a, Request>,
    /// Where the bytes of each stream are copied from; needs `STORAGE`. Without one nothing is
    /// copied, and the requests' source offsets mean nothing.
    pub sources: &'a [Option<&'a Buffer>],
    /// Objects to show and to hide, after all else; those that the requests have just made may
    /// be among them. All of them change at once, for whatever is recorded after the batch.
    pub flips: List<'a, Flip>,
    /// Whether the flips depend on the requests.
    pub flip_if: FlipIf,
    /// How a batch of one request is carried out.
    pub path: Path,
}

/// When a batch's flips take place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlipIf {
    /// If none of its requests was without room or refused, so that what replaces something is
    /// there before that is hidden.
    #[default]
    AllPlaced,
    /// Whatever became of them.
    Always,
}

/// How a batch of one request, at most, and no free is carried out. Its outcome is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Path {
    /// In one dispatch beside the copy. Heaps of separate streams take the passes all the same,
    /// and those of more than 32 768 units for each invocation of a workgroup.
    #[default]
    Short,
    /// In the passes of every other batch.
    Passes,
}

impl GpuHeap {
    pub(super) fn check(&self, device: &wgpu::Device, batch: &Batch<'_>) -> Result<(), BatchError> {
        let (frees, requests) = (batch.frees.most(), batch.requests.most());
        if frees > self.frees_max as usize {
            return Err(BatchError::Frees {
                frees,
                frees_max: self.frees_max,
            });
        }
        if requests > self.requests_max as usize {
            return Err(BatchError::Requests {
                requests,
                requests_max: self.requests_max,
            });
        }
        let flips = batch.flips.most();
        if flips > FLIPS_MAX as usize {
            return Err(BatchError::Flips {
                flips,
                flips_max: FLIPS_MAX,
            });
        }
        if batch.sources.len() > self.shape.streams as usize {
            return Err(BatchError::Sources {
                sources: batch.sources.len(),
                streams: self.shape.streams,
            });
        }
        check_list(&batch.frees, "frees")?;
        check_list(&batch.requests, "requests")?;
        check_list(&batch.flips, "flips")?;
        for source in batch.sources.iter().flatten() {
            check_usage(source, "source", BufferUsages::STORAGE)?;
            check_bytes(source, "source", 16, 16)?;
            self.check_bound(device, source, "source")?;
        }
        self.check_items(device, &batch.frees, "frees")?;
        self.check_items(device, &batch.requests, "requests")?;
        self.check_items(device, &batch.flips, "flips")
    }

    fn check_items<T>(
        &self,
        device: &wgpu::Device,
        list: &List<'_, T>,
        what: &'static str,
    ) -> Result<(), BatchError> {
        match list {
            List::Known(_) => Ok(()),
            List::OnGpu { items, .. } => self.check_bound(device, items, what),
        }
    }

    /// A buffer that passes read as a whole, beside those of the heap that they write to.
    fn check_bound(
        &self,
        device: &wgpu::Device,
        buffer: &Buffer,
        what: &'static str,
    ) -> Result<(), BatchError> {
        let (bytes, limit) = (
            buffer.size(),
            device.limits().max_storage_buffer_binding_size,
        );
        if bytes > limit {
            return Err(BatchError::BufferLimit { what, bytes, limit });
        }
        let own = &self.buffers;
        let tables = [&own.bits, &own.slots, &own.state, &own.outcomes];
        let mut all = tables.into_iter().chain(own.permanent.iter().flatten());
        if all.any(|one| one == buffer) {
            return Err(BatchError::OwnBuffer { what });
        }
        Ok(())
    }
}

fn check_list<T>(list: &List<'_, T>, what: &'static str) -> Result<(), BatchError> {
    let List::OnGpu {
        items,
        count,
        count_offset,
        items_max,
    } = list
    else {
        return Ok(());
    };
    check_usage(items, what, BufferUsages::STORAGE)?;
    check_usage(count, what, BufferUsages::COPY_SRC)?;
    let each = size_of::<T>() as u64;
    check_bytes(items, what, u64::from(*items_max).max(1) * each, 4)?;
    let needed = count_offset.saturating_add(4);
    if count.size() < needed || count_offset % 4 != 0 {
        return Err(BatchError::CountOffset {
            what,
            count_offset: *count_offset,
            bytes: count.size(),
        });
    }
    Ok(())
}

fn check_usage(buffer: &Buffer, what: &'static str, usage: BufferUsages) -> Result<(), BatchError> {
    let missing = usage.difference(buffer.usage());
    if missing.is_empty() {
        return Ok(());
    }
    Err(BatchError::BufferUsage { what, missing })
}

fn check_bytes(
    buffer: &Buffer,
    what: &'static str,
    needed: u64,
    multiple_of: u64,
) -> Result<(), BatchError> {
    let bytes = buffer.size();
    if bytes >= needed && bytes.is_multiple_of(multiple_of) {
        return Ok(());
    }
    Err(BatchError::BufferBytes {
        what,
        bytes,
        needed,
        multiple_of,
    })
}
