//! Tables of small cases; the comparison with a naive oracle lies in `oracle`, a story in `walk`.

mod learning;
mod oracle;
mod walk;

use crate::{
    Config, ConfigError, Degraded, EntryError, EntryId, Figures, Frame, Now, PolicyKind, Pressure,
    Priority, Residency,
};

const MIDDLE: Priority = Priority(128);

/// A configuration with short periods, 4 frames and 10 ticks, and the plain order.
fn small() -> Config {
    Config {
        policy: PolicyKind::Lru,
        protect_frames: 4,
        recent_frames: 8,
        min_resident_ticks: 10,
        wish_max_age_frames: 20,
        entries_max: 100,
        ..Config::default()
    }
}

fn residency() -> Residency {
    Residency::new(small()).expect("the small configuration is valid")
}

fn id(index: u32) -> EntryId {
    EntryId(index)
}

/// Entries 0..n of 10 bytes that came at tick 0 and frame 0 and were used in the given frames.
fn used_in(frames: &[u64]) -> Residency {
    let mut r = residency();
    for (index, &frame) in (0..).zip(frames) {
        r.insert(id(index), 10, MIDDLE, Now::new(0, 0))
            .expect("a fresh entry");
        assert!(
            r.touch(id(index), Frame(frame)),
            "entry {index} is resident"
        );
    }
    r
}

#[track_caller]
fn check_victims(r: &Residency, need_bytes: u64, now: Now, expected: &[u32]) {
    let mut out = Vec::new();
    let found = r.victims(need_bytes, now, &mut out);
    let got: Vec<u32> = out.iter().map(|id| id.get()).collect();
    assert_eq!(
        got, expected,
        "K4: victims for {need_bytes} bytes at {now:?}"
    );
    let sum: u64 = out
        .iter()
        .filter_map(|&id| r.get(id))
        .map(|info| info.bytes)
        .sum();
    assert_eq!(found, sum, "the bytes found are those of the victims");
    r.validate();
}

#[track_caller]
fn check_below(r: &Residency, priority: u8, need_bytes: u64, now: Now, expected: &[u32]) {
    let mut out = Vec::new();
    let found = r.victims_below(Priority(priority), need_bytes, now, &mut out);
    let got: Vec<u32> = out.iter().map(|id| id.get()).collect();
    assert_eq!(got, expected, "K7: {need_bytes} bytes for class {priority}");
    assert_eq!(found, 10 * expected.len() as u64, "the bytes found");
}

#[test]
fn lower_classes_make_way_also_while_in_use_and_equals_never() {
    let mut r = used_in(&[100, 97, 100, 100, 100]);
    for (index, class) in [(0, 5), (1, 5), (2, 4), (3, 6), (4, 3)] {
        r.set_priority(id(index), Priority(class))
            .expect("it is there");
    }
    let now = Now::new(100, 100);
    check_victims(&r, 50, now, &[]);
    check_below(&r, 3, 50, now, &[]);
    check_below(&r, 4, 50, now, &[4]);
    check_below(&r, 5, 50, now, &[4, 2]);
    check_below(&r, 6, 50, now, &[4, 2, 1, 0]);
    check_below(&r, 6, 20, now, &[4, 2]);
    check_below(&r, 6, 0, now, &[]);
    check_below(&r, 255, 50, now, &[4, 2, 1, 0, 3]);
    r.pin(id(4)).expect("it is there");
    r.set_exempt(id(2), true).expect("it is there");
    check_below(&r, 6, 50, now, &[1, 0]);
    assert!(!r.has_below(Priority(5)), "what is held makes no way");
    assert!(r.has_below(Priority(6)));
    // One that has just come stays for its least time, whoever wants its room.
    r.insert(id(7), 10, Priority(1), now)
        .expect("a fresh entry");
    check_below(&r, 5, 50, Now::new(109, 100), &[]);
    check_below(&r, 5, 50, Now::new(110, 100), &[7]);
}

#[test]
fn victims_are_the_longest_unused_and_no_more_than_needed() {
    let r = used_in(&[30, 10, 20, 40]);
    let now = Now::new(100, 100);
    for (need_bytes, expected) in [
        (0, &[][..]),
        (1, &[1]),
        (10, &[1]),
        (11, &[1, 2]),
        (30, &[1, 2, 0]),
        (31, &[1, 2, 0, 3]),
        (1_000, &[1, 2, 0, 3]),
    ] {
        check_victims(&r, need_bytes, now, expected);
    }
}

