//! A queue behind a lock, with what the engine uses of flume.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::sync::{Condvar, Instant, Mutex, MutexGuard, PoisonError, let_pass};

/// The other side is gone; the message comes back.
#[derive(Debug)]
pub(crate) struct SendError<T>(pub(crate) T);

/// Why a message was not taken at once; it comes back.
#[derive(Debug)]
pub(crate) enum TrySendError<T> {
    Full(T),
    Disconnected(T),
}

/// Why nothing was received.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RecvError {
    Disconnected,
}

/// Why nothing was received at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TryRecvError {
    Empty,
    Disconnected,
}

/// Why nothing was received in time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RecvTimeoutError {
    Timeout,
    Disconnected,
}

struct State<T> {
    queue: VecDeque<T>,
    senders: usize,
    receivers: usize,
    wakers: Vec<Waker>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    bound: usize,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all who wait that something changed.
    fn announce(&self, mut state: MutexGuard<'_, State<T>>) {
        let wakers = core::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A channel that holds at most `bound` messages.
pub(crate) fn bounded<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    let state = State {
        queue: VecDeque::new(),
        senders: 1,
        receivers: 1,
        wakers: Vec::new(),
    };
    let shared = Arc::new(Shared {
        state: Mutex::new(state),
        changed: Condvar::new(),
        bound,
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

/// A channel that holds any number of messages.
pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(usize::MAX)
}

/// The sending end.
pub(crate) struct Sender<T>(Arc<Shared<T>>);

impl<T> Sender<T> {
    pub(crate) fn send(&self, message: T) -> Result<(), SendError<T>> {
        let mut state = self.0.lock();
        while state.receivers > 0 && state.queue.len() >= self.0.bound {
            state = self.0.wait(state);
        }
        if state.receivers == 0 {
            return Err(SendError(message));
        }
        state.queue.push_back(message);
        self.0.announce(state);
        Ok(())
    }

    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut state = self.0.lock();
        if state.receivers == 0 {
            return Err(TrySendError::Disconnected(message));
        }
        if state.queue.len() >= self.0.bound {
            return Err(TrySendError::Full(message));
        }
        state.queue.push_back(message);
        self.0.announce(state);
        Ok(())
    }
}

impl<T> Sender<T> {
    pub(crate) fn len(&self) -> usize {
        self.0.lock().queue.len()
    }

    pub(crate) fn is_disconnected(&self) -> bool {
        self.0.lock().receivers == 0
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.lock().senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.senders -= 1;
        if state.senders == 0 {
            self.0.announce(state);
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// The receiving end.
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

impl<T> Receiver<T> {
    pub(crate) fn recv(&self) -> Result<T, RecvError> {
        let mut state = self.0.lock();
        loop {
            match Self::take(&mut state) {
                Ok(message) => {
                    self.0.announce(state);
                    return Ok(message);
                }
                Err(TryRecvError::Disconnected) => return Err(RecvError::Disconnected),
                Err(TryRecvError::Empty) => state = self.0.wait(state),
            }
        }
    }

    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.0.lock();
        let message = Self::take(&mut state)?;
        self.0.announce(state);
        Ok(message)
    }

    /// Yields instead of waiting: whether the deadline comes first is drawn anew each time.
    pub(crate) fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        loop {
            match self.try_recv() {
                Ok(message) => return Ok(message),
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) if let_pass(deadline) => {
                    return Err(RecvTimeoutError::Timeout);
                }
                Err(TryRecvError::Empty) => shuttle::thread::yield_now(),
            }
        }
    }

    pub(crate) fn recv_timeout(&self, time: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_deadline(Instant::now() + time)
    }

    fn take(state: &mut State<T>) -> Result<T, TryRecvError> {
        match state.queue.pop_front() {
            Some(message) => Ok(message),
            None if state.senders == 0 => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    pub(crate) fn drain(&self) -> impl Iterator<Item = T> {
        let mut state = self.0.lock();
        let all = core::mem::take(&mut state.queue);
        self.0.announce(state);
        all.into_iter()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> {
        core::iter::from_fn(|| self.recv().ok())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn into_recv_async<'a>(self) -> RecvFut<'a, T> {
        RecvFut {
            receiver: self,
            lifetime: PhantomData,
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.0.lock().receivers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.receivers -= 1;
        if state.receivers == 0 {
            // The messages stay, as they do in flume.
            self.0.announce(state);
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// A message to come.
pub(crate) struct RecvFut<'a, T> {
    receiver: Receiver<T>,
    lifetime: PhantomData<&'a ()>,
}

impl<T> Future for RecvFut<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let receiver = &self.receiver;
        let mut state = receiver.0.lock();
        match Receiver::take(&mut state) {
            Ok(message) => {
                receiver.0.announce(state);
                Poll::Ready(Ok(message))
            }
            Err(TryRecvError::Disconnected) => Poll::Ready(Err(RecvError::Disconnected)),
            Err(TryRecvError::Empty) => {
                state.wakers.push(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
