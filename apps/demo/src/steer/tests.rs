use glam::Vec3;

use super::*;

struct Straight;

impl Script for Straight {
    fn camera(&self, frame: f32) -> Camera {
        Camera {
            position: Vec3::X * frame,
            ..Camera::default()
        }
    }

    fn end(&self) -> f32 {
        9.0
    }
}

#[test]
fn flies_by_itself_and_begins_again() {
    let mut steer = Steer::new(Straight);
    let there = steer.step(0.1).position.x;
    assert!((there - 3.0).abs() < 1e-3, "30 frames a second: {there}");
    steer.step(0.1);
    assert!(steer.step(0.1).position.x < there, "begun again");
    assert!(!steer.is_by_hand(), "nobody took over");
}

#[test]
fn keys_take_over_and_f_gives_back() {
    let mut steer = Steer::new(Straight);
    steer.key(KeyCode::KeyW, true);
    assert!(steer.is_by_hand(), "W takes over");
    let before = steer.step(0.05).position;
    let after = steer.step(0.05).position;
    assert!(
        (after - before).dot(Camera::default().forward()) > 1.0,
        "ahead"
    );
    steer.key(KeyCode::KeyW, false);
    assert!(steer.is_by_hand(), "letting go does not give back");
    assert_eq!(steer.step(0.05).position, after, "stands");
    steer.key(KeyCode::KeyF, true);
    assert!(!steer.is_by_hand(), "F gives back");
}

#[test]
fn the_mouse_turns_only_while_its_button_is_down() {
    let mut steer = Steer::new(Straight);
    steer.mouse(100.0, 0.0);
    assert!(!steer.is_by_hand(), "a passing mouse changes nothing");
    steer.hold(true);
    steer.mouse(100.0, -50.0);
    let camera = steer.step(0.01);
    assert!(
        camera.yaw > 0.2 && camera.pitch > 0.1,
        "right and up: {camera:?}"
    );
    assert!(
        (steer.step(0.01).yaw - camera.yaw).abs() < 1e-6,
        "a movement counts once"
    );
}

#[test]
fn nothing_stays_held_without_the_window() {
    let mut steer = Steer::new(Straight);
    steer.key(KeyCode::KeyW, true);
    steer.key(KeyCode::ControlLeft, true);
    steer.hold(true);
    steer.let_go();
    let before = steer.step(0.1);
    steer.mouse(50.0, 50.0);
    let after = steer.step(0.1);
    assert_eq!(after.position, before.position, "no key is down");
    assert_eq!(after.forward(), before.forward(), "the button is up");
    assert!(steer.is_by_hand(), "the camera stays with the person");
}
