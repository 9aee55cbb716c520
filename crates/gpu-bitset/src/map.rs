//! The unit map as colours: dark where units are free, a colour of its own for each object, white
//! where units are in use and no known object has them, as guards are.

use crate::model::mixed;
use crate::records::Slot;
use crate::shape::Shape;

/// Red, green, blue and alpha of a free unit.
pub const FREE: [u8; 4] = [20, 22, 28, 255];
/// Of a unit in use that no known object has.
pub const USED: [u8; 4] = [255, 255, 255, 255];

/// The colour of each unit, in their order: of a bitset, and of a table that is as old, such as
/// those of a [`Mirror`](crate::Mirror).
pub fn colours(shape: &Shape, words: &[u32], slots: &[Slot]) -> Vec<[u8; 4]> {
    let is_used = |unit: u32| words[unit as usize / 32] >> (unit % 32) & 1 == 1;
    let colour = |unit| if is_used(unit) { USED } else { FREE };
    let mut colours: Vec<[u8; 4]> = (0..shape.units).map(colour).collect();
    for (slot, number) in slots.iter().zip(0..) {
        if slot.flags & Slot::LIVE == 0 {
            continue;
        }
        let own = of_handle(number, slot.generation);
        for (start, units) in shape.runs_of(slot) {
            let end = start.saturating_add(units).min(shape.units);
            for unit in start.min(end)..end {
                if is_used(unit) {
                    colours[unit as usize] = own;
                }
            }
        }
    }
    colours
}

/// The colour of an object: the same as long as it lives, and far from [`FREE`] and [`USED`].
pub fn of_handle(slot: u32, generation: u32) -> [u8; 4] {
    let [red, green, blue, low] = mixed(slot, generation).to_le_bytes();
    // Two of the three parts go from 70 to 197, and one is low, so that none is grey.
    let mut parts = [red, green, blue].map(|part| 70 + part / 2);
    parts[usize::from(low % 3)] = 50;
    let [red, green, blue] = parts;
    [red, green, blue, 255]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::records::{Handle, Request, STREAMS_MAX};

    /// Units of each kind, as text: `.` free, `#` used by nobody, letters for slots.
    fn drawn(shape: &Shape, model: &Model) -> String {
        let colours = colours(shape, &model.words, &model.slots);
        let name = |colour: &[u8; 4]| match *colour {
            FREE => '.',
            USED => '#',
            other => ('a'..='z')
                .zip((0..).zip(&model.slots))
                .find(|(_, (number, slot))| of_handle(*number, slot.generation) == other)
                .map_or('?', |(letter, _)| letter),
        };
        colours.iter().map(name).collect()
    }

    fn model(separate: bool) -> (Shape, Model) {
        let shape = Shape {
            units: 23,
            buffers: 2,
            units_per_buffer: 11,
            slots: 26,
            streams: 2,
            separate,
            unit_bytes: [16, 16, 0, 0],
        };
        (shape, Model::new(shape))
    }

    fn run(model: &mut Model, frees: &[Handle], sizes: &[(u32, [u32; 2])]) {
        let requests: Vec<Request> = sizes
            .iter()
            .map(|&(slot, [first, second])| Request {
                slot,
                bytes: [first * 16, second * 16, 0, 0],
                ..Request::default()
            })
            .collect();
        model.batch(frees, &requests, [u32::MAX; STREAMS_MAX]);
    }

    #[test]
    fn objects_free_units_and_guards_are_told_apart() {
        let (shape, mut common) = model(false);
        run(&mut common, &[], &[(0, [5, 2]), (1, [1, 4]), (2, [3, 3])]);
        assert_eq!(drawn(&shape, &common), "aaaaabbbb..#ccc........");
        let gone = Handle {
            slot: 1,
            generation: 0,
        };
        run(&mut common, &[gone], &[(3, [2, 0])]);
        assert_eq!(drawn(&shape, &common), "aaaaadd....#ccc........");
        // What a shader has freed or taken unseen is in no slot.
        common.slots[3].flags = 0;
        assert_eq!(drawn(&shape, &common), "aaaaa##....#ccc........");
    }

    #[test]
    fn streams_of_their_own_have_one_colour() {
        let (shape, mut separate) = model(true);
        run(&mut separate, &[], &[(0, [5, 2]), (1, [1, 4])]);
        assert_eq!(drawn(&shape, &separate), "aaaaabbbbaa#b..........");
    }

    #[test]
    fn an_object_keeps_its_colour_and_its_successor_has_another() {
        assert_eq!(of_handle(7, 3), of_handle(7, 3));
        let all: std::collections::BTreeSet<_> = (0..1000).map(|slot| of_handle(slot, 0)).collect();
        assert!(all.len() > 990, "hardly any two are alike: {}", all.len());
        assert_ne!(of_handle(7, 3), of_handle(7, 4));
        assert!(!all.contains(&FREE) && !all.contains(&USED));
    }
}