#[test]
fn frames_may_arrive_in_any_order() {
    let mut r = used_in(&[30, 10, 20]);
    r.touch(id(0), Frame(5));
    check_victims(&r, 30, Now::new(100, 100), &[1, 2, 0]);
    r.touch(id(1), Frame(25));
    check_victims(&r, 30, Now::new(100, 100), &[2, 1, 0]);
    assert!(!r.touch(id(9), Frame(25)), "entry 9 is not resident");
}

#[test]
fn a_lower_class_leaves_before_a_longer_unused_entry() {
    let mut r = used_in(&[10, 20, 30]);
    r.set_priority(id(2), Priority(127))
        .expect("entry 2 is resident");
    r.set_priority(id(0), Priority(129))
        .expect("entry 0 is resident");
    check_victims(&r, 30, Now::new(100, 100), &[2, 1, 0]);
    r.set_priority(id(2), Priority::HIGHEST)
        .expect("entry 2 is resident");
    check_victims(&r, 30, Now::new(100, 100), &[1, 0, 2]);
}

#[test]
fn the_protect_window_is_exact() {
    // 4 frames are protected: at frame 100 these are 97, 98, 99 and 100.
    let r = used_in(&[96, 97, 100, 101]);
    check_victims(&r, 100, Now::new(100, 100), &[0]);
    check_victims(&r, 100, Now::new(100, 101), &[0, 1]);
    check_victims(&r, 100, Now::new(100, 99), &[]);
    check_victims(&r, 100, Now::new(100, 200), &[0, 1, 2, 3]);
    assert_eq!(
        r.working_set_bytes(Now::new(100, 100)),
        30,
        "97, 100 and 101 are protected"
    );
    assert_eq!(
        r.evictable_bytes(Now::new(100, 100)),
        10,
        "only 96 may leave"
    );
}

#[test]
fn no_window_protects_nothing() {
    let mut r = Residency::new(Config {
        protect_frames: 0,
        ..small()
    })
    .expect("valid");
    r.insert(id(0), 10, MIDDLE, Now::new(0, 0)).expect("fresh");
    r.touch(id(0), Frame(100));
    check_victims(&r, 10, Now::new(100, 100), &[0]);
    assert_eq!(
        r.working_set_bytes(Now::new(100, 100)),
        0,
        "no window, no working set"
    );
}

#[test]
fn what_was_seen_lately_leaves_last_or_waits() {
    let mut r = used_in(&[93, 92, 50]);
    r.set_priority(id(1), Priority::new(MIDDLE.get() + 1))
        .expect("resident");
    r.insert(id(3), 10, MIDDLE, Now::new(0, 99)).expect("fresh");
    let check = |now: u64, all: &[u32], not_recent: &[u32]| {
        let now = Now::new(100, now);
        check_victims(&r, 100, now, all);
        let mut out = Vec::new();
        r.victims_not_recent(100, now, &mut out);
        let out: Vec<u32> = out.iter().map(|id| id.get()).collect();
        assert_eq!(out, not_recent, "at {now:?}");
    };
    // The one that no frame saw leaves before what was seen within 8 frames of its class, not
    // before that of a lower class.
    check(100, &[2, 3, 0, 1], &[2, 3, 1]);
    check(99, &[2, 3, 0, 1], &[2, 3]);
    check(101, &[2, 0, 3, 1], &[2, 0, 3, 1]);
}

#[test]
fn the_least_residence_is_exact() {
    let mut r = residency();
    r.insert(id(0), 10, MIDDLE, Now::new(50, 0)).expect("fresh");
    r.touch(id(0), Frame(1));
    check_victims(&r, 10, Now::new(59, 100), &[]);
    assert_eq!(r.evictable_bytes(Now::new(59, 100)), 0, "K4: too young");
    check_victims(&r, 10, Now::new(60, 100), &[0]);
    assert_eq!(r.evictable_bytes(Now::new(60, 100)), 10, "old enough");
}

#[test]
fn young_entries_are_passed_over_within_a_frame() {
    let mut r = used_in(&[50]);
    r.insert(id(1), 10, MIDDLE, Now::new(95, 50))
        .expect("fresh");
    r.touch(id(1), Frame(50));
    r.insert(id(2), 10, MIDDLE, Now::new(80, 50))
        .expect("fresh");
    r.touch(id(2), Frame(50));
    check_victims(&r, 100, Now::new(100, 100), &[2, 0]);
    assert_eq!(
        r.evictable_bytes(Now::new(100, 100)),
        20,
        "entry 1 is too young"
    );
    check_victims(&r, 100, Now::new(105, 100), &[2, 1, 0]);
}

