//! Every call of a client, with arguments that are mostly right.

use std::time::Duration;

use geoheap::{
    AddError, Batch, ByteLen, Handle, Lifetime, PartData, PartId, RequestError, SetDraw,
};

use super::book::{Change, Write};
use super::making::{judge_add, len_of, payloads};
use super::world::{Answer, KIB, World};
use crate::bytes::Bytes;

impl World {
    /// The operation of a byte.
    pub(super) fn call(&mut self, op: u8, bytes: &mut Bytes<'_>) {
        match op % 32 {
            0..=2 => self.add(bytes),
            3 => self.batch(bytes),
            4 | 5 => self.update(bytes, false),
            6 => self.update(bytes, true),
            7 => self.update_staged(bytes),
            8 | 9 => self.remove(bytes),
            10 => self.share(bytes),
            11 => self.add_part(bytes),
            12 => self.update_part(bytes),
            13 => self.remove_part(bytes),
            14 => self.settings(bytes),
            15 => {
                let handle = self.handle(bytes);
                let sent = self.client.pin(handle);
                self.ask("pin", Some(handle), sent, Answer::Done);
            }
            16 => {
                let handle = self.handle(bytes);
                let sent = self.client.unpin(handle);
                self.tally.count_in("unpin", sent.is_ok());
            }
            17 => {
                let handle = self.handle(bytes);
                let sent = self.client.resident(handle);
                self.ask("resident", Some(handle), sent, Answer::Done);
            }
            18 => {
                let handle = self.handle(bytes);
                let sent = self.client.evict(handle);
                self.tally.count_in("evict", sent.is_ok());
            }
            19 => {
                let handle = self.handle(bytes);
                let sent = self.client.read_back(handle);
                self.ask("read_back", Some(handle), sent, Answer::Read);
            }
            20 => self.set_budget(bytes),
            21 => self.whole_heap(bytes),
            22 => self.stage(bytes),
            23 => self.draw_set(bytes),
            24 | 25 => self.frame(bytes),
            26 => self.hold(bytes),
            27 => self.give_back(bytes),
            28 => self.fault(bytes),
            29 => {
                let handle = self.handle(bytes);
                let sent = self.client.prefetch(handle);
                self.tally.count_in("prefetch", sent.is_ok());
            }
            _ => {
                let count = usize::from(bytes.byte() % 16) + 1;
                self.ticks(count);
            }
        }
    }

    /// A handle: mostly that of a live block, or of one that is gone, or of none.
    pub(super) fn handle(&mut self, bytes: &mut Bytes<'_>) -> Handle {
        let byte = bytes.byte();
        let lives = |owners: u32| byte < 208 && owners > 0 || byte >= 208 && owners == 0;
        let entries = self.book.entries.values();
        let known = entries.filter(|entry| lives(entry.owners));
        let known: Vec<Handle> = known.map(|entry| entry.handle).collect();
        match known.get(usize::from(byte) % known.len().max(1)) {
            Some(handle) if byte < 248 => *handle,
            _ => {
                let handle = Handle::from_bits(bytes.word() >> (byte % 8 * 8));
                self.book.guessed.insert(handle);
                handle
            }
        }
    }

    fn add(&mut self, bytes: &mut Bytes<'_>) {
        let way = bytes.byte();
        let made = self.make(bytes);
        let (name, outcome) = match way % 4 {
            0 | 1 => ("add", self.client.add(made.desc)),
            2 => (
                "try_add",
                self.client.try_add(made.desc).map_err(|r| r.error),
            ),
            _ => {
                let added = self.client.add_deadline(made.desc, Duration::ZERO);
                ("add_deadline", added.map_err(|refused| refused.error))
            }
        };
        let outcome = self.tally.note(name, outcome);
        judge_add(&made.layout, outcome.as_ref().err());
        if let Ok(handle) = outcome {
            self.book
                .added(made.block, handle, made.writes, made.contents);
        }
    }

