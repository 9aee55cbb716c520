//! A pool of threads that record a frame together with the thread that asks for it.

mod frame;
mod scene;

use std::fmt;
use std::sync::Arc;

pub use self::scene::{Missing, Order, RecordError, Scene};

use self::frame::{Frame, Help, Runs};
use crate::actor::channel::{Sender, unbounded};
use crate::sync::{Builder, JoinHandle};
use crate::ticket::FrameTicket;

/// Records frames in parallel: the calling thread and helpers share out a [`Scene`]'s items while
/// they record, so that whoever is slow does less.
///
/// Share the pool freely: several threads may record frames on it at a time, a scene may record
/// another one, and neither waits for helpers that are busy elsewhere.
pub struct RenderActors {
    tasks: Option<Sender<Arc<dyn Help>>>,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for RenderActors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderActors")
            .field("actors", &self.count())
            .finish_non_exhaustive()
    }
}

impl RenderActors {
    /// A pool of `count` actors. The thread that records a frame is one of them, so that one
    /// thread less is started, and none for a count of 1 or 0.
    ///
    /// # Errors
    /// What the operating system says when it gives no thread.
    pub fn new(count: usize) -> std::io::Result<Self> {
        let (tasks, tasks_in) = unbounded::<Arc<dyn Help>>();
        let mut actors = Self {
            tasks: Some(tasks),
            threads: Vec::new(),
        };
        for nth in 1..count {
            let tasks_in = tasks_in.clone();
            let run = move || tasks_in.iter().for_each(|frame| frame.help());
            let thread = Builder::new()
                .name(format!("geoheap-render-{nth}"))
                .spawn(run)?;
            actors.threads.push(thread);
        }
        Ok(actors)
    }

    /// Count of actors, the calling thread among them.
    pub fn count(&self) -> usize {
        self.threads.len() + 1
    }

    /// Records all items of `scene` and returns the pieces, in an order that [`Scene::order`] says;
    /// none for a scene of no items. The calling thread records on `ticket`, each helper on a fork
    /// of its own. When this returns no other thread has the scene or a fork.
    ///
    /// # Errors
    /// [`RecordError::Panicked`] when the scene panicked: it has the pieces of all other items.
    pub fn record<Buf, S>(
        &self,
        ticket: &FrameTicket<Buf>,
        scene: &Arc<S>,
    ) -> Result<Vec<S::Piece>, RecordError<S::Piece>>
    where
        Buf: Send + Sync + 'static,
        S: Scene<Buf>,
    {
        let runs = Runs::new(scene.items(), scene.order(), self.count());
        if runs.count() == 0 {
            return Ok(Vec::new());
        }
        let helpers = self.threads.len().min(runs.count() - 1);
        let open = (helpers > 0).then(|| (ticket.fork(), Arc::clone(scene)));
        let frame = Arc::new(Frame::new(runs, open));
        let tasks = self.tasks.as_ref();
        let tasks = tasks.expect("the pool runs until it is dropped");
        for _ in 0..helpers {
            let sent = tasks.send(Arc::clone(&frame) as Arc<dyn Help>);
            assert!(sent.is_ok(), "the pool's threads live as long as the pool");
        }
        frame.work(scene, ticket);
        frame.close()
    }
}

impl Drop for RenderActors {
    /// Ends the threads. None of them can be the one that drops the pool, since whoever records
    /// borrows it and outstays his helpers; so frames in their queue are closed already, too.
    fn drop(&mut self) {
        self.tasks = None;
        for thread in self.threads.drain(..) {
            // Panics of scenes are caught, so a thread ends only with the channel.
            let _ = thread.join();
        }
    }
}
