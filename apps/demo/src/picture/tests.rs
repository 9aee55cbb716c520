use super::*;

const BLACK: [u8; 4] = [0, 0, 0, 255];
const RED: [u8; 4] = [255, 0, 0, 255];

#[test]
fn a_rectangle_is_cut_at_the_edges() {
    let mut picture = Picture::new(4, 3, BLACK);
    picture.fill(2, 1, 100, u32::MAX, RED);
    picture.fill(9, 9, 5, 5, RED);
    let red = picture
        .bytes()
        .chunks(4)
        .filter(|pixel| pixel[0] == 255)
        .count();
    assert_eq!(red, 4, "two columns of two rows");
    assert_eq!(picture.get(2, 1), Some(RED));
    assert_eq!(picture.get(1, 1), Some(BLACK));
    assert_eq!(picture.get(4, 0), None);
}

#[test]
fn rows_may_be_padded() {
    let bytes: Vec<u8> = (0..32).collect();
    let picture = Picture::from_rows(1, 2, 16, &bytes).expect("enough bytes");
    assert_eq!(picture.bytes(), [0, 1, 2, 3, 16, 17, 18, 19]);
    assert_eq!(
        Picture::from_rows(5, 1, 16, &bytes),
        None,
        "row shorter than its pixels"
    );
    assert_eq!(
        Picture::from_rows(1, 3, 16, &bytes),
        None,
        "a row is missing"
    );
}

#[test]
fn a_png_has_the_pixels() {
    let mut picture = Picture::new(5, 2, BLACK);
    picture.fill(1, 0, 1, 1, RED);
    let path = std::env::temp_dir().join(format!("geoheap-demo-{}.png", std::process::id()));
    picture.write_png(&path).expect("written");
    let file = std::io::BufReader::new(File::open(&path).expect("there"));
    let mut reader = png::Decoder::new(file).read_info().expect("a png");
    let mut bytes = vec![0; reader.output_buffer_size().expect("small")];
    reader.next_frame(&mut bytes).expect("a frame");
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(bytes, picture.bytes());
}

#[test]
fn a_path_that_cannot_be_written_is_named() {
    let error = Picture::new(1, 1, RED)
        .write_png(Path::new("/nowhere/at/all.png"))
        .expect_err("no such folder");
    assert!(error.to_string().contains("/nowhere/at/all.png"), "{error}");
}
