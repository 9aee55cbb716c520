//! The user interface: long-lived blocks of 2D meshes, some of them replaced a few times a second.

use std::sync::Arc;

use glam::{Vec2, Vec3};

use super::listing::push;
use super::{Key, StepInput, World, WorldError};
use crate::cli::{MIB, PictureSize};
use crate::content::camera::Camera;
use crate::content::mesh::{Bounds, MeshData};
use crate::content::ui;
use crate::draw_list::{DrawList, Item, Kind, Placement};

/// The picture height for which the meshes are made; other heights scale them.
const DESIGN_HEIGHT_PX: f32 = 540.0;
/// Frames between two replacements of the texts and the bar.
const REFRESH_EVERY_FRAMES: u64 = 12;
const TITLE_PX: f32 = 20.0;
const TEXT_PX: f32 = 9.0;
const COMPASS_PX: f32 = 72.0;
const BAR: Vec2 = Vec2::new(230.0, 14.0);
const LADDER: Vec2 = Vec2::new(46.0, 220.0);
const LADDER_TOP_M: f32 = 2400.0;
const MARGIN_PX: f32 = 16.0;

/// The pieces of the interface, in the order in which they are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Piece {
    /// The name of the demo.
    Title,
    /// The filled part of the budget.
    BarFill,
    /// The frame around it.
    BarFrame,
    /// Figures below the bar.
    BarText,
    /// Marks of altitude.
    Ladder,
    /// The mark at the camera's altitude.
    LadderMark,
    /// Where the camera is.
    PlaceText,
    /// Where north is.
    Compass,
}

impl Piece {
    const ALL: [Self; 8] = [
        Self::Title,
        Self::BarFill,
        Self::BarFrame,
        Self::BarText,
        Self::Ladder,
        Self::LadderMark,
        Self::PlaceText,
        Self::Compass,
    ];
}

/// What the interface shows of the heap. In lockstep the same in every run (D1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// GPU bytes held.
    pub held_bytes: u64,
    /// Of them, those of heaps on the GPU.
    pub outside_bytes: u64,
    /// GPU bytes allowed.
    pub budget_bytes: u64,
    /// Bytes of live handles, resident or not.
    pub world_bytes: u64,
    /// Chunks.
    pub chunks: u64,
}

/// What was sent last, so that nothing is replaced by the same.
#[derive(Debug, Default)]
pub(super) struct Interface {
    bar_text: String,
    place_text: String,
    fill_steps: u32,
}

/// Sends all pieces.
pub(super) fn start(world: &mut World) -> Result<(), WorldError> {
    for piece in Piece::ALL {
        let mesh = match piece {
            Piece::Title => ui::title(TITLE_PX),
            Piece::BarFill => ui::budget_bar_fill(BAR.x, BAR.y, 0.01),
            Piece::BarFrame => ui::budget_bar_frame(BAR.x, BAR.y),
            Piece::Ladder => ui::altitude_ladder(LADDER.x, LADDER.y, LADDER_TOP_M),
            Piece::Compass => ui::compass_rose(COMPASS_PX),
            Piece::LadderMark => text("<"),
            Piece::BarText | Piece::PlaceText => text("..."),
        };
        if mesh.indices.is_empty() {
            continue;
        }
        world.add(Key::Interface(piece), &Arc::new(mesh), 255)?;
    }
    Ok(())
}

/// Replaces what shows other figures than the frame's.
pub(super) fn update(world: &mut World, input: &StepInput) -> Result<(), WorldError> {
    let figures = &input.figures;
    if !input.frame.is_multiple_of(REFRESH_EVERY_FRAMES) {
        return Ok(());
    }
    let held = if figures.outside_bytes > 0 {
        format!("   on-GPU heap {} MiB", figures.outside_bytes / MIB)
    } else {
        format!("   {} chunks", figures.chunks)
    };
    let bar_text = format!(
        "GPU {} of {} MiB{held}   world {} MiB",
        figures.held_bytes / MIB,
        figures.budget_bytes / MIB,
        figures.world_bytes / MIB
    );
    let at = input.camera.position;
    let place_text = format!(
        "frame {}   {:.1} km east  {:.1} km south   {:.0} m up",
        input.frame,
        at.x / 1e3,
        at.z / 1e3,
        at.y
    );
    if world.interface.bar_text != bar_text && replace(world, Piece::BarText, text(&bar_text))? {
        world.interface.bar_text = bar_text;
    }
    if world.interface.place_text != place_text
        && replace(world, Piece::PlaceText, text(&place_text))?
    {
        world.interface.place_text = place_text;
    }
    let fill_steps = figures
        .held_bytes
        .saturating_mul(100)
        .checked_div(figures.budget_bytes)
        .map_or(1, |percent| {
            u32::try_from(percent.clamp(1, 100)).unwrap_or(100)
        });
    #[expect(clippy::cast_precision_loss, reason = "at most 100")]
    let filled = fill_steps as f32 / 100.0;
    if world.interface.fill_steps != fill_steps
        && replace(
            world,
            Piece::BarFill,
            ui::budget_bar_fill(BAR.x, BAR.y, filled),
        )?
    {
        world.interface.fill_steps = fill_steps;
    }
    Ok(())
}

