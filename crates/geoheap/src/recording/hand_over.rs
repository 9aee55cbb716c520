//! Objects of a heap on the GPU that become blocks.

use core::fmt;

use geoheap_gpu_bitset::{GpuHeap, Handle as Object, Mirror};
use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::actor::reply::Pending;
use crate::client::Client;
use crate::error::{AddError, RequestError};
use crate::gpu_bytes::GpuBytesError;
use crate::handle::Handle;
use crate::payload::{BlockDesc, PartData};
use geoheap_chunk_heap::KindId;

/// Objects of a [`GpuHeap`] on their way into blocks of this heap, where they can be evicted and
/// come back, and compaction moves them.
///
/// ```no_run
/// use geoheap::gpu_bitset::{GpuHeap, Handle as Object, Mirror};
/// use geoheap::{BlockDesc, Client, HandOver, KindId};
///
/// # fn frame(
/// #     client: &Client, heap: &GpuHeap, mirror: &Mirror, far: Object, over: &mut HandOver,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// // The mirror knows the object: what made it was executed.
/// let streams = [(KindId::VERTEX, 12), (KindId::INDEX, 4)];
/// let block = over.begin(client, heap, mirror, far, &streams, BlockDesc::new())?;
///
/// // In later frames, until it is there: draw the object. Then draw the block, and free the
/// // object with the next batch.
/// let mut frees = Vec::new();
/// for arrived in over.arrived() {
///     match arrived.result {
///         Ok(()) => frees.push(arrived.object),
///         Err(error) => eprintln!("{} stays where it is: {error}", arrived.object.slot),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct HandOver {
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    object: Object,
    block: Handle,
    there: Pending<()>,
}

/// An object that has become a block, or has not.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrived {
    /// The object. It is still in its heap: free it if it is a block now.
    pub object: Object,
    /// The block. One that failed is there to be removed, or to be given other contents.
    pub block: Handle,
    /// Whether it is resident in a published version; if not, the object is as it was.
    pub result: Result<(), RequestError>,
}

impl HandOver {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins to copy an object into a block: its streams become parts, in their order, of the
    /// kinds and strides in `streams`, behind those parts that `block` has already; streams of no
    /// bytes become none. No batch may free the object before it has [arrived](Self::arrived).
    ///
    /// # Errors
    /// [`HandOverError`]; nothing has begun.
    pub fn begin(
        &mut self,
        client: &Client,
        heap: &GpuHeap,
        mirror: &Mirror,
        object: Object,
        streams: &[(KindId, u32)],
        mut block: BlockDesc,
    ) -> Result<Handle, HandOverError> {
        let slot = mirror.get(object);
        let slot = slot.ok_or(HandOverError::Unknown { object })?;
        for (stream, &(kind, stride)) in streams.iter().enumerate() {
            let Some(place) = heap.place(slot, stream) else {
                continue;
            };
            let (at, len) = (ByteOffset::new(place.offset), ByteLen::new(place.bytes));
            let bytes = client.gpu_bytes(place.buffer.clone(), at, len);
            let bytes = bytes.map_err(|error| HandOverError::Bytes { stream, error })?;
            block = block.part(PartData::on_gpu(kind, stride, bytes));
        }
        let (handle, there) = client.adopt(block)?;
        self.waiting.push(Waiting {
            object,
            block: handle,
            there,
        });
        Ok(handle)
    }

    /// Those that have come, or will not, since the last call. To be asked once a frame: what is
    /// submitted after it has answered runs after the copies.
    pub fn arrived(&mut self) -> Vec<Arrived> {
        let mut arrived = Vec::new();
        self.waiting.retain_mut(|waiting| {
            let answer = waiting.there.try_take();
            let is_there = answer.is_some();
            arrived.extend(answer.map(|result| Arrived {
                object: waiting.object,
                block: waiting.block,
                result,
            }));
            !is_there
        });
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

/// Why an object cannot become a block.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum HandOverError {
    /// The mirror knows no such object: it was freed, or the batch that made it has not been read
    /// back yet.
    Unknown {
        /// The object.
        object: Object,
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
}

impl fmt::Display for HandOverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { object } => {
                let Object { slot, generation } = object;
                write!(
                    f,
                    "the mirror knows no object {slot} of generation {generation}"
                )
            }
            Self::Bytes { stream, error } => write!(f, "stream {stream}: {error}"),
            Self::Add(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for HandOverError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unknown { .. } => None,
            Self::Bytes { error, .. } => Some(error),
            Self::Add(error) => Some(error),
        }
    }
}

impl From<AddError> for HandOverError {
    fn from(error: AddError) -> Self {
        Self::Add(error)
    }
}
