//! What holds for a part of any kind: the standard ones, and one of the caller's own, go through
//! the same tests.

use super::*;

/// A kind with a stride, and the alignment that its parts must have.
#[derive(Clone, Copy, Debug)]
struct Row {
    kind: KindId,
    stride: u32,
    align: u64,
}

const ROWS: [Row; 7] = [
    row(KindId::VERTEX, 36, 36),
    row(KindId::VERTEX, 6, 12),
    row(KindId::INDEX, 2, 4),
    row(KindId::UNIFORM, 0, 256),
    row(KindId::STORAGE, 16, 64),
    row(MESHLET, 24, 48),
    row(MESHLET, 0, 48),
];

const fn row(kind: KindId, stride: u32, align: u64) -> Row {
    Row {
        kind,
        stride,
        align,
    }
}

impl Row {
    /// A part of `n` times the alignment: such parts lie next to each other without a gap.
    fn steps(self, n: u64) -> PartSpec {
        spec(self.kind, n * self.align, self.stride)
    }

    fn len(self, n: u64) -> ByteLen {
        ByteLen::new(n * self.align)
    }

    fn pack(self, steps: &[u64], spare: u64) -> BlockLayout {
        let specs: Vec<PartSpec> = steps.iter().map(|&n| self.steps(n)).collect();
        let spare = self.len(spare);
        let layout = BlockLayout::pack(&specs, &kinds_and_own(), spare, align(65_536));
        layout.expect("the specs are good")
    }

    /// Where a part lies, in steps of the alignment.
    fn at(self, layout: &BlockLayout, id: PartId) -> u64 {
        let start = start(layout, id).get();
        assert!(start.is_multiple_of(self.align), "L3: {self:?} at {start}");
        start / self.align
    }
}

/// Runs one test for each row.
fn each(test: impl Fn(Row)) {
    ROWS.into_iter().for_each(test);
}

#[test]
fn a_new_part_goes_to_the_shortest_free_room_that_takes_it() {
    each(|row| {
        let mut layout = row.pack(&[3, 1, 2, 1], 5);
        let [long, _, short, _] = ids(&layout)[..] else {
            panic!("four parts were packed")
        };
        for id in [long, short] {
            layout.remove(id).expect("the part is live");
            layout.release(id).expect("the part was removed");
        }
        let free = [
            layout.free_bytes(),
            layout.largest_room(),
            layout.gap_bytes(),
        ];
        assert_eq!(free, [10, 5, 5].map(|n| row.len(n)), "L7: {row:?}");
        let added = [2, 3, 4].map(|n| {
            let id = layout.add(row.steps(n), &kinds_and_own());
            row.at(&layout, id.expect("there is room"))
        });
        assert_eq!(added, [4, 0, 7], "best fit: {row:?}");
        let (needed, largest_room) = (row.len(2), row.len(1));
        let refused = layout.add(row.steps(2), &kinds_and_own());
        let expected = LayoutError::NoRoom {
            needed,
            largest_room,
        };
        assert_eq!(refused, Err(expected), "the block grows last: {row:?}");
        layout.validate();
    });
}

#[test]
fn a_part_grows_into_the_room_behind_it_else_it_moves_else_the_block_grows() {
    each(|row| {
        let mut layout = row.pack(&[1, 1], 4);
        let [a, b] = ids(&layout)[..] else {
            panic!("two parts were packed")
        };
        let grown = layout.resize(b, row.len(2));
        assert_eq!(grown, Ok(Resized::InPlace), "{row:?}");
        let moved = layout.resize(a, row.len(2));
        assert!(matches!(moved, Ok(Resized::Moved { .. })), "{moved:?}");
        let places = [a, b].map(|id| row.at(&layout, id));
        assert_eq!(places, [3, 1], "{row:?}");
        let refused = layout.resize(b, row.len(4));
        let refused = refused.expect_err("no room is left");
        assert!(refused.must_grow(), "{refused:?}");

        let resize = [(b, row.len(4))];
        let growth = Growth {
            add: &[row.steps(1)],
            resize: &resize,
            percent: 0,
        };
        let grown = layout.grown(&growth, &kinds_and_own(), align(65_536));
        let Grown { layout, added } = grown.expect("the specs are good");
        let places = [b, a, added[0]].map(|id| row.at(&layout, id));
        assert_eq!(places, [0, 4, 6], "in one version: {row:?}");
        assert_eq!(layout.len(), row.len(7), "{row:?}");
    });
}