#[test]
fn a_loading_screen_without_frames_is_not_stuck() {
    let mut r = residency();
    for index in 0..5 {
        let now = Now::new(u64::from(index) * 5, 7);
        r.insert(id(index), 10, MIDDLE, now).expect("fresh");
    }
    // Tick 22, still frame 7: those that came at ticks 0, 5 and 10 are old enough.
    check_victims(&r, 20, Now::new(22, 7), &[0, 1]);
    check_victims(&r, 100, Now::new(22, 7), &[0, 1, 2]);
}

#[test]
fn a_never_used_entry_counts_as_used_when_it_came_but_first_in_its_frame() {
    let mut r = used_in(&[49, 50, 51]);
    r.insert(id(3), 10, MIDDLE, Now::new(0, 50)).expect("fresh");
    check_victims(&r, 100, Now::new(100, 100), &[0, 3, 1, 2]);
    assert_eq!(
        r.get(id(3)).and_then(|info| info.last_used),
        None,
        "never used"
    );
    // A use by an older frame marks it as used, but does not make it older: the last of its frame
    // to be used leaves first.
    r.touch(id(3), Frame(2));
    check_victims(&r, 100, Now::new(100, 100), &[0, 3, 1, 2]);
}

#[test]
fn pins_are_counted_and_exempt_entries_stay() {
    let mut r = used_in(&[10, 20]);
    let now = Now::new(100, 100);
    r.pin(id(0)).expect("resident");
    r.pin(id(0)).expect("resident");
    r.set_exempt(id(1), true).expect("resident");
    check_victims(&r, 100, now, &[]);
    assert_eq!(
        r.working_set_bytes(now),
        20,
        "held entries are part of the working set"
    );
    r.unpin(id(0)).expect("pinned twice");
    check_victims(&r, 100, now, &[]);
    r.unpin(id(0)).expect("pinned once");
    check_victims(&r, 100, now, &[0]);
    r.pin(id(1)).expect("resident");
    r.set_exempt(id(1), false).expect("resident");
    check_victims(&r, 100, now, &[0]);
    r.unpin(id(1)).expect("pinned once");
    check_victims(&r, 100, now, &[0, 1]);
}

#[test]
fn recency_goes_on_while_pinned() {
    let mut r = used_in(&[10, 20]);
    r.pin(id(0)).expect("resident");
    r.touch(id(0), Frame(30));
    r.set_priority(id(1), Priority(200)).expect("resident");
    r.set_priority(id(0), Priority(200)).expect("resident");
    r.unpin(id(0)).expect("pinned");
    check_victims(&r, 100, Now::new(100, 100), &[1, 0]);
}

#[test]
fn errors_name_the_numbers_and_change_nothing() {
    let mut r = used_in(&[10]);
    let before = (r.figures(), r.get(id(0)));
    let huge = u64::MAX - 9;
    for (got, expected, text) in [
        (
            r.insert(id(0), 10, MIDDLE, Now::default()),
            EntryError::AlreadyResident { id: id(0) },
            "entry 0 is already resident",
        ),
        (
            r.insert(id(1), 0, MIDDLE, Now::default()),
            EntryError::ZeroBytes { id: id(1) },
            "entry 1 has 0 bytes",
        ),
        (
            r.insert(id(100), 10, MIDDLE, Now::default()),
            EntryError::IdOutOfRange {
                id: id(100),
                entries_max: 100,
            },
            "entry 100 is out of range: the configuration allows 100 indices",
        ),
        (
            r.insert(id(1), huge, MIDDLE, Now::default()),
            EntryError::TooManyBytes {
                id: id(1),
                requested: huge,
                resident: 10,
            },
            "entry 1 with 18446744073709551606 bytes does not fit the count beside 10 resident \
             bytes",
        ),
        (
            r.unpin(id(0)),
            EntryError::NotPinned { id: id(0) },
            "entry 0 is not pinned",
        ),
        (
            r.pin(id(7)),
            EntryError::NotResident { id: id(7) },
            "entry 7 is not resident",
        ),
        (
            r.evict(id(7)).map(drop),
            EntryError::NotResident { id: id(7) },
            "entry 7 is not resident",
        ),
        (
            r.resize(id(0), 0).map(drop),
            EntryError::ZeroBytes { id: id(0) },
            "entry 0 has 0 bytes",
        ),
    ] {
        assert_eq!(got, Err(expected), "the call is refused");
        assert_eq!(expected.to_string(), text, "the message names the numbers");
    }
    assert_eq!(
        (r.figures(), r.get(id(0))),
        before,
        "K6: nothing has changed"
    );
    let max = u16::MAX / 2;
    for _ in 0..max {
        r.pin(id(0)).expect("room for pins");
    }
    assert_eq!(
        r.pin(id(0)),
        Err(EntryError::TooManyPins { id: id(0), max }),
        "one pin too many"
    );
    r.validate();
}

