//! Offsets, lengths, alignments, ranges and reports.

use geoheap_suballoc::{
    Align, AllocError, ByteLen, ByteOffset, ByteRange, RangeId, Space, SpaceError,
};

fn align(bytes: u64) -> Align {
    Align::new(bytes).unwrap()
}

#[test]
fn least_common_multiples() {
    fn check(a: u64, b: u64, lcm: Option<u64>) {
        assert_eq!(align(a).lcm(align(b)).map(Align::get), lcm, "lcm({a}, {b})");
        assert_eq!(align(b).lcm(align(a)).map(Align::get), lcm, "lcm({b}, {a})");
    }
    check(1, 1, Some(1));
    check(12, 4, Some(12));
    check(20, 8, Some(40));
    check(36, 16, Some(144));
    check(7, 5, Some(35));
    check(256, 64, Some(256));
    check(u64::MAX, u64::MAX, Some(u64::MAX));
    check(u64::MAX, 2, None);
    assert_eq!(Align::new(0), None);
}

#[test]
fn aligning_up() {
    fn check(bytes: u64, to: u64, up: Option<u64>) {
        let seen = ByteOffset::new(bytes).align_up(align(to));
        assert_eq!(seen.map(ByteOffset::get), up, "{bytes} up to {to}");
        let greatest = u64::MAX - u64::MAX % to;
        assert_eq!(
            ByteLen::new(bytes).align_up(align(to)).get(),
            up.unwrap_or(greatest)
        );
        assert_eq!(align(to).divides(ByteOffset::new(bytes)), up == Some(bytes));
    }
    check(0, 12, Some(0));
    check(1, 12, Some(12));
    check(12, 12, Some(12));
    check(13, 1, Some(13));
    check(u64::MAX - 1, 4, None);
    check(u64::MAX, 1, Some(u64::MAX));
}

#[test]
fn ranges_that_overlap() {
    fn check(a: (u64, u64), b: (u64, u64), overlap: bool) {
        let range = |(start, len)| ByteRange::new(ByteOffset::new(start), ByteLen::new(len));
        assert_eq!(range(a).overlaps(&range(b)), overlap, "{a:?} and {b:?}");
        assert_eq!(range(b).overlaps(&range(a)), overlap, "{b:?} and {a:?}");
        let by_byte = (a.0..a.0 + a.1).any(|byte| range(b).contains(ByteOffset::new(byte)));
        assert_eq!(by_byte, overlap, "{a:?} and {b:?} byte by byte");
    }
    check((0, 4), (4, 4), false);
    check((0, 5), (4, 4), true);
    check((2, 2), (0, 8), true);
    check((2, 0), (0, 8), false);
    check((0, 0), (0, 0), false);
    check((3, 1), (3, 1), true);
}

#[test]
fn sums_and_differences() {
    let offset = ByteOffset::new(10);
    let len = ByteLen::new(4);
    assert_eq!(offset + len, ByteOffset::new(14));
    assert_eq!(offset - len, ByteOffset::new(6));
    assert_eq!(offset - ByteOffset::new(3), ByteLen::new(7));
    assert_eq!([len, len, len].iter().sum::<ByteLen>(), len * 3);
    assert_eq!(ByteLen::from_mib(2), ByteLen::from_kib(2048));
    assert_eq!(ByteOffset::new(u64::MAX).checked_add(len), None);
    assert_eq!(ByteOffset::new(3).checked_sub(len), None);
    assert_eq!(len.checked_sub(ByteLen::new(5)), None);
    assert_eq!(len.saturating_sub(ByteLen::new(5)), ByteLen::ZERO);
    assert_eq!(len.checked_mul(u64::MAX), None);
    let range = ByteRange::new(offset, len);
    assert_eq!(
        (range.end(), range.to_string().as_str()),
        (ByteOffset::new(14), "10+4")
    );
}

