//! One plan: which of the ways to get on it takes, under its caps.

use geoheap_suballoc::{ByteLen, ByteOffset};

use crate::board::Board;
use crate::error::LayoutError;
use crate::evacuate::{self, Found};
use crate::gaps;
use crate::layout::{Layout, RangeView};
use crate::plan::{Forecast, Move, Plan, Stopped};
use crate::receivers::Receivers;
use crate::room;
use crate::source::Source;
use crate::steps::Steps;
use crate::triggers::Reason;

/// How much one plan may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes to copy; what goes through a bounce buffer is copied twice. Default 4 MiB.
    pub bytes: ByteLen,
    /// Ranges to move. Default 128.
    pub moves: u32,
    /// Planning steps: ranges read (three for each of the victim), places tried and taken back,
    /// searches in vain, and each 16 chunks that a search passes over. What has begun is finished,
    /// so that a plan may exceed this by one chunk read and the places of a few ranges. Reading
    /// and sorting the sums of the chunks is not counted. Default 8 192.
    pub steps: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            bytes: ByteLen::from_mib(4),
            moves: 128,
            steps: 8_192,
        }
    }
}

/// What a plan is for, and what it may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Why a plan is wanted.
    pub reason: Reason,
    /// The highest price: bytes to move for a chunk, as a fraction of its capacity; for room, as a
    /// fraction of that. Default 0.75.
    pub price_max_fraction: f64,
    /// The unit of the chunks' spaces: places start at multiples of it. Default 16 bytes.
    pub unit: ByteLen,
    /// Bytes that had better leave the heap than move: up to so many of the victim's cold ones are
    /// evicted. Default 0.
    pub evict: ByteLen,
    /// Bytes of a bounce buffer, through which a range may move inside its chunk where no other
    /// has room. Default 0: there is none.
    pub bounce: ByteLen,
}

impl Goal {
    /// The default price and unit, no eviction, no bounce buffer.
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            price_max_fraction: 0.75,
            unit: ByteLen::new(16),
            evict: ByteLen::ZERO,
            bounce: ByteLen::ZERO,
        }
    }
}

/// Plans for chunks whose ranges are all known: [`plan_from`] for a heap that is checked as a
/// whole.
///
/// # Errors
/// [`LayoutError`] if the layout contradicts itself.
pub fn plan(
    layout: &Layout,
    caps: &Caps,
    goal: &Goal,
    continue_victim: Option<u32>,
) -> Result<Plan, LayoutError> {
    layout.check(goal.unit)?;
    plan_from(layout, caps, goal, continue_victim)
}

/// Plans what [`Goal::reason`] asks for, and for as much as the caps allow.
///
/// - [`Reason::AllocFailed`]: room of that length, cleared where the fewest bytes have to move. If
///   there is none at the price, a chunk is emptied as for the other reasons.
/// - [`Reason::BlockGaps`]: the ranges with gaps in that chunk, to places where their caller lays
///   them out anew.
/// - Otherwise a chunk is emptied. The victim is `continue_victim` if that can still be emptied,
///   else the evacuable chunk with the fewest live bytes (then the smallest id) that has no fixed
///   range, is within the price, and whose ranges all fit elsewhere. Places are tried by best fit
///   in the densest chunk that has room, for the smallest range first, and if so they do not all
///   fit for the longest first. The moves are listed in that order, up to the caps; what is left
///   is for the next plan, which is given this one's victim. Moves lead into chunks that are at
///   least as dense as the victim; into others only if this plan finishes its victim.
///
/// If [`Caps::steps`] are used up while places are searched, the plan moves what has one by then.
/// If none was found, it has no victim.
///
/// A range longer than [`Caps::bytes`] is moved when its turn has come: alone in a plan, which
/// says so.
///
/// # Errors
/// [`LayoutError`] if what was read contradicts itself.
pub fn plan_from(
    source: &dyn Source,
    caps: &Caps,
    goal: &Goal,
    continue_victim: Option<u32>,
) -> Result<Plan, LayoutError> {
    let board = Board::read(source, goal.unit)?;
    let steps = Steps {
        taken: 0,
        max: caps.steps,
    };
    let mut search = Search {
        receivers: Receivers::new(&board),
        board: &board,
        caps,
        goal,
        steps,
    };
    let found = match goal.reason {
        Reason::AllocFailed { requested, align } => room::plan(&mut search, requested, align)?,
        Reason::BlockGaps { chunk, .. } => Some(gaps::plan(&mut search, chunk)?),
        _ => None,
    };
    if let Some(plan) = found {
        return Ok(plan);
    }
    match evacuate::plan(&mut search, continue_victim)? {
        Found::Plan(plan) => Ok(plan),
        Found::Nothing(stopped) => Ok(search.without_moves(stopped)),
    }
}

/// What all ways of planning share.
pub(crate) struct Search<'a> {
    pub(crate) board: &'a Board<'a>,
    pub(crate) receivers: Receivers<'a>,
    pub(crate) caps: &'a Caps,
    pub(crate) goal: &'a Goal,
    pub(crate) steps: Steps,
}

impl Search<'_> {
    /// The move of a range to a place.
    pub(crate) fn to_move(&self, from: usize, range: &RangeView, to: (usize, ByteOffset)) -> Move {
        Move {
            key: range.key,
            from_chunk: self.board.chunks[from].id,
            from: range.range,
            to_chunk: self.board.chunks[to.0].id,
            to: to.1,
            closes_gaps: range.has_gaps,
        }
    }

    /// A plan that moves nothing.
    pub(crate) fn without_moves(&self, stopped: Stopped) -> Plan {
        let free_fraction = self.board.free_fraction(None, ByteLen::ZERO);
        Plan {
            reason: self.goal.reason,
            victim: None,
            room: None,
            evictions: Vec::new(),
            moves: Vec::new(),
            later: Vec::new(),
            is_oversized: false,
            forecast: Forecast {
                is_proven: true,
                free_fraction_before: free_fraction,
                free_fraction_after: free_fraction,
                ..Forecast::default()
            },
            steps: self.steps.taken,
            stopped,
        }
    }

    /// A plan of as many of `moves` as the caps allow, in their order.
    pub(crate) fn with_moves(&self, moves: impl Iterator<Item = Move>) -> Plan {
        let mut plan = self.without_moves(Stopped::Done);
        let moves_max = usize::try_from(self.caps.moves).unwrap_or(usize::MAX);
        let (mut copied, mut moved, mut left) = (ByteLen::ZERO, ByteLen::ZERO, ByteLen::ZERO);
        for one in moves {
            let len = one.from.len;
            let cost = if one.is_bounced() {
                len.saturating_add(len)
            } else {
                len
            };
            let sum = copied.saturating_add(cost);
            let is_over = sum > self.caps.bytes;
            let may_exceed = plan.moves.is_empty() && left.is_zero() && !self.caps.bytes.is_zero();
            let is_taken = (!is_over || may_exceed)
                && plan.moves.len() < moves_max
                && left.is_zero()
                && !plan.is_oversized;
            if !is_taken {
                left = left.saturating_add(len);
                plan.later.push(one);
                continue;
            }
            plan.is_oversized = is_over;
            copied = sum;
            moved = moved.saturating_add(len);
            plan.moves.push(one);
        }
        plan.forecast.bytes_moved = moved;
        plan.forecast.bytes_left = left;
        if !left.is_zero() {
            plan.stopped = Stopped::Caps;
        }
        plan
    }
}
