//! Both levels together: wherever a heap puts a block, each of its parts is aligned in its chunk.

use geoheap_chunk_heap::{
    AlignRule, BlockLayout, ChunkHeap, Growth, HeapConfig, KindId, KindRow, KindTable, Lifetime,
    Owner, PartSpec, RangeKey, Request, ReserveError,
};
use geoheap_suballoc::{Align, ByteLen, ByteOffset};
use proptest::prelude::*;

fn align(bytes: u64) -> Align {
    Align::new(bytes).expect("tests give positive alignments")
}

/// A kind of the caller's own: the first row behind the standard ones.
const MESHLET: KindId = KindId::new(4);

fn kinds() -> KindTable {
    let mut kinds = KindTable::standard(align(256), align(64));
    let (name, rule) = ("meshlet", AlignRule::Fixed(align(48)));
    assert_eq!(
        kinds.push(KindRow { name, rule }),
        Ok(MESHLET),
        "the next row"
    );
    kinds
}

fn specs() -> impl Strategy<Value = PartSpec> {
    let kind = prop_oneof![
        (Just(KindId::VERTEX), 1_u32..80),
        (Just(KindId::INDEX), prop_oneof![Just(2_u32), Just(4)]),
        (Just(KindId::UNIFORM), Just(0)),
        (Just(KindId::STORAGE), Just(16)),
        (Just(MESHLET), Just(24)),
    ];
    (kind, 1_u64..300).prop_map(|((kind, stride), n)| {
        let len = ByteLen::new(n * u64::from(stride.max(1)));
        PartSpec { kind, len, stride }
    })
}

fn place(heap: &mut ChunkHeap, layout: &BlockLayout) -> RangeKey {
    let request = Request {
        len: layout.len(),
        align: layout.align(),
        lifetime: Lifetime::Dynamic,
        owner: Owner::default(),
        class: 0,
    };
    heap.reserve(&request, None).unwrap_or_else(|error| {
        let ReserveError::NeedsChunk {
            capacity,
            lifetime,
            dedicated,
        } = error
        else {
            panic!("{error}")
        };
        heap.open_chunk(capacity, lifetime, dedicated, 0)
            .expect("the heap asked for it");
        heap.reserve(&request, None)
            .expect("H8: the chunk was opened")
    })
}

fn check(heap: &ChunkHeap, key: RangeKey, layout: &BlockLayout, kinds: &KindTable) {
    let block = heap.range(key).expect("the range is reserved").range;
    assert!(block.len >= layout.len(), "the block holds its parts");
    for part in layout.parts() {
        let in_chunk = block.start + (part.range.start - ByteOffset::ZERO);
        let spec = PartSpec {
            kind: part.kind,
            len: part.used_len,
            stride: part.stride,
        };
        let rule = kinds.align_of(&spec).expect("it was packed");
        assert!(rule.divides(in_chunk), "L3: {part:?} at {in_chunk}");
        assert!(in_chunk.get().is_multiple_of(4), "L3: copies move words");
        if part.kind == KindId::VERTEX {
            let stride = u64::from(part.stride);
            assert!(
                in_chunk.get().is_multiple_of(stride),
                "L3: no whole base vertex"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_part_is_aligned_in_its_chunk(
        blocks in prop::collection::vec(
            (prop::collection::vec(specs(), 1..5), 0_u64..5_000, specs(), any::<bool>()),
            1..60,
        ),
    ) {
        let kinds = kinds();
        let chunk_bytes = ByteLen::from_kib(256);
        let dedicated_above_bytes = ByteLen::from_kib(64);
        let config = HeapConfig { chunk_bytes, dedicated_above_bytes, ..HeapConfig::default() };
        let mut heap = ChunkHeap::new(config).expect("the configuration is good");
        for (specs, spare, later, stays) in blocks {
            let packed = BlockLayout::pack(&specs, &kinds, ByteLen::new(spare), align(65_536));
            let Ok(mut layout) = packed else { continue };
            let mut key = place(&mut heap, &layout);
            check(&heap, key, &layout, &kinds);
            if let Err(error) = layout.add(later, &kinds) {
                prop_assert!(error.must_grow(), "{error}");
                let growth = Growth { add: &[later], percent: 25, ..Growth::default() };
                let Ok(grown) = layout.grown(&growth, &kinds, align(65_536)) else { continue };
                layout = grown.layout;
                heap.cancel(key).expect("the range is reserved");
                key = place(&mut heap, &layout);
            }
            check(&heap, key, &layout, &kinds);
            if !stays {
                heap.cancel(key).expect("the range is reserved");
            }
        }
        heap.validate();
    }
}
