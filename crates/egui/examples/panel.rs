//! A window with a heap at work: geometry comes, is used, and goes, and the panel shows it.
//!
//! ```text
//! cargo run -p geoheap-egui --example panel
//! cargo run -p geoheap-egui --example panel -- --light --budget 64MiB --frames 600
//! ```

use std::collections::VecDeque;
use std::process::ExitCode;

use clap::Parser;
use eframe::egui;
use geoheap::{
    BlockDesc, ByteLen, CHUNK_SLACK, Client, Config, GeometryManager, Handle, Lifetime, PartData,
    Source,
};
use geoheap_egui::HeapPanel;

/// A heap at work, and the panel that shows it.
#[derive(Debug, Parser)]
struct Args {
    /// End after so many frames
    #[arg(long, value_name = "N")]
    frames: Option<u64>,
    /// GPU bytes for the geometry: a number with KiB, MiB, GiB, or plain bytes
    #[arg(long, value_name = "SIZE", default_value = "192MiB")]
    budget: ByteLen,
    /// Bytes of a chunk; small ones make many
    #[arg(long, value_name = "SIZE", default_value = "16MiB")]
    chunk: ByteLen,
    /// Dark letters on a light ground
    #[arg(long)]
    light: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("panel: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> eframe::Result {
    let options = eframe::NativeOptions {
        renderer: eframe::Renderer::Wgpu,
        viewport: egui::ViewportBuilder::default().with_inner_size([860.0, 760.0]),
        ..eframe::NativeOptions::default()
    };
    eframe::run_native(
        "geoheap panel",
        options,
        Box::new(|context| {
            let theme = if args.light {
                egui::Theme::Light
            } else {
                egui::Theme::Dark
            };
            context.egui_ctx.set_theme(theme);
            let gpu = context.wgpu_render_state.as_ref().ok_or("no wgpu device")?;
            let config = Config {
                budget_bytes: args.budget,
                chunk_bytes: args.chunk.saturating_sub(CHUNK_SLACK),
                ..Config::default()
            };
            let (device, queue) = (gpu.device.clone(), gpu.queue.clone());
            let manager = GeometryManager::new(device, queue, config)?;
            Ok(Box::new(Example {
                town: Town::new(manager.client())?,
                manager,
                panel: HeapPanel::new(),
                frames: args.frames,
            }))
        }),
    )
}

struct Example {
    manager: GeometryManager,
    town: Town,
    panel: HeapPanel,
    /// Frames left, if they are counted.
    frames: Option<u64>,
}

impl eframe::App for Example {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.town.grow();
        // What a renderer would do: look up what is seen. Nothing is drawn here.
        let ticket = self.manager.begin_frame();
        for handle in self.town.seen() {
            let _ = ticket.get(handle);
        }
        drop(ticket.finish());
        for event in self.manager.events() {
            self.panel.push_event(&event);
        }
        if let Some(frames) = &mut self.frames {
            *frames = frames.saturating_sub(1);
            if *frames == 0 {
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
        }
        ctx.request_repaint();
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let client = self.manager.client();
        egui::CentralPanel::default().show(ui, |ui| self.panel.show(ui, &client));
    }
}

/// Kinds of houses: a label, vertices at least and at most.
const KINDS: [(&str, u32, u32); 4] = [
    ("house", 2_000, 20_000),
    ("tree", 300, 3_000),
    ("terrain", 30_000, 90_000),
    ("sign", 40, 400),
];
/// Bytes of a vertex.
const STRIDE: u32 = 24;
/// Blocks that stand at a time.
const STANDING_MAX: usize = 1_200;
/// Blocks that come in a frame.
const PER_FRAME: u32 = 6;

/// A town along a road: new ends are built, old ones torn down, and a window of it is seen.
struct Town {
    client: Client,
    standing: VecDeque<Handle>,
    random: u32,
    frame: usize,
}

impl Town {
    fn new(client: Client) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let atlas = BlockDesc::new()
            .part(PartData::vertex(vec![0_u8; 160 << 10], 16))
            .part(PartData::uniform(vec![0_u8; 4 << 10]))
            .lifetime(Lifetime::LongLived)
            .label("interface");
        client.add(atlas)?;
        Ok(Self {
            client,
            standing: VecDeque::new(),
            random: 1,
            frame: 0,
        })
    }

    /// A number below `end`, from a generator that is good enough for a picture.
    fn below(&mut self, end: u32) -> u32 {
        self.random = self
            .random
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        (self.random >> 8) % end.max(1)
    }

    fn grow(&mut self) {
        self.frame += 1;
        for _ in 0..PER_FRAME {
            let kind = [0, 0, 1, 1, 1, 1, 2, 3, 3][self.below(9) as usize];
            let (label, least, most) = KINDS[kind];
            let vertices = (least + self.below(most - least)) as usize;
            let block = BlockDesc::new()
                .part(PartData::vertex(
                    vec![1_u8; vertices * STRIDE as usize],
                    STRIDE,
                ))
                .part(PartData::index_u32(vec![0_u8; vertices * 3 / 4 * 4]))
                .source(Source::Retained)
                .label(label);
            // A full mailbox: the next frame builds more.
            if let Ok(handle) = self.client.try_add(block) {
                self.standing.push_back(handle);
            }
        }
        while self.standing.len() > STANDING_MAX {
            let nth = self.below(200) as usize;
            let gone = self.standing.remove(nth.min(self.standing.len() - 1));
            if let Some(handle) = gone {
                // The engine may have ended; so will the program.
                let _ = self.client.remove(handle);
            }
        }
        if self.frame.is_multiple_of(40)
            && let Some(landmark) = self.standing.back()
        {
            let _ = self.client.pin(*landmark);
        }
    }

    /// A third of the town, which moves through it.
    fn seen(&self) -> impl Iterator<Item = Handle> {
        let seen = self.standing.len() / 3;
        let first = self.frame % self.standing.len().max(1);
        let standing = self.standing.iter().cycle().skip(first);
        standing.take(seen).copied()
    }
}
