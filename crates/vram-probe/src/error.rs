//! Why there are no figures.

use core::fmt;

/// Why the driver could not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProbeError {
    /// Only Vulkan is asked.
    Backend {
        /// What the device runs on.
        backend: wgpu::Backend,
    },
    /// The driver does not have the extension.
    NotOffered {
        /// Name of the extension.
        extension: &'static str,
        /// Name of the device.
        device: String,
    },
    /// The driver has the extension, and wgpu does not use it, which it has reasons for: there are
    /// drivers in which it is broken.
    NotEnabled {
        /// Name of the extension.
        extension: &'static str,
        /// Name of the device.
        device: String,
    },
    /// No heap is local to the device, or none of them has any bytes.
    NoLocalHeap {
        /// Heaps that there are.
        heaps: usize,
    },
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backend { backend } => write!(
                f,
                "the device runs on {backend:?}; only Vulkan can be asked for its memory"
            ),
            Self::NotOffered { extension, device } => {
                write!(f, "the driver of {device} does not offer {extension}")
            }
            Self::NotEnabled { extension, device } => write!(
                f,
                "the driver of {device} offers {extension}, which wgpu does not switch on there"
            ),
            Self::NoLocalHeap { heaps } => write!(
                f,
                "of {heaps} memory heaps none is local to the device and has any bytes"
            ),
        }
    }
}

impl core::error::Error for ProbeError {}
