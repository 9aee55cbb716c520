//! Immutable versions of a table for many readers, published by one writer that never waits.
//!
//! One thread owns a flat table of slots (say, where each mesh lies in GPU memory) and changes it
//! all the time. Any number of threads look things up in it while they record a frame. Each frame
//! sees one consistent state from its beginning to its end, a lookup is an index into an array, and
//! nobody ever waits for anybody. What the writer stops naming (a range, a buffer) is retired, and
//! comes out again when neither a frame being recorded nor the GPU can still need it.
//!
//! The crate knows nothing of GPUs, threads or time, and has no unsafe code.
//!
//! ```
//! use geoheap_frame_sync::{RingConfig, ring};
//! use std::sync::Arc;
//!
//! // Slots are offsets, extras are names, a version's payload is a list of buffers, and what is
//! // retired is an offset.
//! type Buffers = Vec<&'static str>;
//! let (mut publisher, reader) =
//!     ring::<u64, Arc<str>, Buffers, u64>(RingConfig::default(), Vec::new())?;
//!
//! publisher.set(7, 4096, Some("tree".into()));
//! let first = publisher.publish(Arc::new(vec!["buffer 0"]))?;
//!
//! // A frame begins: it sees the first version until it ends.
//! let ticket = reader.ticket();
//! publisher.set(7, 8192, Some("tree".into()));
//! publisher.retire(4096);
//! publisher.publish(Arc::new(vec!["buffer 0", "buffer 1"]))?;
//! assert_eq!(ticket.version(), first);
//! assert_eq!(ticket.get(7), Some(&4096));
//! assert_eq!(reader.ticket().get(7), Some(&8192));
//! ticket.mark_used(7);
//!
//! // Recording ends; the hold goes with the commands, to be dropped when the GPU is done.
//! let finished = ticket.finish();
//! assert_eq!(finished.usage.iter().collect::<Vec<_>>(), [7]);
//! let mut reusable = Vec::new();
//! publisher.collect(&mut reusable);
//! assert!(reusable.is_empty(), "the old place is still read by the GPU");
//! drop(finished.hold);
//! publisher.collect(&mut reusable);
//! assert_eq!(reusable, [4096]);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Mechanism
//!
//! Two needs are served by two things. The *table* is needed while the CPU records a frame, for
//! milliseconds; the *bytes* that it points to are needed until the GPU has finished, some frames
//! later. So a table is given back early, and only a small **token** (version number and payload)
//! is kept for the second need.
//!
//! The tables form a **replica ring**: K flat arrays, of which one is current, some may be pinned
//! by tickets, and the rest are free. It is the left-right scheme, generalised from two copies with
//! waiting to K copies with skipping. [`Publisher::publish`]
//!
//! 1. takes the free replica that has missed the most. If there is none, it returns
//!    [`PublishError::Stalled`], keeps everything queued, and is called again at the next tick;
//! 2. brings it up to date by replaying the changes of the versions that it missed from a log, or,
//!    where they are more than a quarter of the table (or were dropped from the log for being that
//!    many), by copying the current replica as a whole;
//! 3. applies what is queued, attaches a fresh token with the caller's payload, and swaps the
//!    result in as the next version. The one before goes back into the ring.
//!
//! Each change is thus applied K times in all: the cost of a publish follows the changes and not
//! the table. A replica grows when it is next written to, so that growth is no special event for
//! readers, who keep their version's size.
//!
//! A reader's [`Ticket`] is one counted reference to a replica with its token. [`Ticket::finish`]
//! gives back the replica and keeps the token in a [`Hold`].
//!
//! What the frame used is noted in a flat **bitmap** that belongs to the ticket alone: a load and a
//! store a mark, and a summary of a bit for each word, written with the word's first mark. The
//! bitmap comes with the ticket's first mark from a pool, leaves with the [`Usage`], and returns
//! when that is dropped, cleared by its summary. A loop that looks up and marks many does so
//! through [`Ticket::lookups`].
//!
//! Each version carries a **feed**: of the latest versions, which slots each set
//! ([`Ticket::changed_since`]). It is a list of shared lists, so a publish adds one list and copies
//! some pointers. [`Publisher::waiting`] tells what keeps which version from being reclaimed.
//!
//! **Retirement** goes by version, in two stages. A superseded version is *CPU-free* when no
//! ticket refers to its replica: then the replica is recycled, and the token moves into the
//! history. It is *GPU-free* when nothing but the history refers to the token: then the token and
//! its payload are dropped. Versions pass these stages in any order, but what they retired leaves
//! strictly oldest first: an item that version v + 1 stopped naming comes out when v and every
//! version before v are GPU-free. Versions that went out of use behind an older one leave nothing
//! but their items, which join those that wait for the older one: a frame that never ends keeps
//! its own version and what was retired since, and the history as long as versions are in use.
//! The counts inside `Arc` are the epochs; the writer looks at them
//! in [`Publisher::publish`] and [`Publisher::collect`], readers only ever count down.
//!
//! # The order rules, case by case
//!
//! **R1: a version is published only after the copies that fill its places were submitted on the
//! same queue.** This is the caller's to keep: he submits, then calls `publish`. Then commands
//! recorded from a ticket are submitted after the copies, and a queue works in order.
//!
//! **R2: an item retires only at the publish that stops naming it.** `retire` only queues. The
//! queued items get their place in the history in the same call that swaps in the version without
//! them; a publish that fails leaves them queued, and without a publish nothing comes out.
//!
//! **R3: a retired item is reused only when its version and all older ones are out of use.**
//!
//! 1. *A reader loads the version while the writer swaps it out.* The load either comes before the
//!    swap, then the reader's reference is counted when `swap` returns; or it comes after, then it
//!    yields the newer version. There is no third case, and after the swap a new reference to the
//!    old replica can only come from an existing one (`fork`).
//! 2. *A reader drops its ticket while the writer tests for uniqueness.* Either the test sees the
//!    reference, and the replica stays pinned until a later sweep; or it does not, then the drop's
//!    release and the test's acquire order all of the reader's reads before the writer's next
//!    writes. By (1) a positive answer is final.
//! 3. *A ticket turns into a hold while the writer sweeps.* `finish` clones the token before it
//!    gives back the replica. If the writer sees the replica free, then by the ordering of (2) it
//!    also sees the hold's count on the token. There is no moment in which the version has neither.
//! 4. *A hold is dropped while the writer looks at its token.* As in (2). Nobody can clone a token
//!    that only the history has, so this answer is final, too.
//! 5. *A newer version goes out of use before an older one.* Its payload goes at once, its items
//!    wait: they join the entry of the version before, and only the front of the history leaves.
//!    An item that v + 1 stopped naming may be named by any version up to v, but by none after it;
//!    hence the wait for v and everything before.
//! 6. *A bitmap or a feed outlives its version.* Neither has places in it, only numbers of slots:
//!    what they keep alive is nothing that retires.
//!
//! **R4: the versions that one reader sees never go down.** All versions pass through one atomic
//! place, written by one thread in rising order; loads of one place by one thread never go back,
//! nor do loads on two threads of which one told the other. So a caller who asks each ticket what
//! changed since the one before asks forwards. Asked backwards, a feed answers [`Changes::All`].
//!
//! **R5: after device loss nothing of the old device resolves.** [`Publisher::device_lost`] sets a
//! flag in the token of every version that a ticket can have, the current one included; each
//! lookup reads it. A ticket taken before the next publish finds the current version, which is
//! void already. The next version starts from an empty table, never from a replica of the old
//! epoch, and its feed is empty: asked about a version of the old device it answers
//! [`Changes::All`], as a void ticket does to every question.
//!
//! **Bitmaps change hands without an order of their own.** A bitmap is moved, never shared for
//! writing, from the pool to a ticket to a usage and back. It gets from one thread to another in
//! the pool under its lock, or with the ticket or the usage under whatever sends those. Either way
//! all marks come before the clearing, and the clearing before the next frame's marks. The lock is
//! only ever tried: who finds it taken makes a bitmap, or frees one.
//!
//! # Invariants
//!
//! * **F1** While a ticket lives, its slots, extras and payload do not change. (By type: a replica
//!   is written only while it is owned outside of any `Arc`.)
//! * **F2** Each of the K replicas is exactly one of current, superseded, free; superseded ones are
//!   older than the current one. The table of a replica equals the state of its version.
//! * **F3** The log holds, without a hole, the changes from its floor to the current version. A
//!   replica older than the floor, or of another device, is copied and never replayed.
//! * **F4** The history has one entry for each superseded version in use, which stands for the
//!   versions up to the next entry's, too; there are no holes. A version only goes from pinned to
//!   in flight to free. Items leave only at the front, when the oldest version in use is free.
//! * **F5** A version of a lost device resolves nothing, is not in the history, and its replica
//!   cannot stall a publish.
//! * **F6** While the publisher lives and the device is not lost, no reader drops the last
//!   reference to a table or a payload: a reader's drop is a decrement, and the clearing of what it
//!   marked.
//! * **F7** No call waits. A publish that fails changes nothing that was queued or is visible.
//! * **F8** Each bitmap is in the pool, a ticket's, or a usage's. In the pool it is empty; a
//!   ticket's covers its version; a usage's has exactly the marks that were made.
//! * **F9** The feed of a version names, for each version of its window, exactly the slots that
//!   this one set. A window is without holes, ends with its own version, and holds at most
//!   [`RingConfig::feed_versions`] versions of one device and a quarter as many indices as slots.
//!
//! # Trade-offs
//!
//! * Memory is K times the table (K = 4, 1 Mi slots of 32 bytes: 128 MiB). Where versions must be
//!   kept for long, pages that are copied on write serve better than whole replicas.
//! * Writes cost K times; in exchange lookups are those of a flat array.
//! * A version becomes visible late if tickets pin all replicas. K - 2 superseded versions can be
//!   pinned at a time without that ever happening.
//! * A hold that is never dropped keeps every later retired item waiting, also those that its
//!   version never named, while publishing goes on: [`Publisher::waiting`] names the version and
//!   the items. The alternative, to guess that it is done, would hand out memory that the GPU still
//!   reads; to remember since when each item is named would cost all for the sake of an error.
//! * Free replicas keep *extras* alive until they are next written to, up to K - 1 publishes
//!   longer than needed: let no GPU memory hang on an extra. Payloads are not delayed so.
//! * Extras take room for each slot up to the highest one that ever had one. A changed extra is
//!   cloned and dropped K times, which for counted references costs several cache misses each:
//!   use [`Publisher::set_slot`] where only the slot changes, or an extra that is plain data.
//! * Asking at each lookup whether the device was lost costs about a tenth of a lookup that misses
//!   the cache; [`Ticket::slots`] asks once for a whole loop.
//! * Lookups beyond the cache overlap until the processor's window is full of their instructions,
//!   so each further one costs: measured at 1 Mi random slots, `get` is 1.1 times an access to a
//!   flat slice, with marks 1.3 times through [`Ticket::lookups`] and 1.8 times through
//!   [`Ticket::get_marked`].
//! * Give a slot of 32 bytes an alignment of 32: large arrays begin 16 bytes into a page, and half
//!   of the slots would lie across two cache lines.
//! * A bitmap is 16 KiB for each 128 Ki slots; up to 32 wait in the pool, and none is given back to
//!   the system before the ring goes.
//! * The feed costs a publish about 8 ns a change, for sorting; `feed_versions: 0` saves it.
//! * The first changes after a doubling of the table pay for the larger arrays; with K replicas
//!   that is spread over K publishes.

#![forbid(unsafe_code)]

mod bitmap;
mod config;
mod error;
mod feed;
mod log;
#[cfg(any(geoheap_loom, feature = "planted-bugs"))]
#[doc(hidden)]
pub mod planted;
mod primitive;
mod published;
mod retire;
mod ring;
mod table;
mod ticket;
mod token;
mod usage;
mod version;

pub use config::{RingConfig, RingFigures};
pub use error::{PublishError, RingError};
pub use feed::{ChangedSlots, Changes};
pub use retire::{VersionStage, Waiting};
pub use ring::{Publisher, ring};
pub use ticket::{Finished, Lookups, Reader, Ticket};
pub use token::Hold;
pub use usage::Usage;
pub use version::{DeviceEpoch, Version};
