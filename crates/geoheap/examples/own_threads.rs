//! Draws the same picture as the example `draw`, with threads of the caller's own: some change
//! geometry all the time, while others record a half of each frame.
//!
//! `cargo run -p geoheap --example own_threads` works without a window, and counts pixels.

mod picture;

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use geoheap::{
    BlockView, ChunkId, Client, Config, FrameTicket, GeometryManager, Handle, IndexFormat, Lookup,
    SendError, wgpu,
};

const WAIT: Duration = Duration::from_secs(30);
const FRAMES: usize = 20;

/// A half of a frame to record: a ticket of its own, and the place for the commands.
type Half = (FrameTicket<wgpu::Buffer>, Sender<wgpu::CommandBuffer>);

fn main() -> Result<(), Box<dyn Error>> {
    let (device, queue) = pollster::block_on(picture::open())?;
    let manager = GeometryManager::new(device.clone(), queue.clone(), Config::default())?;
    let client = manager.client();
    let halves = [
        picture::add_quads(&client, 0)?,
        picture::add_quads(&client, 1)?,
    ];
    client.flush()?.wait(WAIT)?;

    let target = picture::target(&device);
    let view = target.create_view(&wgpu::TextureViewDescriptor::default());
    let pipeline = picture::pipeline(&device);
    let stop = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        // Geometry keeps changing; frames neither wait for that nor see half of it.
        let (client, changing) = (&client, &halves[0]);
        let changes = scope.spawn(|| write_again(client, changing, &stop));
        let workers = halves.each_ref().map(|handles| {
            let (work, work_in) = channel();
            let (device, view, pipeline) = (&device, &view, &pipeline);
            scope.spawn(move || record_halves(device, view, pipeline, handles, &work_in));
            work
        });
        let drawn = draw_frames(&manager, (&device, &queue), &view, &workers);
        drop(workers);
        stop.store(true, Ordering::Relaxed);
        let written = changes.join();
        drawn.map(|()| written)
    })?;
    let written = written.map_err(|_| "the writer panicked")??;
    println!("{written} updates during {FRAMES} frames");

    picture::check(&device, &queue, &target)?;
    println!("{} blocks left over", manager.shutdown().leaks.len());
    Ok(())
}

/// Draws frames, each half of them by another worker.
fn draw_frames(
    manager: &GeometryManager,
    (device, queue): (&wgpu::Device, &wgpu::Queue),
    view: &wgpu::TextureView,
    workers: &[Sender<Half>],
) -> Result<(), Box<dyn Error>> {
    for _ in 0..FRAMES {
        let ticket = manager.begin_frame();
        let (recorded, recorded_in) = channel();
        for worker in workers {
            // A fork is the same version with its own note of what it uses.
            let half = (ticket.fork(), recorded.clone());
            worker.send(half).map_err(|_| "a worker panicked")?;
        }
        drop(recorded);
        let commands: Vec<_> = recorded_in.iter().collect();
        if commands.len() < workers.len() {
            return Err("a worker panicked".into());
        }
        drop(ticket.finish());
        queue.submit([picture::clear(device, view)].into_iter().chain(commands));
        device.poll(wgpu::PollType::Poll)?;
    }
    Ok(())
}

/// Writes quads anew, each time into fresh places, until told to stop.
fn write_again(client: &Client, handles: &[Handle], stop: &AtomicBool) -> Result<u32, SendError> {
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        for (nth, handle) in picture::cells(0).zip(handles) {
            client.update(*handle, picture::contents(nth).into())?;
            written += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(written)
}

/// One worker: records its half of each frame on the ticket that comes with it.
fn record_halves(
    device: &wgpu::Device,
    view: &wgpu::TextureView,
    pipeline: &wgpu::RenderPipeline,
    handles: &[Handle],
    work: &Receiver<Half>,
) {
    for (ticket, recorded) in work {
        let mut pass = Pass::begin(device, view, pipeline);
        // The version lives until these commands are done.
        ticket.in_flight().attach(pass.encoder());
        for handle in handles {
            if let Lookup::Resident(block) = ticket.get(*handle) {
                pass.draw(&block);
            }
        }
        // What it used is told, so that it stays; the commands hold the version from here on.
        drop(ticket.finish());
        // Nobody listens any more if the frame was given up.
        let _ = recorded.send(pass.end());
    }
}

/// A pass with the encoder that it writes to, and the chunk that is bound in it.
#[derive(Debug)]
struct Pass {
    // Dropped first: an encoder cannot end before its pass.
    render: wgpu::RenderPass<'static>,
    encoder: wgpu::CommandEncoder,
    bound: Option<(ChunkId, Option<IndexFormat>)>,
}

impl Pass {
    /// Begins a pass that draws over what is there.
    fn begin(
        device: &wgpu::Device,
        view: &wgpu::TextureView,
        pipeline: &wgpu::RenderPipeline,
    ) -> Self {
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let render = picture::begin_pass(&mut encoder, view, wgpu::LoadOp::Load);
        let mut render = render.forget_lifetime();
        render.set_pipeline(pipeline);
        Self {
            render,
            encoder,
            bound: None,
        }
    }

    /// The encoder, for the version to travel with.
    fn encoder(&self) -> &wgpu::CommandEncoder {
        &self.encoder
    }

    /// Draws a block, and binds its chunk if it is another than before.
    fn draw(&mut self, block: &BlockView<'_, wgpu::Buffer>) {
        let Some(draw) = block.draw() else { return };
        if self.bound != Some((block.chunk(), draw.index_format)) {
            block.bind_chunk(&mut self.render, 0, draw.index_format);
            self.bound = Some((block.chunk(), draw.index_format));
        }
        draw.record(&mut self.render, 0..1);
    }

    /// The commands.
    fn end(self) -> wgpu::CommandBuffer {
        drop(self.render);
        self.encoder.finish()
    }
}
