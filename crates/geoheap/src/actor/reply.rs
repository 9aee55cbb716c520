//! Answers that come later.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::fmt;
use std::time::Duration;

use geoheap_heap_dump::HeapDump;

use crate::actor::channel::{
    Receiver, RecvError, RecvFut, RecvTimeoutError, Sender, TryRecvError, bounded,
};
use crate::core::event::Answer;
use crate::error::{RequestError, RestoreError, WaitError};
use crate::outside::OutsideLease;
use crate::payload::StagedWrite;
use crate::report::{HeapMap, Restored};

/// What the driver sends to a waiting caller.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer(Answer),
    Map(Box<HeapMap>),
    Dump(Box<HeapDump>),
    Staged(StagedWrite),
    Outside(OutsideLease),
    Restored(Result<Restored, RestoreError>),
}

/// The waiting side of a request: block on it, ask it now and then, or await it.
///
/// Dropping it forgets the answer, not the request.
pub struct Pending<T> {
    future: RecvFut<'static, Reply>,
    receiver: Receiver<Reply>,
    read: fn(Reply) -> Result<T, RequestError>,
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("answered", &!self.receiver.is_empty())
            .finish_non_exhaustive()
    }
}

impl<T> Pending<T> {
    /// A waiting side and the sender of its one answer.
    pub(crate) fn new(read: fn(Reply) -> Result<T, RequestError>) -> (Sender<Reply>, Self) {
        let (sender, receiver) = reply_channel();
        let future = receiver.clone().into_recv_async();
        (
            sender,
            Self {
                future,
                receiver,
                read,
            },
        )
    }

    /// Blocks until the answer is there, for at most `timeout`. Where the caller drives the
    /// manager himself, use [`Pending::try_take`] between polls instead.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`], or why the request was refused.
    pub fn wait(self, timeout: Duration) -> Result<T, WaitError> {
        match self.receiver.recv_timeout(timeout) {
            Ok(reply) => (self.read)(reply).map_err(WaitError::Request),
            Err(RecvTimeoutError::Timeout) => Err(WaitError::TimedOut { waited: timeout }),
            Err(RecvTimeoutError::Disconnected) => Err(WaitError::Request(RequestError::ShutDown)),
        }
    }

    /// The answer if it is there. It is given once.
    pub fn try_take(&mut self) -> Option<Result<T, RequestError>> {
        match self.receiver.try_recv() {
            Ok(reply) => Some((self.read)(reply)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(RequestError::ShutDown)),
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, RequestError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let read = self.read;
        Pin::new(&mut self.future)
            .poll(context)
            .map(|received| match received {
                Ok(reply) => read(reply),
                Err(RecvError::Disconnected) => Err(RequestError::ShutDown),
            })
    }
}

/// Reads an answer that says no more than that it is done.
pub(crate) fn read_done(reply: Reply) -> Result<(), RequestError> {
    match reply {
        Reply::Answer(Answer::Refused(error)) => Err(error),
        Reply::Answer(_) => Ok(()),
        other => unreachable!("this request is answered by the core: {other:?}"),
    }
}

/// Makes a reader for one kind of answer.
macro_rules! reader {
    ($name:ident, $pattern:pat => $value:expr, $output:ty, $doc:literal) => {
        #[doc = $doc]
        pub(crate) fn $name(reply: Reply) -> Result<$output, RequestError> {
            match reply {
                $pattern => Ok($value),
                Reply::Answer(Answer::Refused(error)) => Err(error),
                other => unreachable!("this request has another kind of answer: {other:?}"),
            }
        }
    };
}

reader!(read_version, Reply::Answer(Answer::Version(version)) => version,
    geoheap_frame_sync::Version, "Reads a version.");
reader!(read_part, Reply::Answer(Answer::Part(part)) => part,
    geoheap_chunk_heap::PartId, "Reads a part id.");
reader!(read_bytes, Reply::Answer(Answer::ReadBack(read)) => read,
    crate::report::ReadBack, "Reads a block's bytes.");
reader!(read_map, Reply::Map(map) => *map, HeapMap, "Reads a heap map.");
reader!(read_dump, Reply::Dump(dump) => *dump, HeapDump, "Reads a heap's state.");
/// A channel for one answer.
pub(crate) fn reply_channel() -> (Sender<Reply>, Receiver<Reply>) {
    bounded(1)
}

/// Waits for the driver's answer to a restore.
pub(crate) fn wait_restored(receiver: &Receiver<Reply>) -> Result<Restored, RestoreError> {
    match receiver.recv() {
        Ok(Reply::Restored(answer)) => answer,
        // Refused, or the actor is gone.
        _ => Err(RestoreError::ShutDown),
    }
}

reader!(read_outside, Reply::Outside(lease) => lease, OutsideLease, "Reads a lease.");
reader!(read_staged, Reply::Staged(staged) => staged, StagedWrite, "Reads a staging piece.");
