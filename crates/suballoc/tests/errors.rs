//! Each refusal, with its numbers, its words and nothing changed (S9).

use geoheap_suballoc::{
    Align, AllocError, Allocation, ByteLen, ByteOffset, ByteRange, FreeError, ResizeError, Space,
    SpaceError,
};

fn len(bytes: u64) -> ByteLen {
    ByteLen::new(bytes)
}

fn align(bytes: u64) -> Align {
    Align::new(bytes).unwrap()
}

fn range(start: u64, bytes: u64) -> ByteRange {
    ByteRange::new(ByteOffset::new(start), len(bytes))
}

#[test]
fn spaces_that_cannot_be() {
    fn check(capacity: u64, unit: u64, error: SpaceError, words: &str) {
        let refused = Space::new(len(capacity), len(unit)).unwrap_err();
        assert_eq!((refused, refused.to_string().as_str()), (error, words));
    }
    check(
        0,
        4,
        SpaceError::ZeroCapacity,
        "a space must have at least one unit",
    );
    check(
        64,
        0,
        SpaceError::ZeroUnit,
        "a unit must be at least one byte",
    );
    check(
        66,
        4,
        SpaceError::PartialUnit {
            capacity: len(66),
            unit: len(4),
        },
        "the capacity of 66 bytes is no multiple of the unit of 4",
    );
    check(
        2,
        4,
        SpaceError::PartialUnit {
            capacity: len(2),
            unit: len(4),
        },
        "the capacity of 2 bytes is no multiple of the unit of 4",
    );
    check(
        (1 << 40) + 1,
        1,
        SpaceError::TooLarge {
            requested: len((1 << 40) + 1),
            max: Space::CAPACITY_MAX,
        },
        "a space of 1099511627777 bytes is asked for, the most is 1099511627776",
    );
}

/// 64 bytes in units of 4: live 0..20 and 40..48, free 20..40 and 48..64.
fn sample() -> (Space, Allocation, Allocation) {
    let mut space = Space::new(len(64), len(4)).unwrap();
    let a = space.alloc_at(ByteOffset::ZERO, len(17)).unwrap();
    let b = space.alloc_at(ByteOffset::new(40), len(8)).unwrap();
    assert_eq!(
        (a.range, b.range),
        (range(0, 20), range(40, 8)),
        "the sample is as drawn"
    );
    (space, a, b)
}

/// Runs an operation that is refused, and sees that the space is as before (S9).
fn refused<T: core::fmt::Debug, E>(
    space: &mut Space,
    operation: impl FnOnce(&mut Space) -> Result<T, E>,
) -> E {
    let before = (space.iter().collect::<Vec<_>>(), space.report());
    let Err(error) = operation(space) else {
        panic!("the operation was not refused")
    };
    space.validate();
    assert_eq!(
        (space.iter().collect::<Vec<_>>(), space.report()),
        before,
        "S9"
    );
    error
}

#[test]
fn allocations_that_cannot_be() {
    fn check(bytes: u64, at: u64, error: AllocError, words: &str) {
        let (mut space, ..) = sample();
        let seen = refused(&mut space, |space| space.alloc(len(bytes), align(at)));
        assert_eq!((seen, seen.to_string().as_str()), (error, words));
    }
    let no_space = |requested, at| AllocError::NoSpace {
        requested: len(requested),
        align: align(at),
        free: len(36),
        largest_free: len(20),
    };
    check(
        0,
        1,
        AllocError::ZeroSize,
        "a range must have at least one byte",
    );
    check(
        65,
        1,
        AllocError::TooLarge {
            requested: len(65),
            capacity: len(64),
        },
        "a range up to 65 bytes is asked for, the whole space has 64",
    );
    check(
        u64::MAX,
        1,
        AllocError::TooLarge {
            requested: len(u64::MAX),
            capacity: len(64),
        },
        "a range up to 18446744073709551615 bytes is asked for, the whole space has 64",
    );
    check(
        21,
        1,
        no_space(24, 1),
        "no free range holds 24 bytes aligned to 1: \
        36 bytes are free, 20 at most in one range",
    );
    check(
        20,
        16,
        no_space(20, 16),
        "no free range holds 20 bytes aligned to 16: \
        36 bytes are free, 20 at most in one range",
    );
    check(
        1,
        64,
        no_space(4, 64),
        "no free range holds 4 bytes aligned to 64: \
        36 bytes are free, 20 at most in one range",
    );
    check(
        1,
        u64::MAX,
        no_space(4, u64::MAX),
        "no free range holds 4 bytes aligned to \
        18446744073709551615: 36 bytes are free, 20 at most in one range",
    );
}

