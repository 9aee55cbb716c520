//! The whole of a run: engine, device, actors, checker, and the one schedule that moves them.

mod answers;
mod client;
mod client_parts;
mod draw_sets;
mod events;
mod faults;
mod frames;
mod loss;
mod misuse;
mod outside;
mod requests;
mod settle;
mod sources;
mod staging;
mod waiting;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use geoheap::{
    ByteLen, Client, GeometryManager, HeapDump, HeapMap, OutsideLease, RangeState, Report, Restored,
};

use crate::disk::{Disk, DiskFaults};
use crate::fault::{FaultClass, FaultPlan};
use crate::finding::{Broken, Check, Finding, Verdict};
use crate::gpu::{CallFaults, Faulty, Gpu};
use crate::heap_check::HeapCheck;
use crate::options::Options;
use crate::oracle::{Life, Oracle};
use crate::random::Random;
use crate::setting::Setting;
use crate::timeline::{Actor, NONE, Timeline};
use frames::Frames;
use waiting::Waiting;

/// Chance, one sequence for each purpose.
#[derive(Debug)]
pub(super) struct Chances {
    pub(super) schedule: Random,
    pub(super) client: Random,
    pub(super) render: Random,
    pub(super) device: Random,
    /// Of each class of faults, so that one left out shifts no other.
    pub(super) classes: Vec<Random>,
}

/// A run under way.
pub(crate) struct World<G: Gpu> {
    pub(super) plan: FaultPlan,
    pub(super) setting: Setting,
    pub(super) chances: Chances,
    pub(super) manager: GeometryManager<Faulty<G::Backend>>,
    pub(super) client: Client,
    pub(super) gpu: G,
    pub(super) call_faults: CallFaults,
    pub(super) disk_faults: DiskFaults,
    pub(super) oracle: Oracle,
    pub(super) waiting: Vec<Waiting>,
    /// Pieces of staging that clients keep.
    pub(super) pieces: Vec<staging::Piece>,
    /// Parts of the budget that are held outside.
    pub(super) leases: Vec<OutsideLease>,
    /// The last that nobody waited for: the tick in which they were given up, and their bytes.
    pub(super) forgotten: (u64, u64),
    /// Blocks that were given pieces of staging, and the first device that these were of.
    pub(super) staged_on: BTreeMap<u32, u64>,
    /// Blocks that somebody wanted to give contents of no bytes.
    pub(super) given_nothing: BTreeSet<u32>,
    pub(super) frames: Frames<G>,
    pub(super) heap: HeapCheck,
    pub(super) sets: Vec<draw_sets::Set>,
    pub(super) timeline: Timeline,
    pub(super) ticks: u64,
    /// Blocks that were being filled or moved after the last tick.
    pub(super) under_way: Vec<u32>,
    /// The last blocks that failed.
    pub(super) failed: Vec<u32>,
    /// Requests sent so far.
    pub(super) order: u64,
    /// The device is gone, whether or not the engine has noticed.
    pub(super) is_lost: Arc<AtomicBool>,
    /// Ticks since then.
    pub(super) lost_ticks: u64,
    /// What the engine said of the blocks when the last one came.
    pub(super) restored: Restored,
    /// The tick in which the last one came.
    pub(super) restored_tick: u64,
    /// The tick in which one went last.
    pub(super) lost_at: u64,
    /// The oracle knows of it.
    pub(super) is_loss_noted: bool,
    /// A device had less memory than the first.
    pub(super) is_tight: bool,
    /// Devices so far.
    pub(super) epoch: u64,
    /// The tick until which reload callbacks are held back.
    pub(super) hung_until: u64,
    /// The tick until which each submit is refused.
    pub(super) refusing_until: u64,
    /// The faults have stopped.
    pub(super) is_calm: bool,
    /// Chunk and byte of the block that is watched.
    watched_place: Option<(u64, u64)>,
}

