use geoheap_heap_dump::{BlockDump, ChunkDump, LifetimeDump, RangeDump, RangeStateDump, SCHEMA};

use super::bar::{STRENGTHS, Scale, Span, spans};
use super::coloring::Piece;
use super::palette::{Palette, Rgb};
use super::*;

const SMALL: &str = include_str!("../../../../crates/heap-dump/tests/small.json");

fn small() -> HeapDump {
    HeapDump::from_json(SMALL).expect("the small heap keeps all rules")
}

fn options() -> Options {
    Options {
        by: By::Kind,
        theme: Theme::Light,
        width: 900,
        title: "a <small> heap".to_owned(),
    }
}

/// `count` chunks of 1 MiB with blocks of a few KiB, every fourth one gone.
fn many(count: u32) -> HeapDump {
    let mut dump = HeapDump {
        schema: SCHEMA.to_owned(),
        unit_bytes: 16,
        ..HeapDump::default()
    };
    let mut slot = 0;
    for id in 0..count {
        let mut ranges = Vec::new();
        let mut at = 0;
        while at < 1 << 20 {
            slot += 1;
            let size = (slot * 7919 % 61 + 1) * 512;
            if slot % 4 > 0 && at + size <= 1 << 20 {
                let handle = format!("{slot}v1");
                ranges.push(RangeDump {
                    offset: at,
                    size,
                    state: RangeStateDump::Live,
                    handle: Some(handle.clone()),
                });
                dump.blocks.push(block(handle, id, at, size));
            }
            at += size;
        }
        let lifetime = LifetimeDump::Dynamic;
        dump.chunks
            .push(ChunkDump::of_ranges(id, 1 << 20, lifetime, ranges));
    }
    dump.check().expect("a sound heap");
    dump
}

fn block(handle: String, chunk: u32, offset: u64, size: u64) -> BlockDump {
    let mut block = BlockDump::resident(handle, chunk, offset, size);
    block.alignment = 16;
    block.pins = offset % 7 / 6;
    block.label = Some("tree & <rock>\u{1}".to_owned());
    let part = &mut block.parts[0];
    part.kind = ["vertex", "index"][(size / 512 % 2) as usize].to_owned();
    part.alignment = 16;
    block
}

#[test]
fn the_picture_of_the_small_heap_stays_as_it_is() {
    insta::assert_snapshot!("small", draw(&small(), &options()));
}

#[test]
fn a_picture_is_the_same_each_time_and_sound_in_all_manners() {
    for by in [By::Kind, By::Age, By::State, By::Lifetime] {
        for theme in [Theme::Light, Theme::Dark] {
            for width in [0, WIDTH_MIN, 1200, u32::MAX] {
                let options = Options {
                    by,
                    theme,
                    width,
                    title: "x".repeat(300),
                };
                let svg = draw(&many(7), &options);
                assert_eq!(svg, draw(&many(7), &options), "{by:?} {theme:?}");
                let tree = resvg::usvg::Tree::from_str(&svg, &resvg::usvg::Options::default());
                assert!(tree.is_ok(), "{by:?} {theme:?} {width}: {:?}", tree.err());
            }
        }
    }
}

#[test]
fn an_empty_heap_has_a_picture() {
    let dump = HeapDump::default();
    let svg = draw(&dump, &options());
    assert!(svg.contains("no chunks"), "{svg}");
    assert!(to_png(&svg).is_ok());
}

#[test]
fn pixels_have_the_size_of_the_picture() {
    let png = to_png(&draw(&small(), &options())).expect("a picture");
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(png[16..20], 900_u32.to_be_bytes(), "width");
    // Without its font a picture would be a good deal smaller.
    assert!(png.len() > 15_000, "{} bytes: texts are drawn", png.len());
}

