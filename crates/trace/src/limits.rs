//! What the format bounds, so that no trace can ask for more than a reader can hold.

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;

/// Bytes of a line, its end not counted.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Bytes of a block's parts together, and of its spare room.
pub const BLOCK_BYTES_MAX: u64 = 1 << 40;

/// Bytes of all blocks that live at a time.
pub const LIVE_BYTES_MAX: u64 = 1 << 50;

/// Parts of a block.
pub const PARTS_MAX: usize = 4096;

/// Frames that commands can lag behind.
pub const LAG_MAX: u32 = 1 << 16;

/// Ticks that one line can ask for.
pub const TICKS_MAX: u32 = 1_000_000;

/// Bytes of a label: encoded, and with as many parts as there can be, it fits a line.
pub const LABEL_BYTES_MAX: usize = 1 << 16;
