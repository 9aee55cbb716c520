//! Plans for hand-made layouts, as text.

use geoheap_suballoc::ByteLen;

use super::maps::layout;
use super::model::execute;
use super::{check_schema, followed};
use crate::{Caps, Goal, Plan, Reason, Stopped, plan};

fn planned(lines: &[&str], caps: &Caps, continue_victim: Option<u32>) -> Plan {
    plan(
        &layout(lines),
        caps,
        &Goal::new(Reason::Requested),
        continue_victim,
    )
    .expect("D1: the layout is sound")
}

/// The plan and the map after it.
fn dry_run(lines: &[&str], caps: &Caps, continue_victim: Option<u32>) -> String {
    followed(&layout(lines), &planned(lines, caps, continue_victim))
}

fn caps(bytes: u64, moves: u32, steps: u32) -> Caps {
    Caps {
        bytes: ByteLen::new(bytes),
        moves,
        steps,
    }
}

#[test]
fn the_cheapest_chunk_goes_into_the_densest() {
    let lines = ["0: aaaaaaaa....", "1: bbbbbbbbb...", "2: c..dd......."];
    let caps = Caps::default();
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: chunk 2
        moves: 2
          key 99: 16 bytes, chunk 2 @0 -> chunk 1 @144
          key 100: 32 bytes, chunk 2 @48 -> chunk 1 @160
        forecast: 1 chunk returned, 48 bytes moved, 0 left, free 44.4 % -> 16.7 %
        stopped: done after 13 steps

        0: aaaaaaaa....
        1: bbbbbbbbbcdd
        2: =..==.......
        "
    );
}

#[test]
fn ranges_fill_the_gaps_that_fit_best() {
    let lines = ["0: aaaa.bbb..ccc...", "1: ...e..ff..ggg..."];
    let caps = Caps::default();
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: chunk 1
        moves: 3
          key 101: 16 bytes, chunk 1 @48 -> chunk 0 @64
          key 102: 32 bytes, chunk 1 @96 -> chunk 0 @128
          key 103: 48 bytes, chunk 1 @160 -> chunk 0 @208
        forecast: 1 chunk returned, 96 bytes moved, 0 left, free 50.0 % -> 0.0 %
        stopped: done after 21 steps

        0: aaaaebbbffcccggg
        1: ...=..==..===...
        "
    );
}

#[test]
fn alignment_is_kept() {
    let lines = ["0: a.bbbbb..cccccc...", "1: ...A......BB......."];
    let caps = Caps::default();
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: chunk 1
        moves: 2
          key 65: 16 bytes, chunk 1 @48 -> chunk 0 @128
          key 66: 32 bytes, chunk 1 @160 -> chunk 0 @256
        forecast: 1 chunk returned, 48 bytes moved, 0 left, free 59.5 % -> 16.7 %
        stopped: done after 19 steps

        0: a.bbbbb.Acccccc.BB
        1: ...=......==.......
        "
    );
}

#[test]
fn retired_ranges_are_neither_moved_nor_written_over() {
    let lines = ["0: aaaaa==.bbbb", "1: ccc=====dd..", "2: e==.f......."];
    let caps = Caps::default();
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: chunk 2
        moves: 2
          key 101: 16 bytes, chunk 2 @0 -> chunk 0 @112
          key 102: 16 bytes, chunk 2 @64 -> chunk 1 @160
        forecast: 1 chunk returned, 32 bytes moved, 0 left, free 55.6 % -> 33.3 %
        stopped: done after 21 steps

        0: aaaaa==ebbbb
        1: ccc=====ddf.
        2: ===.=.......
        "
    );
}

#[test]
fn a_chunk_with_a_pinned_range_stays() {
    let lines = ["0: aaaaaaaa....", "1: #...........", "2: bbbb........"];
    let caps = Caps::default();
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: chunk 2
        moves: 1
          key 98: 64 bytes, chunk 2 @0 -> chunk 0 @128
        forecast: 1 chunk returned, 64 bytes moved, 0 left, free 63.9 % -> 45.8 %
        stopped: done after 10 steps

        0: aaaaaaaabbbb
        1: #...........
        2: ====........
        "
    );
}

