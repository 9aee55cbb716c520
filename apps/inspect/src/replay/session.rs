//! A trace from its first line to its last, played to an engine that is made for it.

use geoheap::{
    Backend, ByteLen, GeometryManager, VirtualConfig, VirtualContents, VirtualGpu, WgpuBackend,
    wgpu,
};
use geoheap_trace::{Event, Input, Reader, Settings};

use super::check::Checker;
use super::contents::{Fabric, LEN_MAX};
use super::player::{Overrides, Played, Player};
use super::settings::{Options, config};
use super::stage::{Stage, VirtualStage, WgpuStage};
use crate::outcome::BadInput;
use crate::progress::Progress;

/// Memory of the virtual GPU: more than a trace asks for.
const MEMORY: ByteLen = ByteLen::new(1 << 42);

/// What a trace says before its first operation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preface {
    /// Settings of the recorded heap.
    pub settings: Settings,
    /// The budget that it begins with.
    pub budget: Option<u64>,
    /// Events that said so.
    pub events: u64,
    /// The line of the last of them.
    pub line: u64,
}

/// Plays a trace. `start` makes the engine once the trace's settings are known; `after` is called
/// after each event, and says whether to go on.
///
/// # Errors
/// [`BadInput`] for the first thing in the trace that is wrong; nothing of it, and nothing behind
/// it, is played.
pub fn play<B: Backend, S: Stage<B>>(
    reader: &mut Reader<Input>,
    start: impl FnOnce(&Preface) -> Result<Player<B, S>, BadInput>,
    mut after: impl FnMut(&mut Player<B, S>, Played) -> Result<bool, BadInput>,
) -> Result<Player<B, S>, BadInput> {
    let mut progress = Progress::new("replaying", reader.input().bytes_total());
    let file = reader.file().to_owned();
    let mut preface = Preface::default();
    let mut start = Some(start);
    let mut player = None;
    while let Some(event) = reader.next_event().map_err(BadInput::new)? {
        match event {
            Event::Config(settings) if player.is_none() => {
                preface.settings = settings;
                preface.events += 1;
                preface.line = reader.line();
                continue;
            }
            Event::Budget(bytes) if player.is_none() => {
                preface.budget = Some(bytes);
                preface.events += 1;
                preface.line = reader.line();
                continue;
            }
            _ => {}
        }
        if let Some(start) = start.take() {
            player = Some(start(&preface).map_err(|error| located(&error, &file, &preface))?);
        }
        let player = player.as_mut().expect("made at the first operation");
        let played = player.play(&event);
        let played = played
            .map_err(|why| BadInput(format!("{}:{}:1: {why}", reader.file(), reader.line())))?;
        if !after(player, played)? {
            break;
        }
        progress.step(|| {
            let frames = player.tally().frames;
            (reader.input().bytes_read(), format!("frame {frames}"))
        });
    }
    match (player, start) {
        (Some(player), _) => Ok(player),
        (None, Some(start)) => start(&preface).map_err(|error| located(&error, &file, &preface)),
        (None, None) => unreachable!("an engine was made or still can be"),
    }
}

/// Settings that cannot work, with the line that asked for them if one did.
fn located(error: &BadInput, file: &str, preface: &Preface) -> BadInput {
    if preface.events == 0 {
        return error.clone();
    }
    BadInput(format!("{file}:{}:1: {error}", preface.line))
}

/// An engine on the virtual GPU, which keeps bytes only where they are checked.
///
/// # Errors
/// [`BadInput`] for settings that cannot work.
pub fn on_virtual(
    preface: &Preface,
    options: &Options,
    overrides: Overrides,
    check: bool,
) -> Result<Player<VirtualGpu, VirtualStage>, BadInput> {
    let (fabric, contents) = if check {
        (Fabric::Pattern, VirtualContents::Bytes)
    } else {
        (Fabric::Blank, VirtualContents::Stamps)
    };
    let mut device = VirtualConfig {
        memory_bytes: MEMORY,
        contents,
        ..VirtualConfig::default()
    };
    device.limits.buffer_bytes_max = ByteLen::new(LEN_MAX);
    let (gpu, control) = VirtualGpu::new(&device);
    let config = config(&preface.settings, preface.budget, options);
    let manager = GeometryManager::with_backend(gpu, config).map_err(BadInput::new)?;
    let checker = check.then(Checker::default);
    let stage = VirtualStage::new(control);
    let mut player = Player::new(manager, stage, checker, fabric, overrides);
    player.count_preface(preface.events);
    Ok(player)
}

/// An engine on a wgpu device.
///
/// # Errors
/// [`BadInput`] for settings that cannot work.
pub fn on_wgpu(
    (device, queue): (wgpu::Device, wgpu::Queue),
    preface: &Preface,
    options: &Options,
    overrides: Overrides,
    check: bool,
) -> Result<Player<WgpuBackend, WgpuStage>, BadInput> {
    let config = config(&preface.settings, preface.budget, options);
    let manager = GeometryManager::new(device.clone(), queue.clone(), config);
    let manager = manager.map_err(BadInput::new)?;
    let checker = check.then(Checker::default);
    let stage = WgpuStage::new(device, queue);
    let mut player = Player::new(manager, stage, checker, Fabric::Pattern, overrides);
    player.count_preface(preface.events);
    Ok(player)
}
