//! The devices that a run can be on, and what a frame needs of them.

mod faulty;
mod noop;
mod on_virtual;

use core::fmt::Debug;
use core::ops::Range;

use geoheap::{Backend, ByteLen, InFlight, StagingConfig};

use crate::random::Random;

pub(crate) use faulty::{CallFaults, Faulty, Held, Traffic};
pub(crate) use noop::Noop;
pub(crate) use on_virtual::OnVirtual;

/// What a device is like.
#[derive(Clone, Debug)]
pub(crate) struct DeviceSetting {
    /// Memory that there is while faults happen, where the device keeps to such a number.
    pub(crate) memory_bytes: ByteLen,
    /// All of its memory.
    pub(crate) whole_memory_bytes: ByteLen,
    /// How its backend stages.
    pub(crate) staging: StagingConfig,
    /// Its longest buffer, where it is not the usual one.
    pub(crate) buffer_bytes_max: Option<ByteLen>,
    /// Alignment of uniform and storage bindings, in bytes.
    pub(crate) binding_align: u32,
    /// Whether indirect draws may begin at another instance than the first, where the device can
    /// have it at all.
    pub(crate) indirect_first_instance: bool,
}

/// A range that a frame's commands read.
#[derive(Clone, Debug)]
pub(crate) struct ReadRange<Buf> {
    pub(crate) buffer: Buf,
    pub(crate) range: Range<u64>,
}

/// A frame's commands that the device has executed.
#[derive(Debug)]
pub(crate) struct Executed<Buf> {
    /// The number under which they were submitted.
    pub(crate) id: u64,
    /// What each read saw.
    pub(crate) bytes: Vec<Vec<u8>>,
    /// The version's token, if it does not travel with the commands. Whoever hears that the
    /// commands have completed drops it.
    pub(crate) token: Option<InFlight<Buf>>,
}

/// A device as the render actors and the scheduler see it. Clones are the same device.
pub(crate) trait Gpu: Clone + Send + 'static {
    /// What the engine drives.
    type Backend: Backend<Buffer = Self::Buffer> + Debug;
    /// Its buffers.
    type Buffer: Clone + Send + Sync + Debug + 'static;

    /// A new device.
    fn make(setting: &DeviceSetting) -> (Self::Backend, Self);

    /// Submits a frame's commands behind everything that was submitted before.
    fn submit_reads(
        &self,
        id: u64,
        reads: Vec<ReadRange<Self::Buffer>>,
        token: InFlight<Self::Buffer>,
    );

    /// What was executed since the last call, in order.
    fn executed(&self) -> Vec<Executed<Self::Buffer>>;

    /// Whether two handles name the same buffer.
    fn is_same(a: &Self::Buffer, b: &Self::Buffer) -> bool;

    /// Lets some commands be executed and some news out, as chance has it.
    fn advance(&self, random: &mut Random, is_late: bool);

    /// From now on everything is executed and told with the next poll, and nobody else takes of
    /// the device's memory.
    fn hurry(&self);

    /// The device goes, with all that is queued.
    fn lose(&self);

    /// Fills a range that the engine gave up, as soon as the engine's own commands before now have
    /// been executed. Does nothing where the device cannot pass its queue.
    fn poison(&self, buffer: &Self::Buffer, range: Range<u64>, word: u32);

    /// The `n`-th submit from now is refused, where the device can do that.
    fn fail_submit(&self, n: u64);

    /// Bytes of all buffers and staging that live on the device, where it tells.
    fn held_bytes(&self) -> Option<ByteLen>;
}