/// Whether the piece's new contents were sent.
fn replace(world: &mut World, piece: Piece, mesh: MeshData) -> Result<bool, WorldError> {
    world.replace(Key::Interface(piece), &Arc::new(mesh))
}

fn text(content: &str) -> MeshData {
    let style = ui::TextStyle {
        origin: Vec2::ZERO,
        height_px: TEXT_PX,
        colour: [255, 255, 255, 255],
    };
    ui::text(content, &style)
}

/// Lists all pieces at their places in a picture of `size`.
pub(super) fn list(world: &mut World, camera: &Camera, size: PictureSize, list: &mut DrawList) {
    for piece in Piece::ALL {
        let Some(block) = world.blocks.get_mut(&Key::Interface(piece)) else {
            continue;
        };
        block.last_listed = list.sequence;
        let item = Item {
            handle: block.handle,
            kind: Kind::Interface,
            bounds: Bounds::EMPTY,
            placements: 0..0,
            stand_in: Placement::at(Vec3::ZERO),
        };
        let placement = place(piece, camera, size);
        if is_text(piece) {
            // White letters need something dark behind them over snow.
            let mut shadow = placement;
            shadow.at += Vec3::new(1.2, 1.2, 0.0) * placement.size.x;
            shadow.tint = [20, 24, 32, 190];
            push(list, item, &[shadow, placement]);
        } else {
            push(list, item, &[placement]);
        }
    }
}

fn is_text(piece: Piece) -> bool {
    matches!(
        piece,
        Piece::Title | Piece::BarText | Piece::PlaceText | Piece::LadderMark
    )
}

fn place(piece: Piece, camera: &Camera, size: PictureSize) -> Placement {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a picture has at most 8192 pixels a side"
    )]
    let (width, height) = (size.width as f32, size.height as f32);
    let scale = (height / DESIGN_HEIGHT_PX).max(0.6);
    let from_right = |x: f32| width - x * scale;
    let from_bottom = |y: f32| height - y * scale;
    let left = MARGIN_PX * scale;
    let mut turn = 0.0;
    let (x, y) = match piece {
        Piece::Title => (left, MARGIN_PX * scale),
        Piece::BarFill | Piece::BarFrame => (left, (MARGIN_PX + TITLE_PX + 14.0) * scale),
        Piece::BarText => (left, (MARGIN_PX + TITLE_PX + 22.0 + BAR.y) * scale),
        Piece::PlaceText => (left, from_bottom(MARGIN_PX + TEXT_PX)),
        Piece::Ladder => (
            from_right(LADDER.x + MARGIN_PX + 12.0),
            (height - LADDER.y * scale) * 0.5,
        ),
        Piece::LadderMark => {
            let part = (camera.position.y / LADDER_TOP_M).clamp(0.0, 1.0);
            let bottom = (height + LADDER.y * scale) * 0.5;
            (
                from_right(MARGIN_PX + 8.0),
                bottom - part * LADDER.y * scale - 0.5 * TEXT_PX * scale,
            )
        }
        Piece::Compass => {
            // Turned about its middle: the mesh's own origin is its corner.
            turn = -camera.yaw;
            let middle = Vec2::new(
                from_right(COMPASS_PX * 0.5 + MARGIN_PX),
                (COMPASS_PX * 0.5 + MARGIN_PX) * scale,
            );
            let corner = Vec2::splat(-COMPASS_PX * 0.5 * scale);
            let at = middle + Vec2::from_angle(turn).rotate(corner);
            (at.x, at.y)
        }
    };
    Placement {
        at: Vec3::new(x, y, 0.0),
        size: Vec3::new(scale, scale, 1.0),
        turn,
        tint: [255; 4],
    }
}
