//! Draws a picture from the heap: two threads add meshes, a pool of four actors records.
//!
//! `cargo run -p geoheap --example draw` works without a window, on whatever adapter there is, and
//! counts the pixels that came out. The example `own_threads` does it without the pool.

mod pass;
mod picture;

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use geoheap::{Config, FrameTicket, GeometryManager, Handle, Lookup, RenderActors, Scene, wgpu};

use pass::Pass;

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
    });
    // Each frame: a ticket, which pins a version, and the pool, which records with it.
    let ticket = manager.begin_frame();
    let recorded = actors.record(&ticket, &quads)?;
    println!("{} of 4 actors had something to do", recorded.len());
    drop(ticket.finish());
    queue.submit([pass::clear(&device, &view)].into_iter().chain(recorded));

    picture::check(&device, &queue, &target)?;
    println!("{} blocks left over", manager.shutdown().leaks.len());
    Ok(())
}

/// What is drawn, and how: an actor records the runs that it claims into a command buffer.
struct Quads {
    device: wgpu::Device,
    pipeline: wgpu::RenderPipeline,
    view: wgpu::TextureView,
    handles: Vec<Handle>,
}

impl Scene<wgpu::Buffer> for Quads {
    type Pass = Pass;
    type Piece = wgpu::CommandBuffer;

    fn items(&self) -> usize {
        self.handles.len()
    }

    fn begin(&self, ticket: &FrameTicket<wgpu::Buffer>) -> Pass {
        let pass = Pass::begin(&self.device, &self.view, &self.pipeline);
        // The version lives until these commands are done.
        ticket.in_flight().attach(pass.encoder());
        pass
    }

    fn record(&self, pass: &mut Pass, items: Range<usize>, ticket: &FrameTicket<wgpu::Buffer>) {
        for handle in &self.handles[items] {
            // Whatever is not resident is wished for, and there in a later frame.
            if let Lookup::Resident(block) = ticket.get(*handle) {
                pass.draw(&block);
            }
        }
    }

    fn end(&self, pass: Pass, _ticket: &FrameTicket<wgpu::Buffer>) -> wgpu::CommandBuffer {
        pass.end()
    }
}
