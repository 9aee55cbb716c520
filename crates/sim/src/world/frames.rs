//! Render actors: tickets, what they show, and the commands that read it.

mod check;
mod inside;
mod sight;
mod watch;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use geoheap::{FrameSource, FrameTicket, Handle, InFlight, Version};

use super::World;
use super::draw_sets::GroupSight;
use crate::fault::FaultClass;
use crate::finding::Verdict;
use crate::gpu::{Executed, Gpu, ReadRange};
use crate::timeline::{Actor, NONE};
use sight::{Place, Seen, Sight, look};

/// How far a frame has come.
#[derive(Debug)]
enum Stage<Buf> {
    /// Its ticket is held: it is being recorded.
    Held(FrameTicket<Buf>),
    /// Its commands are recorded and not submitted.
    Recorded(InFlight<Buf>),
    /// The device has its commands.
    Submitted,
    /// They were executed; nobody was told yet.
    Executed(Option<InFlight<Buf>>),
}

/// A frame from its ticket to the news that its commands have completed.
#[derive(Debug)]
struct Frame<Buf> {
    id: u64,
    renderer: u32,
    version: Version,
    sights: Vec<Sight<Buf>>,
    /// Records of draw sets.
    groups: Vec<GroupSight<Buf>>,
    stage: Stage<Buf>,
    /// The tick in which it goes on.
    due: u64,
}

/// What a render actor does inside a tick, and what it began there.
#[derive(Debug)]
struct Inside<Buf> {
    /// Blocks to look at.
    wanted: Vec<(u32, Handle)>,
    begun: Vec<Frame<Buf>>,
    next_id: u64,
}

/// All frames under way.
pub(crate) struct Frames<G: Gpu> {
    source: FrameSource<G::Buffer>,
    seed: u64,
    renderers: u32,
    under_way: Vec<Frame<G::Buffer>>,
    inside: Arc<Mutex<Inside<G::Buffer>>>,
    next_id: u64,
    /// Nobody draws before this tick.
    resting_until: u64,
    /// The newest version that a ticket had (R4).
    newest: Version,
    /// Set when the faults have stopped, for callbacks that run elsewhere.
    calm: Arc<AtomicBool>,
}

/// Of a thousand steps of render actors, so many begin a rest of all of them.
const REST_RATE: u64 = 2;
/// Ticks of the longest rest.
const REST_TICKS: u64 = 200;

/// Frames that begin inside a tick have even numbers, the others odd ones.
const NUMBERS: u64 = 2;

impl<G: Gpu> Frames<G> {
    pub(super) fn new(source: FrameSource<G::Buffer>, seed: u64, renderers: u32) -> Self {
        Self {
            source,
            seed,
            renderers,
            under_way: Vec::new(),
            inside: Arc::new(Mutex::new(Inside {
                wanted: Vec::new(),
                begun: Vec::new(),
                next_id: 0,
            })),
            next_id: 1,
            resting_until: 0,
            newest: Version::default(),
            calm: Arc::default(),
        }
    }

    pub(super) fn source(&self) -> &FrameSource<G::Buffer> {
        &self.source
    }

    /// Set when the faults have stopped.
    pub(super) fn calm(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.calm)
    }

    /// The oldest version that somebody may still read.
    pub(super) fn oldest_version(&self) -> Version {
        let versions = self.under_way.iter().map(|frame| frame.version);
        versions.min().unwrap_or(self.newest)
    }

    /// Frames under way.
    pub(super) fn count(&self) -> usize {
        self.under_way.len()
    }

    /// Commands that the device has not executed.
    pub(super) fn are_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// The tick is over: nothing begins inside of it any more.
    pub(super) fn end_tick(&mut self) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.wanted.clear();
    }

    /// Drops all frames of a device that is gone, but those whose tickets are held: what they
    /// answer is still looked at.
    pub(super) fn device_lost(&mut self) {
        self.under_way
            .retain(|frame| matches!(frame.stage, Stage::Held(_)));
    }
}

/// A frame's commands: a read of each part that it saw.
fn reads<Buf: Clone>(sights: &[Sight<Buf>], groups: &[GroupSight<Buf>]) -> Vec<ReadRange<Buf>> {
    let places = sights.iter().filter_map(|sight| sight.place.as_ref());
    let parts = places.flat_map(|place| {
        place.parts.iter().map(|part| ReadRange {
            buffer: place.buffer.clone(),
            // Copies are of whole words; what a part lacks at its end is zero.
            range: part.offset..(part.offset + part.len).next_multiple_of(4),
        })
    });
    parts
        .chain(groups.iter().map(|group| group.read.clone()))
        .collect()
}

