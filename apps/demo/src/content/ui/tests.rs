#![expect(clippy::float_cmp, reason = "these results are exact")]

use super::font::{COLUMNS, ROWS, glyph};
use super::*;

/// The dots of a text, drawn back from its quads.
fn dots(content: &str) -> String {
    let style = TextStyle {
        height_px: 7.0,
        ..TextStyle::default()
    };
    let mesh = text(content, &style);
    let size = text_size(content, 7.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few dots"
    )]
    let (width, height) = (size.x as usize, size.y as usize);
    let mut rows = vec![vec!['.'; width]; height];
    for quad in mesh.vertices.chunks_exact(4) {
        let [min, max] = [quad[0].position, quad[2].position];
        for (y, row) in rows.iter_mut().enumerate() {
            for (x, dot) in row.iter_mut().enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "a few dots")]
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                if px > min[0] && px < max[0] && py > min[1] && py < max[1] {
                    *dot = '#';
                }
            }
        }
    }
    rows.into_iter()
        .map(|r| r.into_iter().collect::<String>() + "\n")
        .collect()
}

#[test]
fn the_name_reads_as_it_should() {
    insta::assert_snapshot!(dots("geoheap"), @r"
    ..................#......................
    ..................#......................
    .####..###...###..#.##...###...###..####.
    #...#.#...#.#...#.##..#.#...#.....#.#...#
    .####.#####.#...#.#...#.#####..####.####.
    ....#.#.....#...#.#...#.#.....#...#.#....
    .###...###...###..#...#..###...####.#....
    ");
}

#[test]
fn every_printable_letter_that_a_report_needs_is_there() {
    let needed = ('0'..='9')
        .chain('A'..='Z')
        .chain('a'..='z')
        .chain(".,:;-+/%()=<>_#'[]*|!?&\"".chars());
    let mut seen = std::collections::BTreeMap::new();
    for letter in needed {
        let rows = glyph(letter);
        assert_ne!(
            rows,
            glyph('\u{fffd}'),
            "`{letter}` is not the box of a missing letter"
        );
        assert!(
            rows.iter().all(|r| *r < 1 << COLUMNS),
            "`{letter}` is {COLUMNS} dots wide"
        );
        assert_eq!(
            seen.insert(rows, letter),
            None,
            "`{letter}` looks like no other letter"
        );
    }
    assert_eq!(ROWS, 7, "rows of a letter");
}

#[test]
fn texts_stay_within_their_size() {
    let check = |content: &str| {
        let style = TextStyle {
            origin: Vec2::new(10.0, 20.0),
            height_px: 21.0,
            ..TextStyle::default()
        };
        let mesh = text(content, &style);
        let size = text_size(content, 21.0);
        assert_eq!(mesh.vertices.is_empty(), size == Vec2::ZERO, "{content:?}");
        if !mesh.vertices.is_empty() {
            let limit = Vec2::new(10.0, 20.0) + size;
            assert!(
                mesh.bounds.min.x >= 10.0 && mesh.bounds.min.y >= 20.0,
                "{content:?}"
            );
            assert!(
                mesh.bounds.max.x <= limit.x + 0.01,
                "{content:?} {:?}",
                mesh.bounds
            );
            assert!(
                mesh.bounds.max.y <= limit.y + 0.01,
                "{content:?} {:?}",
                mesh.bounds
            );
        }
    };
    check("");
    check("M");
    check("resident 512 MiB / 640 MiB (80 %)");
    check("two\nlines");
    check("\u{e4}");
}

#[test]
fn shapes_fill_the_room_they_are_given() {
    let check = |name: &str, mesh: &MeshData, size: Vec2| {
        let (min, max) = (mesh.bounds.min.truncate(), mesh.bounds.max.truncate());
        assert!(min.min_element() >= -0.01, "{name} begins at 0: {min}");
        assert!(
            (max - size).max_element() <= 0.01,
            "{name} ends by {size}: {max}"
        );
        assert!(
            (size - max).max_element() < size.max_element() * 0.1,
            "{name} fills {size}: {max}"
        );
        assert!(
            mesh.vertices.iter().all(|v| v.normal == [0, 0, 127, 0]),
            "{name} faces the viewer"
        );
    };
    check("rose", &compass_rose(128.0), Vec2::splat(128.0));
    check(
        "bar",
        &budget_bar_frame(300.0, 24.0),
        Vec2::new(300.0, 24.0),
    );
    check(
        "fill",
        &budget_bar_fill(300.0, 24.0, 7.0),
        Vec2::new(297.0, 21.0),
    );
    check(
        "ladder",
        &altitude_ladder(60.0, 400.0, 5000.0),
        Vec2::new(60.0, 400.0),
    );
    let empty = budget_bar_fill(300.0, 24.0, f32::NAN);
    assert_eq!(empty.bounds.max.x, 3.0, "no number, no filling");
}

#[test]
fn patch_is_one_metre_seen_from_above() {
    let patch = fallback_patch();
    assert_eq!(patch.bounds.min, Vec3::ZERO, "from the corner");
    assert_eq!(patch.bounds.max, Vec3::new(1.0, 0.0, 1.0), "to one metre");
    assert!(
        patch.vertices.iter().all(|v| v.normal == [0, 127, 0, 0]),
        "facing up"
    );
}