#[test]
fn long_lived_and_empty_chunks_neither_give_nor_take() {
    let lines = [
        "0!x: a...........",
        "1: ............",
        "2: bbbbbb......",
        "3: ccccccc.....",
    ];
    let caps = Caps::default();
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: none
        moves: 0
        forecast: 0 chunks returned, 0 bytes moved, 0 left, free 70.8 % -> 70.8 %
        stopped: no-room after 2 steps

        0!x: a...........
        1: ............
        2: bbbbbb......
        3: ccccccc.....
        "
    );
}

#[test]
fn caps_end_a_plan_and_the_next_goes_on() {
    let first = [
        "0: aaaaaaaaaa......",
        "1: bbbbbbb.........",
        "2: ccc.dd.e........",
    ];
    let capped = caps(64, 8, 100);
    insta::assert_snapshot!(dry_run(&first, &capped, None), @r"
    reason: requested
    victim: chunk 2
    moves: 2
      key 101: 16 bytes, chunk 2 @112 -> chunk 0 @160
      key 100: 32 bytes, chunk 2 @64 -> chunk 0 @176
    later: 1
    forecast: 1 chunk returned, 48 bytes moved, 48 left, free 52.1 % -> 28.1 %
    stopped: caps after 19 steps

    0: aaaaaaaaaaedd...
    1: bbbbbbb.........
    2: ccc.==.=........
    ");
    let second = [
        "0: aaaaaaaaaadde...",
        "1: bbbbbbb.........",
        "2x: ccc.==.=........",
    ];
    insta::assert_snapshot!(dry_run(&second, &capped, Some(2)), @r"
    reason: requested
    victim: chunk 2
    moves: 1
      key 99: 48 bytes, chunk 2 @0 -> chunk 0 @208
    forecast: 1 chunk returned, 48 bytes moved, 0 left, free 52.1 % -> 28.1 %
    stopped: done after 13 steps

    0: aaaaaaaaaaddeccc
    1: bbbbbbb.........
    2x: ===.==.=........
    ");
}

#[test]
fn a_cap_on_moves_takes_the_smallest() {
    let lines = ["0: aaaaaaaaaa......", "1: ccc.dd.e........"];
    let caps = caps(4096, 2, 100);
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: chunk 1
        moves: 2
          key 101: 16 bytes, chunk 1 @112 -> chunk 0 @160
          key 100: 32 bytes, chunk 1 @64 -> chunk 0 @176
        later: 1
        forecast: 1 chunk returned, 48 bytes moved, 48 left, free 50.0 % -> 0.0 %
        stopped: caps after 19 steps

        0: aaaaaaaaaaedd...
        1: ccc.==.=........
        "
    );
}

#[test]
fn an_oversized_range_moves_alone() {
    let lines = ["0: aaaaaaaaaa......", "1: ....dddd........"];
    let caps = caps(32, 8, 100);
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: chunk 1
        moves: 1 (oversized)
          key 100: 64 bytes, chunk 1 @64 -> chunk 0 @160
        forecast: 1 chunk returned, 64 bytes moved, 0 left, free 56.2 % -> 12.5 %
        stopped: done after 7 steps

        0: aaaaaaaaaadddd..
        1: ....====........
        "
    );
}

#[test]
fn a_cap_on_steps_leaves_a_guess() {
    let lines = ["0: aaaaaaaaaa......", "1: ccc.dd.e........"];
    let caps = caps(4096, 8, 3);
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: chunk 1
        moves: 1
          key 101: 16 bytes, chunk 1 @112 -> chunk 0 @160
        forecast: 1 chunk returned (a guess), 16 bytes moved, 80 left, free 50.0 % -> 0.0 %
        stopped: caps after 17 steps

        0: aaaaaaaaaae.....
        1: ccc.dd.=........
        "
    );
}

#[test]
fn the_next_cheapest_is_tried_where_the_cheapest_does_not_fit() {
    let lines = [
        "0: aa.bb.cc.dd.eeee",
        "1: ffff............",
        "2: g.h.i.jj........",
    ];
    let caps = Caps::default();
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: chunk 1
        moves: 1
          key 102: 64 bytes, chunk 1 @0 -> chunk 2 @128
        forecast: 1 chunk returned, 64 bytes moved, 0 left, free 56.2 % -> 34.4 %
        stopped: done after 10 steps

        0: aa.bb.cc.dd.eeee
        1: ====............
        2: g.h.i.jjffff....
        "
    );
}

