//! Any sequence of requests and frames, against what must be true of every read: a ticket's block
//! shows its own bytes, of one revision, never an older one than was seen before, and the same for
//! as long as the ticket or its token lives (R1, R2, R3, R7, R8).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use geoheap::{
    BlockDesc, ByteLen, ByteOffset, FrameTicket, GpuBytes, Handle, InFlight, KindId, Lifetime,
    Lookup, OutsideLease, PartData, Pending, RequestError, Source, Version, VirtualBuffer,
    VirtualRead,
};
use proptest::prelude::*;

use crate::harness::{STRIDE, World, small, stamped};

/// Staging has one part in so many of the budget at most.
const STAGING_SHARE: u64 = 8;
/// More than a block without room waits before it fails.
const SETTLE_TICKS: usize = 700;
const SETTLE_ROUNDS_MAX: usize = 40;

#[derive(Clone, Copy, Debug)]
enum Step {
    Add {
        count: usize,
        long: bool,
        reload: bool,
    },
    Update {
        nth: usize,
        count: usize,
    },
    InPlace {
        nth: usize,
    },
    AddOnGpu {
        count: usize,
    },
    UpdateOnGpu {
        nth: usize,
        count: usize,
    },
    Outside {
        kib: u64,
    },
    GiveBack,
    Remove {
        nth: usize,
    },
    Pin {
        nth: usize,
    },
    Unpin {
        nth: usize,
    },
    Lifetime {
        nth: usize,
        long: bool,
    },
    Budget {
        kib: u64,
    },
    Compact,
    Frame {
        first: usize,
        count: usize,
    },
    Hold {
        first: usize,
    },
    Drop {
        nth: usize,
    },
    Ticks {
        count: usize,
    },
    FailCreation,
    FailStaging,
    FailSubmit {
        after: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let count = prop_oneof![4 => 1..60usize, 2 => 60..600usize, 1 => 1_500..2_000usize];
    let step = prop_oneof![
        12 => (count.clone(), 0..12, any::<bool>())
            .prop_map(|(count, long, reload)| Step::Add { count, long: long == 0, reload }),
        6 => (any::<usize>(), count.clone())
            .prop_map(|(nth, count)| Step::Update { nth, count }),
        2 => any::<usize>().prop_map(|nth| Step::InPlace { nth }),
        4 => count.clone().prop_map(|count| Step::AddOnGpu { count }),
        2 => (any::<usize>(), count).prop_map(|(nth, count)| Step::UpdateOnGpu { nth, count }),
        1 => (0..400u64).prop_map(|kib| Step::Outside { kib }),
        2 => Just(Step::GiveBack),
        6 => any::<usize>().prop_map(|nth| Step::Remove { nth }),
        1 => any::<usize>().prop_map(|nth| Step::Pin { nth }),
        2 => any::<usize>().prop_map(|nth| Step::Unpin { nth }),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(nth, long)| Step::Lifetime { nth, long }),
        1 => (150..600u64).prop_map(|kib| Step::Budget { kib }),
        1 => Just(Step::Compact),
        14 => (any::<usize>(), 1..30usize).prop_map(|(first, count)| Step::Frame { first, count }),
        4 => any::<usize>().prop_map(|first| Step::Hold { first }),
        4 => any::<usize>().prop_map(|nth| Step::Drop { nth }),
        10 => (1..12usize).prop_map(|count| Step::Ticks { count }),
        1 => Just(Step::FailCreation),
        1 => Just(Step::FailStaging),
        1 => (1..8u64).prop_map(|after| Step::FailSubmit { after }),
    ];
    prop::collection::vec(step, 60..220)
}

/// What is known of a block.
struct Known {
    handle: Handle,
    /// Revisions sent, and their lengths; index is the revision.
    lens: Arc<Mutex<Vec<usize>>>,
    /// Oldest revision that a new version may still show.
    seen: u32,
    pins: u32,
    was_resident: bool,
    may_leave: bool,
    /// It has no need of memory that it could retain.
    takes_gpu_bytes: bool,
}