#[test]
fn places_that_cannot_be() {
    fn check(start: u64, bytes: u64, error: AllocError) {
        let (mut space, ..) = sample();
        let seen = refused(&mut space, |space| {
            space.alloc_at(ByteOffset::new(start), len(bytes))
        });
        assert_eq!(seen, error);
    }
    let too_large = |requested| AllocError::TooLarge {
        requested: len(requested),
        capacity: len(64),
    };
    let occupied = |start, bytes, live| AllocError::Occupied {
        requested: range(start, bytes),
        live,
    };
    check(20, 0, AllocError::ZeroSize);
    check(60, 5, too_large(65));
    check(64, 1, too_large(65));
    check(u64::MAX, u64::MAX, too_large(u64::MAX));
    check(
        22,
        4,
        AllocError::Misaligned {
            start: ByteOffset::new(22),
            unit: len(4),
        },
    );
    check(16, 8, occupied(16, 8, range(0, 20)));
    check(20, 21, occupied(20, 24, range(40, 8)));
    check(44, 12, occupied(44, 12, range(40, 8)));
    check(0, 64, occupied(0, 64, range(0, 20)));
}

#[test]
fn the_words_of_a_refused_place() {
    let (mut space, ..) = sample();
    let occupied = space.alloc_at(ByteOffset::new(36), len(8)).unwrap_err();
    assert_eq!(
        occupied.to_string(),
        "the range 36+8 is asked for, but 40+8 is live"
    );
    let inside = space.alloc_at(ByteOffset::new(22), len(8)).unwrap_err();
    assert_eq!(
        inside.to_string(),
        "the start 22 is no multiple of the unit of 4 bytes"
    );
}

/// S7: an id is refused once its range is freed, also when its slot serves another range.
#[test]
fn stale_and_unknown_ids() {
    let (mut space, a, b) = sample();
    assert_eq!(space.free(a.id), Ok(range(0, 20)));
    let stale = refused(&mut space, |space| space.free(a.id));
    assert_eq!(stale, FreeError::Stale { id: a.id });
    assert_eq!(space.get(a.id), None);

    let c = space.alloc(len(20), Align::ONE).unwrap();
    let d = space.alloc(len(8), Align::ONE).unwrap();
    let reused = if c.id.index() == a.id.index() { c } else { d };
    assert_eq!(
        reused.id.index(),
        a.id.index(),
        "the slot is reused, else nothing is shown"
    );
    assert_eq!(
        refused(&mut space, |space| space.free(a.id)),
        FreeError::Stale { id: a.id }
    );
    assert_eq!(
        refused(&mut space, |space| space.grow_in_place(a.id, len(40))),
        ResizeError::Stale { id: a.id }
    );
    assert_eq!(space.get(b.id), Some(range(40, 8)));

    let other = Space::new(len(64), len(4)).unwrap();
    let mut other = other.clone();
    let unknown = refused(&mut other, |other| other.free(d.id));
    assert_eq!(unknown, FreeError::Unknown { id: d.id });
    assert_eq!(
        unknown.to_string(),
        format!("the id {} names no range that this space had", d.id)
    );
    assert_eq!(
        stale.to_string(),
        format!("the range of id {} was freed before", a.id)
    );
}

#[test]
fn resizes_that_cannot_be() {
    fn check(grow: bool, bytes: u64, error: ResizeError, words: &str) {
        let (mut space, a, _) = sample();
        let seen = refused(&mut space, |space| {
            if grow {
                space.grow_in_place(a.id, len(bytes))
            } else {
                space.shrink_in_place(a.id, len(bytes))
            }
        });
        assert_eq!((seen, seen.to_string().as_str()), (error, words));
    }
    let wrong = |requested| ResizeError::WrongWay {
        requested: len(requested),
        current: len(20),
    };
    let no_room = |requested| ResizeError::NoRoom {
        requested: len(requested),
        available: len(40),
    };
    check(
        true,
        0,
        ResizeError::ZeroSize,
        "a range must keep at least one byte",
    );
    check(
        false,
        0,
        ResizeError::ZeroSize,
        "a range must keep at least one byte",
    );
    check(
        true,
        16,
        wrong(16),
        "16 bytes are asked for, the range has 20: shrink it to less, grow it to more",
    );
    check(
        false,
        21,
        wrong(21),
        "21 bytes are asked for, the range has 20: shrink it to less, grow it to more",
    );
    check(
        true,
        41,
        no_room(41),
        "41 bytes are asked for, the range has room for 40",
    );
    check(
        true,
        u64::MAX,
        no_room(u64::MAX),
        "18446744073709551615 bytes are asked for, the range has room for 40",
    );
}
