use super::{Changes, Feed};
use crate::version::Version;

/// What the newest of `versions` versions says of the ones before: `None` for all slots.
fn told(feed: &Feed, versions: u64) -> Vec<Option<Vec<u32>>> {
    let window = feed.window();
    (0..=versions)
        .map(
            |older| match window.since(Version::new(older), Version::new(versions)) {
                Changes::All => None,
                Changes::Slots(slots) => Some(slots.iter().collect()),
            },
        )
        .collect()
}

#[test]
fn each_version_tells_its_slots_ascending_and_once() {
    let mut feed = Feed::new(8);
    feed.push([9, 3, 9, 70].into_iter(), 100);
    feed.push([].into_iter(), 100);
    feed.push([70, 1].into_iter(), 100);
    let expected = [
        Some(vec![3, 9, 70, 1, 70]),
        Some(vec![1, 70]),
        Some(vec![1, 70]),
        Some(vec![]),
    ];
    assert_eq!(told(&feed, 3), expected, "F9");
    let window = feed.window();
    let Changes::Slots(slots) = window.since(Version::ZERO, Version::new(3)) else {
        panic!("F9: three versions are within the window")
    };
    assert_eq!(slots.to_sorted(), [1, 3, 9, 70], "each once");
    assert_eq!((slots.len(), slots.is_empty()), (5, false));
}

#[test]
fn the_window_is_bounded_in_versions() {
    let mut feed = Feed::new(2);
    for index in 0..4 {
        feed.push([index].into_iter(), 100);
    }
    let expected = [None, None, Some(vec![2, 3]), Some(vec![3]), Some(vec![])];
    assert_eq!(told(&feed, 4), expected, "F9: two versions are known");
    let before = feed.window();
    let newer = before.since(Version::new(5), Version::new(4));
    assert!(matches!(newer, Changes::All), "the future is not known");
}

#[test]
fn beyond_a_quarter_of_the_slots_it_is_all() {
    let mut feed = Feed::new(8);
    feed.push([0, 1, 2].into_iter(), 16);
    feed.push([1, 1, 1].into_iter(), 16);
    assert_eq!(
        told(&feed, 2),
        [Some(vec![0, 1, 2, 1]), Some(vec![1]), Some(vec![])],
        "F9: four indices are a quarter"
    );
    feed.push([5].into_iter(), 16);
    assert_eq!(
        told(&feed, 3),
        [None, Some(vec![1, 5]), Some(vec![5]), Some(vec![])],
        "F9: the oldest goes"
    );
    feed.push((0..5).rev(), 16);
    assert_eq!(
        told(&feed, 4),
        [None, None, None, None, Some(vec![])],
        "F9: too many at once"
    );
    feed.push([7].into_iter(), 16);
    assert_eq!(told(&feed, 5)[3..], [None, Some(vec![7]), Some(vec![])]);
}

#[test]
fn without_a_window_it_is_all_or_nothing() {
    let mut feed = Feed::new(0);
    feed.push([1].into_iter(), 100);
    assert_eq!(told(&feed, 1), [None, Some(vec![])]);
}