    fn batch(&mut self, bytes: &mut Bytes<'_>) {
        let shape = bytes.byte();
        let mut batch = Batch::new();
        let mut removed = Vec::new();
        for _ in 0..shape % 3 {
            let handle = self.handle(bytes);
            removed.push(handle);
            batch = batch.remove(handle);
        }
        let mut all = Vec::new();
        for _ in 0..shape / 3 % 4 {
            let made = self.make(bytes);
            batch = batch.add(made.desc);
            all.push((made.block, made.writes, made.contents, made.layout));
        }
        let outcome = self.client.batch(batch).map_err(|refused| refused.error);
        let first = all.iter().find_map(|made| made.3.as_ref().err());
        match self.tally.note("batch", outcome) {
            Ok(handles) => {
                assert_eq!(first, None, "R11: a bad block is refused with its batch");
                assert_eq!(handles.len(), all.len(), "a handle for each block");
                for handle in removed {
                    self.disown(handle);
                }
                for (handle, (block, writes, contents, _)) in handles.into_iter().zip(all) {
                    self.book.added(block, handle, writes, contents);
                }
            }
            Err(error) => {
                let is_due = matches!(error, AddError::Layout(_) | AddError::NoParts);
                assert!(
                    !is_due || first.is_some(),
                    "R11: nothing in the batch is wrong: {error}"
                );
            }
        }
    }

    fn disown(&mut self, handle: Handle) {
        let block = self.book.find(handle);
        if let Some(entry) = block.and_then(|block| self.book.entries.get_mut(&block)) {
            entry.owners = entry.owners.saturating_sub(1);
        }
    }

    /// New contents for each part as it likely is, mostly as long.
    fn contents(&mut self, handle: Handle, bytes: &mut Bytes<'_>) -> (u32, Vec<Write>) {
        let Some(block) = self.book.find(handle) else {
            return (0, vec![self.book.write(0, 16, 4)]);
        };
        let how = bytes.byte();
        let likely = self.book.entries[&block].likely();
        let mut old: Vec<Write> = likely.into_values().collect();
        match how % 16 {
            14 => _ = old.pop(),
            15 => old.extend(old.first().copied()),
            _ => {}
        }
        let new = old.into_iter().map(|old| {
            let len = if how & 64 > 0 {
                len_of(old.stride, bytes)
            } else {
                old.len
            };
            self.book.write(block, len, old.stride)
        });
        (block, new.collect())
    }

    fn update(&mut self, bytes: &mut Bytes<'_>, in_place: bool) {
        let handle = self.handle(bytes);
        let (block, writes) = self.contents(handle, bytes);
        let payloads = payloads(&writes);
        let (name, sent) = if in_place {
            (
                "update_in_place",
                self.client.update_in_place(handle, payloads),
            )
        } else {
            ("update", self.client.update(handle, payloads))
        };
        if self.tally.note(name, sent).is_ok() {
            self.book.sent(block, Change::Update { writes, in_place });
        }
    }

    /// All parts from staging, if a piece for each is at hand.
    fn update_staged(&mut self, bytes: &mut Bytes<'_>) {
        let handle = self.handle(bytes);
        let Some(block) = self.book.find(handle) else {
            return;
        };
        let count = self.book.entries[&block].likely().len();
        let from = self.staged.len().saturating_sub(count.max(1));
        let pieces = self.staged.split_off(from);
        let mut writes = Vec::new();
        let mut contents = Vec::new();
        for mut piece in pieces {
            let len = usize::try_from(piece.len().get()).expect("staging is small");
            let write = self.book.write(block, len, 4);
            self.fill(&mut piece, &write.bytes());
            writes.push(write);
            contents.push(piece);
        }
        let sent = self.client.update_staged(handle, contents);
        if self.tally.note("update_staged", sent).is_ok() {
            let in_place = false;
            self.book.sent(block, Change::Update { writes, in_place });
        }
    }

    fn remove(&mut self, bytes: &mut Bytes<'_>) {
        let handle = self.handle(bytes);
        let sent = self.client.remove(handle);
        if self.tally.note("remove", sent).is_ok() {
            self.disown(handle);
        }
    }

    fn share(&mut self, bytes: &mut Bytes<'_>) {
        let handle = self.handle(bytes);
        let sent = self.client.share(handle);
        let sent = self.tally.note("share", sent).is_ok();
        let block = self.book.find(handle);
        let entry = block.and_then(|block| self.book.entries.get_mut(&block));
        if let Some(entry) = entry.filter(|entry| sent && entry.owners > 0) {
            entry.owners += 1;
        }
    }

