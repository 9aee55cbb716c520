use geoheap_suballoc::ByteLen;

use super::{Place, Pool, PoolKey, Stock, size_class, step};
use crate::chunk::Lifetime;

#[test]
fn a_longer_room_never_has_a_lower_class() {
    for len in 1..5_000 {
        let (below, class) = (
            size_class(ByteLen::new(len - 1)),
            size_class(ByteLen::new(len)),
        );
        assert!(
            below <= class && class <= below + 1,
            "H4: classes of {} and {len}",
            len - 1
        );
    }
    assert_eq!(
        size_class(ByteLen::new(u64::MAX)),
        251,
        "the highest class fits a byte"
    );
}

#[test]
fn steps_run_from_full_to_empty() {
    let check = |free, expected| {
        let found = step(ByteLen::new(3_200), ByteLen::new(free));
        assert_eq!(found, expected, "{free} of 3200 free");
    };
    check(0, 0);
    check(399, 0);
    check(400, 1);
    check(2_799, 6);
    check(2_800, 7);
    check(3_200, 7);
}

#[test]
fn candidates_come_densest_first_then_tightest_then_lowest() {
    let key = PoolKey {
        lifetime: Lifetime::Dynamic,
        stock: Stock::Class(0),
    };
    let place = |free, largest| {
        Place::new(
            key,
            ByteLen::new(1_000),
            ByteLen::new(free),
            ByteLen::new(largest),
        )
    };
    let mut pool = Pool::default();
    let filed = [
        (850, 700),
        (500, 100),
        (500, 400),
        (500, 400),
        (100, 90),
        (100, 8),
        (1_000, 1_000),
    ];
    for (chunk, (free, largest)) in (0..).zip(filed) {
        pool.insert(place(free, largest), chunk);
    }
    let order = |len| pool.candidates(ByteLen::new(len)).collect::<Vec<_>>();
    assert_eq!(order(1), [5, 4, 1, 2, 3, 0, 6]);
    assert_eq!(order(80), [4, 1, 2, 3, 0, 6]);
    assert_eq!(order(200), [2, 3, 0, 6]);
    assert_eq!(order(1_000), [6], "a class that is too low is not tried");
    assert_eq!(pool.len(), 7);

    pool.remove(place(100, 90), 4);
    pool.remove(place(100, 8), 5);
    assert_eq!(
        pool.occupied.count_ones(),
        3,
        "a step without chunks is skipped"
    );
}
