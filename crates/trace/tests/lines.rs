//! What each line means, and why it is refused.

mod common;

use common::{rewrite, trace};

/// The lines, written anew, are the expected ones, and those stay as they are (T3).
fn check(lines: &str, expected: &str) {
    let written = rewrite(trace(lines)).unwrap_or_else(|error| panic!("{lines:?}: {error}"));
    assert_eq!(written, trace(expected), "{lines:?}");
    assert_eq!(rewrite(&written).as_ref(), Ok(&written), "T3: {lines:?}");
}

/// The text is refused in these words.
fn refused(text: impl AsRef<[u8]>, expected: &str) {
    let error = rewrite(&text).expect_err(expected);
    let expected = format!("t.trace:{expected}");
    assert_eq!(error.to_string(), expected, "T2");
}

#[test]
fn every_event_has_a_line() {
    for line in [
        "frame",
        "frame lag=0",
        "tick",
        "tick 7",
        "end",
        "config",
        "config chunk=1048576 long-chunk=4194304 staging=1024 tick-upload=65536",
        "budget 18446744073709551615",
        "compact",
        "trim",
        "add 18446744073709551615 1",
        "add 1 36 stride=36 long prio=0 source=none label=a",
        "add 1 36 kind=index align=16 stride=4 spare=64 prio=255 source=reload label=",
        "add 1 36 kind=uniform",
        "add 1 36 kind=storage stride=12",
        "add 1 46 parts=vertex:36:12,index:6,uniform:3:0:256,storage:1",
    ] {
        let line = format!("{line}\n");
        check(&line, &line);
    }
    for line in [
        "share 1",
        "remove 1",
        "use 1",
        "prio 1 7",
        "lifetime 1 long",
        "lifetime 1 dynamic",
        "label 1 b",
        "label 1",
        "await 1",
        "evict 1",
        "prefetch 1",
        "update 1 72",
        "update 1 36 in-place",
        "part 1 4294967295 6 kind=index",
        "part 1 1 8 align=8 stride=4",
        "part-update 1 0 12",
        "pin 1\npin 1\nunpin 1\nunpin 1",
        "part 1 7 4\npart-remove 1 0\nupdate 1 5",
        "part 1 7 4\nupdate 1 76 parts=72,4",
        "share 1\nremove 1\nuse 1\nremove 1\nadd 1 5",
    ] {
        let lines = format!("add 1 36\n{line}\n");
        check(&lines, &lines);
    }
}

#[test]
fn text_that_says_nothing_is_left_out() {
    check("\n  \t\n# frame\n  # frame\n", "");
    check("  frame\t# and more\r\n\r\nframe \r\n", "frame\nframe\n");
    check("add 007 010 label=a#b#\n", "add 7 10 label=a%23b%23\n");
    assert_eq!(
        rewrite("geoheap-trace 1\r\n# x\r\n").as_deref(),
        Ok("geoheap-trace 1\n")
    );
    assert_eq!(
        rewrite("geoheap-trace\t1 # x\n").as_deref(),
        Ok("geoheap-trace 1\n")
    );
}

#[test]
fn defaults_are_left_out() {
    check(
        "add 1 36 kind=vertex align=1 source=retained\n",
        "add 1 36\n",
    );
    check("add 1 36 spare=0 parts=vertex:36:0:1\n", "add 1 36\n");
    check("tick 1\n", "tick\n");
    check(
        "add 1 36\nupdate 1 72 parts=72\n",
        "add 1 36\nupdate 1 72\n",
    );
}

