//! Who holds a ticket: a board of seats that tickets take without a lock, and that a report reads.
//!
//! A ticket that is never given back keeps memory from being reused, so a report must be able to
//! name it. Each ticket takes a seat for its life: one compare-and-swap on a place that hardly
//! anybody else is at, since the seats are tried from the ticket's own number on. With all seats
//! taken a ticket works as ever, and is only counted.

use std::fmt;
use std::sync::Arc;

use geoheap_frame_sync::Version;

use crate::actor::mailbox::{Mailbox, Note, Outcome};
use crate::report::TicketHolder;
use crate::sync::{AtomicU64, Mutex, Ordering, PoisonError, fence, next_number, panicking};

/// Tickets that can be named at one time.
const SEATS: usize = 64;
/// Nobody sits there.
const FREE: u64 = 0;
/// Somebody is sitting down.
const TAKEN: u64 = u64::MAX;
/// Bit of a source's number that tells a fork.
const FORK: u64 = 1 << 32;

/// Tells one heap from another: places, handles and versions of two have the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeapId(u32);

impl HeapId {
    /// Another than all before.
    fn next() -> Self {
        Self(next_number())
    }

    pub(crate) fn get(self) -> u32 {
        self.0
    }
}

/// One seat; a cache line of its own, so that threads do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Seat {
    frame: AtomicU64,
    version: AtomicU64,
    source: AtomicU64,
}

/// The seats, and the names of those who send tickets.
#[derive(Debug)]
pub(crate) struct Board {
    heap: HeapId,
    seats: Box<[Seat]>,
    standing: AtomicU64,
    next: AtomicU64,
    frames: AtomicU64,
    names: Mutex<Vec<Arc<str>>>,
}

/// Who begins frames, as a number on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceId(u32);

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            heap: HeapId::next(),
            seats: std::iter::repeat_with(Seat::default).take(SEATS).collect(),
            standing: AtomicU64::new(0),
            next: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            names: Mutex::default(),
        }
    }

    /// Whose board it is.
    pub(crate) fn heap(&self) -> HeapId {
        self.heap
    }

    /// Registers a name; names that are equal share a number.
    pub(crate) fn name(&self, name: &str) -> SourceId {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.iter().position(|known| &**known == name);
        let at = known.unwrap_or_else(|| {
            names.push(name.into());
            names.len() - 1
        });
        SourceId(u32::try_from(at).expect("names of sources are few"))
    }

    /// Number of a new frame, from 1 on.
    pub(crate) fn next_frame(&self) -> u64 {
        self.frames.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Frames begun so far.
    pub(crate) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Takes a seat; `None` if those that were tried are taken.
    fn sit(&self, who: &Who) -> Option<usize> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let first = usize::try_from(first % SEATS as u64).unwrap_or(0);
        let found = (first..first + SEATS).map(|at| at % SEATS).find(|at| {
            let frame = &self.seats[*at].frame;
            // Only who changes FREE to TAKEN may write the rest of the seat.
            let taken = frame.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed);
            taken.is_ok()
        });
        let Some(at) = found else {
            self.standing.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let seat = &self.seats[at];
        seat.version.store(who.version.get(), Ordering::Relaxed);
        let fork = if who.is_fork { FORK } else { 0 };
        let source = u64::from(who.source.0) | fork;
        seat.source.store(source, Ordering::Relaxed);
        seat.frame.store(who.frame, Ordering::Release);
        Some(at)
    }

    fn stand_up(&self, seat: Option<usize>) {
        match seat {
            Some(at) => self.seats[at].frame.store(FREE, Ordering::Release),
            None => {
                self.standing.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Who holds tickets now, by frame; those without a seat are not among them. A ticket that is
    /// taken or given back meanwhile may be in the list or not.
    pub(crate) fn holders(&self) -> Vec<TicketHolder> {
        let mut found = Vec::new();
        for seat in &self.seats {
            let frame = seat.frame.load(Ordering::Acquire);
            if frame == FREE || frame == TAKEN {
                continue;
            }
            let version = seat.version.load(Ordering::Relaxed);
            let source = seat.source.load(Ordering::Relaxed);
            // Somebody else may have sat down in between.
            fence(Ordering::Acquire);
            if seat.frame.load(Ordering::Relaxed) == frame {
                found.push((frame, version, source));
            }
        }
        found.sort_unstable();
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |source: u64| {
            let at = usize::try_from(source & (FORK - 1)).ok();
            at.and_then(|at| names.get(at)).cloned().unwrap_or_default()
        };
        let holders = found
            .into_iter()
            .map(|(frame, version, source)| TicketHolder {
                frame,
                version: Version::new(version),
                source: name(source),
                is_fork: source & FORK != 0,
            });
        holders.collect()
    }

    /// Tickets that hold no seat.
    pub(crate) fn standing(&self) -> u64 {
        self.standing.load(Ordering::Relaxed)
    }
}

/// What a seat tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    pub(crate) frame: u64,
    pub(crate) version: Version,
    pub(crate) source: SourceId,
    pub(crate) is_fork: bool,
}

/// What all tickets share; one counted reference for each of them.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) board: Arc<Board>,
    pub(crate) mailbox: Mailbox,
}