impl<G: Gpu> World<G> {
    /// One render actor does one thing: it begins a frame, or goes on with one.
    pub(super) fn renderer_acts(&mut self) -> Verdict {
        let tick = self.timeline.tick();
        if self.is_resting() {
            return Ok(());
        }
        let random = &mut self.chances.render;
        if random.chance(REST_RATE) && !self.is_calm {
            self.frames.resting_until = tick + random.magnitude(1, REST_TICKS);
            self.timeline
                .note(Actor::Renderer(0), "nobody draws", None, [NONE, NONE]);
        }
        let due = self.frames.under_way.iter().position(|frame| {
            frame.due <= tick && matches!(frame.stage, Stage::Held(_) | Stage::Recorded(_))
        });
        match due {
            Some(at) if self.chances.render.chance(700) => self.go_on(at),
            _ if self.frames.count() < 24 => self.begin(),
            _ => Ok(()),
        }
    }

    /// Whether it is a time without frames, as of a program in the background.
    fn is_resting(&self) -> bool {
        self.timeline.tick() < self.frames.resting_until && !self.is_calm
    }

    /// Blocks that a frame looks at.
    fn choose_seen(&mut self) -> Vec<(u32, Handle)> {
        let alive = self.oracle.alive();
        let random = &mut self.chances.render;
        let count = random.between(1, self.setting.seen_max);
        let is_local = random.chance(self.setting.locality);
        let start = if is_local {
            0
        } else {
            random.below(alive.len() as u64)
        };
        let mut seen = Vec::new();
        for nth in 0..count.min(alive.len() as u64) {
            let at = usize::try_from(start + nth).expect("few blocks") % alive.len();
            seen.push(alive[at]);
        }
        if self.plan.has(FaultClass::Misuse)
            && let Some(at) = random.index(self.oracle.gone().len())
        {
            seen.push(self.oracle.gone()[at]);
        }
        let named = seen.into_iter().map(|block| {
            let handle = self.oracle.block(block).handle;
            (
                block,
                handle.expect("blocks among the living and the gone have handles"),
            )
        });
        named.collect()
    }

    fn begin(&mut self) -> Verdict {
        let seen = self.choose_seen();
        let ticket = self.frames.source.begin_frame();
        let sights = look(&ticket, &seen);
        let groups = self.look_at_sets(&ticket);
        let holds = self.plan.has(FaultClass::Tickets);
        let random = &mut self.chances.render;
        let renderer = random.below(u64::from(self.frames.renderers));
        let held_ticks = if random.chance(30) && holds {
            random.magnitude(1, 500)
        } else {
            random.below(3)
        };
        self.frames.next_id += NUMBERS;
        let frame = Frame {
            id: self.frames.next_id,
            renderer: u32::try_from(renderer).expect("few render actors"),
            version: ticket.version(),
            sights,
            groups,
            stage: Stage::Held(ticket),
            due: self.timeline.tick() + held_ticks,
        };
        self.started(frame)
    }

    /// A frame has its ticket: what it shows is judged, and it goes on when it is due.
    fn started(&mut self, frame: Frame<G::Buffer>) -> Verdict {
        self.note_frame(&frame, "begins");
        self.check_begun(&frame)?;
        self.frames.under_way.push(frame);
        Ok(())
    }

    fn note_frame(&mut self, frame: &Frame<G::Buffer>, what: &'static str) {
        let figures = [("frame", frame.id), ("version", frame.version.get())];
        self.timeline
            .note(Actor::Renderer(frame.renderer), what, None, figures);
        self.watch_frame(frame, what);
    }

    /// Takes a frame a step further.
    fn go_on(&mut self, at: usize) -> Verdict {
        let frame = self.frames.under_way.remove(at);
        match frame.stage {
            Stage::Held(_) => self.end_recording(frame),
            Stage::Recorded(_) => {
                self.submit_recorded(frame);
                Ok(())
            }
            Stage::Submitted | Stage::Executed(_) => {
                unreachable!("only the device goes on with those")
            }
        }
    }