#[test]
fn pictures_stay_small_with_many_chunks() {
    for (count, width_max, bytes_max) in [
        (1, 1200, 100_000),
        (500, 1200, 2 << 20),
        (2000, 1200, 6 << 20),
    ] {
        let options = Options {
            width: 1200,
            ..options()
        };
        let svg = draw(&many(count), &options);
        assert!(svg.len() < bytes_max, "{count} chunks: {} bytes", svg.len());
        let height = svg
            .split("height=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let height: f64 = height.and_then(|text| text.parse().ok()).expect("a height");
        assert!(
            height < 2.0 * f64::from(width_max),
            "{count} chunks: {height} pixels high"
        );
    }
}

#[test]
fn bars_stand_apart_and_inside() {
    for count in [1, 2, 5, 30, 31, 100, 499, 2000] {
        for width in [WIDTH_MIN, 1200, 3000] {
            let dump = many(count);
            let (lines, bar_bytes) = grid::lines(&dump);
            let room = grid::Room {
                x: 24.0,
                y: 100.0,
                width: f64::from(width) - 48.0,
                name_chars: 5,
            };
            let grid = grid::place(lines, bar_bytes, room);
            let bars = grid
                .placed
                .iter()
                .filter(|one| matches!(one.line, grid::Line::Bar { .. }));
            assert_eq!(bars.count(), count as usize, "every chunk has its bar");
            assert!(
                grid.bar_width >= 60.0,
                "{count} at {width}: {}",
                grid.bar_width
            );
            for pair in grid.placed.windows(2) {
                let (a, b) = (&pair[0], &pair[1]);
                let is_below = (a.x - b.x).abs() < 0.01 && b.y >= a.y + grid.pitch - 0.01;
                let end = a.x + grid.left + grid.bar_width + grid::right(grid.pitch);
                assert!(is_below || b.x >= end, "{count} at {width}: {a:?} {b:?}");
                let right = b.x + grid.left + grid.bar_width;
                assert!(right <= f64::from(width), "{count} at {width}: {b:?}");
            }
        }
    }
}

#[test]
fn a_long_chunk_goes_on_in_the_next_row() {
    let mut dump = many(3);
    let long = ChunkDump {
        dedicated: true,
        ..ChunkDump::of_ranges(9, 5 << 19, LifetimeDump::Dynamic, Vec::new())
    };
    dump.chunks.push(long);
    let windows = |dump: &HeapDump| -> Vec<(u64, u64)> {
        let of_last = |line| match line {
            grid::Line::Bar { chunk: 3, window } => Some(window),
            _ => None,
        };
        grid::lines(dump)
            .0
            .into_iter()
            .filter_map(of_last)
            .collect()
    };
    assert_eq!(
        windows(&dump),
        [(0, 1 << 20), (1 << 20, 2 << 20), (2 << 20, 5 << 19)]
    );
    dump.chunks[3].capacity = 1 << 40;
    assert_eq!(windows(&dump).len(), 16, "so long ones set the scale");
}

#[test]
fn slivers_are_gathered() {
    let check = |pieces: &[(u64, Option<usize>)], expected: &[(f64, f64, usize, u8)]| {
        let mut at = 0;
        let pieces: Vec<Piece> = pieces
            .iter()
            .map(|&(bytes, row)| {
                let from = at;
                at += bytes;
                Piece { from, to: at, row }
            })
            .collect();
        let scale = Scale {
            bytes: 1000,
            width: 100.0,
        };
        let expected: Vec<Span> = expected
            .iter()
            .map(|&(from, to, row, strength)| Span {
                from,
                to,
                row,
                strength,
            })
            .collect();
        assert_eq!(spans(&pieces, (0, 1000), scale), expected, "{pieces:?}");
    };
    // Ten bytes are a pixel.
    check(&[(1000, None)], &[]);
    check(&[(500, Some(3)), (500, None)], &[(0.0, 50.0, 3, STRENGTHS)]);
    check(&[(5, Some(3)), (5, None), (990, None)], &[(0.0, 1.0, 3, 2)]);
    check(
        &[(3, Some(1)), (7, Some(2)), (990, None)],
        &[(0.0, 1.0, 2, STRENGTHS)],
    );
    check(&[(1, Some(1)), (9, None), (990, None)], &[(0.0, 1.0, 1, 1)]);
    // What is left before something long is an area of less than a pixel.
    check(
        &[(5, Some(1)), (995, Some(2))],
        &[(0.0, 0.5, 1, 4), (0.5, 100.0, 2, 4)],
    );
    // Neighbours with the same paint are one.
    check(
        &[(10, Some(1)), (20, Some(1)), (970, None)],
        &[(0.0, 3.0, 1, STRENGTHS)],
    );
    let million: Vec<(u64, Option<usize>)> = (0..1000)
        .map(|nth| (1, (nth % 2 == 0).then_some(0)))
        .collect();
    check(&million, &[(0.0, 100.0, 0, 2)]);
}

/// What a person sees who has no cones of one sort (Machado, Oliveira, Fernandes 2009, severity
/// 1), for linear channels: protanopia, deuteranopia, tritanopia.
const BLIND: [[[f64; 3]; 3]; 3] = [
    [
        [0.152_286, 1.052_583, -0.204_868],
        [0.114_503, 0.786_281, 0.099_216],
        [-0.003_882, -0.048_116, 1.051_998],
    ],
    [
        [0.367_322, 0.860_646, -0.227_968],
        [0.280_085, 0.672_501, 0.047_413],
        [-0.011_820, 0.042_940, 0.968_881],
    ],
    [
        [1.255_528, -0.076_749, -0.178_779],
        [-0.078_411, 0.930_809, 0.147_602],
        [0.004_733, 0.691_367, 0.303_900],
    ],
];
const SIGHTED: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Lightness, green to red, blue to yellow (CIE 1976) of a colour as such a person sees it.
fn lab(color: Rgb, eye: &[[f64; 3]; 3]) -> [f64; 3] {
    let linear = [color.0, color.1, color.2].map(|channel| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    let times = |rows: &[[f64; 3]; 3], v: [f64; 3]| {
        rows.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
    };
    let seen = times(eye, linear).map(|c| c.clamp(0.0, 1.0));
    let xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ];
    let [x, y, z] = times(&xyz, seen);
    let f = |t: f64| {
        if t > 0.008_856 {
            t.cbrt()
        } else {
            7.787 * t + 16.0 / 116.0
        }
    };
    let (x, y, z) = (f(x / 0.9505), f(y), f(z / 1.089));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance(a: Rgb, b: Rgb, eye: &[[f64; 3]; 3]) -> f64 {
    let (a, b) = (lab(a, eye), lab(b, eye));
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).powi(2))
        .sum::<f64>()
        .sqrt()
}

