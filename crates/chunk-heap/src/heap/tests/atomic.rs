//! A call that is refused changes nothing (L6): from states that random operations lead to, each
//! call is tried on a copy of the heap.

use proptest::prelude::*;

use super::model::{Model, ops};
use super::*;

/// All that a heap shows, but the spaces' inner order, which `validate` checks.
#[derive(Debug, PartialEq)]
struct Shown {
    chunks: Vec<ChunkInfo>,
    ranges: Vec<RangeInfo>,
    figures: HeapFigures,
    wants_spare: Option<(ByteLen, Lifetime)>,
}

fn shown(heap: &ChunkHeap) -> Shown {
    let chunks: Vec<ChunkInfo> = heap.chunks().collect();
    let ranges = chunks.iter().flat_map(|chunk| heap.ranges(chunk.id));
    Shown {
        ranges: ranges.collect(),
        figures: heap.figures(),
        wants_spare: heap.wants_spare(),
        chunks,
    }
}

/// Tries calls on copies of one heap.
struct Tries {
    heap: ChunkHeap,
    before: Shown,
    refused: u32,
}

impl Tries {
    fn call<T, E>(&mut self, what: &str, call: impl FnOnce(&mut ChunkHeap) -> Result<T, E>) {
        let mut twin = self.heap.clone();
        if call(&mut twin).is_err() {
            self.refused += 1;
            assert_eq!(shown(&twin), self.before, "L6: {what} was refused");
            twin.validate();
        }
    }

    fn chunk(&mut self, id: ChunkId) {
        self.call("chunk_ready", |heap| heap.chunk_ready(id));
        self.call("chunk_failed", |heap| heap.chunk_failed(id));
        self.call("chunk_gone", |heap| heap.chunk_gone(id));
        self.call("set_draining", |heap| heap.set_draining(id, true));
        for start in [0, 8, 4096, 60 * KIB] {
            for len in [0, 16, 20 * KIB] {
                let request = request(ByteLen::new(len));
                let start = ByteOffset::new(start);
                self.call("reserve_at", |heap| heap.reserve_at(id, start, &request));
            }
        }
    }

    fn range(&mut self, key: RangeKey) {
        self.call("commit", |heap| heap.commit(key));
        self.call("retire", |heap| heap.retire(key));
        self.call("release", |heap| heap.release(key));
        self.call("cancel", |heap| heap.cancel(key));
        self.call("set_owner", |heap| heap.set_owner(key, Owner(1)));
        for lifetime in [Lifetime::Dynamic, Lifetime::LongLived] {
            let change = |heap: &mut ChunkHeap| heap.change_lifetime(key, lifetime);
            self.call("change_lifetime", change);
        }
    }

    fn room(&mut self, len: u64, align_to: u64, lifetime: Lifetime) {
        let request = Request {
            lifetime,
            align: align(align_to),
            ..request(ByteLen::new(len))
        };
        self.call("reserve", |heap| heap.reserve(&request, None));
        let capacity = request.len;
        let open = |heap: &mut ChunkHeap| heap.open_chunk(capacity, lifetime, false, 0);
        self.call("open_chunk", open);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_refused_call_changes_nothing(
        split in any::<bool>(),
        ops in prop::collection::vec(ops(), 1..80),
    ) {
        let mut model = Model::new(split);
        for op in &ops {
            model.apply(op);
        }
        let heap = model.heap;
        let chunks: Vec<ChunkId> = (0..9).map(ChunkId::new).collect();
        let ranges: Vec<RangeKey> = model.ranges.iter().map(|range| range.key).collect();
        let mut tries = Tries { before: shown(&heap), heap, refused: 0 };
        for id in chunks {
            tries.chunk(id);
        }
        for key in ranges.into_iter().chain(model.gone) {
            tries.range(key);
        }
        for len in [0, 16, 20 * KIB, 32 * KIB, 100 * KIB, 2048 * KIB] {
            for lifetime in [Lifetime::Dynamic, Lifetime::LongLived] {
                tries.room(len, 16, lifetime);
                tries.room(len, 1 << 32, lifetime);
            }
        }
        prop_assert!(tries.refused > 50, "{} calls were refused", tries.refused);
    }
}
