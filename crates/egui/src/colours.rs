//! Which colour says what. Every colour stands on a light and on a dark ground; what is told by
//! colour is told by form or text as well.

use egui::{Color32, Visuals};
use geoheap_heap_dump::{BlockDump, BlockState, LifetimeDump, RangeStateDump};

/// What the colours of the map tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColourBy {
    /// What a block's parts are: vertices, indices, uniforms, storage, others.
    #[default]
    Kind,
    /// How many frames ago a block was used.
    Age,
    /// What a range is: live, being filled, or waiting for old versions.
    State,
    /// Which blocks may move and leave.
    Lifetime,
}

impl ColourBy {
    /// In the order of the buttons.
    pub(crate) const ALL: [Self; 4] = [Self::Kind, Self::Age, Self::State, Self::Lifetime];

    /// The name on the button.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kind => "Kind",
            Self::Age => "Age",
            Self::State => "State",
            Self::Lifetime => "Lifetime",
        }
    }
}

pub(crate) const BLUE: Color32 = Color32::from_rgb(62, 134, 204);
pub(crate) const ORANGE: Color32 = Color32::from_rgb(226, 142, 46);
pub(crate) const GREEN: Color32 = Color32::from_rgb(58, 164, 120);
pub(crate) const PURPLE: Color32 = Color32::from_rgb(164, 104, 190);
pub(crate) const RED: Color32 = Color32::from_rgb(206, 76, 78);
pub(crate) const GOLD: Color32 = Color32::from_rgb(214, 170, 40);
pub(crate) const LIME: Color32 = Color32::from_rgb(150, 174, 62);
pub(crate) const GREY: Color32 = Color32::from_rgb(134, 142, 156);

/// Used now, within 10 frames, 100, 1 000, longer ago.
const AGES: [(u64, Color32, &str); 5] = [
    (1, Color32::from_rgb(250, 212, 84), "now"),
    (10, Color32::from_rgb(236, 132, 70), "10 frames"),
    (100, Color32::from_rgb(204, 96, 160), "100"),
    (1000, Color32::from_rgb(142, 80, 180), "1 000"),
    (u64::MAX, Color32::from_rgb(70, 96, 178), "longer ago"),
];

/// The colour of a part's kind, by its name.
pub(crate) fn of_kind(kind: &str) -> Color32 {
    match kind {
        "vertex" => BLUE,
        "index" => ORANGE,
        "uniform" => GREEN,
        "storage" => PURPLE,
        _ => LIME,
    }
}

/// The colour of a block that was last used so many frames ago.
pub(crate) fn of_age(age_frames: Option<u64>) -> Color32 {
    let Some(age) = age_frames else { return GREY };
    let aged = AGES.iter().find(|(up_to, ..)| age <= *up_to);
    aged.map_or(GREY, |(_, colour, _)| *colour)
}

/// The colour of a whole range: every mode but the kinds, which colour parts.
pub(crate) fn of_range(
    by: ColourBy,
    state: RangeStateDump,
    block: Option<&BlockDump>,
    frame: u64,
) -> Color32 {
    if state == RangeStateDump::Retired {
        return RED;
    }
    let Some(block) = block else { return GREY };
    match by {
        ColourBy::Kind => block.parts.first().map_or(GREY, |part| of_kind(&part.kind)),
        ColourBy::Age => of_age(block.age_frames(frame)),
        ColourBy::State => match (state, block.state) {
            (RangeStateDump::Reserved, _) => GOLD,
            (_, BlockState::Resident) => GREEN,
            (_, BlockState::Pending) => BLUE,
            _ => PURPLE,
        },
        ColourBy::Lifetime => match (block.pins, block.lifetime) {
            (1.., _) => GOLD,
            (_, LifetimeDump::LongLived) => PURPLE,
            _ => BLUE,
        },
    }
}

