//! The end of a heap: everything is given back, answered, looked at, removed, and gone.

use std::collections::BTreeSet;

use geoheap::{BlockDesc, ByteLen, Handle, Lookup, PartData};

use super::judge;
use super::world::{Answer, World, judge_dump};
use crate::tally::Tally;

/// Ticks in which everything is answered once nothing is held: some waits end after 512 ticks, and
/// one may stand behind another.
const ANSWER_TICKS: usize = 6_000;

/// Ticks in which what retired is free, and empty chunks have gone.
const DRAIN_TICKS: usize = 400;

impl World {
    /// Gives back all that is held, waits for all answers, looks at every block, removes it, and
    /// ends. Returns what was reached.
    pub(super) fn settle(mut self) -> Tally {
        self.staged.clear();
        self.tickets.clear();
        self.in_flight.clear();
        self.control.stall(false);
        self.control.set_latency_polls(1);
        self.control.set_memory_bytes(ByteLen::from_mib(64));
        self.flush();
        self.compare();
        if self.is_lost {
            return self.end(None);
        }
        self.drain();
        self.judge_contents();
        self.remove_all();
        let last = self.add_once_more();
        self.end(last)
    }

    /// Everything that was sent is carried out and answered.
    fn flush(&mut self) {
        for _ in 0..ANSWER_TICKS {
            let sent = self.client.flush();
            if self.ask("flush", None, sent, Answer::Version) {
                break;
            }
            self.ticks(1);
        }
        self.wait();
    }

    /// Ticks until everything is answered.
    fn wait(&mut self) {
        for _ in 0..ANSWER_TICKS {
            if self.asked.is_empty() {
                return;
            }
            self.ticks(1);
            self.staged.clear();
        }
        let open: Vec<_> = self.asked.iter().map(|a| (a.what, a.about)).collect();
        panic!(
            "no answer in {ANSWER_TICKS} ticks to {open:?}: {:?}",
            self.manager.report()
        );
    }

    /// Ticks until nothing is on its way and nothing waits for an older version.
    fn drain(&mut self) {
        for _ in 0..DRAIN_TICKS {
            let report = self.manager.report();
            if report.retired_bytes == 0 && report.reserved_bytes == 0 {
                break;
            }
            self.ticks(1);
        }
        let report = self.manager.report();
        assert_eq!(
            report.retired_bytes, 0,
            "R3: retired bytes drain: {report:?}"
        );
        let live = self.book.live();
        assert_eq!(
            report.blocks,
            live.len() as u64,
            "R7: as many blocks live as have owners: {report:?}"
        );
        if report.reserved_bytes == 0
            && let Some(map) = self.manager.heap_map()
        {
            judge::owners(&map, &live);
        }
        if let Some(dump) = self.manager.heap_dump() {
            judge_dump(&dump);
        }
    }

    /// Every block that can be read has the contents of the changes that were carried out.
    fn judge_contents(&mut self) {
        self.book.is_deaf |= self.manager.report().events_lost > 0;
        for handle in self.book.live() {
            let Ok(mut pending) = self.client.read_back(handle) else {
                self.ticks(1);
                continue;
            };
            for _ in 0..ANSWER_TICKS {
                self.ticks(1);
                let Some(answer) = pending.try_take() else {
                    continue;
                };
                self.tally.count_in("settled", answer.is_ok());
                if let (Ok(read), Some(block)) = (answer, self.book.find(handle)) {
                    self.book.judge_settled(block, &read);
                }
                break;
            }
        }
    }

    fn remove_all(&mut self) {
        let entries = self.book.entries.values_mut();
        let owned: Vec<_> = entries
            .map(|entry| (entry.handle, std::mem::take(&mut entry.owners)))
            .collect();
        for (handle, owners) in owned {
            for _ in 0..owners {
                while self.client.remove(handle).is_err() {
                    self.ticks(1);
                }
            }
        }
        for set in self.draw_sets.clone() {
            while self.client.remove_draw_set(set).is_err() {
                self.ticks(1);
            }
        }
        self.flush();
        self.drain();
        let ticket = self.manager.begin_frame();
        for entry in self.book.entries.values() {
            let found = ticket.get(entry.handle);
            assert!(
                matches!(found, Lookup::Stale | Lookup::NotYetPublished),
                "R7: {} was removed: {found:?}",
                entry.handle
            );
        }
        drop(ticket);
        self.ticks(1);
        self.drain();
    }

    /// An empty heap takes a block and shows it, unless all its slots are out of service.
    fn add_once_more(&mut self) -> Option<Handle> {
        let block = self.book.next_block();
        let write = self.book.write(block, 64, 16);
        let part = PartData::vertex(write.bytes(), write.stride);
        let handle = match self.client.add(BlockDesc::new().part(part)) {
            Ok(handle) => handle,
            Err(error) => {
                let report = self.manager.report();
                assert!(
                    report.slots_out_of_service > 0,
                    "an empty heap takes a block: {error}: {report:?}"
                );
                return None;
            }
        };
        self.book.added(block, handle, vec![write], None);
        let sent = self.client.resident(handle);
        self.ask("last", Some(handle), sent, Answer::Done);
        self.wait();
        Some(handle)
    }

    /// Shuts down: what lives is told, what is asked afterwards is refused, nothing is left.
    fn end(self, last: Option<Handle>) -> Tally {
        let ended = self.manager.shutdown();
        let mut live = self.book.live();
        live.extend(last);
        let leaks: BTreeSet<Handle> = ended.leaks.iter().map(|leak| leak.handle).collect();
        if !self.is_lost {
            assert_eq!(leaks, live, "what nobody removed is told");
        }
        let refused = self.client.flush();
        assert!(refused.is_err(), "R11: nobody takes requests any more");
        drop((self.client, self.readings));
        let left = self.control.live_buffer_bytes() + self.control.live_staging_bytes();
        assert_eq!(
            left,
            ByteLen::ZERO,
            "R10: the device has all of its memory back"
        );
        self.tally
    }
}
