//! The heap's panel over the flight: F1 shows it and takes it away.

use egui::{ClippedPrimitive, Context, TexturesDelta, ViewportId};
use geoheap::{Client, HeapEvent};
use geoheap_egui::HeapPanel;
use winit::event::WindowEvent;
use winit::window::Window;

/// What a frame's panel leaves to be drawn.
#[derive(Debug)]
pub struct Painting {
    /// Triangles by clip rectangle and texture.
    pub primitives: Vec<ClippedPrimitive>,
    /// Textures to write before drawing, and to free after it.
    pub textures: TexturesDelta,
    /// Pixels of a point, the unit of the primitives.
    pub pixels_per_point: f32,
}

/// The panel and what connects it with the window.
#[derive(Debug)]
pub struct Panel {
    input: Input,
    heap: HeapPanel,
    is_open: bool,
}

struct Input(egui_winit::State);

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").finish_non_exhaustive()
    }
}

impl Panel {
    /// A panel that is not open, for a window whose textures may be so large.
    pub fn new(window: &Window, texture_side_max: u32) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a factor of a few, from winit as a double"
        )]
        let scale = window.scale_factor() as f32;
        let input = egui_winit::State::new(
            Context::default(),
            ViewportId::ROOT,
            window,
            Some(scale),
            window.theme(),
            usize::try_from(texture_side_max).ok(),
        );
        Self {
            input: Input(input),
            heap: HeapPanel::new(),
            is_open: false,
        }
    }

    /// Whether it is shown.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Shows it or takes it away.
    pub fn toggle(&mut self) {
        self.is_open = !self.is_open;
    }

    /// Gives the panel what happened in the window, and says whether it keeps that for itself.
    /// While it is not open, it takes nothing.
    pub fn takes(&mut self, window: &Window, event: &WindowEvent) -> bool {
        self.is_open && self.input.0.on_window_event(window, event).consumed
    }

    /// Notes what happened in the heap.
    pub fn note(&mut self, events: &[HeapEvent]) {
        for event in events {
            self.heap.push_event(event);
        }
    }

    /// Lays the panel out for the next frame, if it is open.
    pub fn lay_out(&mut self, window: &Window, client: &Client) -> Option<Painting> {
        if !self.is_open {
            // A closed window forgets what it had asked.
            let context = self.input.0.egui_ctx();
            self.heap.window(context, &mut self.is_open, client);
            return None;
        }
        let input = self.input.0.take_egui_input(window);
        let context = self.input.0.egui_ctx().clone();
        let output = context.run_ui(input, |ui| {
            self.heap.window(ui.ctx(), &mut self.is_open, client);
        });
        let platform = output.platform_output;
        self.input.0.handle_platform_output(window, platform);
        Some(Painting {
            primitives: context.tessellate(output.shapes, output.pixels_per_point),
            textures: output.textures_delta,
            pixels_per_point: output.pixels_per_point,
        })
    }
}
