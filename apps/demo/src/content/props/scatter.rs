//! Where props stand: villages in flat low places, forests in the belt, rocks on slopes.

use super::{BROADLEAVES, BUILDINGS, CONIFERS, GroveKind, Placement, ROCKS};
use crate::content::elevation::{VERTICAL_SCALE, field};
use crate::content::noise::Random;
use crate::content::scene::Scene;
use crate::content::tile::{Ground, TileId};
use glam::{Vec2, Vec3};
use std::ops::Range;

/// Places tried for trees and rocks; most grounds take only some.
const TREES_TRIED: u32 = 420;
const ROCKS_TRIED: u32 = 110;
/// Lots of the largest village.
const LOTS_MOST: f32 = 84.0;

/// The places of one grove, the same for the same scene and tile.
pub(super) fn placements(scene: &Scene, tile: TileId, kind: GroveKind) -> Vec<Placement> {
    let random = Random::at(tile.x, tile.y, 0x5EED + kind as u32, scene.seed());
    let site = Site {
        scene,
        tile,
        random,
    };
    match kind {
        GroveKind::Village => site.village(),
        GroveKind::Forest => site.forest(),
        GroveKind::Rocks => site.rocks(),
    }
}

struct Site<'a> {
    scene: &'a Scene,
    tile: TileId,
    random: Random,
}

