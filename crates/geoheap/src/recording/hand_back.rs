//! Blocks that become objects of a heap on the GPU.

use core::fmt;
use std::collections::VecDeque;

use geoheap_chunk_heap::PartId;
use geoheap_gpu_bitset::mirror::Applied;
use geoheap_gpu_bitset::records::STREAMS_MAX;
use geoheap_gpu_bitset::{GpuHeap, Handle as Object, Outcome, Request, Status};
use geoheap_suballoc::ByteLen;

use crate::client::Client;
use crate::config::WORD_BYTES;
use crate::handle::Handle;
use crate::ticket::FrameTicket;

/// What the sources of a heap on the GPU begin at, in bytes.
const SOURCE_ALIGN: u64 = 16;

/// Blocks on their way into objects of a [`GpuHeap`], where shaders free them and write into them.
///
/// A block lies in its chunk as its strides want it, and the heap reads its sources at multiples
/// of 16 bytes. So a block's parts are first copied into a buffer of this, and from there by the
/// batch. All are commands of the program's: the ticket, which travels with them, keeps the bytes
/// where they are until they have been executed, whatever becomes of the block.
///
/// ```no_run
/// use geoheap::gpu_bitset::{Batch, GpuHeap, List, Mirror, Request};
/// use geoheap::{Client, FrameTicket, HandBack, Handle, wgpu};
///
/// # fn frame(
/// #     device: &wgpu::Device, encoder: &mut wgpu::CommandEncoder, client: &Client,
/// #     ticket: &FrameTicket<wgpu::Buffer>, near: Handle,
/// #     heap: &mut GpuHeap, mirror: &mut Mirror, back: &mut HandBack,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let parts: Vec<_> = ticket.parts(near).collect();
/// back.copy(encoder, ticket, near, &parts, Request { slot: 7, ..Request::default() })?;
/// // As many as there is room for, then one batch, whose first requests are these.
/// let sources = back.sources(heap);
/// let requests = List::Known(back.requests());
/// let batch = Batch { requests, sources: &sources, ..Batch::default() };
/// if let Err(error) = heap.record(device, encoder, &batch) {
///     // Without a batch the copies have to be forgotten, or submitted with the next.
///     back.forget();
///     return Err(error.into());
/// }
/// let mirrored = mirror.record(device, encoder, heap, &batch);
/// back.recorded(heap);
/// mirrored?;
///
/// // In later frames:
/// while let Some(applied) = mirror.apply_next() {
///     for returned in back.applied(client, &applied) {
///         // Without room the block has stayed.
///         println!("{}: {:?}", returned.block, returned.object);
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct HandBack {
    between: wgpu::Buffer,
    /// Streams of the heap.
    streams: u32,
    filled: u64,
    requests: Vec<Request>,
    blocks: Vec<Handle>,
    batches: VecDeque<Batch>,
}

/// Blocks whose batch was recorded.
#[derive(Debug)]
struct Batch {
    epoch: u32,
    runs_each: usize,
    blocks: Vec<Handle>,
}

/// A block that was to become an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// The block. It was removed if there is an object now.
    pub block: Handle,
    /// The object.
    pub object: Result<Object, NoObject>,
}

/// Why a block became no object. It is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoObject {
    /// No free run of the heap is long enough.
    NoSpace,
    /// The request was wrong: its slot is taken, or it is longer than the heap.
    Invalid,
    /// The batch was not read back, so nobody knows: look for the object in the mirror.
    Unread,
}

impl HandBack {
    /// Into objects of this heap, with room for so many bytes of blocks in one batch.
    pub fn new(device: &wgpu::Device, heap: &GpuHeap, bytes: ByteLen) -> Self {
        let size = bytes.get().max(SOURCE_ALIGN).next_multiple_of(SOURCE_ALIGN);
        Self {
            between: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("geoheap hand-back"),
                size,
                usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            streams: heap.shape().streams,
            filled: 0,
            requests: Vec::new(),
            blocks: Vec::new(),
            batches: VecDeque::new(),
        }
    }

