//! Who flies: the script until a key or the mouse takes over, then the person, until F.

use winit::keyboard::KeyCode;

use crate::content::camera::{Camera, FlyInput};
use crate::prepare::FlightPath;

/// Frames a second for which the script was written.
const SCRIPT_FRAMES_PER_S: f32 = 30.0;
/// Metres a second by hand.
const SPEED_M_PER_S: f32 = 220.0;
/// How much faster with Ctrl.
const FAST: f32 = 6.0;
/// Radians of turn for a pixel of the mouse.
const TURN_PER_PX: f32 = 0.003;

/// Something that gives a camera for a frame of a script.
pub trait Script {
    /// The camera of a frame, which may lie between two.
    fn camera(&self, frame: f32) -> Camera;
    /// The frame at which the script ends.
    fn end(&self) -> f32;
}

impl Script for FlightPath {
    fn camera(&self, frame: f32) -> Camera {
        self.camera(frame)
    }

    #[expect(clippy::cast_precision_loss, reason = "a float serves for a camera")]
    fn end(&self) -> f32 {
        self.last_frame() as f32
    }
}

/// Keys that are down.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key")]
struct Held {
    ahead: bool,
    back: bool,
    left: bool,
    right: bool,
    up: bool,
    down: bool,
    fast: bool,
}

/// The camera and who moves it.
#[derive(Debug)]
pub struct Steer<S> {
    script: S,
    frame: f32,
    camera: Camera,
    by_hand: bool,
    held: Held,
    mouse_held: bool,
    mouse: (f32, f32),
}

impl<S: Script> Steer<S> {
    /// At the script's start.
    pub fn new(script: S) -> Self {
        Self {
            camera: script.camera(0.0),
            script,
            frame: 0.0,
            by_hand: false,
            held: Held::default(),
            mouse_held: false,
            mouse: (0.0, 0.0),
        }
    }

    /// Whether a person flies.
    pub fn is_by_hand(&self) -> bool {
        self.by_hand
    }

    /// The camera after `step_s` seconds.
    pub fn step(&mut self, step_s: f32) -> Camera {
        if self.by_hand {
            let axis = |more: bool, less: bool| f32::from(i8::from(more) - i8::from(less));
            let (turn, look_up) = std::mem::take(&mut self.mouse);
            self.camera = self.camera.flown(&FlyInput {
                ahead: axis(self.held.ahead, self.held.back),
                right: axis(self.held.right, self.held.left),
                up: axis(self.held.up, self.held.down),
                turn,
                look_up,
                speed_m_per_s: SPEED_M_PER_S * if self.held.fast { FAST } else { 1.0 },
                step_s,
            });
        } else {
            // At the end the flight begins again.
            let end = self.script.end().max(1.0);
            self.frame = (self.frame + step_s.clamp(0.0, 0.1) * SCRIPT_FRAMES_PER_S) % end;
            self.camera = self.script.camera(self.frame);
        }
        self.camera
    }

    /// A key went down or up.
    pub fn key(&mut self, code: KeyCode, pressed: bool) {
        let held = match code {
            KeyCode::KeyW | KeyCode::ArrowUp => &mut self.held.ahead,
            KeyCode::KeyS | KeyCode::ArrowDown => &mut self.held.back,
            KeyCode::KeyA | KeyCode::ArrowLeft => &mut self.held.left,
            KeyCode::KeyD | KeyCode::ArrowRight => &mut self.held.right,
            KeyCode::Space | KeyCode::KeyE => &mut self.held.up,
            KeyCode::ShiftLeft | KeyCode::KeyQ => &mut self.held.down,
            KeyCode::ControlLeft => {
                self.held.fast = pressed;
                return;
            }
            KeyCode::KeyF if pressed => {
                self.by_hand = false;
                return;
            }
            _ => return,
        };
        *held = pressed;
        self.by_hand |= pressed;
    }

    /// The left button went down or up: while it is down, the mouse turns the camera.
    pub fn hold(&mut self, pressed: bool) {
        self.mouse_held = pressed;
    }

    /// All keys and buttons are up: the window no longer hears of them.
    pub fn let_go(&mut self) {
        self.held = Held::default();
        self.mouse_held = false;
    }

    /// The mouse moved by so many pixels.
    pub fn mouse(&mut self, x: f32, y: f32) {
        if self.mouse_held {
            self.by_hand = true;
            self.mouse.0 += x * TURN_PER_PX;
            self.mouse.1 -= y * TURN_PER_PX;
        }
    }
}

#[cfg(test)]
mod tests;
