#![expect(clippy::float_cmp, reason = "these results are exact")]

use super::*;
use crate::content::elevation::Elevation;
use crate::content::scene::Scene;
use glam::Vec4Swizzles;
use std::path::Path;

#[test]
fn yaw_zero_looks_north_and_turns_clockwise() {
    let check = |yaw: f32, pitch: f32, want: Vec3| {
        let camera = Camera {
            yaw: yaw.to_radians(),
            pitch: pitch.to_radians(),
            ..Camera::default()
        };
        let forward = camera.forward();
        assert!(
            (forward - want).length() < 1e-6,
            "yaw {yaw} pitch {pitch}: {forward}"
        );
        let seen = camera.relative_view_projection(1.5) * (want * 10.0).extend(1.0);
        assert!(
            seen.xy().length() < 1e-4 && seen.w > 0.0,
            "straight ahead is the middle: {seen}"
        );
    };
    check(0.0, 0.0, Vec3::NEG_Z);
    check(90.0, 0.0, Vec3::X);
    check(180.0, 0.0, Vec3::Z);
    check(0.0, 45.0, Vec3::new(0.0, 0.5f32.sqrt(), -0.5f32.sqrt()));
}

#[test]
fn depth_is_reversed_and_right_and_up_are_so_on_the_screen() {
    let camera = Camera {
        yaw: 0.7,
        pitch: -0.2,
        near_m: 2.0,
        ..Camera::default()
    };
    let matrix = camera.relative_view_projection(16.0 / 9.0);
    let depth = |distance: f32| {
        let clip = matrix * (camera.forward() * distance).extend(1.0);
        clip.z / clip.w
    };
    assert!((depth(2.0) - 1.0).abs() < 1e-5, "1 at the near plane");
    assert!(depth(1.0e6) < 1e-5 && depth(1.0e6) > 0.0, "0 far away");
    let ahead = camera.forward() * 10.0;
    assert!(
        (matrix * (ahead + camera.right()).extend(1.0)).x > 0.0,
        "right is right"
    );
    assert!((matrix * (ahead + Vec3::Y).extend(1.0)).y > 0.0, "up is up");
}

#[test]
fn frustum_sees_what_lies_ahead() {
    let camera = Camera {
        position: Vec3::new(100.0, 50.0, 100.0),
        near_m: 0.5,
        ..Camera::default()
    };
    let frustum = camera.frustum(1.6);
    let check = |offset: Vec3, want: bool| {
        let middle = camera.position + offset;
        let bounds = Bounds {
            min: middle - Vec3::ONE,
            max: middle + Vec3::ONE,
        };
        assert_eq!(frustum.sees(&bounds), want, "a box at {offset}");
    };
    check(Vec3::new(0.0, 0.0, -50.0), true);
    check(Vec3::new(0.0, 0.0, -1.0e6), true);
    check(Vec3::new(0.0, 0.0, 50.0), false);
    check(Vec3::new(200.0, 0.0, -50.0), false);
    check(Vec3::new(-200.0, 0.0, -50.0), false);
    check(Vec3::new(0.0, 90.0, -50.0), false);
    check(Vec3::new(0.0, -90.0, -50.0), false);
    check(Vec3::ZERO, true);
}

fn parse(text: &str) -> Result<CameraScript, ScriptError> {
    CameraScript::parse(Path::new("flights/a.txt"), text)
}

#[test]
fn scripts_say_what_they_expected_and_where() {
    let check = |text: &str, want: &str| {
        let error = parse(text).expect_err(text).to_string();
        assert!(
            error.contains("flights/a.txt") && error.contains(want),
            "{error} says {want}"
        );
    };
    check("", "no keyframe");
    check("# only words\n\n", "no keyframe");
    check("0 1 2 3 4", ":1: expected six numbers");
    check("0 1 2 3 4 5 6", ":1: expected six numbers");
    check(
        "# a\n0 1 2 3 4 5\nx 1 2 3 4 5",
        ":3: expected a frame as a whole number from 0 to 9999999, found `x`",
    );
    check("-1 1 2 3 4 5", "found `-1`");
    check("4294967295 1 2 3 4 5", "to 9999999, found `4294967295`");
    check("0 1 2 NaN 4 5", "from -1000000 to 1000000, found `NaN`");
    check("0 1 -1e7 3 4 5", "found `-1e7`");
    check("0 1 2 3 4 95", "a pitch of -89.9 to 89.9");
    check(
        "5 1 2 3 4 5\n5 1 2 3 4 5",
        ":2: expected a frame above the one before",
    );
    let gone = CameraScript::load(Path::new("/nowhere/a.txt")).expect_err("no such file");
    assert!(gone.to_string().contains("/nowhere/a.txt"), "{gone}");
}

