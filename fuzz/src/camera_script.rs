//! The target `camera_script`: texts that may be flights of the demo.
//!
//! The bytes choose keyframes, and then edit the text that says them. What is refused names the
//! file and a line of it; what is read has the keyframes that were written, can be written and
//! read again, and is at a finite place in every frame.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::path::Path;

use geoheap_demo::content::camera::{CameraScript, FRAMES_MAX, NUMBER_MAX, ScriptError};

use crate::bytes::Bytes;
use crate::edits;
use crate::tally::Tally;

/// What the file is called.
const FILE: &str = "flight.txt";
/// The most keyframes of an input.
const KEYFRAMES_MAX: u8 = 6;

/// A keyframe as it is written: frame, x, y, z, yaw, pitch.
type Line = (u32, [f32; 5]);

/// Runs one input. Returns what it reached.
///
/// # Panics
/// When another flight is read than was written.
pub fn run(input: &[u8]) -> Tally {
    let mut bytes = Bytes::new(input);
    let lines = lines(&mut bytes);
    let right = text(&lines, bytes.flag());
    let mut file = right.clone().into_bytes();
    edits::apply(&mut file, &mut bytes);
    let said = String::from_utf8_lossy(&file);
    let mut tally = Tally::default();
    let read = CameraScript::parse(Path::new(FILE), &said);
    let written = (said == right).then_some(lines.as_slice());
    judge(&said, written, &tally.note("script", read));
    tally
}

/// Keyframes that rise, mostly with numbers that are allowed.
fn lines(bytes: &mut Bytes<'_>) -> Vec<Line> {
    let count = 1 + bytes.byte() % KEYFRAMES_MAX;
    let mut frame = 0_u32;
    (0..count)
        .map(|nth| {
            let step = bytes.pick(&[1, 2, 30, 600, 16_777_216, u32::MAX / 2]);
            frame = frame.saturating_add(if nth == 0 { step - 1 } else { step });
            let pitch = bytes.pick(&[0.0, -89.9, 89.9, 45.0, 90.0]);
            let [x, y, z, yaw] = [(); 4].map(|()| number(bytes));
            (frame, [x, y, z, yaw, pitch])
        })
        .collect()
}

fn number(bytes: &mut Bytes<'_>) -> f32 {
    let odd = [
        NUMBER_MAX,
        -NUMBER_MAX,
        1.1e6,
        f32::MAX,
        f32::MIN_POSITIVE,
        f32::INFINITY,
    ];
    match bytes.byte() {
        byte @ ..220 => f32::from(byte) * 17.5 - 800.0,
        byte => odd[usize::from(byte) % odd.len()],
    }
}

fn text(lines: &[Line], has_comments: bool) -> String {
    let mut text = String::new();
    for (frame, [x, y, z, yaw, pitch]) in lines {
        if has_comments {
            text.push_str("# the next\n\n");
        }
        writeln!(text, "{frame} {x} {y} {z} {yaw} {pitch}").expect("a string takes all");
    }
    text
}

/// Whether they are such that must be read.
fn are_right(lines: &[Line]) -> bool {
    let is_right = |(frame, [x, y, z, yaw, pitch]): &Line| {
        let within = [x, y, z, yaw].iter().all(|n| n.abs() <= NUMBER_MAX);
        *frame < FRAMES_MAX && within && pitch.abs() <= 89.9
    };
    lines.iter().all(is_right) && lines.is_sorted_by(|a, b| a.0 < b.0)
}

/// `written` are the lines, if the text says them and nothing else.
fn judge(said: &str, written: Option<&[Line]>, read: &Result<CameraScript, ScriptError>) {
    match read {
        Ok(script) => {
            if let Some(lines) = written {
                assert!(are_right(lines), "{lines:?} are not allowed");
                judge_lines(lines, script);
            }
            judge_cameras(script);
            let again = CameraScript::parse(Path::new(FILE), &script.to_text());
            let again = again.expect("its own text is right");
            let frames = |script: &CameraScript| -> Vec<u32> {
                script.keyframes().iter().map(|key| key.frame).collect()
            };
            assert_eq!(frames(&again), frames(script), "written and read again");
        }
        Err(error) => {
            let is_due = written.is_none_or(|lines| !are_right(lines));
            assert!(is_due, "nothing is wrong with {written:?}: {error}");
            let told = error.to_string();
            assert!(told.contains(FILE), "the file is named: {told}");
            if let ScriptError::Line { line, .. } = error {
                let lines = said.lines().count();
                assert!((1..=lines).contains(line), "line {line} of {lines}");
            }
        }
    }
}

fn judge_lines(lines: &[Line], script: &CameraScript) {
    assert_eq!(lines.len(), script.keyframes().len(), "{lines:?}");
    for ((frame, [x, y, z, yaw, pitch]), key) in lines.iter().zip(script.keyframes()) {
        let read = [key.yaw, key.pitch].map(f32::to_degrees);
        let is_near = |a: f32, b: f32| (a - b).abs() <= 1e-4 * a.abs().max(1.0);
        let is_same = key.frame == *frame
            && key.position.to_array().map(f32::to_bits) == [*x, *y, *z].map(f32::to_bits)
            && is_near(read[0], *yaw)
            && is_near(read[1], *pitch);
        assert!(
            is_same,
            "{key:?} was read where {frame} {x} {y} {z} {yaw} {pitch} was written"
        );
    }
}

/// A camera between keyframes may overshoot them, as smooth curves do, but not without bound.
#[expect(clippy::cast_precision_loss, reason = "frames are below 2^24")]
fn judge_cameras(script: &CameraScript) {
    let last = script.last_frame() as f32;
    for part in 0..=16 {
        let camera = script.camera_at_frame(last * (part as f32) / 16.0);
        let [x, y, z] = camera.position.to_array();
        let bounded = [x, y, z, camera.yaw].iter().all(|n| n.abs() <= 1e13);
        assert!(bounded, "a camera at {camera:?}");
    }
}
