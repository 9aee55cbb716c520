//! Immutable versions of a table for many readers, published by one writer that never waits.

#![forbid(unsafe_code)]

mod error;
mod log;
mod published;
mod retire;
mod ring;
mod table;
mod ticket;
mod token;
mod usage;
mod version;

pub use error::{PublishError, RingError};
pub use ring::{Publisher, RingConfig, RingFigures, ring};
pub use ticket::{Finished, Reader, Ticket};
pub use token::Hold;
pub use usage::Usage;
pub use version::{DeviceEpoch, Version};
