//! Flights written down: keyframes in a text file.

use super::Camera;
use glam::Vec3;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Frames of keyframes are below this, so that a flight's length is one that can be flown.
pub const FRAMES_MAX: u32 = 10_000_000;
/// The most metres from the origin, and the most degrees of yaw, either way: beyond them a float
/// has no place between two steps.
pub const NUMBER_MAX: f32 = 1e6;
/// The most degrees up or down.
const PITCH_MAX: f32 = 89.9;
/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A place and a direction at a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keyframe {
    /// The frame at which the camera is here.
    pub frame: u32,
    /// World metres.
    pub position: Vec3,
    /// Radians, as in [`Camera`].
    pub yaw: f32,
    /// Radians, as in [`Camera`].
    pub pitch: f32,
}

/// A flight through keyframes.
///
/// As a text: one keyframe a line, `frame x y z yaw pitch`, with world metres and degrees, frames
/// rising; `#` begins a comment; empty lines count nothing. Frames are below [`FRAMES_MAX`],
/// metres and yaw within [`NUMBER_MAX`] either way, pitch within 89.9 degrees.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraScript {
    keyframes: Vec<Keyframe>,
}

/// Why a flight could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file could not be opened or is not a text.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A line does not say what it should.
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was expected there.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// The file holds no keyframe.
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, reason } => {
                write!(
                    f,
                    "cannot read the camera script {}: {reason}",
                    path.display()
                )
            }
            Self::Line {
                path,
                line,
                expected,
                found,
            } => {
                write!(
                    f,
                    "{}:{line}: expected {expected}, found `{found}`",
                    path.display()
                )
            }
            Self::Empty { path } => write!(
                f,
                "the camera script {} holds no keyframe; write lines of `frame x y z yaw pitch`",
                path.display()
            ),
        }
    }
}

impl std::error::Error for ScriptError {}

const LINE: &str = "six numbers `frame x y z yaw pitch`";

impl CameraScript {
    /// A flight through `keyframes`.
    ///
    /// # Panics
    /// When there is none, or their frames do not rise.
    pub fn new(keyframes: Vec<Keyframe>) -> Self {
        assert!(!keyframes.is_empty(), "a flight has a keyframe");
        assert!(
            keyframes.is_sorted_by(|a, b| a.frame < b.frame),
            "frames of a flight rise"
        );
        Self { keyframes }
    }

    /// Reads a flight from a file.
    ///
    /// # Errors
    /// [`ScriptError`], with the path and where it applies the line.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let text = read(path).map_err(|e| ScriptError::Unreadable {
            path: path.into(),
            reason: e.to_string(),
        })?;
        Self::parse(path, &text)
    }

    /// The same from a text at hand; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`CameraScript::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ScriptError> {
        let mut keyframes: Vec<Keyframe> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let content = line.split('#').next().unwrap_or_default().trim();
            if content.is_empty() {
                continue;
            }
            let refuse = |expected, found: &str| ScriptError::Line {
                path: path.into(),
                line: index + 1,
                expected,
                found: found.chars().take(60).collect(),
            };
            let keyframe = parse_line(content).map_err(|(e, found)| refuse(e, found))?;
            if keyframes
                .last()
                .is_some_and(|last| last.frame >= keyframe.frame)
            {
                return Err(refuse("a frame above the one before", content));
            }
            keyframes.push(keyframe);
        }
        if keyframes.is_empty() {
            return Err(ScriptError::Empty { path: path.into() });
        }
        Ok(Self { keyframes })
    }

    /// The flight as a text that [`CameraScript::parse`] reads.
    pub fn to_text(&self) -> String {
        let line = |k: &Keyframe| {
            let Vec3 { x, y, z } = k.position;
            // The way to radians and back may end just outside.
            let yaw = k.yaw.to_degrees().clamp(-NUMBER_MAX, NUMBER_MAX);
            let pitch = k.pitch.to_degrees().clamp(-PITCH_MAX, PITCH_MAX);
            format!("{} {x} {y} {z} {yaw} {pitch}\n", k.frame)
        };
        std::iter::once("# frame x y z yaw pitch (world metres, degrees)\n".into())
            .chain(self.keyframes.iter().map(line))
            .collect()
    }

    /// The keyframes, in order.
    pub fn keyframes(&self) -> &[Keyframe] {
        &self.keyframes
    }

    /// The last keyframe's frame.
    pub fn last_frame(&self) -> u32 {
        self.keyframes[self.keyframes.len() - 1].frame
    }

    /// The camera at `t`, 0 being frame 0 and 1 the last keyframe's frame.
    #[expect(
        clippy::cast_precision_loss,
        reason = "flights are far below 2^24 frames"
    )]
    pub fn camera_at(&self, t: f32) -> Camera {
        self.camera_at_frame(t.clamp(0.0, 1.0) * self.last_frame() as f32)
    }

    /// The camera at a frame, also between two; before the first keyframe it stands there, after
    /// the last it stays. Cubic Hermite curves with Catmull-Rom tangents for uneven frames; yaw is
    /// interpolated as the number it is, so 350 to 370 degrees turns by 20.
    #[expect(
        clippy::cast_precision_loss,
        reason = "flights are far below 2^24 frames"
    )]
    pub fn camera_at_frame(&self, frame: f32) -> Camera {
        let keys = &self.keyframes;
        let after = keys.partition_point(|k| (k.frame as f32) <= frame);
        if after == 0 || after == keys.len() {
            let key = keys[after.saturating_sub(1)];
            return camera(key.position, key.yaw, key.pitch);
        }
        let at = |i: usize| keys[i.min(keys.len() - 1)];
        let around = [
            at((after - 1).saturating_sub(1)),
            at(after - 1),
            at(after),
            at(after + 1),
        ];
        let times = around.map(|k| k.frame as f32);
        let value = |pick: fn(&Keyframe) -> f32| hermite(times, around.map(|k| pick(&k)), frame);
        let position = Vec3::new(
            value(|k| k.position.x),
            value(|k| k.position.y),
            value(|k| k.position.z),
        );
        camera(position, value(|k| k.yaw), value(|k| k.pitch))
    }
}