/// Contents that the engine copies from a buffer of the program's own.
struct Lent {
    id: u32,
    revision: u32,
    buffer: VirtualBuffer,
    /// Of the block's first contents: whether it is there. Of others: they are published.
    done: Done,
}

enum Done {
    There(Pending<()>),
    Flushed(Pending<Version>),
}

/// A ticket that is kept, and what it showed first.
struct Held {
    /// Commands may be submitted long after their ticket is gone: then only the token is held.
    ticket: Option<FrameTicket<VirtualBuffer>>,
    in_flight: InFlight<VirtualBuffer>,
    shown: Vec<(u32, VirtualRead, Vec<u8>)>,
}

struct Model {
    world: World,
    blocks: BTreeMap<u32, Known>,
    held: Vec<Held>,
    /// Blocks that were updated in place: older versions may see newer bytes of them.
    in_place: BTreeSet<u32>,
    /// Blocks that were removed.
    gone: Vec<(u32, Handle)>,
    next: u32,
    lent: Vec<Lent>,
    asked: Vec<Pending<OutsideLease>>,
    leases: Vec<OutsideLease>,
    /// The budget was lowered, and is not reached yet.
    is_reaching: bool,
    /// As of the last look.
    budget: u64,
    /// As of the last look.
    chunk_bytes: u64,
    /// The device was told to refuse something, and will have said so.
    has_faults: bool,
}

impl Model {
    fn pick(&self, nth: usize) -> Option<u32> {
        let count = self.blocks.len();
        (count > 0).then(|| {
            *self
                .blocks
                .keys()
                .nth(nth % count)
                .expect("within the count")
        })
    }

    fn add(&mut self, count: usize, long: bool, reload: bool) {
        let id = self.next;
        self.next += 1;
        let len = count * STRIDE as usize;
        let lens = Arc::new(Mutex::new(vec![len]));
        let known = Arc::clone(&lens);
        let source = if reload {
            Source::reload(move |_| {
                let lens = known.lock().expect("no panics while held");
                let revision = u32::try_from(lens.len() - 1).expect("small");
                Ok(vec![stamped(id, revision, lens[lens.len() - 1]).into()])
            })
        } else {
            Source::Retained
        };
        let lifetime = if long {
            Lifetime::LongLived
        } else {
            Lifetime::Dynamic
        };
        let part = PartData::vertex(stamped(id, 0, len), STRIDE);
        let block = BlockDesc::new()
            .part(part)
            .source(source)
            .lifetime(lifetime);
        if let Ok(handle) = self.world.client.add(block) {
            let (seen, pins, was_resident) = (0, 0, false);
            let may_leave = !long;
            let known = Known {
                handle,
                lens,
                seen,
                pins,
                was_resident,
                may_leave,
                takes_gpu_bytes: reload,
            };
            self.blocks.insert(id, known);
        }
    }

    /// A buffer with the contents of a revision, and the bytes of it.
    fn lend(&mut self, id: u32, revision: u32, len: usize) -> (VirtualBuffer, GpuBytes) {
        let bytes = stamped(id, revision, len);
        let buffer = self.world.control.make_buffer("of a shader", &bytes);
        let buffer = buffer.expect("the device has memory");
        let (at, len) = (ByteOffset::ZERO, ByteLen::new(len as u64));
        let bytes = self.world.client.gpu_bytes(buffer.clone(), at, len);
        (buffer, bytes.expect("the whole of the buffer"))
    }

    fn add_on_gpu(&mut self, count: usize) {
        let id = self.next;
        self.next += 1;
        let len = count * STRIDE as usize;
        let (buffer, bytes) = self.lend(id, 0, len);
        let part = PartData::on_gpu(KindId::VERTEX, STRIDE, bytes);
        let Ok((handle, there)) = self.world.client.adopt(BlockDesc::new().part(part)) else {
            return;
        };
        let known = Known {
            handle,
            lens: Arc::new(Mutex::new(vec![len])),
            seen: 0,
            pins: 0,
            was_resident: false,
            may_leave: true,
            takes_gpu_bytes: true,
        };
        self.blocks.insert(id, known);
        let done = Done::There(there);
        let revision = 0;
        self.lent.push(Lent {
            id,
            revision,
            buffer,
            done,
        });
    }