#[test]
fn a_part_is_removed_once_and_its_room_merges_with_what_is_free() {
    each(|row| {
        let mut layout = row.pack(&[1, 2, 3], 0);
        let parts = ids(&layout);
        let stale = |part| Err(PartError::Stale { part });
        for (n, &id) in parts.iter().enumerate() {
            let part = layout.remove(id).expect("the part is live");
            assert_eq!((part.kind, part.stride), (row.kind, row.stride));
            let again = layout.remove(id);
            assert_eq!(again, Err(PartError::AlreadyRemoved { part: id }), "L4");
            layout.release(id).expect("the part was removed");
            assert_eq!(layout.remove(id), stale(id), "L5: {row:?}");
            assert_eq!(layout.largest_room(), row.len([1, 3, 6][n]), "{row:?}");
            assert!(layout.fragmentation().abs() < 1e-9, "L7: it merged");
        }
        let next = layout.add(row.steps(6), &kinds_and_own());
        let next = next.expect("there is room");
        assert_eq!((next.index, next.generation), (0, 2), "L5: {row:?}");
        assert_eq!(layout.part(parts[0]), stale(parts[0]), "L5: {row:?}");
        layout.validate();
    });
}

#[test]
fn a_shrunk_part_gives_its_tail_up_and_a_replaced_one_its_room() {
    each(|row| {
        let mut layout = row.pack(&[3], 3);
        let id = ids(&layout)[0];
        let shrunk = layout.resize(id, row.len(1));
        assert!(matches!(shrunk, Ok(Resized::Shrunk { .. })), "{shrunk:?}");
        assert_eq!(layout.retired_bytes(), row.len(2), "L4: {row:?}");
        layout.replace(id).expect("there is room");
        assert_eq!(row.at(&layout, id), 3, "what is retired is not taken");
        layout.release(id).expect("the tail retired first");
        assert_eq!(layout.gap_bytes(), row.len(2), "{row:?}");
        layout.release(id).expect("then the room");
        assert_eq!(layout.gap_bytes(), row.len(3), "{row:?}");
        if row.stride > 1 {
            let (len, stride) = (row.len(1) + ByteLen::new(1), row.stride);
            let refused = layout.resize(id, len);
            assert_eq!(refused, Err(LayoutError::Misaligned { len, stride }));
        }
        layout.validate();
    });
}

#[test]
fn each_kind_goes_with_each_other_in_one_block() {
    each(|a| {
        each(|b| {
            let specs = [spec(KindId::INDEX, 4, 4), a.steps(1), b.steps(2)];
            let layout = BlockLayout::pack(&specs, &kinds_and_own(), ByteLen::ZERO, align(65_536));
            let layout = layout.expect("the specs are good");
            let [_, first, second] = ids(&layout)[..] else {
                panic!("three parts were packed")
            };
            a.at(&layout, first);
            b.at(&layout, second);
            let block = layout.align().get();
            let both = block.is_multiple_of(a.align) && block.is_multiple_of(b.align);
            assert!(both, "L3: {block} for {a:?} and {b:?}");
        });
    });
}

/// The property that lets a chunk be bound once: wherever a block may start in its chunk, each
/// part lies at a multiple of its own alignment from the chunk's start.
#[test]
fn each_part_is_aligned_from_the_start_of_the_chunk() {
    let check = |strides: &[u32], expected: u64| {
        let parts = strides
            .iter()
            .map(|&stride| spec(KindId::VERTEX, u64::from(stride) * 7, stride));
        let layout = pack(&parts.collect::<Vec<_>>(), 0);
        assert_eq!(
            layout.align().get(),
            expected,
            "align for strides {strides:?}"
        );
        for block in (0..50).map(|n| n * layout.align().get()) {
            for part in layout.parts() {
                let in_chunk = block + part.range.start.get();
                let stride = u64::from(part.stride);
                assert!(
                    in_chunk.is_multiple_of(stride),
                    "L3: {in_chunk} for stride {stride}"
                );
                assert!(in_chunk.is_multiple_of(WORD_BYTES), "L2: {in_chunk}");
            }
        }
    };
    check(&[32], 32);
    check(&[12], 12);
    check(&[6], 12);
    check(&[7], 28);
    check(&[12, 20, 36], 180);
    check(&[36, 28, 5, 2], 1_260);
}

#[test]
fn an_alignment_of_the_callers_own_counts() {
    let mut kinds = kinds();
    let rule = AlignRule::Fixed(align(10));
    let own = kinds
        .push(KindRow { name: "own", rule })
        .expect("the table has room");
    let specs = [spec(KindId::INDEX, 2, 2), spec(own, 3, 0)];
    let layout = BlockLayout::pack(&specs, &kinds, ByteLen::ZERO, align(256));
    let layout = layout.expect("the specs are good");
    assert_eq!(
        (layout.align().get(), layout.len().get()),
        (20, 24),
        "lcm(10, 4)"
    );
}
