//! What a pool of render actors records.

use core::fmt;
use core::ops::Range;

use crate::ticket::FrameTicket;

/// A frame's items, and how a run of them is recorded: the caller's side of
/// [`RenderActors::record`](crate::RenderActors::record).
///
/// Whichever actor is free claims the next run of items, so that dear ones are evened out. What an
/// actor records goes into a pass of its own, and each pass leaves a piece. With wgpu a pass is an
/// encoder with its render pass (which gives up the encoder's lifetime by `forget_lifetime`), and
/// the piece a command buffer; or a bundle encoder and a render bundle. Passes do not know which of
/// them is first: clear the picture in commands of your own, and let every pass load it.
///
/// A panic in [`begin`](Self::begin), [`record`](Self::record) or [`end`](Self::end) is caught,
/// and costs the run in which it happened; the pass is dropped, and its other runs are recorded
/// anew. So what these functions do must be fit to be done twice.
pub trait Scene<Buf>: Send + Sync + 'static {
    /// What one actor records into.
    type Pass;
    /// What a pass leaves.
    type Piece: Send + 'static;

    /// How many items there are. Asked once a frame, on the calling thread.
    fn items(&self) -> usize;

    /// Whether pieces have to follow the order of the items. Asked once a frame.
    fn order(&self) -> Order {
        Order::Any
    }

    /// Begins a pass; only an actor that has something to record does. For wgpu this is where
    /// [`InFlight::attach`](crate::InFlight::attach) goes.
    fn begin(&self, ticket: &FrameTicket<Buf>) -> Self::Pass;

    /// Records a run of items, never an empty one. The ticket is the actor's own, of the same
    /// version in all of them.
    fn record(&self, pass: &mut Self::Pass, items: Range<usize>, ticket: &FrameTicket<Buf>);

    /// Ends a pass.
    fn end(&self, pass: Self::Pass, ticket: &FrameTicket<Buf>) -> Self::Piece;
}

/// What the order of pieces says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Nothing: each actor leaves one piece of many short runs.
    #[default]
    Any,
    /// Each run has a pass of its own, and the pieces come in the order of their items: for blended
    /// geometry. Runs are four times as long, so that there are not too many pieces.
    Kept,
}

/// Why items of a frame were not recorded. The frame and the pool are as good as before.
#[non_exhaustive]
pub enum RecordError<Piece> {
    /// The scene panicked.
    Panicked {
        /// What is missing, in the order of items; never empty.
        missing: Vec<Missing>,
        /// All other items, in the order that the scene asks for. Submit them as they are, or
        /// record the missing ones too: on one's own thread, by the scene's functions.
        pieces: Vec<Piece>,
    },
}

/// A run of items that was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which items.
    pub items: Range<usize>,
    /// What the panic said.
    pub message: String,
}

impl<Piece> RecordError<Piece> {
    /// What is missing, in the order of items; never empty.
    pub fn missing(&self) -> &[Missing] {
        let Self::Panicked { missing, .. } = self;
        missing
    }

    /// What was recorded.
    pub fn into_pieces(self) -> Vec<Piece> {
        let Self::Panicked { pieces, .. } = self;
        pieces
    }
}

impl<Piece> fmt::Debug for RecordError<Piece> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Panicked { missing, pieces } = self;
        f.debug_struct("Panicked")
            .field("missing", missing)
            .field("pieces", &pieces.len())
            .finish()
    }
}

impl<Piece> fmt::Display for RecordError<Piece> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, Missing { items, message }) in self.missing().iter().enumerate() {
            let (separator, Range { start, end }) = (if nth == 0 { "" } else { "; " }, items);
            write!(
                f,
                "{separator}recording items {start}..{end} panicked: {message}"
            )?;
        }
        Ok(())
    }
}

impl<Piece> std::error::Error for RecordError<Piece> {}