    fn add_part(&mut self, bytes: &mut Bytes<'_>) {
        let handle = self.handle(bytes);
        let block = self.book.find(handle).unwrap_or(0);
        let spec = self.spec(block, bytes);
        let write = spec.write;
        let part = PartData::new(spec.kind, spec.stride, write.bytes());
        let sent = self.client.add_part(handle, part);
        if self.ask("add_part", Some(handle), sent, Answer::Part) {
            self.note_change(block, Change::Add { write });
        }
    }

    fn update_part(&mut self, bytes: &mut Bytes<'_>) {
        let handle = self.handle(bytes);
        let block = self.book.find(handle).unwrap_or(0);
        let (part, stride) = self.part(block, bytes);
        let how = bytes.byte();
        let len = len_of(stride, bytes);
        let piece = if how & 1 > 0 { self.staged.pop() } else { None };
        let (write, sent) = if let Some(mut piece) = piece {
            let len = usize::try_from(piece.len().get()).expect("staging is small");
            let write = self.book.write(block, len, stride);
            self.fill(&mut piece, &write.bytes());
            (write, self.client.update_part_staged(handle, part, piece))
        } else {
            let write = self.book.write(block, len, stride);
            (write, self.client.update_part(handle, part, write.bytes()))
        };
        if self.ask("update_part", Some(handle), sent, Answer::Part) {
            self.note_change(block, Change::UpdatePart { part, write });
        }
    }

    fn remove_part(&mut self, bytes: &mut Bytes<'_>) {
        let handle = self.handle(bytes);
        let block = self.book.find(handle).unwrap_or(0);
        let (part, _) = self.part(block, bytes);
        let sent = self.client.remove_part(handle, part);
        if self.ask("remove_part", Some(handle), sent, Answer::Done) {
            self.note_change(block, Change::RemovePart { part });
        }
    }

    /// The change that was just sent.
    fn note_change(&mut self, block: u32, change: Change) {
        let nth = self.book.sent(block, change);
        if let Some(asked) = self.asked.last_mut() {
            asked.change = Some((block, nth));
        }
    }

    /// A part that the block likely has, or any.
    fn part(&self, block: u32, bytes: &mut Bytes<'_>) -> (PartId, u32) {
        let byte = bytes.byte();
        let parts = self
            .book
            .entries
            .get(&block)
            .map(super::book::Entry::likely);
        let parts: Vec<_> = parts.unwrap_or_default().into_iter().collect();
        match parts.get(usize::from(byte) % parts.len().max(1)) {
            Some((part, write)) if byte < 232 => (*part, write.stride),
            _ => {
                let part = PartId {
                    index: u16::from(byte % 5),
                    generation: u16::from(byte / 5 % 4),
                };
                (part, 4)
            }
        }
    }

    fn settings(&mut self, bytes: &mut Bytes<'_>) {
        let handle = self.handle(bytes);
        let how = bytes.byte();
        let (name, sent) = match how % 4 {
            0 => {
                let lifetime = if how & 4 > 0 {
                    Lifetime::LongLived
                } else {
                    Lifetime::Dynamic
                };
                ("set_lifetime", self.client.set_lifetime(handle, lifetime))
            }
            1 => ("set_priority", self.client.set_priority(handle, how)),
            2 => ("set_label", self.client.set_label(handle, "")),
            _ => {
                let label = "\u{0}\"\n".repeat(usize::from(how));
                ("set_label", self.client.set_label(handle, label))
            }
        };
        self.tally.count_in(name, sent.is_ok());
    }

    fn set_budget(&mut self, bytes: &mut Bytes<'_>) {
        let byte = bytes.byte();
        let budget = match byte {
            ..200 => (u64::from(byte % 100) + 1) * 8 * KIB,
            200..240 => u64::from(byte),
            _ => bytes.word() >> (byte % 64),
        };
        let min = self.client.budget_bytes_min();
        let sent = self.client.set_budget(ByteLen::new(budget));
        match &sent {
            Ok(_) => {
                assert!(budget >= min.get(), "R11: {budget} is below {min}");
                self.budget_last = budget;
                self.budget_bytes = self.budget_bytes.max(budget);
            }
            Err(RequestError::Budget(_)) => {
                assert!(
                    budget < min.get(),
                    "R11: {budget} is refused, not below {min}"
                );
            }
            Err(error) => panic!("R11: the budget has nothing to do with it: {error}"),
        }
        self.ask("set_budget", None, sent, Answer::Done);
    }

