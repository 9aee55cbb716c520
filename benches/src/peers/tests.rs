use super::{Allocator, Null, Offset, Ours, Ranges, Setup, Tlsf, padded_units};
use crate::random::Random;

/// Every peer must do what it is compared for: ranges that are aligned and do not overlap.
fn check<A: Allocator>(align: u64, unit: u64) {
    let setup = Setup {
        capacity: 1 << 20,
        unit,
        live_max: 4_096,
    };
    let mut allocator = A::new(&setup).expect("a space of 1 MiB");
    let mut random = Random::new(align);
    let mut live: Vec<(A::Id, u64)> = Vec::new();
    let step = unit.max(align);
    for _ in 0..4_000 {
        let len = random.between(1, 2_000).next_multiple_of(step);
        if random.below(5) < 2 && !live.is_empty() {
            let (id, _) = live.swap_remove(random.index(live.len()));
            allocator.free(id);
        } else if let Some(id) = allocator.alloc(len, align) {
            live.push((id, len));
        }
    }
    let starts = live
        .iter()
        .map(|(id, len)| (allocator.start(id, align), *len));
    let mut ranges: Vec<(u64, u64)> = starts.collect();
    ranges.sort_unstable();
    assert!(ranges.len() > 300, "{}: {} live", A::NAME, ranges.len());
    for pair in ranges.windows(2) {
        let overlap = pair[0].0 + pair[0].1 > pair[1].0;
        assert!(!overlap, "{}: {pair:?} overlap", A::NAME);
    }
    for (start, len) in ranges {
        assert!(start.is_multiple_of(align), "{}: {start}", A::NAME);
        assert!(start + len <= setup.capacity, "{}: {start}", A::NAME);
    }
}

#[test]
fn peers_give_out_what_was_asked_for() {
    for (align, unit) in [(1, 256), (256, 16), (36, 4), (64, 1)] {
        check::<Ours>(align, unit);
        check::<Offset>(align, unit);
        check::<Ranges>(align, unit);
        #[cfg(feature = "vma")]
        {
            check::<super::Vma>(align, unit);
            check::<super::VmaFast>(align, unit);
        }
    }
    // Its pool starts where the memory does, which is not at a multiple of a stride.
    check::<Tlsf>(1, 256);
}

#[test]
#[should_panic(expected = "overlap")]
fn an_allocator_that_gives_a_place_twice_is_found() {
    check::<Null>(1, 1);
}

#[test]
fn padding_suffices_from_every_start() {
    for unit in [1, 4, 6, 16, 256] {
        for align in [1, 4, 12, 36, 256] {
            for len in [1, 100, 256] {
                let padded = padded_units(len, align, unit) * unit;
                for start in (0..512).map(|at| at * unit) {
                    let at = start.next_multiple_of(align);
                    let fits = at + len <= start + padded;
                    assert!(fits, "{unit} {align} {len} {start}");
                }
            }
        }
    }
}