    fn update_on_gpu(&mut self, nth: usize, count: usize) {
        let Some(id) = self.pick(nth) else { return };
        let block = &self.blocks[&id];
        if !block.takes_gpu_bytes {
            return;
        }
        let (handle, lens) = (block.handle, Arc::clone(&block.lens));
        let len = count * STRIDE as usize;
        let revision = lens.lock().expect("no panics while held").len();
        let revision = u32::try_from(revision).expect("small");
        let (buffer, bytes) = self.lend(id, revision, len);
        lens.lock().expect("no panics while held").push(len);
        let sent = self.world.client.update_on_gpu(handle, vec![bytes]);
        sent.expect("the mailbox has room");
        let flushed = self.world.client.flush().expect("the mailbox has room");
        let done = Done::Flushed(flushed);
        self.lent.push(Lent {
            id,
            revision,
            buffer,
            done,
        });
        self.world.ticks(1);
    }

    /// Whoever has an answer writes over what he lent; whoever has none finds it as it was.
    fn check_lent(&mut self) {
        for mut lent in core::mem::take(&mut self.lent) {
            let is_done = match &mut lent.done {
                Done::There(there) => there.try_take().is_some(),
                Done::Flushed(flushed) => flushed.try_take().is_some(),
            };
            let len = lent.buffer.len().get();
            let bytes = self.world.control.read(&lent.buffer, 0..len);
            let as_lent = stamped(lent.id, lent.revision, bytes.len());
            assert!(bytes == as_lent, "block {}: its source changed", lent.id);
            if is_done {
                self.world.control.poison(&lent.buffer, 0..len, 0xdead_dead);
            } else {
                self.lent.push(lent);
            }
        }
    }

    /// What is held, here and outside, is below the budget; but while a lowered one is being
    /// reached, chunks leave and staging passes through (R10).
    fn check_budget(&mut self) {
        for mut asked in core::mem::take(&mut self.asked) {
            match asked.try_take() {
                None => self.asked.push(asked),
                Some(Ok(lease)) => self.leases.push(lease),
                Some(Err(error)) => {
                    let is_too_much = matches!(error, RequestError::OutsideTooLarge { .. });
                    assert!(is_too_much, "{error}");
                }
            }
        }
        let report = self.world.manager.report();
        let (held, budget) = (report.held_bytes, report.budget_bytes);
        let share = budget - report.outside_bytes;
        let staging = self.world.manager.config().staging_bytes.get();
        let staging = staging.min(share / STAGING_SHARE);
        let chunks = held - report.staging_bytes - report.outside_bytes;
        let is_above = chunks > share - staging || report.staging_bytes > staging;
        let is_lower = core::mem::replace(&mut self.budget, budget) > budget;
        self.is_reaching = is_above && (self.is_reaching || is_lower);
        let chunks_before = core::mem::replace(&mut self.chunk_bytes, chunks);
        let is_leaving = self.is_reaching && chunks <= chunks_before;
        assert!(held <= budget || is_leaving, "R10: {report}");
        let leases: ByteLen = self.leases.iter().map(OutsideLease::bytes).sum();
        // One that was given up counts until the next tick.
        assert!(leases.get() <= report.outside_bytes, "R10: {report}");
    }

    fn update(&mut self, nth: usize, count: Option<usize>) {
        let Some(id) = self.pick(nth) else { return };
        let block = self.blocks.get_mut(&id).expect("it was picked");
        let mut lens = block.lens.lock().expect("no panics while held");
        let len = count.map_or(lens[lens.len() - 1], |count| count * STRIDE as usize);
        lens.push(len);
        let revision = u32::try_from(lens.len() - 1).expect("small");
        drop(lens);
        let contents = vec![stamped(id, revision, len).into()];
        let sent = if count.is_some() {
            self.world.client.update(block.handle, contents)
        } else {
            self.in_place.insert(id);
            self.world.client.update_in_place(block.handle, contents)
        };
        sent.expect("the mailbox has room");
        self.world.ticks(1);
    }

