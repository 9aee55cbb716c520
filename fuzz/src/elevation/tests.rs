use super::*;
use crate::verdict::objection;

const RIGHT: Picture = Picture {
    width: 33,
    height: 34,
    depth: 16,
    colour: 0,
    interlace: 0,
    filter: 0,
    missing: 0,
    seed: 3,
};

fn read(picture: &Picture) -> Result<Elevation, ElevationError> {
    Elevation::from_png(Path::new(FILE), &picture.file(), 1)
}

#[test]
fn right_pictures_are_read_and_others_refused() {
    assert_eq!(
        run(&[]).count("elevation", true),
        1,
        "zeros choose a right one"
    );
    judge(&RIGHT, true, &read(&RIGHT));
    for wrong in [
        Picture { depth: 8, ..RIGHT },
        Picture { colour: 2, ..RIGHT },
        Picture { width: 32, ..RIGHT },
        Picture {
            height: MAX_SIDE_SAMPLES + 1,
            ..RIGHT
        },
        Picture {
            missing: 3,
            ..RIGHT
        },
        Picture { filter: 5, ..RIGHT },
    ] {
        assert!(read(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn wrong_heights_are_objected_to() {
    let elevation = read(&RIGHT);
    let other = Picture { seed: 4, ..RIGHT };
    let said = objection(|| judge(&other, true, &elevation));
    assert!(said.contains("was written"), "{said}");
    let error = read(&Picture { depth: 8, ..RIGHT });
    let said = objection(|| judge(&RIGHT, true, &error));
    assert!(said.contains("nothing is wrong"), "{said}");
}