#[test]
fn the_longest_go_first_where_the_smallest_would_be_in_the_way() {
    let lines = [
        "0: aaaaaaaaaaaaa...",
        "1: bbbb..bbb..bbb..",
        "2: ccc.d.e.........",
    ];
    insta::assert_snapshot!(dry_run(&lines, &caps(64, 8, 100), None), @r"
    reason: requested
    victim: chunk 2
    moves: 2
      key 99: 48 bytes, chunk 2 @0 -> chunk 0 @208
      key 101: 16 bytes, chunk 2 @96 -> chunk 1 @64
    later: 1
    forecast: 1 chunk returned, 64 bytes moved, 16 left, free 41.7 % -> 12.5 %
    stopped: caps after 27 steps

    0: aaaaaaaaaaaaaccc
    1: bbbbe.bbb..bbb..
    2: ===.d.=.........
    ");
}

#[test]
fn a_plan_in_pieces_is_the_same_plan() {
    // Once it has the range of two, chunk 2 is denser than chunk 1 and takes the last one too.
    let lines = [
        "0: aaaaaaaaaaaaa...",
        "1: aaa.aaa.aaa.aaa.",
        "2: aaaa..aaaa..aaa.",
        "3: bbb.cc.d........",
    ];
    let whole = planned(&lines, &Caps::default(), None);
    let to: Vec<_> = whole
        .moves
        .iter()
        .map(|one| (one.key, one.to_chunk))
        .collect();
    assert_eq!(
        to,
        [(98, 0), (99, 2), (100, 2)],
        "the longest first: b, c, d"
    );
    let first = planned(&lines, &caps(4096, 2, 100), None);
    let after = execute(&layout(&lines), &first);
    let goal = Goal::new(Reason::Requested);
    let rest = plan(&after, &Caps::default(), &goal, first.victim).expect("D1: sound");
    let pieces = [first.moves, rest.moves].concat();
    assert_eq!(
        pieces, whole.moves,
        "D6: two moves and then the third are all three"
    );
}

#[test]
fn a_plan_leads_downhill_only_where_it_finishes_its_victim() {
    // Chunk 1 cannot be emptied, so that it may stay sparse; chunk 2 has no other place to go to.
    let lines = [
        "0: aaaaa.a.a.a.a.aa",
        "1: #...............",
        "2: cc.cc.c.........",
    ];
    insta::assert_snapshot!(dry_run(&lines, &Caps::default(), None), @r"
    reason: requested
    victim: chunk 2
    moves: 3
      key 99: 16 bytes, chunk 2 @96 -> chunk 0 @80
      key 99: 32 bytes, chunk 2 @0 -> chunk 1 @16
      key 99: 32 bytes, chunk 2 @48 -> chunk 1 @48
    forecast: 1 chunk returned, 80 bytes moved, 0 left, free 64.6 % -> 46.9 %
    stopped: done after 30 steps

    0: aaaaaca.a.a.a.aa
    1: #cccc...........
    2: ==.==.=.........
    ");
    insta::assert_snapshot!(dry_run(&lines, &caps(64, 8, 100), None), @r"
    reason: requested
    victim: none
    moves: 0
    forecast: 0 chunks returned, 0 bytes moved, 0 left, free 64.6 % -> 64.6 %
    stopped: caps after 58 steps

    0: aaaaa.a.a.a.a.aa
    1: #...............
    2: cc.cc.c.........
    ");
}

#[test]
fn nothing_fits() {
    let lines = ["0: aa.bb.cc", "1: ddd.eee.", "2: fff.gggg"];
    let caps = Caps::default();
    insta::assert_snapshot!(
        dry_run(&lines, &caps, None),
        @r"
        reason: requested
        victim: none
        moves: 0
        forecast: 0 chunks returned, 0 bytes moved, 0 left, free 20.8 % -> 20.8 %
        stopped: no-room after 2 steps

        0: aa.bb.cc
        1: ddd.eee.
        2: fff.gggg
        "
    );
}

#[test]
fn the_price_is_exact() {
    #[track_caller]
    fn check(lines: &[&str], stopped: Stopped) {
        assert_eq!(
            planned(lines, &Caps::default(), None).stopped,
            stopped,
            "{lines:?}"
        );
    }
    // Three quarters of a chunk of eight are six.
    check(&["0: aaaaaa..", "1: bbbbbbb.........."], Stopped::Done);
    check(
        &["0: aaaaaaa.", "1!: bbbbbbb.........."],
        Stopped::NothingWorthIt,
    );
    check(&["0: ........"], Stopped::NothingWorthIt);
    check(&[], Stopped::NothingWorthIt);
    check(&["0: a......."], Stopped::NoRoom);
    // Filling an empty chunk to empty another gains nothing.
    check(&["0: a.......", "1: ........"], Stopped::NoRoom);
}

#[test]
fn a_victim_is_finished_whatever_its_price_and_reported_when_empty() {
    let lines = ["0: aaaaaaaa...", "1: bb.........", "2x: ccccccccc=="];
    let plan = planned(&lines, &Caps::default(), Some(2));
    assert_eq!(
        (plan.victim, plan.stopped),
        (Some(2), Stopped::Done),
        "chunk 2 is gone on with"
    );
    let plan = planned(&["0: aaaa....", "2x: ====...."], &Caps::default(), Some(2));
    assert_eq!(
        (plan.victim, plan.stopped),
        (Some(2), Stopped::Done),
        "nothing is left to move"
    );
    assert_eq!(
        (plan.moves.len(), plan.forecast.chunks_returned),
        (0, 1),
        "chunk 2 comes back"
    );
}

#[test]
fn a_victim_that_cannot_be_finished_is_given_up_for_another() {
    for lost in ["2x: ccc#.......", "2!x: ccc........", "3: ccccccccccc"] {
        let lines = ["0: aaaaaaa....", "1: bb.........", lost];
        let plan = planned(&lines, &Caps::default(), Some(2));
        assert_eq!(
            (plan.victim, plan.stopped),
            (Some(1), Stopped::Done),
            "not {lost}"
        );
    }
}

#[test]
fn no_allowance_plans_no_move() {
    for none in [caps(0, 8, 100), caps(4096, 0, 100), caps(4096, 8, 0)] {
        let plan = planned(&["0: aaaaaaaaaa......", "1: ccc............."], &none, None);
        assert_eq!(
            (plan.moves.len(), plan.stopped),
            (0, Stopped::Caps),
            "D5: {none:?}"
        );
        assert!(
            !plan.is_oversized,
            "D5: an oversized move needs an allowance too"
        );
    }
}

#[test]
fn json_names_its_schema() {
    let lines = ["0: aaaaaaaaaa......", "1: ccc.dd.e........"];
    let json = planned(&lines, &caps(64, 8, 100), None).to_json();
    insta::assert_snapshot!(json, @r#"
    {
      "schema": "geoheap-plan/1",
      "reason": "requested",
      "victim": 1,
      "room": null,
      "evictions": [],
      "moves": [
        {"key": "101", "from_chunk": 1, "from": 112, "len": 16, "to_chunk": 0, "to": 160, "closes_gaps": false},
        {"key": "100", "from_chunk": 1, "from": 64, "len": 32, "to_chunk": 0, "to": 176, "closes_gaps": false}
      ],
      "later": [
        {"key": "99", "from_chunk": 1, "from": 0, "len": 48, "to_chunk": 0, "to": 208, "closes_gaps": false}
      ],
      "oversized": false,
      "forecast": {"chunks_returned": 1, "proven": true, "bytes_moved": 48, "bytes_left": 48, "bytes_evicted": 0, "free_fraction_before": 0.500000, "free_fraction_after": 0.000000},
      "steps": 19,
      "stopped": "caps"
    }
    "#);
    let none = planned(&["0: ...."], &Caps::default(), None).to_json();
    insta::assert_snapshot!(none, @r#"
    {
      "schema": "geoheap-plan/1",
      "reason": "requested",
      "victim": null,
      "room": null,
      "evictions": [],
      "moves": [],
      "later": [],
      "oversized": false,
      "forecast": {"chunks_returned": 0, "proven": true, "bytes_moved": 0, "bytes_left": 0, "bytes_evicted": 0, "free_fraction_before": 1.000000, "free_fraction_after": 1.000000},
      "steps": 0,
      "stopped": "nothing-worth-it"
    }
    "#);
    for text in [json, none] {
        check_schema(&text);
    }
}

/// Among equally dense chunks a move counts as uphill: one of them can be emptied in pieces.
#[test]
fn equally_dense_chunks_are_emptied_in_pieces() {
    let lines = ["0: a.b.c.d...", "1: e.f.g.h..."];
    let plan = planned(&lines, &caps(1 << 20, 1, 1000), None);
    assert_eq!((plan.victim, plan.moves.len()), (Some(0), 1), "{plan}");
}