/// The entries of the legend: a colour and what it says.
pub(crate) fn legend(by: ColourBy) -> Vec<(Color32, &'static str)> {
    let mut entries = match by {
        ColourBy::Kind => vec![
            (BLUE, "vertex"),
            (ORANGE, "index"),
            (GREEN, "uniform"),
            (PURPLE, "storage"),
            (LIME, "other kinds"),
        ],
        ColourBy::Age => {
            let mut entries: Vec<_> = AGES
                .iter()
                .map(|&(_, colour, name)| (colour, name))
                .collect();
            entries.push((GREY, "never used"));
            entries
        }
        ColourBy::State => vec![(GREEN, "resident"), (GOLD, "being filled")],
        ColourBy::Lifetime => vec![(BLUE, "dynamic"), (PURPLE, "long-lived"), (GOLD, "pinned")],
    };
    entries.push((RED, "retired"));
    entries
}

/// Colours of the map that follow the theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ground {
    /// Room that nobody has.
    pub(crate) free: Color32,
    /// The same in chunks of long-lived blocks.
    pub(crate) free_long_lived: Color32,
    /// What must be seen on every other colour.
    pub(crate) mark: Color32,
}

impl Ground {
    /// Of the light or the dark theme.
    pub(crate) const fn of(visuals: &Visuals) -> Self {
        if visuals.dark_mode {
            Self {
                free: Color32::from_rgb(50, 54, 62),
                free_long_lived: Color32::from_rgb(54, 50, 74),
                mark: Color32::WHITE,
            }
        } else {
            Self {
                free: Color32::from_rgb(222, 225, 230),
                free_long_lived: Color32::from_rgb(222, 216, 236),
                mark: Color32::BLACK,
            }
        }
    }
}

/// `share` of `colour` over `ground`, both opaque.
pub(crate) fn over(ground: Color32, colour: Color32, share: f32) -> Color32 {
    let share = share.clamp(0.0, 1.0);
    let mix = |under: u8, upper: u8| {
        let (under, upper) = (f32::from(under), f32::from(upper));
        to_byte(under + (upper - under) * share)
    };
    Color32::from_rgb(
        mix(ground.r(), colour.r()),
        mix(ground.g(), colour.g()),
        mix(ground.b(), colour.b()),
    )
}

/// A channel as a byte.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates"
)]
pub(crate) fn to_byte(channel: f32) -> u8 {
    channel.round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_steps_of_ten() {
        for (age, colour) in [
            (None, GREY),
            (Some(0), AGES[0].1),
            (Some(1), AGES[0].1),
            (Some(2), AGES[1].1),
            (Some(10), AGES[1].1),
            (Some(11), AGES[2].1),
            (Some(1000), AGES[3].1),
            (Some(1001), AGES[4].1),
            (Some(u64::MAX), AGES[4].1),
        ] {
            assert_eq!(of_age(age), colour, "{age:?} frames ago");
        }
    }

    #[test]
    fn colours_mix() {
        let (black, white) = (Color32::BLACK, Color32::WHITE);
        for (share, mixed) in [(-1.0, 0), (0.0, 0), (0.5, 128), (1.0, 255), (7.0, 255)] {
            let colour = over(black, white, share);
            assert_eq!(colour, Color32::from_gray(mixed), "{share} of white");
        }
    }

    #[test]
    fn the_colours_of_a_legend_are_told_apart() {
        let apart = |one: Color32, other: Color32| {
            let channels = one.to_array().into_iter().zip(other.to_array());
            channels
                .map(|(one, other)| u32::from(one.abs_diff(other)))
                .sum::<u32>()
        };
        for by in ColourBy::ALL {
            let entries = legend(by);
            for (nth, (colour, name)) in entries.iter().enumerate() {
                for (other, other_name) in &entries[..nth] {
                    let far = apart(*colour, *other);
                    assert!(
                        far >= 80,
                        "{name} and {other_name} of {by:?} are {far} apart"
                    );
                }
            }
        }
    }
}
