//! Objects of a heap on the GPU that become blocks.

use core::fmt;
use std::sync::Arc;

use geoheap_chunk_heap::KindId;
use geoheap_gpu_bitset::{GpuHeap, Handle as Object, Slot};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::actor::reply::Pending;
use crate::client::Client;
use crate::error::{AddError, RequestError, SendError};
use crate::gpu_bytes::GpuBytesError;
use crate::handle::Handle;
use crate::payload::{BlockDesc, PartData};
use crate::sync::{AtomicU32, Ordering, fence};

const SLOT_BYTES: u64 = size_of::<Slot>() as u64;

/// Objects of a [`GpuHeap`] on their way into blocks of this heap, where they can be evicted and
/// come back, and compaction moves them.
///
/// Only the GPU knows an object's length, so its slot of the handle table is read back first, 64
/// bytes of it. Then a block is added whose parts are copied on the GPU, as by
/// [`Client::adopt`]. A few frames after it began the object has arrived: the program draws the
/// block from then on, and frees the object.
///
/// ```no_run
/// use geoheap::gpu_bitset::{GpuHeap, Handle as Object};
/// use geoheap::{BlockDesc, Client, HandOver, KindId, wgpu};
///
/// # fn frame(
/// #     device: &wgpu::Device, encoder: &mut wgpu::CommandEncoder, client: &Client,
/// #     heap: &GpuHeap, far: Object, over: &mut HandOver,
/// # ) {
/// // With this frame's commands, behind those that made it:
/// let streams = [(KindId::VERTEX, 12), (KindId::INDEX, 4)];
/// over.begin(device, encoder, heap, far, &streams, BlockDesc::new());
///
/// // In each frame:
/// let mut frees = Vec::new();
/// for arrived in over.poll(client, heap) {
///     match arrived.block {
///         Ok(_block) => frees.push(arrived.object), // with the next batch
///         Err(error) => eprintln!("{} stays where it is: {error}", arrived.object.slot),
///     }
/// }
/// # }
/// ```
#[derive(Debug, Default)]
pub struct HandOver {
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    object: Object,
    step: Step,
}

/// How far an object has come.
#[derive(Debug)]
enum Step {
    /// Its slot is being read back.
    Reading(Reading),
    /// The mailbox was full.
    Sending(BlockDesc),
    /// The block is on its way.
    Copying(Handle, Pending<()>),
}

#[derive(Debug)]
struct Reading {
    buffer: wgpu::Buffer,
    /// Shared with the commands' callback for as long as that may be called.
    state: Arc<AtomicU32>,
    streams: Vec<(KindId, u32)>,
    block: BlockDesc,
}

const WAITS: u32 = 0;
const MAPPED: u32 = 1;
const FAILED: u32 = 2;

/// An object that has become a block, or has not.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrived {
    /// The object. It is still in its heap: free it if it is a block now.
    pub object: Object,
    /// The block, which is resident in a published version; or why there is none, with the object
    /// as it was.
    pub block: Result<Handle, HandOverError>,
}

impl HandOver {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins to copy an object into a block: its streams become parts, in their order, of the
    /// kinds and strides in `streams`, behind those parts that `block` has already; streams of no
    /// bytes become none. The commands go to the queue behind those that made the object. No batch
    /// may free it, and no shader write to it, before it has [arrived](Self::poll).
    pub fn begin(
        &mut self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        heap: &GpuHeap,
        object: Object,
        streams: &[(KindId, u32)],
        block: BlockDesc,
    ) {
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("geoheap hand-over"),
            size: SLOT_BYTES,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let state = Arc::new(AtomicU32::new(FAILED));
        // A slot that the table does not have cannot be read.
        if object.slot < heap.shape().slots {
            state.store(WAITS, Ordering::Relaxed);
            let at = u64::from(object.slot) * SLOT_BYTES;
            encoder.copy_buffer_to_buffer(heap.slots(), at, &buffer, 0, SLOT_BYTES);
            let told = Arc::clone(&state);
            encoder.map_buffer_on_submit(&buffer, wgpu::MapMode::Read, .., move |mapped| {
                let now = if mapped.is_ok() { MAPPED } else { FAILED };
                told.store(now, Ordering::Release);
            });
        }
        self.waiting.push(Waiting {
            object,
            step: Step::Reading(Reading {
                buffer,
                state,
                streams: streams.to_vec(),
                block,
            }),
        });
    }

    /// Brings those on their way a step further, and returns those that have come, or will not.
    /// To be asked once a frame; what is submitted after its answer runs after the copies.
    pub fn poll(&mut self, client: &Client, heap: &GpuHeap) -> Vec<Arrived> {
        let mut arrived = Vec::new();
        for Waiting { object, step } in core::mem::take(&mut self.waiting) {
            match advance(object, step, client, heap) {
                Ok(Ok(step)) => self.waiting.push(Waiting { object, step }),
                Ok(Err(block)) => arrived.push(Arrived {
                    object,
                    block: Ok(block),
                }),
                Err(error) => arrived.push(Arrived {
                    object,
                    block: Err(error),
                }),
            }
        }
        arrived
    }