impl<G: Gpu> World<G> {
    /// A world at its beginning.
    ///
    /// # Errors
    /// The seed's settings were refused, which is a mistake of this crate's.
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        let plan = FaultPlan::new(options);
        let setting = Setting::new(options, &plan);
        let (backend, gpu) = G::make(&setting.device);
        let call_faults = CallFaults::default();
        let backend = Faulty::new(backend, call_faults.clone());
        let disk_faults = DiskFaults::default();
        let disk = Box::new(Disk::new(disk_faults.clone()));
        let manager = GeometryManager::with_disk(backend, setting.config.clone(), Some(disk))
            .map_err(|error| error.to_string())?;
        let fork = |purpose| Random::fork(options.seed, purpose);
        let mut world = Self {
            chances: Chances {
                schedule: fork(2),
                client: fork(3),
                render: fork(4),
                device: fork(5),
                classes: (0..)
                    .zip(FaultClass::ALL)
                    .map(|(nth, _)| fork(100 + nth))
                    .collect(),
            },
            client: manager.client(),
            frames: Frames::new(manager.frames(), options.seed, setting.renderers),
            heap: HeapCheck::new(&setting.config),
            manager,
            gpu,
            call_faults,
            disk_faults,
            oracle: Oracle::default(),
            sets: Vec::new(),
            waiting: Vec::new(),
            pieces: Vec::new(),
            leases: Vec::new(),
            forgotten: (0, 0),
            staged_on: BTreeMap::new(),
            given_nothing: BTreeSet::new(),
            timeline: Timeline::watching(options.watch),
            ticks: options.ticks,
            under_way: Vec::new(),
            failed: Vec::new(),
            order: 0,
            is_lost: Arc::default(),
            lost_ticks: 0,
            restored: Restored::default(),
            restored_tick: 0,
            lost_at: 0,
            is_loss_noted: false,
            is_tight: false,
            epoch: 0,
            hung_until: 0,
            refusing_until: 0,
            is_calm: false,
            watched_place: None,
            plan,
            setting,
        };
        world.watch_inside_ticks();
        Ok(world)
    }

    /// The whole run: the ticks with faults, then the end without.
    ///
    /// # Errors
    /// The first finding.
    pub(crate) fn run(&mut self) -> Result<(), Finding> {
        for tick in 1..=self.ticks {
            self.timeline.set_tick(tick);
            self.step().map_err(|broken| self.found(broken))?;
        }
        self.settle().map_err(|broken| self.found(broken))
    }

    fn found(&self, broken: Broken) -> Finding {
        Finding {
            check: broken.check,
            tick: self.timeline.tick(),
            message: broken.message,
        }
    }

    pub(crate) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The engine's figures now.
    pub(crate) fn report(&self) -> Report {
        self.manager.report()
    }

    /// Everything that the engine knows of its heap.
    pub(crate) fn heap_dump(&self) -> Option<HeapDump> {
        self.manager.heap_dump()
    }

    /// Takes the world down; after a run without findings nothing may be left.
    pub(crate) fn end(self) -> Option<Finding> {
        let (tick, gpu) = (self.timeline.tick(), self.gpu);
        drop((self.frames, self.waiting, self.pieces, self.leases));
        drop(self.client);
        self.call_faults.clear();
        let ended = self.manager.shutdown();
        let found = |check, message| {
            Some(Finding {
                check,
                tick,
                message,
            })
        };
        if let Some(leak) = ended.leaks.first() {
            return found(
                Check::Liveness,
                format!(
                    "{} of {} bytes is left at shutdown",
                    leak.handle, leak.bytes
                ),
            );
        }
        let held = gpu.held_bytes().unwrap_or_default();
        if held > ByteLen::ZERO {
            return found(
                Check::Liveness,
                format!("the device keeps {held} bytes for nobody"),
            );
        }
        None
    }

    /// The faults that this run's seed chose.
    pub(crate) fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// Everything between two ticks, and the tick.
    fn step(&mut self) -> Verdict {
        self.strike()?;
        let actions = self.chances.schedule.between(1, self.setting.actions_max);
        for _ in 0..actions {
            let which = self.chances.schedule.below(100);
            if which < 55 {
                let clients = u64::from(self.setting.clients);
                let nth = self.chances.schedule.below(clients);
                self.client_acts(u32::try_from(nth).expect("few clients"))?;
            } else if which < 85 {
                self.renderer_acts()?;
            } else {
                self.device_acts();
            }
        }
        self.tick()
    }

    /// One tick of the engine, and what can be seen after it.
    pub(super) fn tick(&mut self) -> Verdict {
        let allowed = self.events_allowed();
        self.call_faults.allow_events(allowed);
        self.use_kept_pieces()?;
        self.share_sights();
        self.manager.poll();
        self.frames.end_tick();
        self.take_loss()?;
        self.take_events()?;
        self.take_answers()?;
        self.take_started()?;
        self.take_executed()?;
        self.check_heap()?;
        if self.timeline.tick().is_multiple_of(64) {
            let oldest = self.frames.oldest_version();
            self.oracle.forget_before(oldest);
        }
        Ok(())
    }

    /// News of the device may come late.
    fn events_allowed(&mut self) -> Option<u64> {
        if self.is_calm || !self.plan.has(FaultClass::Late) {
            return None;
        }
        let fault = &mut self.chances.device;
        if fault.chance(600) {
            Some(fault.below(4))
        } else {
            None
        }
    }

    pub(super) fn device_acts(&mut self) {
        let is_late = self.plan.has(FaultClass::Late) && !self.is_calm;
        self.gpu.advance(&mut self.chances.device, is_late);
    }

    /// The heap as the engine shows it, against itself, the frames and the device (C2, C5, C6).
    fn check_heap(&mut self) -> Verdict {
        let report = self.manager.report();
        let (version, held) = (report.version, report.held_bytes);
        self.timeline.mix(version);
        self.timeline.mix(held);
        self.timeline.mix(report.live_bytes ^ (report.moves << 32));
        if self.is_lost() {
            self.watch_place(None);
            return Ok(());
        }
        let map = self.manager.heap_map().expect("the caller drives");
        self.watch_place(Some(&map));
        HeapCheck::check_map(&map)?;
        let (device, buffers) = (self.gpu.held_bytes(), self.call_faults.held());
        self.heap.check_report(&report, device, buffers)?;
        self.check_outside(&report)?;
        self.frames.check_named(&map)?;
        self.heap
            .check_traffic(self.call_faults.take_traffic(), &report)?;
        self.note_under_way(&map);
        let fresh = self.heap.became_free(&map);
        // A look at each tick would never leave the engine a time without frames.
        if !fresh.is_empty() {
            let probe = self.frames.source().begin_frame();
            self.heap.poison(&fresh, &probe, &self.gpu);
            drop(probe.finish());
        }
        Ok(())
    }

    /// Whether the device is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// Whether there was a time without a device since that tick.
    pub(super) fn was_lost_since(&self, tick: u64) -> bool {
        self.is_lost() || (self.epoch > 0 && tick <= self.restored_tick)
    }

    /// Whether the device may have no memory for what the budget allows.
    pub(super) fn lacks_memory(&self) -> bool {
        let classes = [FaultClass::Creation, FaultClass::Staging];
        self.is_tight || classes.iter().any(|class| self.plan.has(*class))
    }

    /// Takes note of the blocks for which room is reserved: they are being filled or moved.
    fn note_under_way(&mut self, map: &HeapMap) {
        let ranges = map.chunks.iter().flat_map(|chunk| &chunk.ranges);
        let reserved = ranges.filter(|range| range.state == RangeState::Reserved);
        let blocks = reserved.filter_map(|range| self.oracle.by_handle(range.handle?));
        let is_alive = |block: &u32| self.oracle.block(*block).life == Life::Alive;
        self.under_way = blocks.filter(is_alive).collect();
    }

    pub(super) fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    pub(super) fn note_client(&mut self, client: u32, what: &'static str, block: u32, bytes: u64) {
        let figures = [("bytes", bytes), NONE];
        self.timeline
            .note(Actor::Client(client), what, Some(block), figures);
    }
}

/// A finding of the handles.
pub(super) fn broken(check: Check, message: String) -> Verdict {
    Err(Broken { check, message })
}
