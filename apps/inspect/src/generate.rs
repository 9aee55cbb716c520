//! Synthetic traces: programs that use a heap each in a way of its own, from a seed alone.
//!
//! A program writes frame after frame into a [`Sink`], which counts, follows what lives, and says
//! when it is enough. Numbers are whole and random ones come from one small generator, so that the
//! same seed gives the same bytes on every machine.

mod churn;
mod flight;
mod grow_shrink;
mod looped;
mod maker;
pub(crate) mod random;
mod scan;
mod sink;
#[cfg(test)]
mod tests;
mod zipf;

use geoheap::ByteLen;

use self::maker::Maker;
use self::sink::Stop;
pub use self::sink::{Limit, Sink};

/// A way to use a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Blocks come, change and go at random; their number stays
    Churn,
    /// Few blocks are used often, many seldom: the n-th most used is used 1/n as often as the first
    Zipf,
    /// All blocks in turn, over and over: what is used longest ago is needed next
    Loop,
    /// A small set is used in every frame while the rest passes by once in a while
    Scan,
    /// The heap fills up and empties to a tenth, again and again
    GrowShrink,
    /// An open world: cells come as a camera nears them, are used in its view, and go behind it
    Flight,
}

impl Kind {
    /// Blocks that live at a time at most.
    pub fn blocks_max(self, blocks: u32) -> u64 {
        match self {
            // A disc of cells, of radius 3 or more: 29 at least, and never half as many again as
            // its area, which is about the number of blocks.
            Self::Flight => 2 * u64::from(blocks.max(16)),
            _ => blocks.into(),
        }
    }
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Where the random numbers begin.
    pub seed: u64,
    /// Blocks that live at a time, about.
    pub blocks: u32,
    /// Blocks that a frame adds, uses or removes, about.
    pub per_frame: u32,
    /// The smallest block.
    pub size_min: ByteLen,
    /// The largest.
    pub size_max: ByteLen,
}

/// A program.
trait Program {
    /// One frame, without its end.
    fn frame(&mut self, maker: &mut Maker, sink: &mut Sink<'_>) -> Result<(), Stop>;
}

/// Writes a whole trace.
///
/// # Errors
/// Those of what the sink writes to.
pub fn generate(kind: Kind, shape: &Shape, sink: &mut Sink<'_>) -> std::io::Result<()> {
    let mut maker = Maker::new(shape);
    let mut program: Box<dyn Program> = match kind {
        Kind::Churn => Box::new(churn::Churn::default()),
        Kind::Zipf => Box::new(zipf::Zipf::new(shape)),
        Kind::Loop => Box::new(looped::Loop::default()),
        Kind::Scan => Box::new(scan::Scan::default()),
        Kind::GrowShrink => Box::new(grow_shrink::GrowShrink::default()),
        Kind::Flight => Box::new(flight::Flight::new(shape)),
    };
    loop {
        let frame = program.frame(&mut maker, sink);
        match frame.and_then(|()| sink.end_frame()) {
            Ok(()) => {}
            Err(Stop::Enough) => return sink.close(),
            Err(Stop::Io(error)) => return Err(error),
        }
    }
}
