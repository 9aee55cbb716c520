use super::{Bitmap, Pool, Relaxed, WORD_BITS};

#[test]
fn clearing_goes_by_the_summary_and_leaves_nothing() {
    let mut bitmap = Bitmap::new(10_000);
    for index in (0..10_000).step_by(97) {
        assert!(bitmap.insert(index), "F8: {index} is new");
    }
    bitmap.clear();
    assert!(bitmap.is_empty(), "F8: the summary is clear");
    assert!(
        bitmap.words.iter().all(|word| word.load(Relaxed) == 0),
        "F8: and so is every word"
    );
}

#[test]
fn what_lies_beyond_the_words_is_not_marked() {
    let bitmap = Bitmap::new(WORD_BITS + 1);
    bitmap.as_words().mark(2 * WORD_BITS);
    assert!(
        bitmap.is_empty(),
        "there is no third word, and none is made"
    );
}

#[test]
fn an_insert_tells_new_from_old() {
    let mut bitmap = Bitmap::new(100);
    let news = [70, 3, 70, 3, 99].map(|index| bitmap.insert(index));
    assert_eq!(news, [true, true, false, false, true]);
    assert_eq!(bitmap.iter().collect::<Vec<_>>(), [3, 70, 99]);
}

#[test]
fn a_pool_that_is_busy_makes_nobody_wait() {
    let pool = Pool::new();
    pool.give_back(Bitmap::new(64));
    let busy = pool.spare.lock().expect("nobody panics");
    let bitmap = pool.take(64);
    assert_eq!(pool.counts(), (1, 0), "F8: a new one, at once");
    pool.give_back(bitmap);
    assert_eq!(busy.len(), 1, "F8: and it is freed rather than kept");
}