#[test]
fn a_mesh_is_two_parts() {
    for (words, parts) in [
        ("20000", "vertex:18000,index:2000:2"),
        ("20000 stride=36", "vertex:18000:36,index:2000:2"),
        (
            "20000 stride=32 align=256",
            "vertex:17984:32:256,index:2016:2",
        ),
        // Small ones, and odd ones.
        ("3", "vertex:1,index:2:2"),
        ("4", "vertex:2,index:2:2"),
        ("5", "vertex:3,index:2:2"),
        ("6", "vertex:4,index:2:2"),
        ("7", "vertex:5,index:2:2"),
        ("8", "vertex:4,index:4:2"),
        ("1001", "vertex:901,index:100:2"),
        ("38 stride=36", "vertex:36:36,index:2:2"),
        ("70 stride=36", "vertex:36:36,index:34:2"),
        ("17 stride=3", "vertex:15:3,index:2:2"),
        ("18 stride=3", "vertex:12:3,index:6:2"),
        ("9 stride=7", "vertex:7:7,index:2:2"),
    ] {
        let bytes = words.split(' ').next().expect("there is one");
        check(
            &format!("add 1 {words} kind=mesh\n"),
            &format!("add 1 {bytes} parts={parts}\n"),
        );
    }
}

#[test]
fn one_length_is_shared_out() {
    for (parts, bytes, lens) in [
        ("vertex:18000:36,index:2000:2", 20000, "18000,2000"),
        ("vertex:18000:36,index:2000:2", 10000, "9000,1000"),
        ("vertex:18000:36,index:2000:2", 20002, "18000,2002"),
        ("vertex:18000:36,index:2000:2", 38, "36,2"),
        // What the indices cannot take because it is odd, the vertices give.
        ("vertex:10,index:10:2", 21, "11,10"),
        ("vertex:9:3,index:10:2", 21, "9,12"),
        ("vertex:9:3,index:10:2", 40, "18,22"),
        ("vertex:9:3,index:10:2", 23, "9,14"),
        // The last part that can take the rest does; it may be another than the last.
        ("vertex:4:4,uniform:8,storage:64:16", 77, "4,9,64"),
        ("vertex:10,storage:10", 21, "10,11"),
        // No part is left without a byte.
        ("vertex:100,storage:1", 2, "1,1"),
        ("vertex:1000,uniform:1,storage:1", 3, "1,1,1"),
    ] {
        let sum: u64 = parts
            .split(',')
            .map(|part| part.split(':').nth(1).expect("a length"))
            .map(|len| len.parse::<u64>().expect("a number"))
            .sum();
        check(
            &format!("add 1 {sum} parts={parts}\nupdate 1 {bytes}\n"),
            &format!("add 1 {sum} parts={parts}\nupdate 1 {bytes} parts={lens}\n"),
        );
    }
}

#[test]
fn labels_survive() {
    let label = "a b\t#%=\u{7f}\u{a0}\u{2028}\u{85}\u{e9}\u{1f5ff}\r\n";
    let word = "a%20b%09%23%25%3D%7F%C2%A0%E2%80%A8%C2%85\u{e9}\u{1f5ff}%0D%0A";
    check(
        &format!("add 1 4 label={word}\n"),
        &format!("add 1 4 label={word}\n"),
    );
    check("add 1 4\nlabel 1 %61%c3%a9\n", "add 1 4\nlabel 1 a\u{e9}\n");
    let event = geoheap_trace::Event::Label(geoheap_trace::BlockId(1), label);
    let mut writer = geoheap_trace::Writer::new(Vec::new()).expect("a vector takes all");
    writer.write(&event).expect("it has a line");
    let written = writer.into_inner().expect("a vector takes all");
    assert_eq!(
        String::from_utf8(written),
        Ok(trace(&format!("label 1 {word}\n")))
    );
}

#[test]
fn the_first_line_is_checked() {
    let first = "expected the first line `geoheap-trace 1`, or that of a mesh trace, `# mesh \
        trace`, or of a minimalloc problem, `id,lower,upper,size`, found ";
    refused("", &format!("1:1: {first}the end of the line"));
    refused("\n", &format!("1:1: {first}the end of the line"));
    refused("frame\n", &format!("1:1: {first}`frame`"));
    refused("# hello\n", &format!("1:1: {first}`# hello`"));
    refused(
        " geoheap-trace 1\n",
        &format!("1:1: {first}` geoheap-trace 1`"),
    );
    refused(
        "geoheap-trace\n",
        "1:14: expected a version of the format, found the end of the line",
    );
    refused(
        "geoheap-trace 2\n",
        "1:15: expected version 1 of the format, found `2`",
    );
    refused(
        "geoheap-trace 1 x\n",
        "1:17: expected the end of the line, found `x`",
    );
    refused(
        "geoheap-trace 1",
        "1:16: expected the end of the line: the trace may be cut off here",
    );
}

