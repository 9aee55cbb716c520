//! Traces of other forms come out as events.

mod common;

use common::{rewrite, trace};
use geoheap_trace::{Format, Reader};

/// The text comes to these lines.
fn check(text: &str, format: Format, expected: &str) {
    let reader = Reader::new(text.as_bytes(), "t.trace").expect("the first line is right");
    assert_eq!(reader.format(), format, "{text}");
    let written = rewrite(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(written, trace(expected), "{text}");
    rewrite(written).expect("what was written is a trace");
}

fn refused(text: &str, expected: &str) {
    let error = rewrite(text).expect_err(expected);
    assert_eq!(error.to_string(), format!("t.trace:{expected}"), "{text:?}");
}

#[test]
fn drawn_meshes_are_used_in_each_frame() {
    check(
        "# mesh trace v1\nF 0\nA 1 72 6\nA 2 360 12\n+ 1 2\nF 5\nF 9\n- 1\nF 12\nD 2\nF 13\n",
        Format::Mesh,
        "frame\n\
        add 1 78 parts=vertex:72:36,index:6:2\n\
        add 2 372 parts=vertex:360:60,index:12:2\n\
        use 1\nuse 2\nframe\n\
        use 1\nuse 2\nframe\n\
        use 2\nframe\n\
        remove 2\nframe\n",
    );
}

#[test]
fn strides_are_those_that_divide() {
    check(
        "A 1 192 24\nA 2 100 6\nA 3 7 6\nA 4 36 4",
        Format::Mesh,
        "add 1 216 parts=vertex:192:48,index:24:2\n\
        add 2 106 parts=vertex:100:20,index:6:2\n\
        add 3 13 parts=vertex:7,index:6:2\n\
        add 4 40 parts=vertex:36:36,index:4:2\n",
    );
    check(
        "# mesh trace v1; vertex stride 24, u32 indices; more\nA 1 72 12\nA 2 36 6\n",
        Format::Mesh,
        "add 1 84 parts=vertex:72:24,index:12:4\nadd 2 42 parts=vertex:36:36,index:6:2\n",
    );
}

#[test]
fn a_replacement_keeps_the_strides_or_the_block_is_a_new_one() {
    check(
        "A 1 72 6\n+ 1\nR 1 36 12\nF 0\nR 1 40 12\nF 1\n",
        Format::Mesh,
        "add 1 78 parts=vertex:72:36,index:6:2\n\
        update 1 48 parts=36,12\n\
        use 1\nframe\n\
        remove 1\nadd 1 52 parts=vertex:40:20,index:12:2\n\
        use 1\nframe\n",
    );
}

#[test]
fn wrong_lines_of_meshes_are_refused() {
    for (lines, expected) in [
        (
            "A 1 36",
            "3:7: expected a number of bytes above 0 and up to 1099511627776, found the \
            end of the line",
        ),
        (
            "A 1 36 x",
            "3:8: expected a number of bytes above 0 and up to 1099511627776, found `x`",
        ),
        ("A 1 36 5", "3:8: expected whole indices, found `5`"),
        (
            "A 0 36 6",
            "3:3: expected a number that is free: block 0 lives",
        ),
        (
            "A 1 36 6 7",
            "3:10: expected the end of the line, found `7`",
        ),
        ("R 1 36 6", "3:3: expected a block that lives: 1 does not"),
        ("D 1", "3:3: expected a block that lives: 1 does not"),
        ("D x", "3:3: expected the number of a mesh, found `x`"),
        ("+ 0 1", "3:5: expected a mesh that lives, found `1`"),
        (
            "+ 0 0",
            "3:5: expected a mesh that is not drawn yet, found `0`",
        ),
        ("- 0", "3:3: expected a mesh that is drawn, found `0`"),
        (
            "+ 0\nD 0\n- 0",
            "5:3: expected a mesh that is drawn, found `0`",
        ),
        (
            "F",
            "3:2: expected a number of milliseconds, found the end of the line",
        ),
        (
            "F 1.5",
            "3:3: expected a number of milliseconds, found `1.5`",
        ),
        (
            "G 1",
            "3:1: expected `A`, `R`, `D`, `+`, `-`, `F` or `#`, found `G`",
        ),
    ] {
        refused(&format!("# mesh trace v1\nA 0 36 6\n{lines}\n"), expected);
    }
}

#[test]
fn buffers_come_and_go_in_the_order_of_time() {
    check(
        "id,lower,upper,size\n7,10,20,1024\n3,0,10,6\n1,0,30,8\n9,20,30,4\n",
        Format::Minimalloc,
        "add 3 6\nadd 1 8 stride=4\nframe\n\
        remove 3\nadd 7 1024 stride=4\nframe\n\
        remove 7\nadd 9 4 stride=4\nframe\n\
        remove 1\nremove 9\nframe\n",
    );
    check("id,lower,upper,size", Format::Minimalloc, "");
}

#[test]
fn wrong_lines_of_buffers_are_refused() {
    for (line, expected) in [
        (
            "2,0,10",
            "3:7: expected `,` and a number: a line is `id,lower,upper,size`, found the \
            end of the line",
        ),
        (
            "2,0,10,5,6",
            "3:10: expected the end of the line behind four fields, found `6`",
        ),
        ("x,0,10,5", "3:1: expected a number, found `x`"),
        (
            "2,0, 10,5",
            "3:5: expected a step above the lower one, found ` 10`",
        ),
        (
            "2,10,10,5",
            "3:6: expected a step above the lower one, found `10`",
        ),
        (
            "2,18446744073709551615,18446744073709551615,5",
            "3:24: expected a step above the lower \
            one, found `18446744073709551615`",
        ),
        (
            "2,0,10,0",
            "3:8: expected a number of bytes above 0 and up to 1099511627776, found `0`",
        ),
        (
            "1,10,20,5",
            "3:1: expected an id that no line above has, found `1`",
        ),
    ] {
        refused(
            &format!("id,lower,upper,size\n1,0,10,4\n{line}\n"),
            expected,
        );
    }
    refused(
        "id,lower,size\n",
        "1:1: expected the first line `id,lower,upper,size`, found `id,lower,size`",
    );
    let many = (0..1025).map(|id| {
        format!(
            "{id},0,9,1099511627776
"
        )
    });
    let many = many.collect::<Vec<_>>().concat();
    refused(
        &format!("id,lower,upper,size\n{many}"),
        "1026:1: expected at most 1125899906842624 bytes in all blocks together, \
            found 1126999418470400",
    );
}
