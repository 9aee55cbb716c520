//! Lists of slots in rising order.

/// Whether two rising lists share a number; searches the longer one for those of the shorter.
pub(crate) fn have_one_in_common(one: &[u32], other: &[u32]) -> bool {
    let (few, many) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    few.iter().any(|slot| many.binary_search(slot).is_ok())
}

#[cfg(test)]
mod tests {
    use super::have_one_in_common;

    #[track_caller]
    fn check(one: &[u32], other: &[u32], expected: bool) {
        assert_eq!(have_one_in_common(one, other), expected);
        assert_eq!(have_one_in_common(other, one), expected);
    }

    #[test]
    fn lists_share_what_is_in_both() {
        check(&[], &[], false);
        check(&[], &[1, 2, 3], false);
        check(&[2], &[1, 2, 3], true);
        check(&[0, 4], &[1, 2, 3], false);
        check(&[0, 3, 9], &[3], true);
    }
}