/// A last line, and why it is refused behind the lines of the test below.
const WRONG_LINES: &[(&str, &str)] = &[
    (
        "add",
        "5:4: expected the number of a block, found the end of the line",
    ),
    (
        "add abc 12",
        "5:5: expected the number of a block, found `abc`",
    ),
    (
        "add -1 12",
        "5:5: expected the number of a block, found `-1`",
    ),
    (
        "add 9",
        "5:6: expected a number of bytes above 0 and up to 1099511627776, found the \
            end of the line",
    ),
    (
        "add 9 0",
        "5:7: expected a number of bytes above 0 and up to 1099511627776, found `0`",
    ),
    (
        "add 9 1099511627777",
        "5:7: expected a number of bytes above 0 and up to \
            1099511627776, found `1099511627777`",
    ),
    (
        "add 9 36 kind=meshes",
        "5:15: expected `vertex`, `index`, `uniform`, `storage` or \
            `mesh`, found `meshes`",
    ),
    (
        "add 9 36 kind",
        "5:10: expected `kind=`, `align=`, `stride=`, `parts=`, `spare=`, \
            `long`, `prio=`, `source=`, `label=` or the end of the line, found `kind`",
    ),
    (
        "add 9 36 kind=index kind=index",
        "5:21: expected `kind=` at most once",
    ),
    ("add 9 36 long long", "5:15: expected `long` at most once"),
    (
        "add 9 36 stride=0",
        "5:17: expected a stride in bytes above 0 and up to 4294967295, \
            found `0`",
    ),
    (
        "add 9 36 stride=5",
        "5:7: expected a multiple of the part's stride, 5 bytes, found 36",
    ),
    (
        "add 9 35 kind=index",
        "5:7: expected a multiple of the part's stride, 2 bytes, found \
            35",
    ),
    (
        "add 9 36 kind=index stride=3",
        "5:28: expected an index stride of 2 or 4 bytes, found \
            `3`",
    ),
    (
        "add 9 2 kind=mesh",
        "5:7: expected a mesh of at least 3 bytes, found `2`",
    ),
    (
        "add 9 37 kind=mesh stride=36",
        "5:7: expected a mesh of whole vertices of 36 bytes and \
            at least one index of 2 bytes, found `37`",
    ),
    (
        "add 9 36 align=0",
        "5:16: expected an alignment in bytes above 0 and up to 4294967295, \
            found `0`",
    ),
    (
        "add 9 36 prio=256",
        "5:15: expected a priority from 0 to 255, found `256`",
    ),
    (
        "add 9 36 source=disk",
        "5:17: expected `retained`, `reload`, `read-back` or `none`, found `disk`",
    ),
    (
        "add 9 36 label=a%2",
        "5:17: expected a name in UTF-8 with `%` and two hexadecimal \
            digits for special bytes, found `%2`",
    ),
    (
        "add 9 36 label=%ff",
        "5:16: expected a name in UTF-8 with `%` and two hexadecimal \
            digits for special bytes, found `%ff`",
    ),
    (
        "add 9 36 parts=vertex:30,index:8",
        "5:16: expected parts of 36 bytes together, found \
            38",
    ),
    (
        "add 9 36 parts=vertex:36 stride=4",
        "5:10: expected no `parts=` beside `stride=`",
    ),
    (
        "add 9 36 parts=vertex:30,mesh:6",
        "5:26: expected `vertex`, `index`, `uniform` or \
            `storage`, found `mesh`",
    ),
    (
        "add 9 36 parts=vertex",
        "5:22: expected `:` and a number of bytes above 0, found the \
            end of the line",
    ),
    (
        "add 9 36 parts=vertex:36:4:1:1",
        "5:30: expected no further field behind \
            KIND:BYTES:STRIDE:ALIGN, found `1`",
    ),
    (
        "label 1 a\u{7f}",
        "5:10: expected a name in UTF-8 with `%` and two hexadecimal digits for special bytes, \
            found `\\u{7f}`",
    ),
    (
        "add 1 36",
        "5:5: expected a number that is free: block 1 lives",
    ),
    ("use 9", "5:5: expected a block that lives: 9 does not"),
    ("use 1 2", "5:7: expected the end of the line, found `2`"),
    (
        "update 1 18 in-place",
        "5:10: expected the part's length, 36 bytes, as it is written \
            in place, found 18",
    ),
    (
        "update 1 36 parts=18,18",
        "5:19: expected a length for each part of the block, 1, \
            found 2",
    ),
    (
        "update 1 36 parts=18,",
        "5:22: expected a number of bytes above 0 and up to \
            1099511627776, found the end of the line",
    ),
    (
        "update 2 31",
        "5:10: expected a length that the parts can share by their strides, or \
            `parts=` to say how, found 31",
    ),
    (
        "update 2 22 parts=13,9",
        "5:19: expected a multiple of the part's stride, 4 bytes, \
            found 13",
    ),
    (
        "part 1 0 4",
        "5:8: expected a number that is free: block 1 has a part 0",
    ),
    (
        "part 1 1 4 long",
        "5:12: expected `kind=`, `align=`, `stride=` or the end of the line, \
            found `long`",
    ),
    (
        "part 1 1 4 kind=mesh",
        "5:17: expected `vertex`, `index`, `uniform` or `storage`, \
            found `mesh`",
    ),
    (
        "part-update 1 1 4",
        "5:15: expected a part of block 1: it has no part 1",
    ),
    (
        "part-update 2 1 5",
        "5:17: expected a multiple of the part's stride, 4 bytes, found 5",
    ),
    (
        "part-remove 1 0",
        "5:15: expected a block that keeps a part: block 1 has part 0 only",
    ),
    (
        "part-remove 1 4294967296",
        "5:15: expected the number of a part, found `4294967296`",
    ),
    ("unpin 1", "5:7: expected a block that is pinned: 1 is not"),
    (
        "lifetime 1 short",
        "5:12: expected `long` or `dynamic`, found `short`",
    ),
    (
        "budget 0",
        "5:8: expected a number of bytes above 0, found `0`",
    ),
    (
        "budget 64MiB",
        "5:8: expected a number of bytes above 0, found `64MiB`",
    ),
    (
        "frame 1",
        "5:7: expected `lag=` and a number of frames up to 65536, found `1`",
    ),
    (
        "frame lag=65537",
        "5:11: expected `lag=` and a number of frames up to 65536, found \
            `65537`",
    ),
    (
        "tick 0",
        "5:6: expected a number of ticks above 0 and up to 1000000, found `0`",
    ),
    (
        "tick 1000001",
        "5:6: expected a number of ticks above 0 and up to 1000000, found `1000001`",
    ),
    ("config", "5:1: expected `config` before all other events"),
    (
        "config chunks=1",
        "5:8: expected `chunk=`, `long-chunk=`, `staging=` or \
            `tick-upload=`, or the end of the line, found `chunks=1`",
    ),
    ("end", "5:1: expected at most one `end`"),
    (
        "add 9 36\u{a0}long",
        "5:7: expected a number of bytes above 0 and up to 1099511627776, \
            found `36\u{a0}long`",
    ),
    (
        "add 9\r36",
        "5:5: expected the number of a block, found `9\\r36`",
    ),
];