#[test]
fn a_report_counts_free_ranges_by_power_of_two() {
    let mut space = Space::new(ByteLen::from_kib(64), ByteLen::new(16)).unwrap();
    let lens = [16, 64, 16, 100, 16, 5_000, 16, 4_500, 16];
    let ids = lens.map(|len| space.alloc(ByteLen::new(len), Align::ONE).unwrap().id);
    for id in ids.iter().skip(1).step_by(2) {
        space.free(*id).unwrap();
    }
    insta::assert_snapshot!(space.report(), @r"
    capacity 65536 bytes in units of 16
    live     80 bytes in 5 ranges
    free     65456 bytes in 5 ranges, the longest 55760, fragmentation 0.148
      from 64: 176 bytes in 2 ranges
      from 4096: 9520 bytes in 2 ranges
      from 32768: 55760 bytes in 1 ranges
    ");
}

/// S8: as many ranges as the space may have, and not one more, however they lie.
#[test]
fn the_greatest_number_of_live_ranges_is_exact() {
    fn check(live_max: u32, unit: u64) {
        let capacity = ByteLen::new(unit * 3 * u64::from(live_max.max(1)));
        let mut space = Space::with_live_max(capacity, ByteLen::new(unit), live_max).unwrap();
        let mut add = |at: u64| {
            let start = ByteOffset::new(at * 2 * unit);
            space.alloc_at(start, ByteLen::new(unit)).map(|new| new.id)
        };
        // A free unit between any two: the most ranges, live and free, that there can be.
        let ids: Result<Vec<RangeId>, _> = (0..u64::from(live_max)).map(&mut add).collect();
        let ids = ids.unwrap();
        let full = AllocError::TooManyRanges { max: live_max };
        assert_eq!(
            add(u64::from(live_max)),
            Err(full),
            "one more than {live_max}"
        );
        assert_eq!(
            space.alloc(ByteLen::new(unit), Align::ONE).unwrap_err(),
            full,
            "{live_max}"
        );
        let words = format!("{live_max} ranges are live, and no more are allowed");
        assert_eq!(full.to_string(), words);
        let Some(last) = ids.last() else { return };
        space.free(*last).unwrap();
        space.alloc(ByteLen::new(unit), Align::ONE).unwrap();
        assert_eq!(space.live_count(), live_max);
        space.validate();
    }
    for live_max in [0, 1, 2, 4, 1_000] {
        check(live_max, 1);
        check(live_max, 12);
    }
    let requested = Space::LIVE_MAX + 1;
    let refused = Space::with_live_max(ByteLen::new(8), ByteLen::new(1), requested);
    let max = Space::LIVE_MAX;
    let error = SpaceError::TooManyRanges { requested, max };
    assert_eq!(refused.map(|_| ()), Err(error));
    let words = format!("{requested} ranges are asked for, the most is {max}");
    assert_eq!(error.to_string(), words);
}

/// What the crate's head says of memory: a sixteenth and eight slots beyond what is in
/// use.
#[test]
fn the_books_are_small() {
    let mib = ByteLen::from_mib(16);
    let fixed = Space::new(mib, ByteLen::new(16)).unwrap().memory_bytes();
    assert!(fixed <= 21 << 10, "{fixed} bytes for 16 MiB in units of 16");
    let largest = Space::new(Space::CAPACITY_MAX, ByteLen::new(1)).unwrap();
    assert!(largest.memory_bytes() <= 31 << 10, "{largest:?}");
    let small = Space::new(ByteLen::new(100), ByteLen::new(1)).unwrap();
    assert!(small.memory_bytes() <= 1 << 10, "{}", small.memory_bytes());

    let mut space = Space::new(mib, ByteLen::new(16)).unwrap();
    for live in 1..=100_000 {
        space.alloc(ByteLen::new(48), Align::ONE).unwrap();
        let bytes = space.memory_bytes() - fixed;
        let slots: usize = live + live / 16 + 8;
        let bits = slots.div_ceil(64) * 8 + 8;
        assert!(
            bytes <= 24 * slots + bits,
            "{bytes} bytes for {live} ranges"
        );
    }
}

/// After a churn, too, the books take at most 32 bytes for each of the live ranges there were at
/// once, beyond the fixed part.
#[test]
fn the_books_stay_small_in_a_churn() {
    let mut space = Space::new(ByteLen::from_mib(16), ByteLen::new(256)).unwrap();
    let fixed = space.memory_bytes();
    let (mut ids, mut seed, mut peak) = (Vec::new(), 1_u64, 0);
    let mut below = |bound: u64| {
        // Knuth's constants of a linear congruential generator.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005);
        seed = seed.wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    for _ in 0..40_000 {
        // As many lengths in each of eight powers of two, from 256 bytes on.
        let least = 256 << below(8);
        let len = ByteLen::new(least + below(least));
        if (space.live_bytes() + len) * 100 <= space.capacity() * 85 {
            ids.push(space.alloc(len, Align::ONE).unwrap().id);
        } else {
            let nth = usize::try_from(below(ids.len() as u64)).unwrap();
            space.free(ids.swap_remove(nth)).unwrap();
        }
        peak = peak.max(ids.len());
    }
    let bytes = space.memory_bytes() - fixed;
    assert!(
        bytes <= 32 * peak,
        "{bytes} bytes for at most {peak} live ranges"
    );
}
