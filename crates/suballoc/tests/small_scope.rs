//! All layouts of small spaces and all requests in each, against the naive twin.

mod oracle;

use geoheap_suballoc::Strategy;
use oracle::Pair;

/// All ways to tile a few units with live ranges and holes, and in each of them all requests:
/// each length, each alignment from 1 to beyond the end, each place, each resize.
#[test]
fn all_requests_in_all_layouts() {
    fn check(units: u64, unit: u64) -> u64 {
        let mut layouts = 0;
        // Each bit of the walls ends a range; each bit of the fill makes one live.
        for walls in 0..1_u64 << (units - 1) {
            let ranges = u64::from(walls.count_ones()) + 1;
            for fill in 0..1_u64 << ranges {
                let pair = tiled(units, unit, walls, fill);
                try_all(&pair, units, unit);
                layouts += 1;
            }
        }
        layouts
    }
    assert_eq!(check(7, 1), 2 * 3_u64.pow(6));
    assert_eq!(check(4, 6), 2 * 3_u64.pow(3));
}

/// The space in which the ranges between the walls are live where the fill has a bit.
fn tiled(units: u64, unit: u64, walls: u64, fill: u64) -> Pair {
    let mut pair = Pair::new(units, unit);
    let (mut start, mut nth) = (0, 0);
    for end in 1..=units {
        if end < units && walls >> (end - 1) & 1 == 0 {
            continue;
        }
        if fill >> nth & 1 == 1 {
            pair.alloc_at(start * unit, (end - start) * unit);
        }
        nth += 1;
        start = end;
    }
    pair
}

fn try_all(pair: &Pair, units: u64, unit: u64) {
    for len in 0..=units + 1 {
        for align in 1..=(units + 1) * unit {
            for strategy in [Strategy::BestFit, Strategy::LowestAddress] {
                pair.clone().alloc(len * unit, align, strategy);
            }
        }
        for start in 0..=units {
            pair.clone().alloc_at(start * unit, len * unit);
        }
        for nth in 0..pair.live.len() {
            pair.clone().resize(nth, len * unit);
        }
    }
    for nth in 0..pair.live.len() {
        pair.clone().free(nth);
    }
}