#[test]
fn lines_are_refused_where_they_are_wrong() {
    for (line, expected) in WRONG_LINES {
        let text = trace(&format!(
            "add 1 36\nadd 2 20 parts=vertex:12:4,index:8:4\nend\n{line}\n"
        ));
        refused(text, expected);
    }
    let error = rewrite(trace("uses 1\n")).expect_err("no such event");
    let said = error.to_string();
    assert!(
        said.starts_with("t.trace:2:1: expected `frame`, `add`, "),
        "{said}"
    );
    assert!(said.ends_with(" found `uses`"), "{said}");
}

#[test]
fn settings_come_first_and_once() {
    refused(
        trace("config\nconfig\n"),
        "3:1: expected `config` before all other events",
    );
    refused(
        trace("config chunk=1 chunk=1\n"),
        "2:16: expected `chunk=` at most once",
    );
}

#[test]
fn sums_are_bounded() {
    let blocks = (0..1024).map(|id| {
        format!(
            "add {id} 1099511627776
"
        )
    });
    let blocks = blocks.collect::<Vec<_>>().concat();
    let full = trace(&blocks);
    assert_eq!(rewrite(&full).as_ref(), Ok(&full));
    let bound = "expected at most 1125899906842624 bytes in all blocks together, \
        found 1125899906842625";
    refused(format!("{full}add 2000 1\n"), &format!("1026:10: {bound}"));
    for (line, column) in [
        ("update 9 2", 10),
        ("part-update 9 0 2", 17),
        ("part 9 1 1", 10),
    ] {
        let text = full.replace("add 9 1099511627776\n", "add 9 1\nadd 2000 1099511627775\n");
        refused(
            format!("{text}{line}\n"),
            &format!("1027:{column}: {bound}"),
        );
    }
}