#[test]
fn configurations_are_checked() {
    #[track_caller]
    fn check(low: f32, high: f32, entries_max: u32, valid: bool) {
        let config = Config {
            low_water: low,
            high_water: high,
            entries_max,
            ..small()
        };
        let got = Residency::new(config).err();
        assert_eq!(
            got.is_none(),
            valid,
            "low {low}, high {high}, {entries_max}: {got:?}"
        );
    }
    check(0.5, 0.5, 1, true);
    check(0.5, 1.0, 1, true);
    check(0.6, 0.5, 1, false);
    check(0.0, 0.5, 1, false);
    check(0.5, 1.01, 1, false);
    check(f32::NAN, 0.5, 1, false);
    check(0.5, f32::NAN, 1, false);
    check(0.5, 0.6, 0, false);
    assert_eq!(
        ConfigError::WaterMarks {
            low: 0.9,
            high: 0.8
        }
        .to_string(),
        "water marks must be 0 < low <= high <= 1, but low is 0.9 and high is 0.8",
        "the message names both marks"
    );
}

#[test]
fn bytes_go_above_the_high_mark_and_down_to_the_low_one() {
    #[track_caller]
    fn check(held: u64, budget: u64, over: u64, room: u64) {
        let r = Residency::new(Config::default()).expect("the default is valid");
        let Pressure {
            over_bytes,
            room_bytes,
            ..
        } = r.evaluate(held, budget);
        assert_eq!(
            (over_bytes, room_bytes),
            (over, room),
            "{held} held of {budget}"
        );
    }
    // Marks of 1000: 950 and 900.
    check(0, 1_000, 0, 950);
    check(949, 1_000, 0, 1);
    check(950, 1_000, 0, 0);
    check(951, 1_000, 51, 0);
    check(5_000, 1_000, 4_100, 0);
    check(1, 0, 1, 0);
    check(0, 0, 0, 0);
    check(u64::MAX, u64::MAX, 1_844_674_407_370_955_162, 0);
}

#[track_caller]
fn check_wishes(r: &Residency, cap_bytes: u64, cap_count: usize, frame: u64, expected: &[u32]) {
    let mut out = Vec::new();
    r.wishes(cap_bytes, cap_count, Now::new(0, frame), &mut out);
    let got: Vec<u32> = out.iter().map(|id| id.get()).collect();
    assert_eq!(
        got, expected,
        "wishes up to {cap_bytes} bytes and {cap_count} at frame {frame}"
    );
    r.validate();
}

#[test]
fn wishes_come_by_class_then_by_age_and_expire() {
    let mut r = residency();
    for (index, priority, frame) in [(0, 128, 10), (1, 128, 12), (2, 200, 5), (3, 128, 12)] {
        assert!(
            r.wish(id(index), 10, Priority(priority), Frame(frame)),
            "{index} is a wish"
        );
    }
    check_wishes(&r, 1_000, 100, 12, &[2, 1, 3, 0]);
    check_wishes(&r, 1_000, 2, 12, &[2, 1]);
    check_wishes(&r, 29, 100, 12, &[2, 1]);
    check_wishes(&r, 30, 100, 12, &[2, 1, 3]);
    // 20 frames: the wish of frame 5 counts up to frame 25.
    check_wishes(&r, 1_000, 100, 25, &[2, 1, 3, 0]);
    check_wishes(&r, 1_000, 100, 26, &[1, 3, 0]);
    assert_eq!(
        r.expire_wishes(Now::new(0, 31)),
        2,
        "those of frames 5 and 10"
    );
    check_wishes(&r, 1_000, 100, 31, &[1, 3]);
    // A newer wish moves the older one up; an older one does not move it down.
    r.wish(id(3), 20, MIDDLE, Frame(20));
    r.wish(id(3), 20, MIDDLE, Frame(2));
    check_wishes(&r, 1_000, 100, 31, &[3, 1]);
    assert_eq!(r.figures().wished_bytes, 30, "K5: one wish an entry");
    r.insert(id(3), 20, MIDDLE, Now::default()).expect("fresh");
    check_wishes(&r, 1_000, 100, 31, &[1]);
    assert!(
        !r.wish(id(3), 20, MIDDLE, Frame(31)),
        "K5: a resident entry is not wished for"
    );
    assert!(!r.wish(id(4), 0, MIDDLE, Frame(31)), "no wish for nothing");
    assert!(
        !r.wish(id(100), 10, MIDDLE, Frame(31)),
        "no wish out of range"
    );
    assert!(r.unwish(id(1)) && !r.unwish(id(1)), "there was one wish");
    check_wishes(&r, 1_000, 100, 31, &[]);
}