    /// Looks at blocks through a fresh ticket and checks what a queued read of each sees.
    fn frame(&mut self, first: usize, count: usize) {
        let ticket = self.world.manager.begin_frame();
        let shown = self.read_all(&ticket, first, count);
        self.check_gone(&ticket, first);
        drop(ticket.finish());
        self.world.ticks(1);
        self.check_shown(&shown);
    }

    fn read_all(
        &mut self,
        ticket: &FrameTicket<VirtualBuffer>,
        first: usize,
        count: usize,
    ) -> Vec<(u32, Handle, Vec<u8>)> {
        let ids: Vec<u32> = self.blocks.keys().copied().collect();
        let chosen = ids
            .iter()
            .cycle()
            .skip(first % ids.len().max(1))
            .take(count.min(ids.len()));
        let mut reads = Vec::new();
        for id in chosen {
            let block = self.blocks.get_mut(id).expect("it is one of them");
            match ticket.get(block.handle) {
                Lookup::Resident(_) => {
                    block.was_resident = true;
                    let read = self.world.queue_read(ticket, block.handle);
                    reads.push((*id, block.handle, read.expect("it is resident")));
                }
                Lookup::Pending => {
                    // R8: only a new block is pending; an old one is evicted, or where it was.
                    assert!(
                        !block.was_resident || block.may_leave,
                        "R8: block {id} is hidden"
                    );
                }
                Lookup::Stale => panic!("R7: block {id} lives"),
                Lookup::NotYetPublished | Lookup::Evicted | Lookup::Failed => {}
                Lookup::Lost => panic!("block {id}: the device is there"),
            }
        }
        self.world.ticks(5);
        reads
            .into_iter()
            .map(|(id, handle, read)| {
                let bytes = read.lock().expect("no panics while held").take();
                (id, handle, bytes.expect("it was executed"))
            })
            .collect()
    }

    /// R7: whoever has the slot of a removed block now, its handle shows nothing of that.
    fn check_gone(&mut self, ticket: &FrameTicket<VirtualBuffer>, first: usize) {
        let skipped = first % self.gone.len().max(1);
        for (id, handle) in self.gone.clone().into_iter().skip(skipped).take(8) {
            if let Some(read) = self.world.queue_read(ticket, handle) {
                // Its removal is not published yet.
                self.world.ticks(4);
                let bytes = read.lock().expect("no panics while held").take();
                let bytes = bytes.expect("it was executed");
                assert_eq!(
                    bytes[..4],
                    id.to_le_bytes(),
                    "R7: {handle} shows another block"
                );
            }
        }
    }

    fn check_shown(&mut self, shown: &[(u32, Handle, Vec<u8>)]) {
        for (id, _, bytes) in shown {
            let block = self.blocks.get_mut(id).expect("it lives");
            let revision = u32::from_le_bytes(bytes[4..8].try_into().expect("four bytes"));
            let lens = block.lens.lock().expect("no panics while held");
            let len = lens.get(revision as usize);
            let len = *len.unwrap_or_else(|| panic!("R1: block {id} shows {:?}", &bytes[..8]));
            if self.in_place.contains(id) {
                // Updated in place, a block may show several revisions at once, but no others.
                let own = |stamp: &[u8]| stamp[..4] == id.to_le_bytes();
                assert!(
                    bytes[..len].chunks_exact(8).all(own),
                    "R3: block {id} shows others"
                );
                continue;
            }
            assert!(
                bytes[..len] == stamped(*id, revision, len),
                "R3: block {id}, revision {revision}, shows bytes of others"
            );
            assert!(revision >= block.seen, "R4: block {id} went back in time");
            block.seen = revision;
        }
    }

