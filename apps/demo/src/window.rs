//! A flight in a window: flies by itself until somebody takes over.

use std::sync::Arc;
use std::time::Instant;

use geoheap::{Config, DeviceLoss, FrameTicket, GeometryManager, HeapEvent, WgpuBackend, wgpu};
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::{DeviceEvent, DeviceId, ElementState, MouseButton, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop};
use winit::keyboard::{KeyCode, PhysicalKey};
use winit::window::{Window, WindowId};

use crate::cli::{PictureSize, SIZE_MAX_PX};
use crate::content::camera::Camera;
use crate::draw_list::FramePlan;
use crate::flight::{Flight, FlightError, Painter};
use crate::headless::{LOSS_REASON, RunError};
use crate::heap_view;
use crate::panel::{Painting, Panel};
use crate::prepare::{FlightPath, Prepared};
use crate::render::device::{DeviceError, Gpu, GpuErrors};
use crate::render::panel_pass::PanelPass;
use crate::render::record::{FrameJob, Recorded, Renderer};
use crate::steer::Steer;

/// Frames between two looks at the heap while it is shown.
const HEAP_EVERY_FRAMES: u64 = 12;

/// Opens the connection to the display.
///
/// # Errors
/// Why there is none; the caller then flies without a window.
pub fn connect() -> Result<EventLoop<()>, String> {
    EventLoop::new().map_err(|error| error.to_string())
}

/// Flies in a window until it is closed or the frames are flown.
///
/// # Errors
/// [`RunError`]; every thread has ended then as well.
pub fn run(
    events: EventLoop<()>,
    size: PictureSize,
    prepared: Prepared,
    errors: &GpuErrors,
) -> Result<(), RunError> {
    events.set_control_flow(ControlFlow::Poll);
    let path = prepared.path.clone();
    let mut app = App {
        start: Some((prepared, events.owned_display_handle())),
        size,
        errors: errors.clone(),
        steer: Steer::new(path),
        open: None,
        failed: None,
        limit: None,
        heap_shown: false,
    };
    let ended = events
        .run_app(&mut app)
        .map_err(|error| RunError::Window(error.to_string()));
    let landed = app.open.take().map(|open| open.flight.land());
    if let Some(failed) = app.failed {
        return Err(failed);
    }
    ended?;
    match landed {
        Some(Err(error)) => Err(error.into()),
        _ => Ok(()),
    }
}

/// The window and what it shows.
struct Open {
    window: Arc<Window>,
    flight: Flight<WgpuBackend, OnScreen>,
    panel: Panel,
    last_frame: Instant,
}

struct App {
    start: Option<(Prepared, winit::event_loop::OwnedDisplayHandle)>,
    size: PictureSize,
    errors: GpuErrors,
    steer: Steer<FlightPath>,
    open: Option<Open>,
    failed: Option<RunError>,
    limit: Option<u64>,
    heap_shown: bool,
}

/// Draws into the window's surface.
struct OnScreen {
    instance: wgpu::Instance,
    gpu: Gpu,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    renderer: Renderer,
    panel_pass: PanelPass,
    /// What the panel adds to the next picture.
    painting: Option<Painting>,
    acquired: Option<wgpu::SurfaceTexture>,
}

impl OnScreen {
    fn new(
        window: &Arc<Window>,
        display: winit::event_loop::OwnedDisplayHandle,
        errors: &GpuErrors,
    ) -> Result<Self, DeviceError> {
        let descriptor =
            wgpu::InstanceDescriptor::new_with_display_handle_from_env(Box::new(display));
        let instance = wgpu::Instance::new(descriptor);
        let surface = instance
            .create_surface(Arc::clone(window))
            .map_err(DeviceError::Surface)?;
        let gpu = Gpu::open(&instance, Some(&surface), errors)?;
        let size = clamped(window.inner_size());
        let unsuitable = || DeviceError::Unsuitable {
            adapter: gpu.name(),
        };
        let mut config = surface
            .get_default_config(&gpu.adapter, size.width, size.height)
            .ok_or_else(unsuitable)?;
        let formats = surface.get_capabilities(&gpu.adapter).formats;
        let encoded = formats.iter().copied().find(wgpu::TextureFormat::is_srgb);
        config.format = encoded.unwrap_or(config.format);
        config.present_mode = wgpu::PresentMode::AutoVsync;
        // The panel's colours are made to be blended as they are, where the surface lets them.
        let downlevel = gpu.adapter.get_downlevel_capabilities().flags;
        let mut panel_format = config.format;
        if downlevel.contains(wgpu::DownlevelFlags::SURFACE_VIEW_FORMATS) {
            panel_format = config.format.remove_srgb_suffix();
            config.view_formats.push(panel_format);
        }
        surface.configure(&gpu.device, &config);
        let renderer = Renderer::new(&gpu, config.format, size);
        let panel_pass = PanelPass::new(&gpu, panel_format);
        Ok(Self {
            instance,
            gpu,
            surface,
            config,
            renderer,
            panel_pass,
            painting: None,
            acquired: None,
        })
    }

