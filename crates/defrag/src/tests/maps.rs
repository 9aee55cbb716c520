//! Layouts drawn as text, one character for 16 bytes.

use std::fmt::Write as _;

use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

use crate::{ChunkView, Layout, RangeState, RangeView};

/// Bytes of one character.
pub(super) const CELL: u64 = 16;

/// Reads chunks such as `"0: aab..##=="`: a run of one letter is a movable range with the letter as
/// key (capitals are aligned to 64 bytes; digits are cold, `v` to `z` have gaps), `#` is fixed, `=`
/// retired, `.` free. After the id, `!`
/// marks a chunk that may not be emptied and `x` one that does not receive.
pub(super) fn layout(lines: &[&str]) -> Layout {
    Layout {
        chunks: lines.iter().map(|line| chunk(line)).collect(),
    }
}

fn chunk(line: &str) -> ChunkView {
    let (head, cells) = line.split_once(": ").expect("a line is `id: cells`");
    let id = head
        .trim_end_matches(['!', 'x'])
        .parse()
        .expect("a line starts with an id");
    let cells: Vec<char> = cells.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0_u64;
    for run in cells.chunk_by(|a, b| a == b) {
        let len = u64::try_from(run.len()).expect("a short line");
        let range = ByteRange::new(ByteOffset::new(at * CELL), ByteLen::new(len * CELL));
        at += len;
        let align = if run[0].is_ascii_uppercase() { 64 } else { 1 };
        let state = match run[0] {
            '.' => continue,
            '#' => RangeState::Fixed,
            '=' => RangeState::Retired,
            _ => RangeState::Movable,
        };
        let align = Align::new(align).expect("a positive number");
        ranges.push(RangeView {
            key: u64::from(run[0]),
            range,
            align,
            state,
            cold: run[0].is_ascii_digit(),
            has_gaps: ('v'..='z').contains(&run[0]),
        });
    }
    ChunkView {
        id,
        capacity: ByteLen::new(at * CELL),
        receives: !head.contains('x'),
        evacuable: !head.contains('!'),
        ranges,
    }
}

/// Draws chunks as [`layout`] reads them.
pub(super) fn draw(layout: &Layout) -> String {
    let mut text = String::new();
    for chunk in &layout.chunks {
        let cell = |bytes: u64| usize::try_from(bytes / CELL).expect("a small chunk");
        let mut cells = vec!['.'; cell(chunk.capacity.get())];
        for one in &chunk.ranges {
            let drawn = match one.state {
                RangeState::Movable => char::from(u8::try_from(one.key).expect("a letter")),
                RangeState::Fixed => '#',
                RangeState::Retired => '=',
            };
            let (start, end) = (cell(one.range.start.get()), cell(one.range.end().get()));
            cells[start..end].fill(drawn);
        }
        let marks = match (chunk.evacuable, chunk.receives) {
            (true, true) => "",
            (false, true) => "!",
            (true, false) => "x",
            (false, false) => "!x",
        };
        let cells: String = cells.into_iter().collect();
        writeln!(text, "{}{marks}: {cells}", chunk.id).expect("a string takes all");
    }
    text
}

#[test]
fn maps_are_drawn_as_they_are_read() {
    let lines = ["0: aab..##==CCCC", "7!: ....", "2x: b1zz"];
    assert_eq!(
        draw(&layout(&lines)).lines().collect::<Vec<_>>(),
        lines,
        "reading and drawing"
    );
}
