use proptest::prelude::*;

use super::*;

/// Columns, pitch, and the height of the map in an area of 660 by 400.
fn check(count: usize, large: bool, columns: usize, pitch: f32, height: f32) {
    let rows = Rows::new(count, vec2(660.0, 400.0), large);
    let made = (rows.columns, rows.pitch, rows.height());
    assert_eq!(
        made,
        (columns, pitch, height),
        "{count} rows, large: {large}"
    );
}

#[test]
fn rows_become_lower_then_stand_in_columns_then_scroll() {
    check(0, false, 1, 26.0, 0.0);
    check(1, false, 1, 26.0, 26.0);
    check(15, false, 1, 26.0, 390.0);
    check(16, false, 1, 25.0, 400.0);
    check(100, false, 1, 4.0, 400.0);
    check(101, false, 2, 7.0, 357.0);
    check(500, false, 5, 4.0, 400.0);
    check(2000, false, 5, 4.0, 1600.0);
    check(2000, true, 1, 26.0, 52_000.0);
}

#[test]
fn only_rows_in_view_are_between() {
    let rows = Rows::new(2000, vec2(660.0, 400.0), false);
    assert_eq!(rows.between(0.0, 400.0), 0..505, "E2");
    assert_eq!(rows.between(800.0, 1200.0), 1000..1505, "E2");
    assert_eq!(rows.between(1590.0, 9000.0), 1985..2000, "E2");
    assert_eq!(rows.between(9000.0, 9400.0), 2000..2000, "E2: past the end");
    assert_eq!(rows.between(-50.0, 3.0), 0..5, "a bounce over the edge");
}

#[test]
fn small_areas_have_places_as_well() {
    for area in [Vec2::ZERO, vec2(1.0, 1.0), vec2(-5.0, 40.0)] {
        let rows = Rows::new(7, area, false);
        assert_eq!(rows.columns, 1, "{area:?}");
        assert!(rows.bar(6).is_positive(), "{area:?}: {:?}", rows.bar(6));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_bar_is_found_and_none_overlaps_the_next(
        count in 1_usize..3000, width in 150.0_f32..1500.0, height in 100.0_f32..1000.0,
        large: bool, at in 0.0_f64..1.0,
    ) {
        let rows = Rows::new(count, vec2(width, height), large);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss,
            clippy::cast_precision_loss, reason = "a place in a list")]
        let nth = (count as f64 * at) as usize;
        let bar = rows.bar(nth);
        prop_assert_eq!(rows.at(bar.center()), Some(nth));
        prop_assert!(bar.left() >= 0.0 && bar.right() <= width + 0.5, "{:?}", bar);
        prop_assert!(bar.bottom() <= rows.height(), "{:?}", bar);
        if nth + 1 < count {
            prop_assert!(!bar.shrink(0.01).intersects(rows.bar(nth + 1)));
        }
        prop_assert!(rows.between(bar.top(), bar.bottom()).contains(&nth), "E2");
    }
}