#[test]
fn a_wish_larger_than_the_cap_comes_alone_and_first() {
    let mut r = residency();
    r.wish(id(0), 500, MIDDLE, Frame(2));
    r.wish(id(1), 10, MIDDLE, Frame(1));
    check_wishes(&r, 100, 10, 2, &[0]);
    check_wishes(&r, 0, 10, 2, &[]);
    check_wishes(&r, 100, 0, 2, &[]);
    // Behind a smaller one it waits for the next call, and holds those behind it back.
    r.wish(id(2), 10, MIDDLE, Frame(3));
    check_wishes(&r, 100, 10, 3, &[2]);
}

#[test]
fn bytes_of_wishes_are_cut_off_at_the_end_of_u64() {
    let mut r = residency();
    r.wish(id(0), u64::MAX, MIDDLE, Frame(1));
    r.wish(id(1), u64::MAX, MIDDLE, Frame(1));
    assert_eq!(r.figures().wished_bytes, u64::MAX, "the sum stays a number");
    r.validate();
    r.unwish(id(0));
    r.unwish(id(1));
    assert_eq!(r.figures(), Figures::default(), "nothing is left");
    r.validate();
}

#[test]
fn degraded_is_what_recent_frames_need_beyond_the_budget() {
    let mut r = used_in(&[90, 98, 99]);
    let now = Now::new(100, 100);
    r.wish(id(10), 5, MIDDLE, Frame(100));
    r.wish(id(11), 5, MIDDLE, Frame(96));
    // Used within the window: 20 bytes. Wished within it: 5.
    assert_eq!(r.degraded(25, now), None, "25 bytes are enough");
    let degraded = r.degraded(24, now).expect("24 bytes are not");
    assert_eq!(
        degraded,
        Degraded {
            working_set_bytes: 25,
            missing_bytes: 5,
            budget_bytes: 24
        },
        "the numbers are those of the window"
    );
    assert_eq!(
        degraded.to_string(),
        "the working set of 25 bytes (5 of them not resident) is larger than the budget of 24 \
         bytes",
        "the message names the numbers"
    );
}

#[test]
fn sizes_follow_the_entries() {
    let mut r = used_in(&[10, 20]);
    r.pin(id(0)).expect("resident");
    assert_eq!(r.resize(id(0), 15), Ok(10), "the bytes before");
    assert_eq!(r.resize(id(1), 7), Ok(10), "the bytes before");
    let figures = r.figures();
    assert_eq!(
        (figures.resident_bytes, figures.held_bytes),
        (22, 15),
        "K2: sums follow"
    );
    assert_eq!(r.evict(id(0)), Ok(15), "the bytes of the entry");
    let figures = r.figures();
    assert_eq!(
        (figures.resident_bytes, figures.held_bytes),
        (7, 0),
        "K2: sums follow"
    );
    assert_eq!(r.resident_bytes(), 7, "K2: one sum, two readings");
    r.validate();
}

#[test]
fn the_protect_window_has_its_length_at_the_end_of_frames() {
    let end = u64::MAX;
    let config = Config {
        protect_frames: 6,
        min_resident_ticks: 0,
        ..Config::default()
    };
    let mut policy = Residency::new(config).expect("a good configuration");
    for (index, age) in [(0, 6), (1, 5)] {
        let came = Now::new(0, end - age);
        let fresh = policy.insert(id(index), 1, Priority::default(), came);
        fresh.expect("it is new");
        policy.touch(id(index), Frame(end - age));
    }
    let mut victims = Vec::new();
    policy.victims(2, Now::new(10, end), &mut victims);
    assert_eq!(
        victims,
        [id(0)],
        "K4: six frames, the present one among them"
    );
}
