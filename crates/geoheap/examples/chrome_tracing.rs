//! Where the time of a frame goes: the spans of the engine and of two render actors, in a file for
//! `chrome://tracing` or <https://ui.perfetto.dev>.
//!
//! ```sh
//! cargo run -p geoheap --example chrome_tracing -- target/geoheap-chrome.json
//! ```

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use geoheap::{
    BlockDesc, Config, FrameTicket, GeometryManager, Handle, PartData, RenderActors, Scene,
    VirtualBuffer, VirtualConfig, VirtualGpu,
};
use tracing_chrome::ChromeLayerBuilder;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const FRAMES: usize = 120;
const BLOCKS: usize = 600;
const VIEW: usize = 150;
const BLOCK_BYTES: usize = 64 * 1024;

/// Looks up what a frame sees, as a renderer does before it draws.
struct View(Vec<Handle>);

impl Scene<VirtualBuffer> for View {
    type Pass = usize;
    type Piece = usize;

    fn items(&self) -> usize {
        self.0.len()
    }

    fn begin(&self, _: &FrameTicket<VirtualBuffer>) -> usize {
        0
    }

    fn record(&self, found: &mut usize, items: Range<usize>, ticket: &FrameTicket<VirtualBuffer>) {
        for handle in &self.0[items] {
            *found += usize::from(ticket.get(*handle).resident().is_some());
        }
    }

    fn end(&self, found: usize, _: &FrameTicket<VirtualBuffer>) -> usize {
        found
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1);
    let path = path.unwrap_or_else(|| "geoheap-chrome.json".to_owned());
    let (chrome, guard) = ChromeLayerBuilder::new()
        .file(&path)
        .include_args(true)
        .build();
    tracing_subscriber::registry().with(chrome).init();

    let (gpu, _control) = VirtualGpu::new(&VirtualConfig::default());
    let config = Config {
        budget_bytes: geoheap::ByteLen::from_mib(32),
        chunk_bytes: geoheap::ByteLen::from_mib(4),
        ..Config::default()
    };
    let manager = GeometryManager::with_backend(gpu, config)?;
    let client = manager.client();
    let mut handles = Vec::with_capacity(BLOCKS);
    for nth in 0..BLOCKS {
        let block = BlockDesc::new().part(PartData::vertex(vec![7; BLOCK_BYTES], 16));
        handles.push(client.add(block.label(format!("block {}", nth % 4)))?);
    }
    client.flush()?.wait(Duration::from_secs(30))?;
    let actors = RenderActors::new(2)?;
    let mut found = 0;
    for frame in 0..FRAMES {
        let start = frame * (BLOCKS - VIEW) / FRAMES;
        let view = handles[start..start + VIEW].to_vec();
        let ticket = manager.begin_frame();
        found += actors
            .record(&ticket, &Arc::new(View(view)))?
            .iter()
            .sum::<usize>();
        drop(ticket.finish());
        std::thread::sleep(Duration::from_millis(2));
    }
    for handle in handles {
        client.remove(handle)?;
    }
    let report = manager.shutdown().report;
    // The file is whole when the guard is gone.
    drop(guard);
    println!(
        "{path}: {FRAMES} frames found {found} blocks; {} ticks, {} evictions, {} came back",
        report.tick, report.evictions, report.stream_ins
    );
    Ok(())
}
