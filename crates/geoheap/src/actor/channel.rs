//! Channels: flume's, or a twin of them on shuttle's primitives under `--cfg geoheap_shuttle`.
//!
//! No other module names flume, because shuttle does not see into it. The twin has of flume what
//! the engine uses, with one trait that matters at shutdown: what lies in a channel whose receivers
//! are gone stays there until the last sender goes, too.

#[cfg(not(geoheap_shuttle))]
pub(crate) use flume::{
    Receiver, RecvError, RecvTimeoutError, Sender, TryRecvError, TrySendError, r#async::RecvFut,
    bounded, unbounded,
};

#[cfg(geoheap_shuttle)]
mod twin;
#[cfg(geoheap_shuttle)]
pub(crate) use twin::{
    Receiver, RecvError, RecvFut, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded,
    unbounded,
};
