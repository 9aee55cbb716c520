//! Runs the world: on a thread of its own, or inline where one thread does everything.

use std::sync::Arc;
use std::thread::JoinHandle;

use crate::draw_list::DrawList;
use crate::world::{StepInput, World, WorldError};

/// How a frame and the geometry side keep pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A frame waits for the step of the frame before, so that every run sees the same flight.
    Locked,
    /// A frame draws the newest list there is, so that a window never waits.
    Free,
}

/// The world and what runs it.
#[derive(Debug)]
pub struct Geometry {
    runner: Runner,
    list: Arc<DrawList>,
}

#[derive(Debug)]
enum Runner {
    Inline(Box<World>),
    Thread(Worker),
}

#[derive(Debug)]
struct Worker {
    steps: flume::Sender<StepInput>,
    lists: flume::Receiver<Result<DrawList, WorldError>>,
    thread: JoinHandle<World>,
    under_way: bool,
}

impl Geometry {
    /// Runs `world` inline.
    pub fn inline(world: World) -> Self {
        Self {
            runner: Runner::Inline(Box::new(world)),
            list: Arc::default(),
        }
    }

    /// Runs `world` on a thread.
    ///
    /// # Errors
    /// Where the operating system gives no thread.
    pub fn threaded(mut world: World) -> std::io::Result<Self> {
        let (steps, inbox) = flume::bounded::<StepInput>(1);
        let (outbox, lists) = flume::bounded(1);
        let thread = std::thread::Builder::new()
            .name("demo-geometry".into())
            .spawn(move || {
                // Both loops end when the frame's side lets go of its channels.
                while let Ok(input) = inbox.recv() {
                    if outbox.send(world.step(&input)).is_err() {
                        break;
                    }
                }
                world
            })?;
        let worker = Worker {
            steps,
            lists,
            thread,
            under_way: false,
        };
        Ok(Self {
            runner: Runner::Thread(worker),
            list: Arc::default(),
        })
    }

    /// The list to draw from. In a run of one thread the step for this frame is made here and
    /// takes the input.
    ///
    /// # Errors
    /// [`WorldError`] of the step.
    pub fn list(
        &mut self,
        pace: Pace,
        input: &mut Option<StepInput>,
    ) -> Result<Arc<DrawList>, WorldError> {
        match &mut self.runner {
            Runner::Inline(world) => {
                if let Some(input) = input.take() {
                    let input = StepInput {
                        list_in_use: self.list.sequence,
                        ..input
                    };
                    self.list = Arc::new(world.step(&input)?);
                }
            }
            Runner::Thread(worker) => {
                if let Some(list) = worker.take(pace)? {
                    self.list = Arc::new(list);
                }
            }
        }
        Ok(Arc::clone(&self.list))
    }

    /// Starts the step for the next frame, or gives the input back if the last one is not through.
    /// Call it when the frame's ticket exists: from then on no frame draws from an older list than
    /// [`Geometry::list`] gave.
    pub fn start_step(&mut self, input: Option<StepInput>) -> Option<StepInput> {
        let input = input?;
        let Runner::Thread(worker) = &mut self.runner else {
            return None;
        };
        if worker.under_way {
            return Some(input);
        }
        let input = StepInput {
            list_in_use: self.list.sequence,
            ..input
        };
        // A thread that has ended shows at the next list.
        worker.under_way = worker.steps.send(input).is_ok();
        None
    }

    /// Ends the thread, if there is one, and gives the world back.
    ///
    /// # Errors
    /// [`WorldError`] if the thread panicked.
    pub fn end(self) -> Result<World, WorldError> {
        match self.runner {
            Runner::Inline(world) => Ok(*world),
            Runner::Thread(Worker {
                steps,
                lists,
                thread,
                ..
            }) => {
                drop(steps);
                drop(lists);
                thread.join().map_err(|_| WorldError::thread_panicked())
            }
        }
    }
}

impl Worker {
    fn take(&mut self, pace: Pace) -> Result<Option<DrawList>, WorldError> {
        if !self.under_way {
            return Ok(None);
        }
        let list = match pace {
            Pace::Locked => self
                .lists
                .recv()
                .map_err(|_| WorldError::thread_panicked())?,
            Pace::Free => match self.lists.try_recv() {
                Ok(list) => list,
                Err(flume::TryRecvError::Empty) => return Ok(None),
                Err(flume::TryRecvError::Disconnected) => {
                    return Err(WorldError::thread_panicked());
                }
            },
        };
        self.under_way = false;
        list.map(Some)
    }
}
