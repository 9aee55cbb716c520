use super::*;
use crate::verdict::objection;

const RIGHT: [Line; 2] = [
    (0, [10.0, 400.0, -20.0, 180.0, -10.0]),
    (30, [10.5, 401.0, -20.0, 0.0, 89.9]),
];

fn read(lines: &[Line]) -> Result<CameraScript, ScriptError> {
    CameraScript::parse(Path::new(FILE), &text(lines, true))
}

fn changed(change: impl FnOnce(&mut [Line; 2])) -> [Line; 2] {
    let mut lines = RIGHT;
    change(&mut lines);
    lines
}

#[test]
fn right_flights_are_read_and_others_refused() {
    assert_eq!(
        run(&[]).count("script", true),
        1,
        "zeros choose a right one"
    );
    judge(&text(&RIGHT, true), Some(&RIGHT), &read(&RIGHT));
    for wrong in [
        changed(|lines| lines[1].0 = 0),
        changed(|lines| lines[1].0 = FRAMES_MAX),
        changed(|lines| lines[0].1[1] = 1.1e6),
        changed(|lines| lines[0].1[3] = f32::INFINITY),
        changed(|lines| lines[1].1[4] = 90.0),
    ] {
        assert!(!are_right(&wrong), "{wrong:?}");
        judge(&text(&wrong, true), Some(&wrong), &read(&wrong));
        assert!(read(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn another_flight_is_objected_to() {
    let said = text(&RIGHT, true);
    let check = |written: &[Line], read: &Result<CameraScript, ScriptError>, want: &str| {
        let objection = objection(|| judge(&said, Some(written), read));
        assert!(objection.contains(want), "{objection}");
    };
    let higher = changed(|lines| lines[0].1[1] = 500.0);
    check(&higher, &read(&RIGHT), "was written");
    let turned = changed(|lines| lines[1].1[3] = 1.0);
    check(&turned, &read(&RIGHT), "was written");
    let steep = changed(|lines| lines[1].1[4] = 90.0);
    check(&RIGHT, &read(&steep), "nothing is wrong");
    check(&steep, &read(&RIGHT), "not allowed");
}
