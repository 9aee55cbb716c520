//! What clients ask for and wait for.

use geoheap::{ByteLen, OutsideLease, PartId, Pending, ReadBack, StagedWrite, Version};

use super::World;
use crate::finding::Verdict;
use crate::gpu::Gpu;
use crate::oracle::Life;
use crate::timeline::{Actor, NONE};

/// A change of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartAsk {
    Add,
    Update,
}

/// A request whose answer says no more than that it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Pin,
    Resident,
    Compact,
    Trim,
    Budget,
}

/// What a piece of staging is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Add,
    Update(u32),
    /// It has no bytes, so that it is refused.
    Nothing,
}

/// What was published when a flush was sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Block, part, its last contents.
    pub(super) contents: Vec<(u32, usize, usize)>,
    pub(super) leaving: Vec<u32>,
    pub(super) order: u64,
}

/// An answer to come.
#[derive(Debug)]
pub(super) enum Answer {
    Part {
        block: u32,
        at: usize,
        nth: usize,
        ask: PartAsk,
        pending: Pending<PartId>,
    },
    PartGone {
        block: u32,
        at: usize,
        pending: Pending<()>,
    },
    Done {
        what: Expected,
        block: Option<u32>,
        pending: Pending<()>,
    },
    Flush {
        sent: Sent,
        pending: Pending<Version>,
    },
    Read {
        block: u32,
        /// The contents of each part when it was asked for.
        asked: Vec<(usize, usize)>,
        pending: Pending<ReadBack>,
    },
    Staged {
        purpose: Purpose,
        pending: Pending<StagedWrite>,
    },
    Outside {
        bytes: ByteLen,
        pending: Pending<OutsideLease>,
    },
}

/// A caller who waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(super) answer: Answer,
    /// The tick in which he asked.
    pub(super) since: u64,
}

impl Waiting {
    pub(super) fn new(answer: Answer) -> Self {
        Self { answer, since: 0 }
    }
}

impl<G: Gpu> World<G> {
    pub(super) fn wait(&mut self, mut waiting: Waiting) {
        waiting.since = self.timeline.tick();
        self.waiting.push(waiting);
    }

    pub(super) fn ask_done(&mut self, what: Expected, block: Option<u32>) -> Verdict {
        let handle = block.map(|block| self.handle_of(block));
        let named = || handle.expect("requests about a block name it");
        let (word, sent) = match what {
            Expected::Pin => ("pin", self.client.pin(named())),
            Expected::Resident => ("wait for", self.client.resident(named())),
            Expected::Compact => ("compact", self.client.compact_now()),
            Expected::Trim => ("trim", self.client.trim()),
            Expected::Budget => unreachable!("budgets are a fault of their own"),
        };
        self.timeline
            .note(Actor::Client(0), word, block, [NONE, NONE]);
        let sent = sent.map(|pending| {
            if what == Expected::Pin {
                let order = self.next_order();
                let block = block.expect("a pin names its block");
                self.oracle.block_mut(block).touch(order);
            }
            self.wait(Waiting::new(Answer::Done {
                what,
                block,
                pending,
            }));
        });
        Self::judge_send(&sent)
    }

    pub(super) fn flush(&mut self) -> Verdict {
        let mut sent = Sent {
            order: self.next_order(),
            ..Sent::default()
        };
        for block in self.oracle.alive() {
            let model = self.oracle.block(*block);
            for at in model.present() {
                let nth = model.parts[at].given_count() - 1;
                sent.contents.push((*block, at, nth));
            }
        }
        let gone = self.oracle.gone().iter().copied();
        sent.leaving = gone
            .filter(|block| self.oracle.block(*block).life == Life::Leaving)
            .collect();
        self.timeline
            .note(Actor::Client(0), "flush", None, [NONE, NONE]);
        let asked = self.client.flush().map(|pending| {
            self.wait(Waiting::new(Answer::Flush { sent, pending }));
        });
        Self::judge_send(&asked)
    }

    pub(super) fn read_back(&mut self, block: u32) -> Verdict {
        self.timeline
            .note(Actor::Client(0), "read back", Some(block), [NONE, NONE]);
        let model = self.oracle.block(block);
        let newest = |at: usize| (at, model.parts[at].given_count() - 1);
        let asked = model.present().into_iter().map(newest).collect();
        let sent = self.client.read_back(self.handle_of(block)).map(|pending| {
            self.wait(Waiting::new(Answer::Read {
                block,
                asked,
                pending,
            }));
        });
        Self::judge_send(&sent)
    }
}
