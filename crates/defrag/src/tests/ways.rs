//! Plans that clear room, close gaps, or let cold ranges leave, on hand-made layouts, as text.

use geoheap_suballoc::{Align, ByteLen};

use super::maps::{CELL, layout};
use super::{check_schema, followed};
use crate::{Caps, Goal, Reason, Stopped, plan};

const CAPS: Caps = Caps {
    bytes: ByteLen::new(1 << 20),
    moves: 64,
    steps: 10_000,
};

/// A goal to make room of so many cells.
fn room(cells: u64) -> Goal {
    Goal::new(Reason::AllocFailed {
        requested: ByteLen::new(cells * CELL),
        align: Align::ONE,
    })
}

fn gaps(chunk: u32) -> Goal {
    Goal::new(Reason::BlockGaps { key: 122, chunk })
}

fn evict(cells: u64) -> Goal {
    Goal {
        evict: ByteLen::new(cells * CELL),
        ..Goal::new(Reason::Requested)
    }
}

fn with_bounce(goal: Goal, cells: u64) -> Goal {
    Goal {
        bounce: ByteLen::new(cells * CELL),
        ..goal
    }
}

/// The plan and the map after it.
fn dry_run(lines: &[&str], goal: &Goal, caps: &Caps) -> String {
    let layout = layout(lines);
    let plan = plan(&layout, caps, goal, None).expect("D1: the layout is sound");
    followed(&layout, &plan)
}

