//! Random sequences against a model: a list of whole versions with counted references.

use geoheap_frame_sync::{
    Changes, Hold, PublishError, Publisher, Reader, RingConfig, Ticket, VersionStage, ring,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

#[derive(Clone, Copy, Debug)]
enum Op {
    Set {
        index: u32,
        slot: u64,
        extra: Option<u16>,
    },
    SetSlot {
        index: u32,
        slot: u64,
    },
    SetMany {
        from: u32,
        count: u32,
        slot: u64,
    },
    Retire,
    Publish,
    Collect,
    Ticket,
    Fork(usize),
    Hold(usize),
    CloneHold(usize),
    Finish(usize),
    DropTicket(usize),
    DropHold(usize),
    DeviceLost,
}

fn op() -> impl Strategy<Value = Op> {
    let extra = proptest::option::of(any::<u16>());
    prop_oneof![
        8 => (0..24_u32, 1..1000_u64, extra)
            .prop_map(|(index, slot, extra)| Op::Set { index, slot, extra }),
        5 => (0..24_u32, 1..1000_u64).prop_map(|(index, slot)| Op::SetSlot { index, slot }),
        1 => (0..60_u32, 1..20_u32, 1..1000_u64)
            .prop_map(|(from, count, slot)| Op::SetMany { from, count, slot }),
        4 => Just(Op::Retire),
        9 => Just(Op::Publish),
        4 => Just(Op::Collect),
        5 => Just(Op::Ticket),
        2 => any::<usize>().prop_map(Op::Fork),
        2 => any::<usize>().prop_map(Op::Hold),
        1 => any::<usize>().prop_map(Op::CloneHold),
        4 => any::<usize>().prop_map(Op::Finish),
        4 => any::<usize>().prop_map(Op::DropTicket),
        6 => any::<usize>().prop_map(Op::DropHold),
        1 => Just(Op::DeviceLost),
    ]
}

type Row = (u64, Option<u16>);

/// A version as the model keeps it: a full copy, and counts.
struct Whole {
    rows: Vec<Row>,
    /// The slots that it set.
    set: BTreeSet<u32>,
    tickets: usize,
    holds: usize,
    void: bool,
    epoch: u32,
    /// What the next version stopped naming.
    retired: Vec<u64>,
    payload: Weak<u64>,
}

impl Whole {
    fn in_use(&self) -> bool {
        self.tickets + self.holds > 0
    }
}

struct World {
    config: RingConfig,
    publisher: Publisher<u64, u16, u64, u64>,
    reader: Reader<u64, u16, u64>,
    tickets: Vec<Ticket<u64, u16, u64>>,
    holds: Vec<Hold<u64>>,
    /// All versions ever published, by number.
    versions: Vec<Whole>,
    /// The oldest version that is not reclaimed.
    oldest: usize,
    /// The superseded versions that the publisher's latest look found in use, and the one after.
    in_use: Vec<usize>,
    /// The rows of the next version.
    next_rows: Vec<Row>,
    next_set: BTreeSet<u32>,
    pending_retired: Vec<u64>,
    ready: Vec<u64>,
    next_item: u64,
    epoch: u32,
}

impl World {
    fn new(config: RingConfig) -> Self {
        let (publisher, reader) = ring(config, 0).expect("the configuration is within limits");
        let mut world = Self {
            config,
            publisher,
            reader,
            tickets: Vec::new(),
            holds: Vec::new(),
            versions: Vec::new(),
            oldest: 0,
            in_use: Vec::new(),
            next_rows: vec![(0, None); config.slots_initial as usize],
            next_set: BTreeSet::new(),
            pending_retired: Vec::new(),
            ready: Vec::new(),
            next_item: 0,
            epoch: 0,
        };
        world.add_version(Weak::new());
        world
    }

    fn add_version(&mut self, payload: Weak<u64>) {
        self.versions.push(Whole {
            rows: self.next_rows.clone(),
            set: std::mem::take(&mut self.next_set),
            tickets: 0,
            holds: 0,
            void: false,
            epoch: self.epoch,
            retired: Vec::new(),
            payload,
        });
    }

    fn current(&self) -> usize {
        self.versions.len() - 1
    }

    /// What the publisher learns when it looks: everything up to the oldest version in use goes.
    fn sweep(&mut self) {
        while self.oldest < self.current() && !self.versions[self.oldest].in_use() {
            self.ready.append(&mut self.versions[self.oldest].retired);
            self.oldest += 1;
        }
        let superseded = self.oldest..self.current();
        self.in_use = superseded
            .filter(|at| self.versions[*at].in_use())
            .collect();
    }

    fn row(&mut self, index: u32) -> &mut Row {
        self.next_set.insert(index);
        let at = index as usize;
        if at >= self.next_rows.len() {
            let len = (at + 1).max(2 * self.next_rows.len());
            self.next_rows.resize(len, (0, None));
        }
        &mut self.next_rows[at]
    }

    fn set(&mut self, index: u32, slot: u64, extra: Option<u16>) {
        self.publisher.set(index, slot, extra);
        *self.row(index) = (slot, extra);
    }

    fn publish(&mut self) {
        let number = self.versions.len() as u64;
        let payload = Arc::new(number);
        let watch = Arc::downgrade(&payload);
        let result = self.publisher.publish(payload);
        self.sweep();
        let (alive, limit) = (self.in_use.len() + 1, self.config.versions_alive_max);
        let before = &self.versions[..self.current()];
        let pinned = |v: &Whole| v.tickets > 0 && !v.void;
        if alive >= limit as usize {
            let Err(PublishError::Backpressure {
                oldest,
                alive: seen,
                ..
            }) = result
            else {
                panic!("{alive} versions are alive, but publish gave {result:?}")
            };
            assert_eq!(
                (oldest.get(), seen),
                (self.oldest as u64, alive),
                "numbers of {result:?}"
            );
        } else if before.iter().filter(|v| pinned(v)).count() == self.config.replicas - 1 {
            let Err(PublishError::Stalled { held, .. }) = result else {
                panic!("all replicas are pinned, but publish gave {result:?}")
            };
            let held: Vec<_> = held.iter().map(|version| version.get()).collect();
            let expected: Vec<_> = (0..)
                .zip(before)
                .filter(|(_, v)| pinned(v))
                .map(|(number, _)| number)
                .collect();
            assert_eq!(held, expected, "the stall names the pinned versions");
        } else {
            let version = result.expect("F7: nothing stands in the way");
            assert_eq!(version.get(), number, "R4: versions rise by one");
            let current = self.current();
            let retired = std::mem::take(&mut self.pending_retired);
            if self.versions[current].void {
                self.ready.extend(retired);
                self.oldest = current + 1;
                self.in_use.clear();
            } else {
                self.versions[current].retired = retired;
                self.in_use.push(current);
            }
            self.add_version(watch);
        }
    }

    fn collect(&mut self) {
        self.sweep();
        let mut out = Vec::new();
        self.publisher.collect(&mut out);
        assert_eq!(
            out, self.ready,
            "R3: exactly what is out of use comes out, in order"
        );
        self.ready.clear();
        self.check_waiting();
        for (number, version) in self.versions.iter().enumerate().skip(1) {
            assert_eq!(
                version.payload.strong_count() > 0,
                version.in_use() || number == self.current(),
                "the payload of version {number} lives exactly as long as its version is in use"
            );
        }
    }

    /// What is told of each version right after a look at all of them.
    fn check_waiting(&self) {
        let waiting = self.publisher.waiting().map(|waiting| {
            let items = waiting.items.to_vec();
            (waiting.version.get(), waiting.stage, items)
        });
        let mut expected: Vec<(u64, VersionStage, Vec<u64>)> = Vec::new();
        for (number, version) in (0..)
            .zip(&self.versions[..self.current()])
            .skip(self.oldest)
        {
            match (version, expected.last_mut()) {
                (Whole { tickets: 1.., .. }, _) => {
                    expected.push((number, VersionStage::Pinned, version.retired.clone()));
                }
                (Whole { holds: 1.., .. }, _) => {
                    expected.push((number, VersionStage::InFlight, version.retired.clone()));
                }
                (_, Some(before)) => before.2.extend(&version.retired),
                (_, None) => panic!("R3: version {number} is not in use, nor is one before it"),
            }
        }
        assert_eq!(
            waiting.collect::<Vec<_>>(),
            expected,
            "F4: each version that waits, and what waits for it"
        );
    }

    /// What a ticket's version tells of changes since every other version, against whole tables.
    fn check_feed(&self, ticket: &Ticket<u64, u16, u64>) {
        let at = usize::try_from(ticket.version().get()).expect("a small number");
        let version = &self.versions[at];
        for older in 0..=at + 1 {
            let told = ticket.changed_since(geoheap_frame_sync::Version::new(older as u64));
            let Some(since) = self.versions[..=at].get(older) else {
                assert!(matches!(told, Changes::All), "F9: the future is not told");
                continue;
            };
            let steps = &self.versions[older + 1..=at];
            let set = || steps.iter().flat_map(|step| step.set.iter().copied());
            let mut sum = 0;
            let fits = (1..).zip(steps).all(|(count, step)| {
                sum += step.set.len();
                count <= self.config.feed_versions && sum <= step.rows.len() / 4
            });
            let Changes::Slots(slots) = told else {
                assert!(
                    version.void || since.epoch != version.epoch || !fits,
                    "F9: version {at} does not tell what changed since {older}: {:?}",
                    set().collect::<Vec<_>>()
                );
                continue;
            };
            assert!(
                !version.void && since.epoch == version.epoch && fits,
                "F9: version {at} tells too much of {older}: {slots:?}"
            );
            assert!(slots.iter().eq(set()), "F9: {older} to {at}: {slots:?}");
            let named: BTreeSet<u32> = set().collect();
            assert!(
                slots.to_sorted().into_iter().eq(named.iter().copied()),
                "F9: {older} to {at} in order: {slots:?}"
            );
            for (index, row) in (0..).zip(&version.rows) {
                let before = since.rows.get(index as usize).unwrap_or(&(0, None));
                assert!(
                    row == before || named.contains(&index),
                    "F9: slot {index} changed from {older} to {at}, but is not named"
                );
            }
        }
    }

    fn device_lost(&mut self) {
        self.publisher.device_lost();
        self.epoch += 1;
        for version in &mut self.versions {
            version.void = true;
            self.ready.append(&mut version.retired);
        }
        self.ready.append(&mut self.pending_retired);
        self.oldest = self.current();
        self.in_use.clear();
        self.next_rows.fill((0, None));
        self.next_set.clear();
    }

    fn step(&mut self, op: Op) {
        let at = |len: usize, raw: usize| (len > 0).then(|| raw % len.max(1));
        let number = |version: geoheap_frame_sync::Version| {
            usize::try_from(version.get()).expect("the model's versions fit")
        };
        match op {
            Op::Set { index, slot, extra } => self.set(index, slot, extra),
            Op::SetSlot { index, slot } => {
                self.publisher.set_slot(index, slot);
                self.row(index).0 = slot;
            }
            Op::SetMany { from, count, slot } => {
                (from..from + count).for_each(|index| self.set(index, slot, None));
            }
            Op::Retire => {
                self.publisher.retire(self.next_item);
                self.pending_retired.push(self.next_item);
                self.next_item += 1;
            }
            Op::Publish => self.publish(),
            Op::Collect => self.collect(),
            Op::DeviceLost => self.device_lost(),
            Op::Ticket => {
                let ticket = self.reader.ticket();
                let current = self.current();
                assert_eq!(
                    number(ticket.version()),
                    current,
                    "R4: the newest is seen at once"
                );
                self.check_feed(&ticket);
                self.versions[current].tickets += 1;
                self.tickets.push(ticket);
            }
            Op::Fork(raw) => {
                if let Some(at) = at(self.tickets.len(), raw) {
                    let fork = self.tickets[at].fork();
                    self.versions[number(fork.version())].tickets += 1;
                    self.tickets.push(fork);
                }
            }
            Op::Hold(raw) => {
                if let Some(at) = at(self.tickets.len(), raw) {
                    let hold = self.tickets[at].hold();
                    self.versions[number(hold.version())].holds += 1;
                    self.holds.push(hold);
                }
            }
            Op::CloneHold(raw) => {
                if let Some(at) = at(self.holds.len(), raw) {
                    let hold = self.holds[at].clone();
                    self.versions[number(hold.version())].holds += 1;
                    self.holds.push(hold);
                }
            }
            Op::Finish(raw) => {
                if let Some(at) = at(self.tickets.len(), raw) {
                    let ticket = self.tickets.swap_remove(at);
                    self.check_feed(&ticket);
                    let finished = ticket.finish();
                    let version = &mut self.versions[number(finished.version)];
                    version.tickets -= 1;
                    version.holds += 1;
                    self.holds.push(finished.hold);
                }
            }
            Op::DropTicket(raw) => {
                if let Some(at) = at(self.tickets.len(), raw) {
                    let version = number(self.tickets.swap_remove(at).version());
                    self.versions[version].tickets -= 1;
                }
            }
            Op::DropHold(raw) => {
                if let Some(at) = at(self.holds.len(), raw) {
                    let version = number(self.holds.swap_remove(at).version());
                    self.versions[version].holds -= 1;
                }
            }
        }
    }

    /// What can be seen at any time, by every ticket and hold.
    fn check(&self) {
        self.publisher.validate();
        for ticket in &self.tickets {
            let version = ticket.version().get();
            let whole = &self.versions[usize::try_from(version).expect("a small number")];
            assert_eq!(
                (ticket.is_void(), ticket.epoch().get()),
                (whole.void, whole.epoch),
                "R5"
            );
            assert_eq!(
                *ticket.payload(),
                version,
                "F1: the payload of version {version}"
            );
            assert_eq!(
                ticket.capacity(),
                whole.rows.len(),
                "F1: the size of version {version}"
            );
            let visible = if whole.void { 0 } else { whole.rows.len() };
            assert_eq!(
                ticket.slots().len(),
                visible,
                "R5: a void version shows no slots"
            );
            for (index, &(slot, extra)) in (0..).zip(&whole.rows) {
                let expected = if whole.void {
                    (None, None)
                } else {
                    (Some(slot), extra)
                };
                let seen = (ticket.get(index).copied(), ticket.extra(index).copied());
                assert_eq!(seen, expected, "F1: slot {index} of version {version}");
            }
        }
        for hold in &self.holds {
            assert_eq!(
                *hold.payload(),
                hold.version().get(),
                "F1: a hold keeps the payload"
            );
        }
        assert_eq!(self.publisher.versions_alive(), self.in_use.len() + 1, "R3");
        assert_eq!(
            self.publisher.oldest_in_use().get(),
            self.oldest as u64,
            "R3"
        );
        let waiting: usize = self
            .versions
            .iter()
            .map(|version| version.retired.len())
            .sum();
        let items = waiting + self.ready.len() + self.pending_retired.len();
        assert_eq!(
            self.publisher.figures().retired_items,
            items,
            "R2: no item is lost"
        );
    }

    /// When everybody has let go, everything published as retired comes out.
    fn end(mut self) {
        self.tickets.clear();
        self.holds.clear();
        for version in &mut self.versions {
            (version.tickets, version.holds) = (0, 0);
        }
        self.collect();
        assert_eq!(
            self.publisher.versions_alive(),
            1,
            "only the current version is in use"
        );
        let left = self.publisher.figures().retired_items;
        assert_eq!(
            left,
            self.pending_retired.len(),
            "R2: only what was never published is left"
        );
    }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_sequence_agrees_with_the_model(
        replicas in 2..6_usize,
        slots_initial in 0..40_u32,
        versions_alive_max in 2..12_u32,
        feed_versions in 0..12_u32,
        ops in vec(op(), 1..150),
    ) {
        let mut world = World::new(RingConfig {
            replicas,
            slots_initial,
            versions_alive_max,
            feed_versions,
        });
        for op in ops {
            world.step(op);
            world.check();
        }
        world.end();
    }
}