impl Site<'_> {
    fn village(mut self) -> Vec<Placement> {
        let summary = self.scene.summary(self.tile);
        let altitude_m = summary.low_m / VERTICAL_SCALE;
        if summary.ruggedness > 0.22 || altitude_m > 3400.0 {
            return Vec::new();
        }
        let side_m = self.tile.side_m();
        let middle =
            Vec2::new(self.random.range(0.35, 0.65), self.random.range(0.35, 0.65)) * side_m;
        let origin = self.tile.origin();
        let settled = field(
            origin.x + middle.x,
            origin.z + middle.y,
            3000.0,
            2,
            self.scene.seed() ^ 0x0C0C,
        );
        // The more settled the land, the more of its tiles have a village, and the larger it is.
        let size = settled * 0.9 + self.random.range(-0.2, 0.85);
        if size < 0.1 {
            return Vec::new();
        }
        let street = self.heading();
        let across = Vec2::new(-street.y, street.x);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        let lots = (8.0 + (LOTS_MOST - 8.0) * size.min(1.0)) as u32;
        let mut places = Vec::new();
        for lot in 0..lots {
            // Lots fill a spiral of street blocks from the middle outwards.
            let (along, aside) = spiral(lot);
            let jitter = Vec2::new(self.random.range(-4.0, 4.0), self.random.range(-4.0, 4.0));
            let at = middle + street * (along * 27.0) + across * (aside * 24.0) + jitter;
            let is_tree = self.random.below(5) == 0;
            let (sort, heading) = if is_tree {
                (BROADLEAVES, self.heading())
            } else {
                (
                    BUILDINGS,
                    if self.random.below(3) == 0 {
                        across
                    } else {
                        street
                    },
                )
            };
            let inside = at.min_element() > 14.0 && at.max_element() < side_m - 14.0;
            if let Some(ground) = inside.then(|| self.ground(at))
                && ground.slope < 0.3
                && ground.water() < 0.1
            {
                let placement = self.placement(at, &ground, sort, heading, 0.9..1.15);
                places.push(placement);
            }
        }
        places
    }

    fn forest(mut self) -> Vec<Placement> {
        if !self.may_have(|ground| ground.forest() > 0.02) {
            return Vec::new();
        }
        let mut places = Vec::new();
        for _ in 0..TREES_TRIED {
            let at = self.anywhere();
            let taken = self.random.unit();
            let ground = self.ground(at);
            if ground.forest() > taken {
                let broad = ground.altitude_m < 1900.0 && self.random.below(3) > 0;
                let sort = if broad { BROADLEAVES } else { CONIFERS };
                let heading = self.heading();
                let placement = self.placement(at, &ground, sort, heading, 0.65..1.1);
                places.push(placement);
            }
        }
        places
    }

    fn rocks(mut self) -> Vec<Placement> {
        if self.scene.summary(self.tile).ruggedness < 0.1 {
            return Vec::new();
        }
        let mut places = Vec::new();
        for _ in 0..ROCKS_TRIED {
            let at = self.anywhere();
            let taken = self.random.unit();
            let ground = self.ground(at);
            let wanted = ground.rock().max(0.25 * ground.ruggedness) * (1.0 - ground.forest());
            if wanted * 0.8 > taken {
                let heading = self.heading();
                let placement = self.placement(at, &ground, ROCKS, heading, 0.5..1.6);
                places.push(placement);
            }
        }
        places
    }

    /// Whether any of nine probes over the tile is such ground.
    fn may_have(&self, wanted: impl Fn(&Ground) -> bool) -> bool {
        let step = self.tile.side_m() * 0.25;
        [1.0, 2.0, 3.0].iter().any(|&z| {
            [1.0, 2.0, 3.0]
                .iter()
                .any(|&x| wanted(&self.ground(Vec2::new(x, z) * step)))
        })
    }

    /// A place on the tile, a little inside its edges.
    fn anywhere(&mut self) -> Vec2 {
        Vec2::new(self.random.range(0.01, 0.99), self.random.range(0.01, 0.99)) * self.tile.side_m()
    }

    /// A direction. A point of the disc made as long as 1 needs no trigonometry, which platforms
    /// round differently.
    fn heading(&mut self) -> Vec2 {
        for _ in 0..8 {
            let point = Vec2::new(self.random.range(-1.0, 1.0), self.random.range(-1.0, 1.0));
            if (0.01..=1.0).contains(&point.length_squared()) {
                return point / point.length_squared().sqrt();
            }
        }
        Vec2::X
    }

    /// The ground at a place of the tile; slope and height are those of the land without detail.
    fn ground(&self, at: Vec2) -> Ground {
        const REACH_M: f32 = 8.0;
        let origin = self.tile.origin();
        let (x, z) = (origin.x + at.x, origin.z + at.y);
        let elevation = self.scene.elevation();
        let (height, ruggedness) = elevation.smooth(x, z);
        let dx = elevation.smooth(x + REACH_M, z).0 - height;
        let dz = elevation.smooth(x, z + REACH_M).0 - height;
        let slope = (dx * dx + dz * dz).sqrt() / REACH_M;
        Ground::at(x, z, height, slope, ruggedness, self.scene.seed())
    }

    fn placement(
        &mut self,
        at: Vec2,
        ground: &Ground,
        sort: Range<usize>,
        heading: Vec2,
        scale: Range<f32>,
    ) -> Placement {
        let origin = self.tile.origin();
        let height_m = self
            .scene
            .elevation()
            .ground_m(origin.x + at.x, origin.z + at.y);
        let count = u32::try_from(sort.len()).expect("a few dozen props");
        Placement {
            prop: sort.start + self.random.below(count) as usize,
            // On steep ground a prop sinks in, so that its lower side does not hang in the air.
            position: Vec3::new(at.x, height_m - 0.5 * ground.slope.min(1.5), at.y),
            heading,
            scale: self.random.range(scale.start, scale.end),
        }
    }
}

/// The `index`-th cell of a square spiral around (0, 0).
#[expect(clippy::cast_precision_loss, reason = "a few dozen cells")]
fn spiral(index: u32) -> (f32, f32) {
    let (mut x, mut y, mut dx, mut dy) = (0i32, 0i32, 1i32, 0i32);
    let (mut run, mut left, mut turns) = (1, 1, 0);
    for _ in 0..index {
        (x, y) = (x + dx, y + dy);
        left -= 1;
        if left == 0 {
            (dx, dy) = (-dy, dx);
            turns += 1;
            run += i32::from(turns % 2 == 0);
            left = run;
        }
    }
    (x as f32, y as f32)
}