    fn whole_heap(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.byte() % 8 {
            0 => {
                let sent = self.client.compact_now();
                self.ask("compact_now", None, sent, Answer::Done)
            }
            1 => {
                let sent = self.client.trim();
                self.ask("trim", None, sent, Answer::Done)
            }
            2 | 3 => {
                let sent = self.client.flush();
                self.ask("flush", None, sent, Answer::Version)
            }
            4 => {
                let sent = self.client.heap_map();
                self.ask("heap_map", None, sent, Answer::Map)
            }
            5 => {
                let sent = self.client.heap_dump();
                self.ask("heap_dump", None, sent, Answer::Dump)
            }
            6 => {
                let sent = self.client.start_trace("/dev/null/no/folder");
                self.ask("start_trace", None, sent, Answer::Done)
            }
            _ => {
                let sent = self.client.stop_trace();
                self.ask("stop_trace", None, sent, Answer::Done)
            }
        };
    }

    /// Asks for a piece of staging; writes past the ends of those at hand; gives one back.
    fn stage(&mut self, bytes: &mut Bytes<'_>) {
        let byte = bytes.byte();
        for piece in &mut self.staged {
            let len = piece.len().get();
            let nothing = piece.write_at(len, &[]);
            assert!(nothing.is_ok(), "R11: nothing at the end of {piece:?}");
            let past = [(len, 1), (u64::MAX, 1), (len - 1, 2)];
            for (offset, count) in past {
                let written = piece.write_at(offset, &vec![7; count]);
                assert!(written.is_err(), "R11: {count} at {offset} of {len}");
            }
        }
        if byte & 1 > 0 && self.staged.len() > 3 {
            self.staged.remove(0);
        }
        let len = match byte {
            ..128 => u64::from(byte / 2) * 20,
            128..250 => u64::from(byte) * 4,
            _ => bytes.word() >> (byte % 64),
        };
        let sent = self.client.stage(ByteLen::new(len));
        self.ask("stage", None, sent, Answer::Staged);
    }

    fn draw_set(&mut self, bytes: &mut Bytes<'_>) {
        let byte = bytes.byte();
        let draws = |world: &mut Self, bytes: &mut Bytes<'_>| -> Vec<SetDraw> {
            let draw = |_| SetDraw {
                handle: world.handle(bytes),
                instances: u32::from(byte / 64)..u32::from(bytes.byte()),
            };
            (0..byte / 4 % 16).map(draw).collect()
        };
        let set = bytes.pick_of(&self.draw_sets);
        match (byte % 4, set) {
            (0, _) | (_, None) if self.draw_sets.len() < 4 => {
                let draws = draws(self, bytes);
                let made = self.client.add_draw_set(draws);
                let made = self.tally.note("add_draw_set", made);
                self.draw_sets.extend(made.ok());
            }
            (1 | 2, Some(set)) => {
                let draws = draws(self, bytes);
                let set_to = self.client.set_draws(set, draws);
                self.tally.count_in("set_draws", set_to.is_ok());
            }
            (_, Some(set)) => {
                let removed = self.client.remove_draw_set(set);
                self.tally.count_in("remove_draw_set", removed.is_ok());
            }
            _ => {}
        }
    }

    /// The device misbehaves.
    fn fault(&mut self, bytes: &mut Bytes<'_>) {
        let byte = bytes.byte();
        let nth = u64::from(byte / 8 % 8) + 1;
        match byte % 8 {
            0 => self.control.fail_creation(nth),
            1 => self.control.fail_staging(nth),
            2 => self.control.fail_submit(nth),
            3 => self.control.stall(byte & 8 > 0),
            4 => self.control.set_latency_polls(u32::from(byte / 8)),
            5 => self
                .control
                .set_memory_bytes(ByteLen::from_kib(u64::from(byte) * 4)),
            6 if byte > 250 => {
                self.control.lose_device();
                self.is_lost = true;
            }
            _ => self.control.stall(false),
        }
    }
}
