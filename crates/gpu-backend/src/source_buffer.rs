//! Buffers that others made, as far as a copy from them has to know them.

use geoheap_suballoc::ByteLen;

use crate::VirtualBuffer;

/// A buffer that a program made on the backend's device, and that a backend can copy from: what
/// has to be known of it before the copy is recorded, on a thread that has no backend.
pub trait SourceBuffer: Clone + Send + Sync + 'static {
    /// Its length, in bytes.
    fn bytes(&self) -> ByteLen;

    /// Whether it was made to be copied from.
    fn allows_copies(&self) -> bool;
}

impl SourceBuffer for wgpu::Buffer {
    fn bytes(&self) -> ByteLen {
        ByteLen::new(self.size())
    }

    fn allows_copies(&self) -> bool {
        self.usage().contains(wgpu::BufferUsages::COPY_SRC)
    }
}

impl SourceBuffer for VirtualBuffer {
    fn bytes(&self) -> ByteLen {
        self.len()
    }

    /// Always: the virtual GPU knows no usages.
    fn allows_copies(&self) -> bool {
        true
    }
}