    /// Destroys the device and draws on with another.
    fn replace_device(&mut self) -> Result<(), DeviceError> {
        self.acquired = None;
        self.painting = None;
        self.gpu.device.destroy();
        self.gpu = Gpu::open(&self.instance, Some(&self.surface), &self.gpu.errors)?;
        self.surface.configure(&self.gpu.device, &self.config);
        self.renderer = Renderer::new(&self.gpu, self.config.format, self.size());
        self.panel_pass = PanelPass::new(&self.gpu, self.panel_pass.format());
        Ok(())
    }

    /// A heap's backend on the device, and the flag that says that it is lost.
    fn backend(&self, heap: &Config) -> (WgpuBackend, DeviceLoss) {
        let (device, queue) = (self.gpu.device.clone(), self.gpu.queue.clone());
        let backend = WgpuBackend::new(device, queue, &heap.staging());
        let loss = backend.loss();
        (backend, loss)
    }

    fn resize(&mut self, size: PictureSize) {
        self.config.width = size.width;
        self.config.height = size.height;
        self.surface.configure(&self.gpu.device, &self.config);
        self.renderer.resize(size);
    }

    fn texture_side_max(&self) -> u32 {
        self.gpu.device.limits().max_texture_dimension_2d
    }

    /// The commands that draw the panel over the picture, if it is open.
    fn draw_panel(&mut self) -> Vec<wgpu::CommandBuffer> {
        let (Some(painting), Some(texture)) = (self.painting.take(), &self.acquired) else {
            return Vec::new();
        };
        let view = texture.texture.create_view(&wgpu::TextureViewDescriptor {
            label: Some("panel"),
            format: Some(self.panel_pass.format()),
            ..wgpu::TextureViewDescriptor::default()
        });
        let size = self.size();
        self.panel_pass.record(&self.gpu, &view, size, &painting)
    }

    /// Takes the texture for the next frame; false where this frame cannot be shown.
    fn acquire(&mut self) -> bool {
        match self.surface.get_current_texture() {
            wgpu::CurrentSurfaceTexture::Success(texture) => self.acquired = Some(texture),
            wgpu::CurrentSurfaceTexture::Suboptimal(_)
            | wgpu::CurrentSurfaceTexture::Outdated
            | wgpu::CurrentSurfaceTexture::Lost => {
                self.surface.configure(&self.gpu.device, &self.config);
            }
            wgpu::CurrentSurfaceTexture::Timeout
            | wgpu::CurrentSurfaceTexture::Occluded
            | wgpu::CurrentSurfaceTexture::Validation => {}
        }
        self.acquired.is_some()
    }
}

impl Painter<wgpu::Buffer> for OnScreen {
    type Commands = wgpu::CommandBuffer;
    type Job = FrameJob;

    fn size(&self) -> PictureSize {
        PictureSize {
            width: self.config.width,
            height: self.config.height,
        }
    }

    fn begin(
        &mut self,
        plan: Arc<FramePlan>,
        camera: &Camera,
    ) -> (FrameJob, Option<wgpu::CommandBuffer>) {
        let texture = self
            .acquired
            .as_ref()
            .expect("a frame begins after its texture was taken");
        let view = texture
            .texture
            .create_view(&wgpu::TextureViewDescriptor::default());
        let (job, first) = self.renderer.begin(plan, camera, &view);
        (job, Some(first))
    }

    fn finish(job: &FrameJob, ticket: &FrameTicket<wgpu::Buffer>) -> Recorded<wgpu::CommandBuffer> {
        job.finish(ticket)
    }

    fn submit(&mut self, mut commands: Vec<wgpu::CommandBuffer>) {
        commands.extend(self.draw_panel());
        self.gpu.queue.submit(commands);
        if let Some(texture) = self.acquired.take() {
            self.gpu.queue.present(texture);
        }
    }
}

impl App {
    fn open(&mut self, events: &ActiveEventLoop) -> Result<(), RunError> {
        let Some((prepared, display)) = self.start.take() else {
            return Ok(());
        };
        let attributes = Window::default_attributes()
            .with_title("geoheap")
            .with_inner_size(PhysicalSize::new(self.size.width, self.size.height));
        let window = events
            .create_window(attributes)
            .map_err(|error| RunError::Window(error.to_string()))?;
        let window = Arc::new(window);
        let mut painter = OnScreen::new(&window, display, &self.errors)?;
        let heap = prepared.flight.heap();
        let (backend, mut loss) = painter.backend(&heap);
        let mut manager =
            GeometryManager::with_backend(backend, heap.clone()).map_err(FlightError::from)?;
        painter.renderer.terrain = prepared.terrain(&painter.gpu, &mut manager)?;
        let texture_side_max = painter.texture_side_max();
        let follow = Box::new(move |painter: &mut OnScreen| {
            // Waits for whoever writes into the device's memory at this moment.
            loss.report(LOSS_REASON);
            painter.replace_device()?;
            let (backend, next) = painter.backend(&heap);
            loss = next;
            Ok(backend)
        });
        let flight = Flight::start(manager, painter, follow, prepared.flight)?;
        self.limit = prepared.frames.map(u64::from);
        let panel = Panel::new(&window, texture_side_max);
        self.open = Some(Open {
            panel,
            window,
            flight,
            last_frame: Instant::now(),
        });
        Ok(())
    }

