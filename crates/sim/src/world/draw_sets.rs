//! Draw sets: the records that the GPU reads of a version draw what that version shows, and nothing
//! else (R1, R2).

use geoheap::{
    ChunkId, DrawSetError, DrawSetId, FrameTicket, Handle, IndexFormat, Lookup, SetDraw,
};

use super::World;
use crate::contents::word_at;
use crate::finding::{Check, Verdict, ensure};
use crate::gpu::{Gpu, ReadRange};
use crate::timeline::{Actor, NONE};

/// Draw sets at a time.
const SETS_MAX: usize = 3;
/// Draws of one set at most.
const DRAWS_MAX: u64 = 24;
/// Lists of a set that versions may still show.
const LISTS_KEPT: usize = 64;
/// Bytes of a record with and without indices, as WebGPU has them.
const INDEXED: u64 = 20;
const PLAIN: u64 = 16;

/// A set, and the lists of draws that it was given, the newest last.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    id: DrawSetId,
    lists: Vec<Vec<SetDraw>>,
}

impl Set {
    pub(super) fn id(&self) -> DrawSetId {
        self.id
    }
}

/// Which records a group may have.
type Allowed = (ChunkId, Option<IndexFormat>, [u32; 5]);

/// A group of records as a ticket shows it.
#[derive(Clone, Debug)]
pub(super) struct GroupSight<Buf> {
    pub(super) read: ReadRange<Buf>,
    set: DrawSetId,
    chunk: ChunkId,
    format: Option<IndexFormat>,
    allowed: Vec<Allowed>,
}

impl<G: Gpu> World<G> {
    /// A client gives a set other draws, makes one, or removes one.
    pub(super) fn change_draw_set(&mut self, client: u32) -> Verdict {
        let count = self.sets.len();
        let draws = self.some_draws();
        let figures = [("draws", draws.len() as u64), NONE];
        if count < SETS_MAX && self.chances.client.chance(400) {
            self.timeline
                .note(Actor::Client(client), "add draw set", None, figures);
            let made = self.client.add_draw_set(draws.clone());
            return Self::judge_set(made.as_ref().err()).map(|()| {
                let lists = vec![draws];
                self.sets.extend(made.ok().map(|id| Set { id, lists }));
            });
        }
        let Some(at) = self.chances.client.index(count) else {
            return Ok(());
        };
        let id = self.sets[at].id;
        if self.chances.client.chance(100) {
            self.timeline
                .note(Actor::Client(client), "remove draw set", None, [NONE, NONE]);
            let removed = self.client.remove_draw_set(id);
            if removed.is_ok() {
                self.sets.remove(at);
            }
            return Self::judge_set(removed.err().as_ref());
        }
        self.timeline
            .note(Actor::Client(client), "set draws", None, figures);
        let sent = self.client.set_draws(id, draws.clone());
        if sent.is_ok() {
            let lists = &mut self.sets[at].lists;
            lists.push(draws);
            if lists.len() > LISTS_KEPT {
                lists.remove(0);
            }
        }
        Self::judge_set(sent.err().as_ref())
    }

    fn judge_set(error: Option<&DrawSetError>) -> Verdict {
        let is_expected = matches!(
            error,
            None | Some(DrawSetError::Send(_) | DrawSetError::TooMany { .. })
        );
        ensure(is_expected, Check::Refusals, || {
            let why = error.map_or_else(String::new, ToString::to_string);
            format!("R11: a draw set was refused: {why}")
        })
    }

    fn some_draws(&mut self) -> Vec<SetDraw> {
        let count = self.chances.client.between(0, DRAWS_MAX);
        // Not every device can begin elsewhere than at the first instance.
        let firsts = if self.manager.limits().indirect_first_instance {
            100
        } else {
            1
        };
        let mut draws = Vec::new();
        for _ in 0..count {
            if let Some(block) = self.some_block() {
                let first = u32::try_from(self.chances.client.below(firsts)).expect("below 100");
                draws.push(SetDraw {
                    handle: self.handle_of(block),
                    instances: first..first + 2,
                });
            }
        }
        draws
    }

    /// What a ticket shows of all sets.
    pub(super) fn look_at_sets(
        &self,
        ticket: &FrameTicket<G::Buffer>,
    ) -> Vec<GroupSight<G::Buffer>> {
        let mut sights = Vec::new();
        for set in &self.sets {
            let Some(view) = ticket.draw_set(set.id) else {
                continue;
            };
            let Some(buffer) = view.records() else {
                continue;
            };
            let mut allowed: Vec<Allowed> = Vec::new();
            for draw in set.lists.iter().flatten() {
                allowed.extend(record_of(ticket, draw.handle, &draw.instances));
            }
            for group in view.groups() {
                let bytes = if group.index_format.is_some() {
                    INDEXED
                } else {
                    PLAIN
                };
                let end = group.offset_bytes + bytes * u64::from(group.count);
                sights.push(GroupSight {
                    read: ReadRange {
                        buffer: buffer.clone(),
                        range: group.offset_bytes..end,
                    },
                    set: set.id,
                    chunk: group.chunk,
                    format: group.index_format,
                    allowed: allowed.clone(),
                });
            }
        }
        sights
    }
}

/// The record that draws a block, if it is resident and can be drawn.
fn record_of<Buf>(
    ticket: &FrameTicket<Buf>,
    handle: Handle,
    instances: &core::ops::Range<u32>,
) -> Option<Allowed> {
    let Lookup::Resident(view) = ticket.get(handle) else {
        return None;
    };
    let draw = view.draw()?;
    let (first, count) = (instances.start, instances.end - instances.start);
    let record = match draw.index_format {
        Some(_) => [
            draw.count,
            count,
            draw.first,
            draw.base_vertex.cast_unsigned(),
            first,
        ],
        None => [draw.count, count, draw.first, first, 0],
    };
    Some((view.chunk(), draw.index_format, record))
}

impl<Buf> GroupSight<Buf> {
    /// Each record draws a block that the version shows, where it shows it.
    pub(super) fn check(&self, bytes: &[u8]) -> Verdict {
        let len = if self.format.is_some() {
            INDEXED
        } else {
            PLAIN
        };
        for record in bytes.chunks(usize::try_from(len).expect("a small number")) {
            let mut words = [0; 5];
            for (nth, word) in words.iter_mut().enumerate().take(record.len() / 4) {
                *word = word_at(record, nth * 4);
            }
            let is_allowed = self.allowed.contains(&(self.chunk, self.format, words));
            ensure(is_allowed, Check::Bytes, || {
                format!(
                    "{} has a record {words:?} that draws no block of it",
                    self.set
                )
            })?;
        }
        Ok(())
    }
}
