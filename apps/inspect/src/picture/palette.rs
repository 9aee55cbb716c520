//! Colours. Those that tell blocks apart keep away from one another also for people who lack one
//! sort of cones, and stand out from the ground; the tests count how far. They started from those
//! of Okabe and Ito (*Color Universal Design*, 2008).

use std::fmt;

/// A colour of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

impl Rgb {
    /// Relative luminance, 0 to 1, as WCAG 2.2 has it.
    pub fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Contrast, 1 to 21, as WCAG 2.2 has it.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
        a.max(b) / a.min(b)
    }

    /// Black or white, whichever reads better on it.
    #[must_use]
    pub fn ink(self) -> Self {
        let (black, white) = (Self(0, 0, 0), Self(255, 255, 255));
        if self.contrast(black) > self.contrast(white) {
            black
        } else {
            white
        }
    }
}

/// The ground that a picture is drawn on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Theme {
    /// Dark on white.
    #[default]
    Light,
    /// Light on near black.
    Dark,
}

/// All colours of a theme.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// The ground of all.
    pub ground: Rgb,
    /// Texts.
    pub text: Rgb,
    /// Lesser texts.
    pub muted: Rgb,
    /// Free room of a chunk.
    pub free: Rgb,
    /// Around chunks.
    pub edge: Rgb,
    /// Marks of pins.
    pub pin: Rgb,
    /// What is wrong or on its way out.
    pub alarm: Rgb,
    /// Room of a block that no part has.
    pub spare: Rgb,
    /// Lines through what is retired.
    pub retired: Rgb,
    /// Lines through what is reserved.
    pub reserved: Rgb,
    /// Colours that tell things apart.
    pub classes: [Rgb; 8],
    /// From what is used now to what was not for long.
    pub ages: [Rgb; 5],
    /// What was never used.
    pub never: Rgb,
}

const LIGHT: Palette = Palette {
    ground: Rgb(0xff, 0xff, 0xff),
    text: Rgb(0x17, 0x1b, 0x20),
    muted: Rgb(0x5b, 0x65, 0x70),
    free: Rgb(0xe9, 0xed, 0xf0),
    edge: Rgb(0xb4, 0xbd, 0xc6),
    pin: Rgb(0x00, 0x00, 0x00),
    alarm: Rgb(0xb3, 0x26, 0x1e),
    spare: Rgb(0xa9, 0xb4, 0xbf),
    retired: Rgb(0x6b, 0x74, 0x7d),
    reserved: Rgb(0x00, 0x6b, 0xa6),
    classes: [
        Rgb(0x16, 0x4d, 0x98),
        Rgb(0xd3, 0x67, 0x15),
        Rgb(0xba, 0x69, 0x9c),
        Rgb(0x13, 0x99, 0x5e),
        Rgb(0x26, 0x24, 0x2f),
        Rgb(0x96, 0x76, 0x00),
        Rgb(0x4b, 0x3f, 0xc4),
        Rgb(0x7d, 0x4a, 0x2c),
    ],
    ages: [
        Rgb(0x04, 0x1f, 0x4a),
        Rgb(0x20, 0x52, 0x97),
        Rgb(0x05, 0x95, 0x96),
        Rgb(0xb0, 0x74, 0x0e),
        Rgb(0x8a, 0x1b, 0x0d),
    ],
    never: Rgb(0xc0, 0x60, 0xd0),
};

const DARK: Palette = Palette {
    ground: Rgb(0x12, 0x16, 0x1b),
    text: Rgb(0xe8, 0xec, 0xf0),
    muted: Rgb(0x9a, 0xa5, 0xb1),
    free: Rgb(0x26, 0x2d, 0x35),
    edge: Rgb(0x4a, 0x55, 0x61),
    pin: Rgb(0xff, 0xff, 0xff),
    alarm: Rgb(0xff, 0x7b, 0x6b),
    spare: Rgb(0x5d, 0x69, 0x76),
    retired: Rgb(0x9a, 0xa5, 0xb1),
    reserved: Rgb(0x8f, 0xd0, 0xf5),
    classes: [
        Rgb(0x1d, 0x87, 0xd7),
        Rgb(0xea, 0x8a, 0x2f),
        Rgb(0x9a, 0x6d, 0x8b),
        Rgb(0x03, 0xe7, 0xa8),
        Rgb(0xc2, 0xde, 0xff),
        Rgb(0xf0, 0xe4, 0x42),
        Rgb(0x9d, 0x95, 0xff),
        Rgb(0xc9, 0x8f, 0x6a),
    ],
    ages: [
        Rgb(0xed, 0xfb, 0xff),
        Rgb(0x31, 0xca, 0xfe),
        Rgb(0x4f, 0x7f, 0x90),
        Rgb(0xf5, 0xa1, 0x29),
        Rgb(0xdd, 0x51, 0x47),
    ],
    never: Rgb(0xe0, 0x7a, 0xd0),
};

impl Theme {
    /// Its colours.
    pub const fn palette(self) -> Palette {
        match self {
            Self::Light => LIGHT,
            Self::Dark => DARK,
        }
    }
}
