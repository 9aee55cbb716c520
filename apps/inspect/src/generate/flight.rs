//! An open world: a camera flies over cells that come as it nears them and go behind it.

use std::collections::BTreeMap;

use super::maker::{Maker, remove, touch};
use super::{Program, Shape, Sink, Stop};

/// A cell's side in the camera's units.
const CELL: i64 = 256;

/// How far the camera goes in a frame: a cell in 8 frames.
const SPEED: i64 = CELL / 8;

/// Directions, a sixteenth of a turn apart, as vectors of about 256 units.
const DIRECTIONS: [[i64; 2]; 16] = [
    [256, 0],
    [237, 98],
    [181, 181],
    [98, 237],
    [0, 256],
    [-98, 237],
    [-181, 181],
    [-237, 98],
    [-256, 0],
    [-237, -98],
    [-181, -181],
    [-98, -237],
    [0, -256],
    [98, -237],
    [181, -181],
    [237, -98],
];

/// The camera turns once in so many frames.
const TURN_ONCE_IN: u64 = 48;

/// A cell goes when it is so many cells farther away than where it came.
const KEPT_CELLS: i64 = 2;

type Cell = [i64; 2];

#[derive(Debug)]
pub(super) struct Flight {
    camera: [i64; 2],
    direction: usize,
    radius: i64,
    live: BTreeMap<Cell, u64>,
    /// Cells that wait until there is time for them, the nearest last.
    wanted: Vec<Cell>,
    seen_from: Option<Cell>,
}

impl Flight {
    pub(super) fn new(shape: &Shape) -> Self {
        // A disc of radius r covers about 22/7 r^2 cells; those that are kept are a ring around it.
        let cells = i64::from(shape.blocks) * 7 / 22;
        let radius = (1..).take_while(|r| (r + KEPT_CELLS) * (r + KEPT_CELLS) <= cells);
        Self {
            camera: [0, 0],
            direction: 0,
            radius: radius.last().unwrap_or(1),
            live: BTreeMap::new(),
            wanted: Vec::new(),
            seen_from: None,
        }
    }

    fn here(&self) -> Cell {
        self.camera.map(|at| at.div_euclid(CELL))
    }

    fn fly(&mut self, maker: &mut Maker) {
        if maker.random.once_in(TURN_ONCE_IN) {
            let turn = if maker.random.once_in(2) { 1 } else { 15 };
            self.direction = (self.direction + turn) % DIRECTIONS.len();
        }
        let direction = DIRECTIONS[self.direction];
        for (at, towards) in self.camera.iter_mut().zip(direction) {
            *at += towards * SPEED / CELL;
        }
    }

    /// What goes and what is wanted, the camera being in another cell.
    fn look(&mut self, here: Cell, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let kept = self.radius + KEPT_CELLS;
        let far = |cell: &Cell| distance2(*cell, here) > kept * kept;
        for (_, id) in self.live.extract_if(.., |cell, _| far(cell)) {
            remove(id, sink)?;
        }
        let around = -self.radius..=self.radius;
        let cells = around.clone().flat_map(|dy| {
            let row = around.clone();
            row.map(move |dx| [here[0] + dx, here[1] + dy])
        });
        let missing = cells.filter(|cell| {
            distance2(*cell, here) <= self.radius * self.radius && !self.live.contains_key(cell)
        });
        self.wanted = missing.collect();
        self.wanted
            .sort_by_key(|&cell| (-distance2(cell, here), cell));
        Ok(())
    }
}

impl Program for Flight {
    fn frame(&mut self, maker: &mut Maker, sink: &mut Sink<'_>) -> Result<(), Stop> {
        self.fly(maker);
        let here = self.here();
        if self.seen_from != Some(here) {
            self.look(here, sink)?;
            self.seen_from = Some(here);
        }
        for _ in 0..maker.per_frame() {
            let Some(cell) = self.wanted.pop() else {
                break;
            };
            let id = maker.add_at(place(cell), sink)?;
            self.live.insert(cell, id);
        }
        let [x, y] = DIRECTIONS[self.direction];
        for (cell, &id) in &self.live {
            // A view of a right angle: as far ahead as aside, at least.
            let [dx, dy] = [cell[0] - here[0], cell[1] - here[1]];
            let (ahead, aside) = (dx * x + dy * y, dy * x - dx * y);
            if ahead >= aside.abs() {
                touch(id, sink)?;
            }
        }
        Ok(())
    }
}

fn distance2(a: Cell, b: Cell) -> i64 {
    let [dx, dy] = [a[0] - b[0], a[1] - b[1]];
    dx * dx + dy * dy
}

/// A number for a cell.
fn place([x, y]: Cell) -> u64 {
    let low = y.cast_unsigned() & 0xFFFF_FFFF;
    (x.cast_unsigned() << 32) | low
}
