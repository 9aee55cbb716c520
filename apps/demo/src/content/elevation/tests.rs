#![expect(clippy::float_cmp, reason = "these results are exact")]

use super::*;
use png::{BitDepth, ColorType};
use std::path::Path;

/// A grey picture of 40 x 36 heights; the height is 100 times the row plus the column.
fn picture(colour: ColorType, depth: BitDepth, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().expect("a picture of the test");
    let mut data: Vec<u8> = Vec::new();
    for row in 0..height {
        for column in 0..width {
            let value = u16::try_from(row * 100 + column).unwrap_or(u16::MAX);
            let sample = value.to_be_bytes();
            data.extend(if depth == BitDepth::Sixteen {
                &sample[..]
            } else {
                &sample[1..]
            });
        }
    }
    let wanted = data.len() * colour.samples();
    data.resize(wanted, 0);
    writer
        .write_image_data(&data)
        .expect("a picture of the test");
    writer.finish().expect("a picture of the test");
    bytes
}

fn good() -> Vec<u8> {
    picture(ColorType::Grayscale, BitDepth::Sixteen, 40, 36)
}

fn read(bytes: &[u8]) -> Result<Elevation, ElevationError> {
    Elevation::from_png(Path::new("some/heights.png"), bytes, 1)
}

#[test]
fn the_first_row_is_the_southern_edge() {
    let elevation = read(&good()).expect("a good picture");
    assert_eq!((elevation.width(), elevation.height()), (40, 36), "samples");
    assert_eq!(
        elevation.sample_m(3, 35),
        3.0,
        "the file's first row lies south"
    );
    assert_eq!(elevation.sample_m(3, 0), 3503.0, "and its last row north");
    assert_eq!(
        elevation.sample_m(-9, 99),
        0.0,
        "outside it is the nearest edge's"
    );
    assert_eq!(
        elevation.extent_m(),
        (39.0 * 64.0, 35.0 * 64.0),
        "world metres"
    );
}

#[test]
fn what_is_not_a_whole_grey_16_bit_picture_is_refused_with_path_and_reason() {
    let check = |bytes: &[u8], want: &str| {
        let error = read(bytes).expect_err(want).to_string();
        assert!(error.contains("some/heights.png"), "{error} names the file");
        assert!(error.contains(want), "{error} says {want}");
    };
    check(&[], "not a whole PNG");
    check(b"GIF89a and so on", "not a whole PNG");
    check(
        &picture(ColorType::Grayscale, BitDepth::Eight, 40, 36),
        "8-bit Grayscale",
    );
    check(
        &picture(ColorType::Rgb, BitDepth::Sixteen, 40, 36),
        "16-bit Rgb",
    );
    check(
        &picture(ColorType::GrayscaleAlpha, BitDepth::Sixteen, 40, 36),
        "16-bit GrayscaleAlpha",
    );
    check(
        &picture(ColorType::Grayscale, BitDepth::Sixteen, 32, 36),
        "32 x 36 samples",
    );
    check(
        &picture(ColorType::Grayscale, BitDepth::Sixteen, 40, 4098),
        "40 x 4098 samples",
    );
    let missing = Elevation::load(Path::new("/nowhere/heights.png"), 1).expect_err("no such file");
    assert!(
        missing.to_string().contains("/nowhere/heights.png"),
        "{missing}"
    );
}

#[test]
fn a_picture_cut_short_anywhere_is_refused() {
    let whole = good();
    for length in 0..whole.len() {
        let error = read(&whole[..length]).expect_err("a cut picture");
        assert!(
            matches!(error, ElevationError::Broken { .. }),
            "cut at {length}: {error}"
        );
    }
}

#[test]
fn a_huge_picture_is_refused_before_it_is_decoded() {
    let mut bytes = good();
    bytes[16..24].copy_from_slice(&[0x40, 0, 0, 0, 0x40, 0, 0, 0]);
    assert!(read(&bytes).is_err(), "2^30 samples a side");
}

#[test]
fn without_detail_the_surface_passes_through_the_samples() {
    let elevation = read(&good()).expect("a good picture");
    for (column, row) in [(0u8, 0u8), (5, 7), (38, 20), (39, 35)] {
        let (x, z) = (f32::from(column) * 64.0, f32::from(row) * 64.0);
        let (height, _) = elevation.smooth(x, z);
        let sample = elevation.sample_m(column.into(), row.into()) * VERTICAL_SCALE;
        assert!(
            (height - sample).abs() < 1e-2,
            "{height} at a sample of {sample}"
        );
    }
    let slanted = elevation.smooth(5.5 * 64.0, 10.0 * 64.0).0;
    assert!(
        (slanted - 2505.5 * VERTICAL_SCALE).abs() < 1e-2,
        "half way on a plane: {slanted}"
    );
}

#[test]
fn a_grid_agrees_with_single_places_and_with_its_neighbour() {
    let elevation = Elevation::built_in(3).expect("the asset is whole");
    let (side_m, quads) = (512.0, 192);
    let west = elevation.height_grid(Vec3::new(12.0 * 512.0, 0.0, 40.0 * 512.0), side_m, quads);
    let east = elevation.height_grid(Vec3::new(13.0 * 512.0, 0.0, 40.0 * 512.0), side_m, quads);
    let at = |grid: &HeightGrid, column: usize, row: usize| {
        grid.heights_m()[(row + 1) * (grid.side() + 2) + column + 1]
    };
    for row in 0..=quads {
        let (a, b) = (at(&west, quads, row), at(&east, 0, row));
        assert_eq!(
            a.to_bits(),
            b.to_bits(),
            "row {row} of the edge: {a} and {b}"
        );
    }
    // The finest grid shows all the detail, as single places do.
    for (column, row) in [(0u8, 0u8), (96, 30), (192, 192)] {
        let step = side_m / 192.0;
        let (x, z) = (f32::from(column) * step, f32::from(row) * step);
        let single = elevation.ground_m(12.0 * 512.0 + x, 40.0 * 512.0 + z);
        let grid = at(&west, column.into(), row.into());
        assert!((single - grid).abs() < 0.01, "{single} and {grid}");
    }
}

#[test]
fn detail_stays_within_its_reach_and_is_strong_only_in_rugged_land() {
    let (mut wild, mut plain) = (0.0f32, 0.0f32);
    for i in 0u16..4000 {
        let (x, z) = (f32::from(i) * 3.7, f32::from(i % 63) * 11.3);
        wild = wild.max(detail(x, z, 1.0, DETAIL_OCTAVES, 5).abs());
        plain = plain.max(detail(x, z, 0.0, DETAIL_OCTAVES, 5).abs());
    }
    assert!(wild < DETAIL_REACH_M, "{wild} m within {DETAIL_REACH_M}");
    assert!(
        wild > 15.0 && plain < 1.5,
        "{wild} m in the wild, {plain} m in the plain"
    );
}

#[test]
fn the_built_in_elevation_is_the_one_described() {
    let elevation = Elevation::built_in(1).expect("the asset is whole");
    assert_eq!(
        (elevation.width(), elevation.height()),
        (1025, 1025),
        "samples"
    );
    let all = || elevation.samples_m.iter().copied();
    assert_eq!(all().fold(f32::INFINITY, f32::min), 386.0, "lowest");
    assert_eq!(all().fold(0.0, f32::max), 7633.0, "highest");
    assert!(
        elevation.sample_m(30, 10) < 600.0,
        "the plain lies in the north-west"
    );
    assert!(elevation.sample_ruggedness(30, 10) < 0.05, "and is flat");
    assert!(
        elevation.sample_ruggedness(440, 290) > 0.3,
        "the high range is not"
    );
}