    fn frame(&mut self) -> Result<(), RunError> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if !open.flight.painter().acquire() {
            return Ok(());
        }
        let step_s = open.last_frame.elapsed().as_secs_f32();
        open.last_frame = Instant::now();
        let camera = self.steer.step(step_s);
        let painting = open.panel.lay_out(&open.window, open.flight.client());
        open.flight.painter().painting = painting;
        open.flight.frame(&camera)?;
        let events = open.flight.events();
        if events
            .iter()
            .any(|event| matches!(event, HeapEvent::Restored(_)))
        {
            // Its textures went with the device, and a new one sends them all.
            let is_open = open.panel.is_open();
            let side_max = open.flight.painter().texture_side_max();
            open.panel = Panel::new(&open.window, side_max);
            if is_open {
                open.panel.toggle();
            }
        }
        open.panel.note(open.flight.events());
        if !self.heap_shown {
            open.flight.painter().renderer.overlay.hide();
            return Ok(());
        }
        if open.flight.frames().is_multiple_of(HEAP_EVERY_FRAMES) {
            open.flight.ask_map();
        }
        if let Some((map, caption)) = open.flight.take_map() {
            let picture = heap_view::draw(&map, &caption);
            let OnScreen { gpu, renderer, .. } = open.flight.painter();
            renderer.overlay.show(&gpu.device, &gpu.queue, &picture);
        }
        Ok(())
    }

    /// Whether the panel keeps an event for itself. What ends something, a key or a button that
    /// goes up, is for the camera as well; so are the keys that open and close.
    fn panel_keeps(&mut self, event: &WindowEvent) -> bool {
        let takes = self
            .open
            .as_mut()
            .is_some_and(|open| open.panel.takes(&open.window, event));
        let for_all = match event {
            WindowEvent::KeyboardInput { event, .. } => {
                event.state == ElementState::Released
                    || event.physical_key == PhysicalKey::Code(KeyCode::F1)
            }
            WindowEvent::MouseInput { state, .. } => *state == ElementState::Released,
            WindowEvent::CursorMoved { .. } | WindowEvent::MouseWheel { .. } => false,
            _ => true,
        };
        takes && !for_all
    }

    fn key(&mut self, events: &ActiveEventLoop, code: KeyCode, pressed: bool, repeat: bool) {
        match code {
            KeyCode::Escape if pressed => events.exit(),
            KeyCode::F1 if pressed && !repeat => {
                if let Some(open) = &mut self.open {
                    open.panel.toggle();
                }
            }
            KeyCode::KeyH | KeyCode::Tab if pressed && !repeat => {
                self.heap_shown = !self.heap_shown;
            }
            other => self.steer.key(other, pressed),
        }
    }
}

impl ApplicationHandler for App {
    fn resumed(&mut self, events: &ActiveEventLoop) {
        if let Err(error) = self.open(events) {
            self.failed = Some(error);
            events.exit();
        }
    }

    fn window_event(&mut self, events: &ActiveEventLoop, _window: WindowId, event: WindowEvent) {
        if self.panel_keeps(&event) {
            return;
        }
        match event {
            WindowEvent::Focused(false) => self.steer.let_go(),
            WindowEvent::CloseRequested => events.exit(),
            WindowEvent::Resized(size) if size.width > 0 && size.height > 0 => {
                if let Some(open) = &mut self.open {
                    open.flight.painter().resize(clamped(size));
                }
            }
            WindowEvent::KeyboardInput { event, .. } => {
                if let PhysicalKey::Code(code) = event.physical_key {
                    self.key(
                        events,
                        code,
                        event.state == ElementState::Pressed,
                        event.repeat,
                    );
                }
            }
            WindowEvent::MouseInput {
                state,
                button: MouseButton::Left,
                ..
            } => {
                self.steer.hold(state == ElementState::Pressed);
            }
            WindowEvent::RedrawRequested => {
                if let Err(error) = self.frame() {
                    self.failed = Some(error);
                    events.exit();
                }
                let flown = self.open.as_ref().map_or(0, |open| open.flight.frames());
                if self.limit.is_some_and(|limit| flown >= limit) {
                    events.exit();
                }
            }
            _ => {}
        }
    }

    fn device_event(&mut self, _events: &ActiveEventLoop, _device: DeviceId, event: DeviceEvent) {
        if let DeviceEvent::MouseMotion { delta: (x, y) } = event {
            #[expect(clippy::cast_possible_truncation, reason = "a few hundred pixels")]
            self.steer.mouse(x as f32, y as f32);
        }
    }

    fn about_to_wait(&mut self, _events: &ActiveEventLoop) {
        if let Some(open) = &self.open {
            open.window.request_redraw();
        }
    }
}

fn clamped(size: PhysicalSize<u32>) -> PictureSize {
    PictureSize {
        width: size.width.clamp(1, SIZE_MAX_PX),
        height: size.height.clamp(1, SIZE_MAX_PX),
    }
}