#[test]
fn blocks_are_bounded() {
    let full = trace("add 1 1099511627776 parts=vertex:1099511627775,vertex:1\n");
    assert_eq!(rewrite(&full).as_ref(), Ok(&full));
    let bound = "expected at most 1099511627776 bytes in one block, found 1099511627777";
    refused(format!("{full}part 1 2 1\n"), &format!("3:10: {bound}"));
    refused(
        format!("{full}part-update 1 1 2\n"),
        &format!("3:17: {bound}"),
    );
}

#[test]
fn parts_are_bounded() {
    let parts = (1..4096).map(|no| {
        format!(
            "part 1 {no} 1
"
        )
    });
    let parts = parts.collect::<Vec<_>>().concat();
    let full = trace(&format!("add 1 1\n{parts}"));
    assert_eq!(rewrite(&full).as_ref(), Ok(&full));
    refused(
        format!("{full}part 1 5000 1\n"),
        "4098:6: expected a block with at most 4096 parts",
    );
    let list = vec!["vertex:1"; 4097].join(",");
    refused(
        trace(&format!("add 1 4097 parts={list}\n")),
        "2:36882: expected a block with at most 4096 parts",
    );
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    refused(b"geoheap-trace 1\nuse \xff\n", "2:5: expected UTF-8 text");
    refused(b"\x00\x80\xff", "1:2: expected UTF-8 text");
    refused(
        trace("add 1 36"),
        "2:9: expected the end of the line: the trace may be cut off here",
    );
    let most = 1 << 20;
    let comment = |len: usize| trace(&format!("#{}\n", "x".repeat(len - 1)));
    assert_eq!(rewrite(comment(most)).as_deref(), Ok("geoheap-trace 1\n"));
    let too_long = "2:1048577: expected a line of at most 1048576 bytes, found a longer one";
    refused(comment(most + 1), too_long);
    refused(comment(4 * most), too_long);
}

#[test]
fn labels_are_bounded() {
    let too_long = |label: &str| {
        let error = rewrite(trace(&format!("add 1 4\nlabel 1 {label}\n")));
        let error = error.expect_err("it is too long").to_string();
        let begin = "t.trace:3:9: expected a name of at most 65536 bytes, found `";
        assert!(error.starts_with(begin), "{error}");
    };
    for (piece, bytes) in [("a", 1), ("%20", 1), ("%c3%a9", 2)] {
        let label = piece.repeat(65536 / bytes);
        let lines = format!("add 1 4 label={label}\n");
        assert!(rewrite(trace(&lines)).is_ok(), "{piece}");
        too_long(&format!("{label}{piece}"));
        too_long(&format!("{label}%20"));
    }
}