/// A ticket's life as the report sees it: it ends when the ticket is finished, dropped, or lost in
/// a panic, and which of these it was reaches the geometry actor.
pub(crate) struct Presence {
    desk: Arc<Desk>,
    who: Who,
    seat: Option<usize>,
    is_over: bool,
}

impl Presence {
    pub(crate) fn begin(desk: &Arc<Desk>, who: Who) -> Self {
        Self {
            seat: desk.board.sit(&who),
            desk: Arc::clone(desk),
            who,
            is_over: false,
        }
    }

    /// A further ticket of the same frame.
    pub(crate) fn fork(&self) -> Self {
        let who = Who {
            is_fork: true,
            ..self.who
        };
        Self::begin(&self.desk, who)
    }

    pub(crate) fn frame(&self) -> u64 {
        self.who.frame
    }

    pub(crate) fn heap(&self) -> HeapId {
        self.desk.board.heap()
    }

    /// Ends it with the note of what the frame used. Called when the ticket's table is given back.
    pub(crate) fn finish(mut self, note: impl FnOnce(u64, bool) -> Note) {
        self.is_over = true;
        let (frame, ends_frame) = (self.who.frame, !self.who.is_fork);
        self.desk.mailbox.note(note(frame, ends_frame));
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.desk.board.stand_up(self.seat);
        if self.is_over {
            return;
        }
        let outcome = if panicking() {
            Outcome::Panicked
        } else {
            Outcome::Dropped
        };
        self.desk
            .mailbox
            .note(Note::unfinished(self.who.frame, outcome));
    }
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence")
            .field("who", &self.who)
            .field("seat", &self.seat)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(frame: u64, source: SourceId) -> Who {
        Who {
            frame,
            version: Version::new(frame + 10),
            source,
            is_fork: false,
        }
    }

    #[test]
    fn seats_name_who_sits_and_count_who_stands() {
        let board = Board::new();
        let (main, shadow) = (board.name("main"), board.name("shadow"));
        assert_eq!(board.name("main"), main, "a name has one number");
        let seats: Vec<_> = (1..=SEATS as u64)
            .map(|frame| board.sit(&who(frame, main)))
            .collect();
        assert!(seats.iter().all(Option::is_some), "there are {SEATS}");
        assert_eq!(board.sit(&who(99, shadow)), None, "all are taken");
        assert_eq!(board.standing(), 1);
        board.stand_up(None);
        board.stand_up(seats[3]);
        assert_eq!(board.standing(), 0);
        let left: Vec<_> = board.holders().iter().map(|holder| holder.frame).collect();
        assert_eq!(left.len(), SEATS - 1);
        assert!(!left.contains(&4), "frame 4 stood up");

        assert_eq!(board.sit(&who(99, shadow)), seats[3], "the only free seat");
        let last = board.holders().pop().expect("somebody sits");
        assert_eq!((last.frame, &*last.source), (99, "shadow"));
        assert_eq!(last.version, Version::new(109));
    }
}
