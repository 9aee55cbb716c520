//! Tables of places as programs keep them today, and the limit.

mod cow_pages;
mod double_buffer;
mod flat_slice;
mod left_right;
mod locked_map;
#[cfg(test)]
mod tests;

pub use cow_pages::CowPages;
pub use double_buffer::DoubleBuffer;
pub use flat_slice::FlatSlice;
pub use left_right::LeftRight;
pub use locked_map::{AhashPerLookup, PerFrame, PerLookup};

use super::tables::{Enter, enter};

/// All of them, the limit first.
pub const ALL: [Enter; 7] = [
    enter::<FlatSlice>,
    enter::<PerLookup>,
    enter::<AhashPerLookup>,
    enter::<PerFrame>,
    enter::<DoubleBuffer>,
    enter::<LeftRight>,
    enter::<CowPages>,
];