#[test]
fn scripts_pass_their_keyframes_and_survive_the_way_to_text() {
    let script =
        parse("0 0 10 0 350 0 # start\n10 10 20 0 370 -10\n30 50 20 9 370 0\n").expect("good");
    let at = |frame: f32| script.camera_at_frame(frame);
    assert_eq!(
        at(10.0).position,
        Vec3::new(10.0, 20.0, 0.0),
        "at a keyframe"
    );
    assert_eq!(
        at(-5.0).position,
        Vec3::new(0.0, 10.0, 0.0),
        "before the first"
    );
    assert_eq!(
        at(99.0).position,
        Vec3::new(50.0, 20.0, 9.0),
        "after the last"
    );
    assert_eq!(script.camera_at(1.0), at(30.0), "1 is the end");
    let middle = at(5.0);
    assert!(
        (3.0..7.0).contains(&middle.position.x),
        "between: {}",
        middle.position
    );
    assert!(
        (350.0..370.0).contains(&middle.yaw.to_degrees()),
        "through north, not around"
    );
    let again = parse(&script.to_text()).expect("its own text");
    for (a, b) in script.keyframes().iter().zip(again.keyframes()) {
        assert!(
            (a.yaw - b.yaw).abs() < 1e-5 && a.position == b.position,
            "{a:?} and {b:?}"
        );
    }
}

#[test]
fn flying_by_hand_is_bounded() {
    let camera = Camera::default();
    let ahead = FlyInput {
        ahead: 1.0,
        speed_m_per_s: 100.0,
        step_s: 0.05,
        ..FlyInput::default()
    };
    assert_eq!(
        camera.flown(&ahead).position,
        Vec3::new(0.0, 0.0, -5.0),
        "5 m north"
    );
    let hitch = FlyInput {
        step_s: 9.0,
        ..ahead
    };
    assert_eq!(
        camera.flown(&hitch).position.z,
        -10.0,
        "a hitch counts as a tenth"
    );
    let both = FlyInput {
        right: 1.0,
        ..ahead
    };
    assert!(
        (camera.flown(&both).position.length() - 5.0).abs() < 1e-4,
        "diagonals are not faster"
    );
    let over = FlyInput {
        look_up: 9.0,
        ..FlyInput::default()
    };
    assert!(
        camera.flown(&over).pitch < std::f32::consts::FRAC_PI_2,
        "not over the top"
    );
    let broken = FlyInput {
        ahead: f32::NAN,
        turn: f32::INFINITY,
        step_s: 0.1,
        ..ahead
    };
    assert_eq!(
        camera.flown(&broken),
        camera,
        "what is no number does nothing"
    );
}

#[test]
fn the_default_flight_clears_the_ground_and_has_no_leaps() {
    let scene = Scene::new(Elevation::built_in(7).expect("the asset is whole"), 7);
    let flight = default_flight(&scene, DEFAULT_FRAMES);
    assert_eq!(
        flight.last_frame(),
        DEFAULT_FRAMES - 1,
        "the last of 600 frames"
    );
    let mut before: Option<Camera> = None;
    for frame in 0u16..600 {
        let camera = flight.camera_at_frame(frame.into());
        let Vec3 { x, y, z } = camera.position;
        let clear_m = y - scene.elevation().ground_m(x, z);
        assert!(
            clear_m > 40.0,
            "{clear_m} m above the ground at frame {frame}"
        );
        if let Some(before) = before {
            let step_m = (camera.position - before.position).length();
            assert!(step_m < 250.0, "{step_m} m at frame {frame}");
            let turn = (camera.yaw - before.yaw).abs();
            assert!(turn < 0.12, "a turn by {turn} at frame {frame}");
        }
        before = Some(camera);
    }
    let short = default_flight(&scene, 1);
    assert_eq!(
        short.last_frame(),
        1,
        "the shortest has a beginning and an end"
    );
}
