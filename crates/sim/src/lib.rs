//! A machine that tries to break geoheap.
//!
//! One seed decides a whole run: the engine's settings, what clients ask for, when render actors
//! take tickets and what they do with them, when the device executes which command, and what goes
//! wrong. The engine runs as it is, through its public interface, driven by its caller; only the
//! device beneath it and the threads around it are played. A checker that knows nothing but what
//! was asked, answered and read says whether anything was seen that must not be.
//!
//! ```
//! use geoheap_sim::{Options, run};
//!
//! let outcome = run(&Options::new(7, 60));
//! assert!(outcome.finding.is_none(), "{outcome}");
//! assert_eq!(outcome.hash, run(&Options::new(7, 60)).hash, "one seed, one run");
//! ```
//!
//! # How it works
//!
//! A tick of a run is a handful of actions in an order that the seed draws, then one tick of the
//! engine, then the checks. An action is a client's request, a step of a frame, or a step of the
//! device. A frame's ticket is taken, looked at again, forked, dropped, or taken along by a panic;
//! its commands are submitted, kept for long, or given up. The device executes some of the commands
//! that wait in its queue, and tells some of what it has executed. Frames also begin inside a tick,
//! between two calls of the engine into the device, as they do where render threads run beside it.
//!
//! Contents are stamps: each word of all contents of a run is another number, so that a read tells
//! of each word whose it is, which contents, and which place in them. Ranges that the engine gives
//! up are filled with poison as soon as its own commands can no longer read them.
//!
//! Faults come in classes ([`FaultClass`]). In a swarm (Groce and others, "Swarm testing", 2012)
//! each is on in half of the seeds, and how often it strikes is drawn too: some runs are full of
//! one fault, others get deep without it. When the ticks are over all faults stop, and then
//! everything has to come right.
//!
//! A run that fails is made smaller ([`shrink`]), and ends with its last events and the heap as it
//! was, for `geoheap-inspect` to look into.
//!
//! | module | what it does |
//! |---|---|
//! | `options`, `fault`, `setting` | what a run is told, and what its seed draws from that |
//! | `random` | the one source of chance |
//! | `gpu` | the virtual GPU and wgpu's noop device, and a backend around them that fails |
//! | `disk` | a file for retained copies, in memory, that fails |
//! | `contents` | stamps |
//! | `oracle` | what must be true of each block, from what was asked and answered alone |
//! | `heap_check` | what must be true of the heap as a whole |
//! | `world` | actors, schedule, faults, and the calm end |
//! | `timeline` | what happened, in words and as one number |
//! | `outcome`, `shrink` | one run from start to end; a smaller one that fails as well |
//!
//! # What is checked
//!
//! - **C1** Every read that the device executes sees the contents of its handle: whole, the same
//!   for all reads of one version, never older than what an older version showed or an answer
//!   promised. Where a callback gives contents ahead of the requests that tell of them, only the
//!   promises count.
//! - **C2** Ranges never overlap, lie where their kinds may lie, and with what is free add up to
//!   each chunk's capacity.
//! - **C3** A handle of a block that is gone resolves to nothing, one that lives is not stale, and
//!   no handle is given out twice.
//! - **C4** A ticket says the same for as long as it is held, and versions do not fall.
//! - **C5** Nothing is free that a frame under way names; with no frames nothing stays retired.
//! - **C6** The budget holds, by the engine's books and by the device's; pinned and long-lived
//!   blocks stay where they are; a working set beyond the budget is told. Retained copies keep to
//!   the budget of system memory once nobody brings others.
//! - **C7** A tick moves no more than its caps, and no block is hidden.
//! - **C8** At the end each block has the contents that it was given last. Copies in a file are
//!   written and read, unless the disk fails.
//! - **C9** Everybody is answered, and who is told that there is no room is told the truth; what
//!   frames miss comes back, and nothing is left when all is removed.
//! - **C10** A seed gives the same run, to the last event, in every build.
//! - **C11** Bad input is refused, good input is not, and what is refused comes back whole.
//! - **C12** Nothing of a lost device resolves; what has a source is not lost with it, and comes
//!   back unasked if it was resident, as many blocks as the engine says. A device that does not fit
//!   is refused, and nothing changes.
//! - **C13** The device never refuses what the engine asks, but where it was told to fail.
//!
//! # Trade-offs
//!
//! - The oracle does not know in which tick the engine carries a request out, so it checks that
//!   contents never go back and are no older than what was promised, not that they are the newest.
//! - Where an update was refused and nobody can tell which of several, the oracle excuses as many
//!   as were refused, until whole new contents were surely taken.
//! - Threads are not explored here: which of two threads comes first between two instructions is
//!   the business of the suites that explore schedules. Here whole calls are ordered.
//! - The order in which blocks are evicted is not judged, only who may not be.
#![forbid(unsafe_code)]

mod contents;
mod disk;
mod fault;
mod finding;
mod gpu;
mod heap_check;
mod options;
mod oracle;
mod outcome;
mod random;
mod setting;
mod shrink;
mod timeline;
mod world;

pub use fault::FaultClass;
pub use finding::{Check, Finding};
#[cfg(feature = "planted-bugs")]
pub use geoheap::planted;
pub use options::{Faults, GpuKind, Options};
pub use outcome::{Outcome, engine, run};
pub use shrink::{Shrunk, shrink};