#[test]
fn colours_stand_out_from_their_ground() {
    for theme in [Theme::Light, Theme::Dark] {
        let palette: Palette = theme.palette();
        for color in palette
            .classes
            .iter()
            .chain(&palette.ages)
            .chain([&palette.never])
        {
            for ground in [palette.free, palette.ground] {
                let contrast = color.contrast(ground);
                assert!(
                    contrast >= 3.0,
                    "{theme:?}: {color} on {ground}: {contrast:.2}"
                );
            }
            let ink = color.ink().contrast(*color);
            assert!(ink >= 4.5, "{theme:?}: names on {color}: {ink:.2}");
        }
        for text in [palette.text, palette.muted, palette.alarm] {
            let contrast = text.contrast(palette.ground);
            assert!(contrast >= 4.5, "{theme:?}: text {text}: {contrast:.2}");
        }
        let spare = palette.spare.contrast(palette.free);
        assert!(spare >= 1.5, "{theme:?}: spare room: {spare:.2}");
    }
}

#[test]
fn the_usual_kinds_and_the_ages_are_told_apart_by_colour_blind_people() {
    for theme in [Theme::Light, Theme::Dark] {
        let palette = theme.palette();
        let with_never = [&palette.ages[..], &[palette.never]].concat();
        for (colors, apart) in [
            (&palette.classes[..5], 25.0),
            (&palette.ages[..], 22.0),
            (&with_never[..], 15.0),
        ] {
            for eye in BLIND.iter().chain([&SIGHTED]) {
                for (nth, a) in colors.iter().enumerate() {
                    for b in &colors[nth + 1..] {
                        let far = distance(*a, *b, eye);
                        assert!(far >= apart, "{theme:?}: {a} and {b}: {far:.1} for {eye:?}");
                    }
                }
            }
        }
    }
}