    /// The ticket goes, one way or another; what it shows must not have changed (C4).
    fn end_recording(&mut self, mut frame: Frame<G::Buffer>) -> Verdict {
        Self::check_unchanged(&frame)?;
        let Stage::Held(ticket) = frame.stage else {
            unreachable!("a frame that is being recorded has a ticket");
        };
        let is_of_lost_device = ticket.is_void() || self.is_lost();
        let misbehaves = self.plan.has(FaultClass::Tickets);
        let random = &mut self.chances.render;
        let way = if is_of_lost_device {
            9
        } else {
            random.below(10)
        };
        if random.chance(120) && misbehaves {
            return self.fork(frame.id, frame.renderer, ticket, frame.sights, frame.groups);
        }
        match way {
            // Submitted while the ticket is held.
            0..6 => {
                let token = ticket.in_flight();
                self.gpu
                    .submit_reads(frame.id, reads(&frame.sights, &frame.groups), token);
                drop(ticket.finish());
                frame.stage = Stage::Submitted;
                self.note_frame(&frame, "submits");
                self.frames.under_way.push(frame);
            }
            // Submitted later, by somebody else.
            6..8 => {
                frame.stage = Stage::Recorded(ticket.finish());
                let most = if misbehaves { 100 } else { 3 };
                frame.due = self.timeline.tick() + random.magnitude(1, most);
                self.note_frame(&frame, "records");
                self.frames.under_way.push(frame);
            }
            // Nothing of it is submitted.
            _ => self.give_up(frame.renderer, ticket),
        }
        Ok(())
    }

    fn give_up(&mut self, renderer: u32, ticket: FrameTicket<G::Buffer>) {
        let misbehaves = self.plan.has(FaultClass::Tickets);
        let how = self.chances.render.below(if misbehaves { 3 } else { 1 });
        let word = match how {
            0 => {
                drop(ticket.finish());
                "gives up"
            }
            1 => {
                drop(ticket);
                "drops a ticket"
            }
            _ => {
                let panicked = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
                    let _taken_along = ticket;
                    // Without the panic hook, which would write about it.
                    std::panic::resume_unwind(Box::new("the render actor panics"));
                }));
                assert!(panicked.is_err(), "it was to panic");
                "panics"
            }
        };
        self.timeline
            .note(Actor::Renderer(renderer), word, None, [NONE, NONE]);
    }

    /// A worker's fork outlives the ticket that it is of.
    fn fork(
        &mut self,
        id: u64,
        renderer: u32,
        ticket: FrameTicket<G::Buffer>,
        sights: Vec<Sight<G::Buffer>>,
        groups: Vec<GroupSight<G::Buffer>>,
    ) -> Verdict {
        let fork = ticket.fork();
        drop(ticket.finish());
        let due = self.timeline.tick() + self.chances.render.magnitude(1, 60);
        let frame = Frame {
            id,
            renderer,
            version: fork.version(),
            sights,
            groups,
            stage: Stage::Held(fork),
            due,
        };
        self.note_frame(&frame, "forks");
        Self::check_unchanged(&frame)?;
        self.frames.under_way.push(frame);
        Ok(())
    }

    fn submit_recorded(&mut self, mut frame: Frame<G::Buffer>) {
        let Stage::Recorded(token) = frame.stage else {
            unreachable!("a recorded frame has a token");
        };
        if token.is_void() || self.is_lost() {
            return;
        }
        self.gpu
            .submit_reads(frame.id, reads(&frame.sights, &frame.groups), token);
        frame.stage = Stage::Submitted;
        self.note_frame(&frame, "submits late");
        self.frames.under_way.push(frame);
    }

    /// What the device has executed is judged now; the news of it comes to the frame later.
    pub(super) fn take_executed(&mut self) -> Verdict {
        for executed in self.gpu.executed() {
            let Executed { id, bytes, token } = executed;
            let found = self
                .frames
                .under_way
                .iter()
                .position(|frame| frame.id == id);
            let Some(at) = found else {
                // Its device was lost meanwhile.
                continue;
            };
            self.check_executed(at, &bytes)?;
            let late = self.plan.has(FaultClass::Late) && !self.is_calm;
            let random = &mut self.chances.device;
            let wait = if late { random.magnitude(1, 200) } else { 1 };
            let frame = &mut self.frames.under_way[at];
            frame.stage = Stage::Executed(token);
            frame.due = self.timeline.tick() + wait - 1;
        }
        let (tick, is_calm) = (self.timeline.tick(), self.is_calm);
        self.frames.under_way.retain(|frame| {
            !(matches!(frame.stage, Stage::Executed(_)) && (frame.due <= tick || is_calm))
        });
        Ok(())
    }

    /// Every ticket is given back and every command submitted or dropped.
    pub(super) fn end_frames(&mut self) -> Verdict {
        while let Some(at) = self
            .frames
            .under_way
            .iter()
            .position(|frame| matches!(frame.stage, Stage::Held(_) | Stage::Recorded(_)))
        {
            self.go_on(at)?;
        }
        Ok(())
    }
}
