//! Draws a picture from the heap: two threads add meshes, a pool of four actors records.
//!
//! `cargo run -p geoheap --example draw` works without a window, on whatever adapter there is, and
//! counts the pixels that came out. The example `own_threads` does it without the pool.

mod picture;

use std::error::Error;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use geoheap::{Config, DrawList, FrameTicket, GeometryManager, Handle, RenderActors, Scene, wgpu};

const WAIT: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn Error>> {
    let (device, queue) = pollster::block_on(picture::open())?;
    let manager = GeometryManager::new(device.clone(), queue.clone(), Config::default())?;

    // Any thread adds geometry; the handles are there at once.
    let producers: Vec<_> = (0..2)
        .map(|half| {
            let client = manager.client();
            std::thread::spawn(move || picture::add_quads(&client, half))
        })
        .collect();
    let mut handles = Vec::new();
    for producer in producers {
        handles.extend(producer.join().map_err(|_| "a producer panicked")??);
    }
    // A program with a window would not wait, and draw what is there.
    manager.client().flush()?.wait(WAIT)?;

    let target = picture::target(&device);
    let view = target.create_view(&wgpu::TextureViewDescriptor::default());
    let actors = RenderActors::new(4)?;
    let quads = Arc::new(Quads {
        pipeline: picture::pipeline(&device),
        device: device.clone(),
        view: view.clone(),
        handles,
        lists: Mutex::default(),
    });
    // Each frame: a ticket, which pins a version, and the pool, which records with it.
    let ticket = manager.begin_frame();
    let recorded = actors.record(&ticket, &quads)?;
    println!("{} command buffers from 4 actors", recorded.len());
    drop(ticket.finish());
    queue.submit([picture::clear(&device, &view)].into_iter().chain(recorded));

    picture::check(&device, &queue, &target)?;
    println!("{} blocks left over", manager.shutdown().leaks.len());
    Ok(())
}

/// What is drawn, and how: an actor sorts the runs that it claims into a list, by chunk, and
/// records them into a command buffer.
struct Quads {
    device: wgpu::Device,
    pipeline: wgpu::RenderPipeline,
    view: wgpu::TextureView,
    handles: Vec<Handle>,
    /// Lists of earlier frames: their memory serves the next one.
    lists: Mutex<Vec<DrawList>>,
}

impl Quads {
    fn lists(&self) -> MutexGuard<'_, Vec<DrawList>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scene<wgpu::Buffer> for Quads {
    type Pass = DrawList;
    type Piece = wgpu::CommandBuffer;

    fn items(&self) -> usize {
        self.handles.len()
    }

    fn begin(&self, ticket: &FrameTicket<wgpu::Buffer>) -> DrawList {
        let mut list = self.lists().pop().unwrap_or_default();
        list.begin(ticket);
        list
    }

    fn record(&self, list: &mut DrawList, items: Range<usize>, ticket: &FrameTicket<wgpu::Buffer>) {
        // Whatever is not resident is wished for, and there in a later frame.
        let mut draws = list.resume(ticket);
        draws.draw_each(&self.handles[items], 0, |_| 0..1);
    }

    fn end(&self, mut list: DrawList, ticket: &FrameTicket<wgpu::Buffer>) -> wgpu::CommandBuffer {
        let desc = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = self.device.create_command_encoder(&desc);
        // The version lives until these commands are done.
        ticket.in_flight().attach(&encoder);
        let mut pass = picture::begin_pass(&mut encoder, &self.view, wgpu::LoadOp::Load);
        let mut draws = list.resume(ticket);
        draws.record(&mut pass, 0, |pass, _| pass.set_pipeline(&self.pipeline));
        drop(pass);
        self.lists().push(list);
        encoder.finish()
    }
}