#[test]
fn room_is_cleared_where_the_fewest_bytes_move() {
    let lines = [
        "0: aaa..bb..c..ddd.",
        "1: eeeeeeee..fff...",
        "2: ggggggggggggg...",
    ];
    insta::assert_snapshot!(dry_run(&lines, &room(5), &CAPS), @r"
    reason: no room for 80 bytes aligned to 1
    victim: none
    room: 80 bytes, chunk 0 @112
    moves: 1
      key 99: 16 bytes, chunk 0 @144 -> chunk 2 @208
    forecast: 0 chunks returned, 16 bytes moved, 0 left, free 31.2 % -> 31.2 %
    stopped: done after 23 steps

    0: aaa..bb..=..ddd.
    1: eeeeeeee..fff...
    2: gggggggggggggc..
    ");
}

#[test]
fn room_is_not_cleared_where_there_is_some() {
    let lines = ["0: aaa.....bb", "1: cccccc....", "2: dddddddd.."];
    let got = plan(&layout(&lines), &CAPS, &room(5), None).expect("D1: sound");
    assert_eq!(got.room, None, "chunk 0 has it: {got}");
    let got = plan(&layout(&lines), &CAPS, &room(6), None).expect("D1: sound");
    assert!(got.room.is_some(), "nobody has it: {got}");
}

#[test]
fn room_keeps_clear_of_what_must_stay() {
    let lines = ["0: a.#.b.c..d.e", "1: ffffffff....", "2: g.#.#.#.#.#."];
    insta::assert_snapshot!(dry_run(&lines, &room(6), &CAPS), @r"
    reason: no room for 96 bytes aligned to 1
    victim: none
    room: 96 bytes, chunk 0 @48
    moves: 2
      key 98: 16 bytes, chunk 0 @64 -> chunk 1 @144
      key 99: 16 bytes, chunk 0 @96 -> chunk 1 @128
    forecast: 0 chunks returned, 32 bytes moved, 0 left, free 44.4 % -> 44.4 %
    stopped: done after 42 steps

    0: a.#.=.=..d.e
    1: ffffffffcb..
    2: g.#.#.#.#.#.
    ");
}

#[test]
fn what_is_retired_is_room_to_come() {
    let lines = ["0: aa====.b..cc", "1: dddddddddd.."];
    insta::assert_snapshot!(dry_run(&lines, &room(6), &CAPS), @r"
    reason: no room for 96 bytes aligned to 1
    victim: none
    room: 96 bytes, chunk 0 @32
    moves: 1
      key 98: 16 bytes, chunk 0 @112 -> chunk 1 @160
    forecast: 0 chunks returned, 16 bytes moved, 0 left, free 37.5 % -> 37.5 %
    stopped: done after 17 steps

    0: aa====.=..cc
    1: ddddddddddb.
    ");
    let lines = ["0: aa===..bbbcc", "1: dddddddddd.."];
    insta::assert_snapshot!(dry_run(&lines, &room(5), &CAPS), @r"
    reason: no room for 80 bytes aligned to 1
    victim: none
    room: 80 bytes, chunk 0 @32
    moves: 0
    forecast: 0 chunks returned, 0 bytes moved, 0 left, free 29.2 % -> 29.2 %
    stopped: done after 15 steps

    0: aa===..bbbcc
    1: dddddddddd..
    ");
}

#[test]
fn room_may_be_aligned() {
    let lines = ["0: aa..b...c..d", "1: eeeeeeeee..."];
    let goal = Goal::new(Reason::AllocFailed {
        requested: ByteLen::new(4 * CELL),
        align: Align::new(64).expect("a positive number"),
    });
    insta::assert_snapshot!(dry_run(&lines, &goal, &CAPS), @r"
    reason: no room for 64 bytes aligned to 64
    victim: none
    room: 64 bytes, chunk 0 @64
    moves: 1
      key 98: 16 bytes, chunk 0 @64 -> chunk 1 @144
    forecast: 0 chunks returned, 16 bytes moved, 0 left, free 41.7 % -> 41.7 %
    stopped: done after 17 steps

    0: aa..=...c..d
    1: eeeeeeeeeb..
    ");
}

#[test]
fn where_no_other_chunk_has_room_a_range_bounces() {
    let lines = ["0: aa.bb..cc...", "1: dddddddddddd"];
    insta::assert_snapshot!(dry_run(&lines, &with_bounce(room(5), 4), &CAPS), @r"
    reason: no room for 80 bytes aligned to 1
    victim: none
    room: 80 bytes, chunk 0 @32
    moves: 1
      key 98: 32 bytes, chunk 0 @48 -> chunk 0 @144 (bounced)
    forecast: 0 chunks returned, 32 bytes moved, 0 left, free 25.0 % -> 25.0 %
    stopped: done after 14 steps

    0: aa.==..ccbb.
    1: dddddddddddd
    ");
    // Without the buffer, or with one that is too short, nothing can be done.
    for bounce in [0, 1] {
        let goal = with_bounce(room(5), bounce);
        let got = plan(&layout(&lines), &CAPS, &goal, None).expect("D1: sound");
        assert_eq!(
            (got.moves.len(), got.stopped),
            (0, Stopped::NoRoom),
            "{got}"
        );
    }
}

#[test]
fn room_over_the_price_is_not_cleared() {
    // Eight of ten cells would move: more than three quarters.
    let lines = ["0: aaaa.aaaa.", "1: bbbb......", "2: cccc......"];
    let got = plan(&layout(&lines), &CAPS, &room(7), None).expect("D1: sound");
    assert_eq!(got.room.map(|room| room.chunk), Some(1), "{got}");
    let lines = ["0: aaaa.aaaa.", "1!: #.........", "2!: #........."];
    let got = plan(&layout(&lines), &CAPS, &room(10), None).expect("D1: sound");
    assert_eq!(got.room, None, "{got}");
}

#[test]
fn caps_cut_the_clearing_of_room() {
    let lines = ["0: aa.b.c.d.eee", "1: fffffff....."];
    let caps = Caps { moves: 2, ..CAPS };
    insta::assert_snapshot!(dry_run(&lines, &room(7), &caps), @r"
    reason: no room for 112 bytes aligned to 1
    victim: none
    room: 112 bytes, chunk 0 @32
    moves: 2
      key 98: 16 bytes, chunk 0 @48 -> chunk 1 @144
      key 99: 16 bytes, chunk 0 @80 -> chunk 1 @128
    later: 1
    forecast: 0 chunks returned, 32 bytes moved, 16 left, free 37.5 % -> 37.5 %
    stopped: caps after 22 steps

    0: aa.=.=.d.eee
    1: fffffff.cb..
    ");
}

#[test]
fn a_block_with_gaps_moves_to_another_chunk() {
    let lines = ["0: aazzzz.b", "1: cccc....", "2: dd......"];
    insta::assert_snapshot!(dry_run(&lines, &gaps(0), &CAPS), @r"
    reason: gaps in key 122 of chunk 0
    victim: none
    moves: 1
      key 122: 64 bytes, chunk 0 @32 -> chunk 1 @64 (closes gaps)
    forecast: 0 chunks returned, 64 bytes moved, 0 left, free 45.8 % -> 45.8 %
    stopped: done after 11 steps

    0: aa====.b
    1: cccczzzz
    2: dd......
    ");
}

#[test]
fn blocks_with_gaps_move_the_smallest_first() {
    let lines = ["0: zzz.yyx.", "1: ccc.....", "2: dd......"];
    let caps = Caps { moves: 2, ..CAPS };
    insta::assert_snapshot!(dry_run(&lines, &gaps(0), &caps), @r"
    reason: gaps in key 122 of chunk 0
    victim: none
    moves: 2
      key 120: 16 bytes, chunk 0 @96 -> chunk 1 @48 (closes gaps)
      key 121: 32 bytes, chunk 0 @64 -> chunk 1 @64 (closes gaps)
    later: 1
    forecast: 0 chunks returned, 48 bytes moved, 48 left, free 54.2 % -> 54.2 %
    stopped: caps after 14 steps

    0: zzz.===.
    1: cccxyy..
    2: dd......
    ");
}

#[test]
fn a_block_with_gaps_bounces_where_only_its_own_chunk_has_room() {
    let lines = ["0: aazz..bb", "1: cccccccc"];
    insta::assert_snapshot!(dry_run(&lines, &with_bounce(gaps(0), 2), &CAPS), @r"
    reason: gaps in key 122 of chunk 0
    victim: none
    moves: 1
      key 122: 32 bytes, chunk 0 @32 -> chunk 0 @64 (bounced, closes gaps)
    forecast: 0 chunks returned, 32 bytes moved, 0 left, free 12.5 % -> 12.5 %
    stopped: done after 11 steps

    0: aa==zzbb
    1: cccccccc
    ");
}

#[test]
fn gaps_close_with_the_evacuation_of_their_chunk() {
    let lines = ["0: aaaaaa..", "1: zz......", "2: bbbbb..."];
    let goal = Goal::new(Reason::Requested);
    insta::assert_snapshot!(dry_run(&lines, &goal, &CAPS), @r"
    reason: requested
    victim: chunk 1
    moves: 1
      key 122: 32 bytes, chunk 1 @0 -> chunk 0 @96 (closes gaps)
    forecast: 1 chunk returned, 32 bytes moved, 0 left, free 45.8 % -> 18.8 %
    stopped: done after 7 steps

    0: aaaaaazz
    1: ==......
    2: bbbbb...
    ");
}

#[test]
fn no_gaps_no_plan() {
    for (lines, stopped) in [
        (["0: aazz####", "1: cccccccc"], Stopped::NoRoom),
        (["0: aa......", "1: zzz....."], Stopped::NothingWorthIt),
        (["7: aa......", "1: zzz....."], Stopped::NothingWorthIt),
    ] {
        let got = plan(&layout(&lines), &CAPS, &gaps(0), None).expect("D1: sound");
        assert_eq!((got.moves.len(), got.stopped), (0, stopped), "{got}");
    }
}

#[test]
fn cold_ranges_leave_rather_than_move() {
    let lines = ["0: aaaaaaaaa...", "1: bbbbbbbbbb..", "2: 11.cc.22.3.."];
    insta::assert_snapshot!(dry_run(&lines, &evict(4), &CAPS), @r"
    reason: requested
    victim: chunk 2
    evictions: 2
      key 50: 32 bytes, chunk 2 @96
      key 49: 32 bytes, chunk 2 @0
    moves: 2
      key 51: 16 bytes, chunk 2 @144 -> chunk 1 @160
      key 99: 32 bytes, chunk 2 @48 -> chunk 0 @144
    forecast: 1 chunk returned, 48 bytes moved, 0 left, 64 evicted, free 27.8 % -> 8.3 %
    stopped: done after 20 steps

    0: aaaaaaaaacc.
    1: bbbbbbbbbb3.
    2: ==.==.==.=..
    ");
}

#[test]
fn what_leaves_needs_no_room() {
    // Nothing fits elsewhere, but what is cold may leave.
    let lines = ["0: aaaaaaaaaaa.", "1: bbbbbbbbbbbb", "2: 111122.....c"];
    insta::assert_snapshot!(dry_run(&lines, &evict(100), &CAPS), @r"
    reason: requested
    victim: chunk 2
    evictions: 2
      key 49: 64 bytes, chunk 2 @0
      key 50: 32 bytes, chunk 2 @64
    moves: 1
      key 99: 16 bytes, chunk 2 @176 -> chunk 0 @176
    forecast: 1 chunk returned, 16 bytes moved, 0 left, 96 evicted, free 16.7 % -> 0.0 %
    stopped: done after 13 steps

    0: aaaaaaaaaaac
    1: bbbbbbbbbbbb
    2: ======.....=
    ");
}

#[test]
fn a_chunk_of_cold_ranges_needs_no_move() {
    let lines = ["0: aaaaaaaaaaaa", "1: 1.22...3...."];
    insta::assert_snapshot!(dry_run(&lines, &evict(100), &CAPS), @r"
    reason: requested
    victim: chunk 1
    evictions: 3
      key 50: 32 bytes, chunk 1 @32
      key 51: 16 bytes, chunk 1 @112
      key 49: 16 bytes, chunk 1 @0
    moves: 0
    forecast: 1 chunk returned, 0 bytes moved, 0 left, 64 evicted, free 33.3 % -> 0.0 %
    stopped: done after 9 steps

    0: aaaaaaaaaaaa
    1: =.==...=....
    ");
}

#[test]
fn room_evictions_and_marks_are_in_the_json() {
    let lines = ["0: aa.bb..cc...", "1: dddddddddddd"];
    let goal = with_bounce(room(5), 4);
    let cleared = plan(&layout(&lines), &CAPS, &goal, None).expect("D1: sound");
    insta::assert_snapshot!(cleared.to_json(), @r#"
    {
      "schema": "geoheap-plan/1",
      "reason": "no room for 80 bytes aligned to 1",
      "victim": null,
      "room": {"chunk": 0, "start": 32, "len": 80},
      "evictions": [],
      "moves": [
        {"key": "98", "from_chunk": 0, "from": 48, "len": 32, "to_chunk": 0, "to": 144, "closes_gaps": false}
      ],
      "later": [],
      "oversized": false,
      "forecast": {"chunks_returned": 0, "proven": true, "bytes_moved": 32, "bytes_left": 0, "bytes_evicted": 0, "free_fraction_before": 0.250000, "free_fraction_after": 0.250000},
      "steps": 14,
      "stopped": "done"
    }
    "#);
    let lines = ["0: aaaaaaaaa...", "1: 11.zz......."];
    let emptied = plan(&layout(&lines), &CAPS, &evict(4), None).expect("D1: sound");
    insta::assert_snapshot!(emptied.to_json(), @r#"
    {
      "schema": "geoheap-plan/1",
      "reason": "requested",
      "victim": 1,
      "room": null,
      "evictions": [
        {"key": "49", "chunk": 1, "start": 0, "len": 32}
      ],
      "moves": [
        {"key": "122", "from_chunk": 1, "from": 48, "len": 32, "to_chunk": 0, "to": 144, "closes_gaps": true}
      ],
      "later": [],
      "oversized": false,
      "forecast": {"chunks_returned": 1, "proven": true, "bytes_moved": 32, "bytes_left": 0, "bytes_evicted": 32, "free_fraction_before": 0.458333, "free_fraction_after": 0.083333},
      "steps": 10,
      "stopped": "done"
    }
    "#);
    for plan in [cleared, emptied] {
        check_schema(&plan.to_json());
    }
}