    /// Records the copy of a block's parts out of its chunk, one for each stream, and lists the
    /// request for them: slot, priority and flags are those of `request`. Lengths are rounded up
    /// to words, as those of the heap are.
    ///
    /// The bytes are those of the ticket's version: what is sent for the block later does not come
    /// along. The block counts as used by the ticket's frame.
    ///
    /// Where the commands are not submitted after all, call [`HandBack::forget`].
    ///
    /// # Errors
    /// [`HandBackError`]; nothing was recorded.
    pub fn copy(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        ticket: &FrameTicket<wgpu::Buffer>,
        block: Handle,
        parts: &[PartId],
        request: Request,
    ) -> Result<(), HandBackError> {
        let mut request = Request {
            bytes: [0; STREAMS_MAX],
            source_offsets: [0; STREAMS_MAX],
            ..request
        };
        let (given, streams) = (parts.len(), self.streams);
        if given > streams as usize {
            return Err(HandBackError::Streams { given, streams });
        }
        if given == 0 {
            return Err(HandBackError::NoParts { block });
        }
        let room = self.between.size();
        let mut end = self.filled;
        let mut copies = Vec::with_capacity(parts.len());
        for (stream, part) in parts.iter().enumerate() {
            let view = ticket.part(block, *part);
            let view = view.ok_or(HandBackError::NotResident { block, part: *part })?;
            let bytes = view.len().get().next_multiple_of(WORD_BYTES);
            let at = end;
            end = (at + bytes).next_multiple_of(SOURCE_ALIGN);
            let both = (u32::try_from(bytes), u32::try_from(at));
            let (true, (Ok(words), Ok(offset))) = (end <= room, both) else {
                let requested = ByteLen::new(end - self.filled);
                let free = ByteLen::new(room - self.filled);
                return Err(HandBackError::Full { requested, free });
            };
            request.bytes[stream] = words;
            request.source_offsets[stream] = offset;
            copies.push((view, at, bytes));
        }
        ticket.in_flight().attach(encoder);
        for (view, at, bytes) in copies {
            let (chunk, from) = (view.buffer(), view.offset().get());
            encoder.copy_buffer_to_buffer(chunk, from, &self.between, at, bytes);
        }
        self.filled = end;
        self.requests.push(request);
        self.blocks.push(block);
        Ok(())
    }

    /// The commands since the last batch are not submitted: its blocks stay what they are. Without
    /// this the next batch would make objects of bytes that were never copied.
    pub fn forget(&mut self) {
        self.filled = 0;
        self.requests.clear();
        self.blocks.clear();
    }

    /// The requests for what was copied since the last batch. They have to be the first of the
    /// batch's.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// What the batch copies from: one source for each stream of the heap.
    pub fn sources(&self, heap: &GpuHeap) -> Vec<Option<&wgpu::Buffer>> {
        vec![Some(&self.between); heap.shape().streams as usize]
    }

    /// The heap has recorded the batch with these requests, with the same encoder or one that is
    /// submitted later. What is copied from now on is for the next batch.
    pub fn recorded(&mut self, heap: &GpuHeap) {
        self.filled = 0;
        self.requests.clear();
        self.batches.push_back(Batch {
            epoch: heap.epoch(),
            runs_each: heap.shape().runs_each(),
            blocks: core::mem::take(&mut self.blocks),
        });
    }

    /// What became of the blocks of a batch that the mirror has applied. Those that are objects
    /// now are removed.
    pub fn applied(&mut self, client: &Client, applied: &Applied) -> Vec<Returned> {
        let mut returned = Vec::new();
        let epoch = applied.header.epoch;
        // Epochs go round.
        let is_due = |batch: &Batch| epoch.wrapping_sub(batch.epoch) <= u32::MAX / 2;
        while self.batches.front().is_some_and(is_due)
            && let Some(batch) = self.batches.pop_front()
        {
            let mut outcomes = applied.outcomes.chunks(batch.runs_each);
            for block in batch.blocks {
                let outcome = outcomes.next().filter(|_| batch.epoch == epoch);
                let object = outcome.map_or(Err(NoObject::Unread), object_of);
                if object.is_ok() {
                    // A heap that was shut down has no block left to remove.
                    let _ = client.remove_unweighed(block);
                }
                returned.push(Returned { block, object });
            }
        }
        returned
    }
}

/// The object that a request's runs are of, if they are all there.
fn object_of(runs: &[Outcome]) -> Result<Object, NoObject> {
    let is = |status| runs.iter().any(|run| run.status() == status);
    let first = runs.first().ok_or(NoObject::Unread)?;
    if is(Status::Invalid) {
        Err(NoObject::Invalid)
    } else if is(Status::NoSpace) {
        Err(NoObject::NoSpace)
    } else if !is(Status::Ok) {
        // Nothing of nothing: the block has more.
        Err(NoObject::Invalid)
    } else {
        Ok(Object {
            slot: first.slot(),
            generation: first.generation,
        })
    }
}

/// Why a block cannot become an object now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandBackError {
    /// The block is not resident in the ticket's version, or has no such part. Ask for
    /// [`Client::resident`], and pin it meanwhile.
    NotResident {
        /// The block.
        block: Handle,
        /// The part.
        part: PartId,
    },
    /// More parts than the heap's objects have streams.
    Streams {
        /// Parts given.
        given: usize,
        /// Streams of the heap.
        streams: u32,
    },
    /// No parts: those of a block that is not resident in the ticket's version are none.
    NoParts {
        /// The block.
        block: Handle,
    },
    /// There is no room for it beside what the next batch has already.
    Full {
        /// Bytes that it takes.
        requested: ByteLen,
        /// Bytes that are left.
        free: ByteLen,
    },
}

impl fmt::Display for HandBackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotResident { block, part } => {
                write!(f, "{block} has no part {part:?} in this version")
            }
            Self::Streams { given, streams } => {
                write!(
                    f,
                    "{given} parts; an object of the heap has {streams} streams"
                )
            }
            Self::NoParts { block } => {
                write!(
                    f,
                    "no parts of {block} were given; is it resident in this version?"
                )
            }
            Self::Full { requested, free } => write!(
                f,
                "{requested} bytes to hand back, and room for {free} in this batch"
            ),
        }
    }
}

impl std::error::Error for HandBackError {}
