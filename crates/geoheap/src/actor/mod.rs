//! The thin shell around the deterministic core: mailboxes, threads, and the driver that carries
//! effects out on a backend.
//!
//! Among the library crates only these modules have channels and threads, or look at a clock.

mod backlog;
mod channel;
pub(crate) mod draw_sets;
pub(crate) mod driver;
mod effects;
mod ending;
mod figures;
pub(crate) mod fixed_map;
mod intake;
mod lending;
pub(crate) mod mailbox;
pub(crate) mod pace;
pub(crate) mod recorder;
mod records;
pub(crate) mod reload;
pub(crate) mod render;
pub(crate) mod reply;
pub(crate) mod restore;
pub(crate) mod spill;
mod submitting;
pub(crate) mod thread;
