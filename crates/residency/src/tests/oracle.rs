//! Random calls against a list that is sorted each time it is asked.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::policy::{History, Policy};
use crate::{Config, EntryId, Frame, Group, Now, PolicyKind, Priority, Residency, Worth};

/// Few groups and a worth that neither rises nor falls with age, so that the order of frames is not
/// that of leaving.
#[derive(Clone, Debug)]
struct Zigzag;

impl Policy for Zigzag {
    fn used(&mut self, History([uses, ages]): History, age_frames: u64, _now: Frame) -> History {
        let age = u8::try_from(age_frames).expect("few frames are tried");
        History([uses.wrapping_add(1) | 1, ages.wrapping_add(age)])
    }

    fn group(&self, History([uses, ages]): History) -> Group {
        Group((uses ^ ages) & 3)
    }

    fn worth(&self, group: Group, age_frames: u64) -> Worth {
        Worth((age_frames + 2 * u64::from(group.get())) % 3)
    }

    fn boxed(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

fn policy() -> impl Strategy<Value = Box<dyn Policy>> {
    (0..3).prop_map(|which| match which {
        0 => PolicyKind::Lru.build(),
        1 => PolicyKind::HitDensity.build(),
        _ => Box::new(Zigzag),
    })
}

#[derive(Clone, Debug)]
enum Call {
    Insert {
        id: u32,
        bytes: u64,
        priority: u8,
    },
    Evict {
        id: u32,
    },
    Remove {
        id: u32,
    },
    Resize {
        id: u32,
        bytes: u64,
    },
    Touch {
        id: u32,
        frames_ago: u64,
    },
    SetPriority {
        id: u32,
        priority: u8,
    },
    Pin {
        id: u32,
    },
    Unpin {
        id: u32,
    },
    SetExempt {
        id: u32,
        exempt: bool,
    },
    MakeRoom {
        need: u64,
    },
    Wish {
        id: u32,
        bytes: u64,
        priority: u8,
        frames_ago: u64,
    },
    Unwish {
        id: u32,
    },
    Expire,
    Tick {
        ticks: u64,
        frames: u64,
    },
}

fn call() -> impl Strategy<Value = Call> {
    let id = || 0_u32..14;
    let bytes = || 0_u64..40;
    let priority = || 126_u8..129;
    let ago = || 0_u64..8;
    prop_oneof![
        6 => (id(), bytes(), priority())
            .prop_map(|(id, bytes, priority)| Call::Insert { id, bytes, priority }),
        1 => id().prop_map(|id| Call::Evict { id }),
        1 => id().prop_map(|id| Call::Remove { id }),
        1 => (id(), bytes()).prop_map(|(id, bytes)| Call::Resize { id, bytes }),
        8 => (id(), ago()).prop_map(|(id, frames_ago)| Call::Touch { id, frames_ago }),
        1 => (id(), priority()).prop_map(|(id, priority)| Call::SetPriority { id, priority }),
        1 => id().prop_map(|id| Call::Pin { id }),
        1 => id().prop_map(|id| Call::Unpin { id }),
        1 => (id(), any::<bool>()).prop_map(|(id, exempt)| Call::SetExempt { id, exempt }),
        2 => (0_u64..120).prop_map(|need| Call::MakeRoom { need }),
        3 => (id(), bytes(), priority(), ago()).prop_map(|(id, bytes, priority, frames_ago)| {
            Call::Wish { id, bytes, priority, frames_ago }
        }),
        1 => id().prop_map(|id| Call::Unwish { id }),
        1 => Just(Call::Expire),
        6 => (0_u64..4, 0_u64..3).prop_map(|(ticks, frames)| Call::Tick { ticks, frames }),
    ]
}

#[derive(Clone, Debug)]
struct Entry {
    id: u32,
    bytes: u64,
    priority: u8,
    since: u64,
    frame: u64,
    used: bool,
    pins: u16,
    exempt: bool,
    /// As of the last change of its place.
    group: Group,
    /// The number of the call that last changed the entry's place in the order.
    placed: u64,
}

#[derive(Clone, Debug)]
struct Wish {
    id: u32,
    bytes: u64,
    priority: u8,
    frame: u64,
}

/// Lists without any index.
#[derive(Debug)]
struct Oracle {
    config: Config,
    policy: Box<dyn Policy>,
    entries: Vec<Entry>,
    /// Last uses and histories of whatever came or was used, unless it was removed.
    memory: BTreeMap<u32, (u64, History)>,
    wishes: Vec<Wish>,
    /// Calls so far.
    placed: u64,
}

impl Oracle {
    fn find(&mut self, id: u32) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    fn is_protected(&self, entry: &Entry, now: Now) -> bool {
        entry.used && now.frame.get().saturating_sub(entry.frame) < self.config.protect_frames
    }

    fn may_leave(&self, entry: &Entry, now: Now) -> bool {
        entry.pins == 0
            && !entry.exempt
            && !self.is_protected(entry, now)
            && now.tick.get() - entry.since >= self.config.min_resident_ticks
    }

    fn is_recent(&self, entry: &Entry, now: Now) -> bool {
        entry.used && now.frame.get().saturating_sub(entry.frame) < self.config.recent_frames
    }

    fn victims(&self, need: u64, now: Now, recent_too: bool) -> Vec<EntryId> {
        self.first_to_leave(need, now, |e| {
            self.may_leave(e, now) && (recent_too || !self.is_recent(e, now))
        })
    }

    fn victims_below(&self, priority: u8, need: u64, now: Now) -> Vec<EntryId> {
        self.first_to_leave(need, now, |e| {
            let is_young = now.tick.get() - e.since < self.config.min_resident_ticks;
            e.priority < priority && e.pins == 0 && !e.exempt && !is_young
        })
    }

    fn first_to_leave(
        &self,
        need: u64,
        now: Now,
        may_leave: impl Fn(&Entry) -> bool,
    ) -> Vec<EntryId> {
        let mut all: Vec<_> = self.entries.iter().filter(|e| may_leave(e)).collect();
        all.sort_by_key(|e| {
            let age_frames = now.frame.get().saturating_sub(e.frame);
            (
                e.priority,
                self.is_recent(e, now),
                self.policy.worth(e.group, age_frames),
                e.frame,
                e.used,
                if e.used { 0 } else { e.since },
                e.group,
                Reverse(e.placed),
            )
        });
        let mut found = 0;
        let mut out = Vec::new();
        for entry in all {
            if found >= need {
                break;
            }
            found += entry.bytes;
            out.push(EntryId(entry.id));
        }
        out
    }

    fn evictable(&self, now: Now) -> u64 {
        self.entries
            .iter()
            .filter(|e| self.may_leave(e, now))
            .map(|e| e.bytes)
            .sum()
    }

    fn working_set(&self, now: Now) -> u64 {
        let stays = |e: &&Entry| e.pins > 0 || e.exempt || self.is_protected(e, now);
        self.entries.iter().filter(stays).map(|e| e.bytes).sum()
    }

    fn missing(&self, now: Now) -> u64 {
        let fresh =
            |w: &&Wish| now.frame.get().saturating_sub(w.frame) < self.config.protect_frames;
        self.wishes.iter().filter(fresh).map(|w| w.bytes).sum()
    }

    fn is_open(&self, wish: &Wish, now: Now) -> bool {
        now.frame.get().saturating_sub(wish.frame) <= self.config.wish_max_age_frames
    }

    fn best_wishes(&self, cap_bytes: u64, cap_count: usize, now: Now) -> Vec<EntryId> {
        let mut all: Vec<_> = self
            .wishes
            .iter()
            .filter(|w| self.is_open(w, now))
            .collect();
        all.sort_by_key(|w| (255 - w.priority, u64::MAX - w.frame, w.id));
        let mut sum = 0;
        let mut out = Vec::new();
        for wish in all {
            let oversized_first = out.is_empty() && cap_bytes > 0;
            if out.len() == cap_count || (sum + wish.bytes > cap_bytes && !oversized_first) {
                break;
            }
            sum += wish.bytes;
            out.push(EntryId(wish.id));
        }
        out
    }

    /// What the call does to the lists; returns whether it is accepted.
    fn apply(&mut self, call: &Call, now: Now) -> bool {
        self.placed += 1;
        match *call {
            Call::Insert {
                id,
                bytes,
                priority,
            } => self.insert(id, bytes, priority, now),
            Call::Touch { id, frames_ago } => {
                self.touch(id, now.frame.get().saturating_sub(frames_ago))
            }
            Call::Evict { id } => self.evict(id),
            Call::Remove { id } => {
                self.wishes.retain(|w| w.id != id);
                self.memory.remove(&id);
                self.evict(id)
            }
            Call::Wish {
                id,
                bytes,
                priority,
                frames_ago,
            } => {
                let frame = now.frame.get().saturating_sub(frames_ago);
                self.wish(Wish {
                    id,
                    bytes,
                    priority,
                    frame,
                })
            }
            Call::Unwish { id } => {
                let before = self.wishes.len();
                self.wishes.retain(|w| w.id != id);
                self.wishes.len() < before
            }
            Call::Expire => {
                let open: Vec<Wish> = self
                    .wishes
                    .iter()
                    .filter(|w| self.is_open(w, now))
                    .cloned()
                    .collect();
                self.wishes = open;
                true
            }
            _ => self.change(call),
        }
    }

    fn evict(&mut self, id: u32) -> bool {
        let before = self.entries.len();
        self.entries.retain(|e| e.id != id);
        self.entries.len() < before
    }

    fn touch(&mut self, id: u32, frame: u64) -> bool {
        if id >= self.config.entries_max {
            return false;
        }
        let is_unused = self.find(id).is_some_and(|entry| !entry.used);
        let known = self.memory.get(&id).copied();
        let (last, history) = known.unwrap_or((frame, History::default()));
        if known.is_none() {
            self.policy.came(Frame(frame));
        }
        let is_first = history == History::default() && (is_unused || known.is_none());
        let mut after = history;
        if frame > last || is_first {
            after = self
                .policy
                .used(history, frame.saturating_sub(last), Frame(frame));
            self.memory.insert(id, (last.max(frame), after));
        }
        let (placed, group) = (self.placed, self.policy.group(after));
        let Some(entry) = self.find(id) else {
            return false;
        };
        if !entry.used || frame > entry.frame {
            entry.used = true;
            entry.frame = entry.frame.max(frame);
            entry.placed = placed;
            entry.group = group;
        }
        true
    }

    fn insert(&mut self, id: u32, bytes: u64, priority: u8, now: Now) -> bool {
        if bytes == 0 || id >= self.config.entries_max || self.find(id).is_some() {
            return false;
        }
        self.wishes.retain(|w| w.id != id);
        if !self.memory.contains_key(&id) {
            self.policy.came(now.frame);
            self.memory
                .insert(id, (now.frame.get(), History::default()));
        }
        let group = self.policy.group(self.memory[&id].1);
        self.entries.push(Entry {
            id,
            bytes,
            priority,
            since: now.tick.get(),
            frame: now.frame.get(),
            used: false,
            pins: 0,
            exempt: false,
            group,
            placed: self.placed,
        });
        true
    }

    fn wish(&mut self, mut wish: Wish) -> bool {
        if wish.bytes == 0 || wish.id >= self.config.entries_max || self.find(wish.id).is_some() {
            return false;
        }
        if let Some(old) = self.wishes.iter().position(|w| w.id == wish.id) {
            wish.frame = wish.frame.max(self.wishes.remove(old).frame);
        }
        self.wishes.push(wish);
        true
    }

    /// Calls that change one entry in place.
    fn change(&mut self, call: &Call) -> bool {
        let (Call::Resize { id, .. }
        | Call::SetPriority { id, .. }
        | Call::Pin { id }
        | Call::Unpin { id }
        | Call::SetExempt { id, .. }) = *call
        else {
            return true;
        };
        let placed = self.placed;
        let Some(entry) = self.find(id) else {
            return false;
        };
        let held = entry.pins > 0 || entry.exempt;
        match *call {
            Call::Resize { bytes: 0, .. } => return false,
            Call::Resize { bytes, .. } => entry.bytes = bytes,
            Call::SetPriority { priority, .. } => {
                if entry.priority != priority {
                    entry.placed = placed;
                }
                entry.priority = priority;
            }
            Call::Pin { .. } => entry.pins += 1,
            Call::Unpin { .. } if entry.pins == 0 => return false,
            Call::Unpin { .. } => entry.pins -= 1,
            Call::SetExempt { exempt, .. } => entry.exempt = exempt,
            _ => {}
        }
        if held != (entry.pins > 0 || entry.exempt) {
            entry.placed = placed;
        }
        true
    }
}

/// Makes the call on the crate; returns whether it is accepted.
fn apply(r: &mut Residency, call: &Call, now: Now) -> bool {
    let ago = |frames| Frame(now.frame.get().saturating_sub(frames));
    match *call {
        Call::Insert {
            id,
            bytes,
            priority,
        } => r
            .insert(EntryId(id), bytes, Priority(priority), now)
            .is_ok(),
        Call::Evict { id } => r.evict(EntryId(id)).is_ok(),
        Call::Remove { id } => r.remove(EntryId(id)).is_some(),
        Call::Resize { id, bytes } => r.resize(EntryId(id), bytes).is_ok(),
        Call::Touch { id, frames_ago } => r.touch(EntryId(id), ago(frames_ago)),
        Call::SetPriority { id, priority } => {
            r.set_priority(EntryId(id), Priority(priority)).is_ok()
        }
        Call::Pin { id } => r.pin(EntryId(id)).is_ok(),
        Call::Unpin { id } => r.unpin(EntryId(id)).is_ok(),
        Call::SetExempt { id, exempt } => r.set_exempt(EntryId(id), exempt).is_ok(),
        Call::Wish {
            id,
            bytes,
            priority,
            frames_ago,
        } => r.wish(EntryId(id), bytes, Priority(priority), ago(frames_ago)),
        Call::Unwish { id } => r.unwish(EntryId(id)),
        Call::Expire => {
            r.expire_wishes(now);
            true
        }
        Call::MakeRoom { .. } | Call::Tick { .. } => true,
    }
}

/// Compares every answer of the crate with the oracle's.
fn compare(r: &Residency, oracle: &Oracle, now: Now) {
    for need in [0, 1, 35, 90, 1_000] {
        let mut got = vec![EntryId(99)];
        let found = r.victims(need, now, &mut got);
        assert_eq!(got.remove(0), EntryId(99), "victims are appended");
        assert_eq!(
            got,
            oracle.victims(need, now, true),
            "K4: victims for {need} bytes"
        );
        let mut others = Vec::new();
        r.victims_not_recent(need, now, &mut others);
        assert_eq!(
            others,
            oracle.victims(need, now, false),
            "K4: victims for {need} bytes that can wait"
        );
        assert_eq!(
            found >= need,
            r.evictable_bytes(now) >= need,
            "found what there is"
        );
    }
    for (priority, need) in [(0, 9), (1, 50), (2, 35), (2, 1_000), (255, 1_000)] {
        let mut got = Vec::new();
        r.victims_below(Priority(priority), need, now, &mut got);
        let expected = oracle.victims_below(priority, need, now);
        assert_eq!(got, expected, "K7: {need} bytes for class {priority}");
        for e in &oracle.entries {
            let makes_way = r.makes_way(EntryId(e.id), Priority(priority), now);
            let all = oracle.victims_below(priority, u64::MAX, now);
            assert_eq!(makes_way, all.contains(&EntryId(e.id)), "K7: {e:?}");
        }
        let lower = |e: &Entry| e.priority < priority && e.pins == 0 && !e.exempt;
        let has_below = oracle.entries.iter().any(lower);
        assert_eq!(r.has_below(Priority(priority)), has_below, "K7");
    }
    assert_eq!(
        r.evictable_bytes(now),
        oracle.evictable(now),
        "K4: evictable bytes"
    );
    assert_eq!(
        r.working_set_bytes(now),
        oracle.working_set(now),
        "working set"
    );
    for (cap_bytes, cap_count) in [(0, 9), (25, 9), (60, 2), (1_000, 99)] {
        let mut got = Vec::new();
        r.wishes(cap_bytes, cap_count, now, &mut got);
        let expected = oracle.best_wishes(cap_bytes, cap_count, now);
        assert_eq!(
            got, expected,
            "K5: wishes up to {cap_bytes} bytes and {cap_count}"
        );
    }
    let need = oracle.working_set(now) + oracle.missing(now);
    assert_eq!(
        r.degraded(need, now),
        None,
        "a budget of the working set is enough"
    );
    if need > 0 {
        let degraded = r.degraded(need - 1, now);
        assert_eq!(
            degraded.map(|d| d.working_set_bytes),
            Some(need),
            "one byte less is not"
        );
    }
    let figures = r.figures();
    let bytes: u64 = oracle.entries.iter().map(|e| e.bytes).sum();
    assert_eq!(figures.resident_bytes, bytes, "K2: resident bytes");
    assert_eq!(
        figures.entries,
        oracle.entries.len(),
        "K1: number of entries"
    );
    assert_eq!(figures.wishes, oracle.wishes.len(), "K5: number of wishes");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_that_of_a_sorted_list(
        calls in vec(call(), 1..120),
        policy in policy(),
        protect_frames in 0_u64..5,
        recent_frames in 0_u64..12,
        min_resident_ticks in 0_u64..6,
    ) {
        let config = Config {
            protect_frames,
            recent_frames,
            min_resident_ticks,
            wish_max_age_frames: 9,
            entries_max: 13,
            ..Config::default()
        };
        let mut r = Residency::with_policy(config, policy.clone())
            .expect("the configuration is valid");
        let mut oracle = Oracle {
            config,
            policy,
            entries: Vec::new(),
            memory: BTreeMap::new(),
            wishes: Vec::new(),
            placed: 0,
        };
        let mut now = Now::new(0, 3);
        for call in &calls {
            match *call {
                Call::Tick { ticks, frames } => {
                    now = Now::new(now.tick.get() + ticks, now.frame.get() + frames);
                }
                Call::MakeRoom { need } => {
                    let mut victims = Vec::new();
                    r.victims(need, now, &mut victims);
                    for id in victims {
                        prop_assert!(r.evict(id).is_ok(), "a victim is resident");
                        oracle.apply(&Call::Evict { id: id.get() }, now);
                    }
                }
                _ => prop_assert_eq!(
                    apply(&mut r, call, now),
                    oracle.apply(call, now),
                    "K6: both accept or both refuse {:?}",
                    call
                ),
            }
            compare(&r, &oracle, now);
            r.validate();
        }
    }
}