/// A text that is not too long; some files have no end.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?
        .take(FILE_BYTES_MAX)
        .read_to_string(&mut text)?;
    if read as u64 == FILE_BYTES_MAX {
        let reason = format!("it is not shorter than {FILE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(text)
}

fn camera(position: Vec3, yaw: f32, pitch: f32) -> Camera {
    Camera {
        position,
        yaw,
        pitch,
        ..Camera::default()
    }
}

/// The cubic through the middle two of four values, with the slopes of their neighbours.
pub(super) fn hermite(times: [f32; 4], values: [f32; 4], time: f32) -> f32 {
    let slope = |a: usize, b: usize| {
        let span = times[b] - times[a];
        if span > 0.0 {
            (values[b] - values[a]) / span
        } else {
            0.0
        }
    };
    let span = times[2] - times[1];
    let t = (time - times[1]) / span;
    let (t2, t3) = (t * t, t * t * t);
    values[1] * (2.0 * t3 - 3.0 * t2 + 1.0)
        + values[2] * (3.0 * t2 - 2.0 * t3)
        + slope(0, 2) * span * (t3 - 2.0 * t2 + t)
        + slope(1, 3) * span * (t3 - t2)
}

/// One keyframe, or what was expected and what was found instead.
fn parse_line(content: &str) -> Result<Keyframe, (&'static str, &str)> {
    let mut words = content.split_whitespace();
    let mut next = || words.next().ok_or((LINE, content));
    let frame = next()?;
    let frame = frame
        .parse()
        .ok()
        .filter(|frame| *frame < FRAMES_MAX)
        .ok_or(("a frame as a whole number from 0 to 9999999", frame))?;
    let mut numbers = [0.0; 5];
    for number in &mut numbers {
        let word = next()?;
        *number = word
            .parse()
            .ok()
            .filter(|n: &f32| n.abs() <= NUMBER_MAX)
            .ok_or(("a number from -1000000 to 1000000", word))?;
    }
    if words.next().is_some() {
        return Err((LINE, content));
    }
    let [x, y, z, yaw, pitch] = numbers;
    if !(-PITCH_MAX..=PITCH_MAX).contains(&pitch) {
        return Err(("a pitch of -89.9 to 89.9 degrees", content));
    }
    let (yaw, pitch) = (yaw.to_radians(), pitch.to_radians());
    Ok(Keyframe {
        frame,
        position: Vec3::new(x, y, z),
        yaw,
        pitch,
    })
}