    /// How many are on their way.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none is on its way.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// One step: the next one, or the block if it is there.
fn advance(
    object: Object,
    step: Step,
    client: &Client,
    heap: &GpuHeap,
) -> Result<Result<Step, Handle>, HandOverError> {
    match step {
        Step::Reading(reading) => {
            let is_alone = Arc::strong_count(&reading.state) == 1;
            // What the other has stored before it went is seen by the load.
            fence(Ordering::Acquire);
            let state = reading.state.load(Ordering::Acquire);
            if state == MAPPED {
                let block = describe(object, reading, client, heap)?;
                send(block, client)
            } else if state == FAILED || is_alone {
                Err(HandOverError::Unread)
            } else {
                Ok(Ok(Step::Reading(reading)))
            }
        }
        Step::Sending(block) => send(block, client),
        Step::Copying(block, mut there) => match there.try_take() {
            None => Ok(Ok(Step::Copying(block, there))),
            Some(Ok(())) => Ok(Err(block)),
            Some(Err(error)) => Err(HandOverError::Block { block, error }),
        },
    }
}

/// The block of an object whose slot has been read.
fn describe(
    object: Object,
    reading: Reading,
    client: &Client,
    heap: &GpuHeap,
) -> Result<BlockDesc, HandOverError> {
    let Reading {
        buffer,
        streams,
        mut block,
        ..
    } = reading;
    let (given, has) = (streams.len(), heap.shape().streams);
    if given > has as usize {
        return Err(HandOverError::Streams {
            given,
            streams: has,
        });
    }
    let view = buffer.get_mapped_range(..);
    let view = view.map_err(|_| HandOverError::Unread)?;
    let slot = bytemuck::pod_read_unaligned::<Slot>(&view);
    if slot.generation != object.generation || slot.flags & Slot::LIVE == 0 {
        return Err(HandOverError::Gone);
    }
    for (stream, (kind, stride)) in streams.into_iter().enumerate() {
        let Some(place) = heap.place(&slot, stream) else {
            continue;
        };
        let (at, len) = (ByteOffset::new(place.offset), ByteLen::new(place.bytes));
        let bytes = client.gpu_bytes(place.buffer.clone(), at, len);
        let bytes = bytes.map_err(|error| HandOverError::Bytes { stream, error })?;
        block = block.part(PartData::on_gpu(kind, stride, bytes));
    }
    Ok(block)
}

fn send(block: BlockDesc, client: &Client) -> Result<Result<Step, Handle>, HandOverError> {
    match client.try_adopt(block) {
        Ok((block, there)) => Ok(Ok(Step::Copying(block, there))),
        Err(refused) => match refused.error {
            AddError::Send(SendError::MailboxFull { .. }) => Ok(Ok(Step::Sending(*refused.item))),
            error => Err(HandOverError::Add(error)),
        },
    }
}

/// Why an object did not become a block. It is as it was.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum HandOverError {
    /// There is no such object: it was freed, or not placed.
    Gone,
    /// Its slot was not read back: the handle table has no such slot, the commands were dropped
    /// unsubmitted, or the device was lost.
    Unread,
    /// Kinds of more streams than the heap's objects have.
    Streams {
        /// Kinds given.
        given: usize,
        /// Streams of the heap.
        streams: u32,
    },
    /// The bytes of a stream cannot be handed over.
    Bytes {
        /// The stream.
        stream: usize,
        /// Why not.
        error: GpuBytesError,
    },
    /// The block was not added.
    Add(AddError),
    /// The block was added, and its contents did not come. It is there to be removed, or to get
    /// other contents.
    Block {
        /// The block.
        block: Handle,
        /// What happened.
        error: RequestError,
    },
}

impl fmt::Display for HandOverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("there is no such object"),
            Self::Unread => f.write_str("the object's slot was not read back"),
            Self::Streams { given, streams } => {
                write!(
                    f,
                    "kinds of {given} streams; an object of the heap has {streams}"
                )
            }
            Self::Bytes { stream, error } => write!(f, "stream {stream}: {error}"),
            Self::Add(error) => write!(f, "{error}"),
            Self::Block { block, error } => write!(f, "block {block}: {error}"),
        }
    }
}

impl std::error::Error for HandOverError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Gone | Self::Unread | Self::Streams { .. } => None,
            Self::Bytes { error, .. } => Some(error),
            Self::Add(error) => Some(error),
            Self::Block { error, .. } => Some(error),
        }
    }
}
