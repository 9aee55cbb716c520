//! Hand-made layouts; the comparison with a model that executes the plans lies in `model`.

#[cfg(feature = "heap-dump")]
mod dump;
mod maps;
mod model;
mod plans;
mod triggers;
mod ways;

use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};

use crate::{ChunkView, Layout, LayoutError, Plan, RangeView};

/// A plan, and the map after it.
fn followed(layout: &Layout, plan: &Plan) -> String {
    format!("{plan}\n\n{}", maps::draw(&model::execute(layout, plan)))
}

#[track_caller]
fn check_schema(json: &str) {
    let value: serde_json::Value = serde_json::from_str(json).expect("the text is JSON");
    assert_eq!(value["schema"], "geoheap-plan/1", "the schema is named");
}

fn range(start: u64, len: u64) -> ByteRange {
    ByteRange::new(ByteOffset::new(start), ByteLen::new(len))
}

fn movable(start: u64, len: u64) -> RangeView {
    RangeView::movable(0, range(start, len), Align::ONE)
}

#[test]
fn layouts_that_contradict_themselves_are_refused() {
    #[track_caller]
    fn check(ranges: &[RangeView], capacity: u64, unit: u64, text: &str) {
        let chunk = ChunkView {
            id: 3,
            capacity: ByteLen::new(capacity),
            receives: true,
            evacuable: true,
            ranges: ranges.to_vec(),
        };
        let got = Layout {
            chunks: vec![chunk],
        }
        .check(ByteLen::new(unit));
        let got = got.err().map(|error: LayoutError| error.to_string());
        assert_eq!(got.as_deref().unwrap_or("fine"), text, "D1: {ranges:?}");
    }
    check(
        &[movable(0, 16), movable(16, 16), movable(240, 16)],
        256,
        16,
        "fine",
    );
    check(
        &[],
        250,
        16,
        "chunk 3 has a capacity of 250 bytes, which must be a positive multiple of the unit of 16 \
         bytes and at most 1099511627776",
    );
    check(
        &[],
        0,
        16,
        "chunk 3 has a capacity of 0 bytes, which must be a positive multiple of the unit of 16 \
         bytes and at most 1099511627776",
    );
    check(
        &[],
        256,
        0,
        "chunk 3 has a capacity of 256 bytes, which must be a positive multiple of the unit of 0 \
         bytes and at most 1099511627776",
    );
    for bad in [movable(8, 16), movable(0, 24), movable(0, 0)] {
        let text = format!(
            "range {} of chunk 3 must start at a multiple of 16 bytes and have a positive \
             multiple of them as length",
            bad.range
        );
        check(&[bad], 256, 16, &text);
    }
    for bad in [movable(16, 16), movable(0, 16)] {
        let text = format!(
            "range {} of chunk 3 overlaps the one listed before it, or is out of address order",
            bad.range
        );
        check(&[movable(16, 32), bad], 256, 16, &text);
    }
    check(
        &[movable(240, 32)],
        256,
        16,
        "range 240+32 of chunk 3 ends after its 256 bytes",
    );
    let wraps = movable(u64::MAX - 15, 16);
    let text = format!("range {} of chunk 3 ends after its 256 bytes", wraps.range);
    check(&[wraps], 256, 16, &text);
}

#[test]
fn each_chunk_is_listed_once() {
    let layout = maps::layout(&["0: aa..", "1: ....", "0: ...."]);
    assert_eq!(
        layout.check(ByteLen::new(16)),
        Err(LayoutError::DuplicateChunk { chunk: 0 }),
        "D1: a chunk id names one chunk"
    );
}