    fn hold(&mut self, first: usize) {
        if self.held.len() >= 3 {
            return;
        }
        let ticket = self.world.manager.begin_frame();
        let shown = self.read_all(&ticket, first, 12);
        self.check_shown(&shown);
        let place = |(id, handle, bytes)| {
            let view = ticket
                .get(handle)
                .resident()
                .expect("R4: a version never changes");
            let (start, len) = (view.offset().get(), view.len().get());
            let buffer = view.buffer().clone();
            (
                id,
                VirtualRead {
                    buffer,
                    range: start..start + len,
                },
                bytes,
            )
        };
        let shown = shown.into_iter().map(place).collect();
        let in_flight = ticket.in_flight();
        let ticket = first.is_multiple_of(2).then_some(ticket);
        self.held.push(Held {
            ticket,
            in_flight,
            shown,
        });
    }

    /// What a kept ticket showed first it still shows, whatever happened since.
    fn check_held(&mut self, nth: usize) {
        if self.held.is_empty() {
            return;
        }
        let at = nth % self.held.len();
        let held = self.held.swap_remove(at);
        for (id, place, before) in &held.shown {
            if self.in_place.contains(id) {
                // Whoever updates in place accepts that older versions see it.
                continue;
            }
            let read = self.world.queue(place.clone(), held.in_flight.clone());
            self.world.ticks(4);
            let bytes = read.lock().expect("no panics while held").take();
            assert!(
                bytes.as_ref() == Some(before),
                "R3: block {id} changed under a ticket: {:?} was {:?}",
                bytes.map(|bytes| bytes[..8].to_vec()),
                &before[..8]
            );
        }
        drop(held.ticket);
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Add {
                count,
                long,
                reload,
            } => self.add(count, long, reload),
            Step::Update { nth, count } => self.update(nth, Some(count)),
            Step::InPlace { nth } => self.update(nth, None),
            Step::AddOnGpu { count } => self.add_on_gpu(count),
            Step::UpdateOnGpu { nth, count } => self.update_on_gpu(nth, count),
            Step::Outside { kib } => {
                let asked = self.world.client.hold_outside(ByteLen::from_kib(kib));
                self.asked.push(asked.expect("the manager runs"));
            }
            Step::GiveBack => drop(self.leases.pop()),
            Step::Remove { nth } => {
                if let Some(id) = self.pick(nth) {
                    // Its bytes change no more, so a held ticket may still check it.
                    let block = self.blocks.remove(&id).expect("it was picked");
                    self.gone.push((id, block.handle));
                    self.world
                        .client
                        .remove(block.handle)
                        .expect("the mailbox has room");
                }
            }
            Step::Pin { nth } => {
                if let Some(id) = self.pick(nth) {
                    let block = self.blocks.get_mut(&id).expect("it was picked");
                    drop(
                        self.world
                            .client
                            .pin(block.handle)
                            .expect("the mailbox has room"),
                    );
                    block.pins += 1;
                }
            }
            Step::Unpin { nth } => {
                let pinned: Vec<u32> = self
                    .blocks
                    .iter()
                    .filter(|(_, b)| b.pins > 0)
                    .map(|(id, _)| *id)
                    .collect();
                if !pinned.is_empty() {
                    let id = pinned[nth % pinned.len()];
                    let block = self.blocks.get_mut(&id).expect("it is one of them");
                    self.world
                        .client
                        .unpin(block.handle)
                        .expect("the mailbox has room");
                    block.pins -= 1;
                }
            }
            Step::Lifetime { nth, long } => {
                if let Some(id) = self.pick(nth) {
                    let block = self.blocks.get_mut(&id).expect("it was picked");
                    let lifetime = if long {
                        Lifetime::LongLived
                    } else {
                        Lifetime::Dynamic
                    };
                    self.world
                        .client
                        .set_lifetime(block.handle, lifetime)
                        .expect("room");
                    block.may_leave |= !long;
                }
            }
            Step::Budget { kib } => {
                drop(
                    self.world
                        .client
                        .set_budget(ByteLen::from_kib(kib))
                        .expect("a chunk fits"),
                );
            }
            Step::Compact => drop(self.world.client.compact_now().expect("room")),
            Step::Frame { first, count } => self.frame(first, count),
            Step::Hold { first } => self.hold(first),
            Step::Drop { nth } => self.check_held(nth),
            Step::Ticks { count } => self.world.ticks(count),
            Step::FailCreation => self.world.control.fail_creation(1),
            Step::FailStaging => {
                self.has_faults = true;
                self.world.control.fail_staging(1);
            }
            Step::FailSubmit { after } => {
                self.has_faults = true;
                self.world.control.fail_submit(after);
            }
        }
    }

    /// Goes on until nothing waits any more. It takes its time: what the device was seen not to
    /// give is tried again step by step, and a block without room waits long before it fails, once
    /// for each change that was sent to it.
    fn wait_until_settled(&mut self) {
        for _ in 0..SETTLE_ROUNDS_MAX {
            self.world.ticks(SETTLE_TICKS);
            self.check_lent();
            let report = self.world.manager.report();
            let is_whole = report.budget_effective_bytes == report.budget_bytes;
            let waits = report.reserved_bytes + report.retired_bytes;
            if is_whole && waits == 0 && self.lent.is_empty() {
                return;
            }
        }
    }

    /// Nothing is held any more: what was asked for is done, and what retired is free.
    fn settle(&mut self) {
        while !self.held.is_empty() {
            self.check_held(0);
        }
        for block in self.blocks.values() {
            for _ in 0..block.pins {
                self.world
                    .client
                    .unpin(block.handle)
                    .expect("the mailbox has room");
            }
        }
        self.asked.clear();
        self.leases.clear();
        self.wait_until_settled();
        assert!(self.lent.is_empty(), "each of them is answered");
        let report = self.world.manager.report();
        assert_eq!(
            report.budget_effective_bytes, report.budget_bytes,
            "R10: the budget grows back"
        );
        assert_eq!(
            report.retired_bytes, 0,
            "R3: retired bytes drain: {report:?}"
        );
        assert_eq!(report.outside_bytes, 0, "R10: all is given back");
        assert_eq!(report.hidden_uses, 0, "R8");
        assert!(
            report.gpu_errors == 0 || self.has_faults,
            "the device had nothing to complain of"
        );
        assert_eq!(
            (report.long_lived_moves, report.long_lived_evictions),
            (0, 0),
            "R9"
        );
        assert_eq!(
            report.reserved_bytes, 0,
            "R6: nothing is on its way: {report:?}"
        );
        let pending = self.world.client.heap_map().expect("the manager runs");
        let map = self.world.answer(pending).expect("it is never refused");
        let ranges = map.chunks.iter().flat_map(|chunk| &chunk.ranges);
        let owners: Vec<_> = ranges
            .map(|range| range.handle.expect("R6: no orphans"))
            .collect();
        let distinct: BTreeSet<_> = owners.iter().copied().collect();
        assert_eq!(
            owners.len(),
            distinct.len(),
            "R6: a settled block has one range"
        );
        let live = usize::try_from(report.blocks).expect("small");
        assert_eq!(live, self.blocks.len(), "every block is accounted for");
    }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(96)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_read_sees_its_own_bytes(steps in steps()) {
        let mut config = small();
        config.mailbox_bytes = ByteLen::from_mib(16);
        let mut model = Model {
            world: World::new(config),
            blocks: BTreeMap::new(),
            held: Vec::new(),
            in_place: BTreeSet::new(),
            gone: Vec::new(),
            next: 1,
            lent: Vec::new(),
            asked: Vec::new(),
            leases: Vec::new(),
            is_reaching: false,
            budget: 0,
            chunk_bytes: 0,
            has_faults: false,
        };
        for step in steps {
            model.apply(step);
            model.check_lent();
            model.check_budget();
        }
        model.settle();
    }
}
