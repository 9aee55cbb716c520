//! The target `chunk_heap`: operations on a [`ChunkHeap`], held against lists of intervals.
//!
//! A few bytes choose the configuration, then each operation is a byte and its arguments. Chunks
//! are small, so that they fill, empty, close and come back within one input.

mod judge;
mod placing;
mod shadow;
#[cfg(test)]
mod tests;

use geoheap_chunk_heap::{
    ChunkHeap, ChunkId, HeapConfig, Lifetime, LifetimeChange, LifetimeError, Owner, RangeKey,
    RangeState, Request, ReserveError,
};
use geoheap_suballoc::{Align, ByteLen, ByteOffset};

use crate::bytes::Bytes;
use crate::tally::Tally;
use shadow::Shadow;

/// Operations that one input can ask for.
const OPS_MAX: usize = 256;

/// How often everything is compared, in operations. The figures are, after each.
const COMPARE_EVERY: usize = 4;

/// Chunks that the driver opens on its own.
const CHUNKS_MAX: usize = 12;

const ALIGNS: [u64; 16] = [
    1,
    4,
    4,
    16,
    16,
    12,
    20,
    36,
    48,
    64,
    256,
    256,
    768,
    4096,
    1 << 31,
    1 << 32,
];

/// Runs one input. Returns what it reached.
///
/// # Panics
/// When the heap and the oracle disagree, or the heap finds itself broken.
pub fn run(input: &[u8]) -> Tally {
    let mut bytes = Bytes::new(input);
    let config = config(&mut bytes);
    let Ok(heap) = ChunkHeap::new(config.clone()) else {
        // The configurations below are good but for a limit that is too low.
        assert!(config.chunk_bytes > config.buffer_bytes_max, "{config:?}");
        return Tally::default();
    };
    let mut pair = Pair {
        tally: Tally::default(),
        heap,
        shadow: Shadow::new(config),
        keys: Vec::new(),
        gone: vec![RangeKey::default()],
        owners: 0,
    };
    for nth in 0..OPS_MAX {
        let Some(op) = bytes.next() else { break };
        pair.step(op, &mut bytes);
        pair.shadow.compare_figures(&pair.heap);
        if nth % COMPARE_EVERY == 0 {
            pair.compare();
        }
    }
    pair.compare();
    pair.tally
}

/// A configuration of small chunks, by three bytes.
fn config(bytes: &mut Bytes<'_>) -> HeapConfig {
    let unit = bytes.pick(&[16, 16, 4, 12, 64, 256]);
    let chunk = unit * bytes.pick(&[64, 16, 256, 33, 1000, 1]);
    let rest = bytes.byte();
    HeapConfig {
        chunk_bytes: ByteLen::new(chunk),
        long_lived_chunk_bytes: ByteLen::new((chunk / 4).max(unit)),
        unit_bytes: ByteLen::new(unit),
        dedicated_above_bytes: ByteLen::new(chunk >> (rest & 1)),
        dedicated_granule_bytes: ByteLen::new(if rest & 2 == 0 { unit * 4 } else { 100 }),
        buffer_bytes_max: ByteLen::new(if rest & 4 == 0 { chunk * 4 } else { 4096 }),
        spare_chunks: u32::from(rest >> 3 & 1) + u32::from(rest >> 4 & 1),
        spare_below_bytes: ByteLen::new(chunk / 2),
        keep_empty_ticks: u64::from(rest >> 5 & 1) * 3,
        small_heap_chunks: u32::from(rest >> 6 & 1) * 2,
        split_by_kind: rest >> 7 == 1,
    }
}

/// A heap and its oracle, driven together.
struct Pair {
    tally: Tally,
    heap: ChunkHeap,
    shadow: Shadow,
    keys: Vec<RangeKey>,
    gone: Vec<RangeKey>,
    owners: u64,
}

impl Pair {
    fn step(&mut self, op: u8, bytes: &mut Bytes<'_>) {
        match op % 20 {
            0..=5 => self.reserve(bytes),
            6 => self.reserve_at(bytes),
            7 => self.open(bytes),
            8 | 9 => {
                let id = self.chunk(bytes);
                let outcome = self.tally.note("chunk_ready", self.heap.chunk_ready(id));
                self.shadow.judge_ready(id, outcome);
            }
            10 => self.fail(bytes),
            11 => {
                let (id, draining) = (self.chunk(bytes), bytes.flag());
                let outcome = self
                    .tally
                    .note("set_draining", self.heap.set_draining(id, draining));
                self.shadow.judge_draining(id, draining, outcome);
            }
            12 => self.close(bytes),
            13 => {
                let id = self.chunk(bytes);
                let outcome = self.tally.note("chunk_gone", self.heap.chunk_gone(id));
                self.shadow.judge_gone(id, outcome);
            }
            14 | 15 => self.advance(bytes),
            16 | 17 => self.let_go(bytes),
            18 => self.any_range_op(bytes),
            _ => {
                let (key, long) = (self.key(bytes), bytes.flag());
                self.change_lifetime(key, long);
            }
        }
    }

    fn request(&mut self, bytes: &mut Bytes<'_>) -> Request {
        self.owners += 1;
        let rest = bytes.byte();
        Request {
            len: self.len(bytes),
            align: Align::new(ALIGNS[usize::from(rest % 16)]).unwrap_or(Align::ONE),
            lifetime: lifetime(rest >> 4 & 3 == 3),
            owner: Owner(self.owners),
            class: rest >> 6,
        }
    }

    /// Reserves; mostly opens the chunk that is asked for, and then must be served (H8).
    fn reserve(&mut self, bytes: &mut Bytes<'_>) {
        let request = self.request(bytes);
        let exclude = match bytes.byte() {
            none @ ..192 if none % 8 != 7 => None,
            _ => Some(self.chunk(bytes)),
        };
        let outcome = self
            .tally
            .note("reserve", self.heap.reserve(&request, exclude));
        let info = outcome.ok().and_then(|key| self.heap.range(key));
        self.shadow.judge_reserve(&request, exclude, outcome, info);
        match outcome {
            Ok(key) => self.keys.push(key),
            Err(ReserveError::NeedsChunk {
                capacity,
                lifetime,
                dedicated,
            }) if bytes.byte() % 8 != 7 && self.shadow.chunk_count() < CHUNKS_MAX => {
                let exists = |id: ChunkId| self.shadow.chunk_ids().any(|other| other == id.get());
                let counts = exclude.is_none_or(exists);
                self.open_with(capacity, lifetime, dedicated, request.class);
                let outcome = self
                    .tally
                    .note("reserve", self.heap.reserve(&request, exclude));
                let info = outcome.ok().and_then(|key| self.heap.range(key));
                self.shadow
                    .judge_second_reserve(&request, (exclude, counts), outcome, info);
                self.keys.extend(outcome);
            }
            Err(_) => {}
        }
    }

    fn reserve_at(&mut self, bytes: &mut Bytes<'_>) {
        let (id, request) = (self.chunk(bytes), self.request(bytes));
        let start = ByteOffset::new(self.len(bytes).get());
        let outcome = self
            .tally
            .note("reserve_at", self.heap.reserve_at(id, start, &request));
        let info = outcome.ok().and_then(|key| self.heap.range(key));
        self.shadow
            .judge_reserve_at(id, start, &request, outcome, info);
        self.keys.extend(outcome);
    }

    fn open(&mut self, bytes: &mut Bytes<'_>) {
        if self.shadow.chunk_count() < CHUNKS_MAX {
            let (capacity, rest) = (self.len(bytes), bytes.byte());
            self.open_with(capacity, lifetime(rest & 1 == 1), rest & 6 == 6, rest >> 6);
        }
    }

    fn open_with(&mut self, capacity: ByteLen, lifetime: Lifetime, dedicated: bool, class: u8) {
        let outcome = self.tally.note(
            "open_chunk",
            self.heap.open_chunk(capacity, lifetime, dedicated, class),
        );
        self.shadow
            .judge_open((capacity, lifetime, dedicated, class), outcome);
    }

    fn fail(&mut self, bytes: &mut Bytes<'_>) {
        let id = self.chunk(bytes);
        let outcome = self.tally.note("chunk_failed", self.heap.chunk_failed(id));
        let dropped = self.shadow.judge_failed(id, outcome);
        self.keys.retain(|key| !dropped.contains(key));
        self.gone.extend(dropped);
    }

    fn close(&mut self, bytes: &mut Bytes<'_>) {
        let rest = bytes.byte();
        let tick = self.shadow.tick() + u64::from(rest & 7);
        let mut closed = Vec::new();
        self.heap.close_empty(tick, rest >= 192, &mut closed);
        self.shadow.judge_close(tick, rest >= 192, &closed);
    }

    /// The next step in a range's life.
    fn advance(&mut self, bytes: &mut Bytes<'_>) {
        if let Some(key) = bytes.pick_of(&self.keys) {
            match self.shadow.state(key) {
                Some(RangeState::Reserved) => self.range_op(0, key),
                Some(RangeState::Live) => self.range_op(1, key),
                Some(RangeState::Retired) => self.range_op(2, key),
                None => {}
            }
        }
    }

    /// The shortest way to a range's end.
    fn let_go(&mut self, bytes: &mut Bytes<'_>) {
        if let Some(key) = bytes.pick_of(&self.keys) {
            if self.shadow.state(key) == Some(RangeState::Live) {
                self.range_op(1, key);
            }
            match self.shadow.state(key) {
                Some(RangeState::Reserved) => self.range_op(3, key),
                _ => self.range_op(2, key),
            }
        }
    }

    /// Any operation on any range, also on one that is gone.
    fn any_range_op(&mut self, bytes: &mut Bytes<'_>) {
        let (key, op) = (self.key(bytes), bytes.byte());
        if op < 192 {
            self.range_op(op % 4, key);
        } else {
            self.own(key);
        }
    }

    /// Takes a range over to the other chunks; opens the chunk that is asked for (H8).
    fn change_lifetime(&mut self, key: RangeKey, long: bool) {
        let to = lifetime(long);
        let outcome = self
            .tally
            .note("change_lifetime", self.heap.change_lifetime(key, to));
        let mut moved = self.lifetime_changed(key, to, outcome);
        if let Err(LifetimeError::Reserve(ReserveError::NeedsChunk {
            capacity,
            lifetime,
            dedicated,
        })) = outcome
        {
            let class = self.shadow.class_of(key);
            self.open_with(capacity, lifetime, dedicated, class);
            let outcome = self
                .tally
                .note("change_lifetime", self.heap.change_lifetime(key, to));
            assert!(outcome.is_ok(), "H8: {key:?} is refused again: {outcome:?}");
            moved = self.lifetime_changed(key, to, outcome);
        }
        self.keys.extend(moved);
    }

    fn lifetime_changed(
        &mut self,
        key: RangeKey,
        to: Lifetime,
        outcome: Result<LifetimeChange, LifetimeError>,
    ) -> Option<RangeKey> {
        let moved = match outcome {
            Ok(LifetimeChange::Moves { to }) => Some(to),
            _ => None,
        };
        let info = moved.and_then(|key| self.heap.range(key));
        self.shadow.judge_lifetime(key, to, outcome, info);
        moved
    }

    fn range_op(&mut self, op: u8, key: RangeKey) {
        match op {
            0 => {
                let outcome = self.tally.note("commit", self.heap.commit(key));
                self.shadow.judge_commit(key, outcome);
            }
            1 => {
                let outcome = self.tally.note("retire", self.heap.retire(key));
                self.shadow.judge_retire(key, outcome);
            }
            op => {
                let (outcome, from) = if op == 2 {
                    (
                        self.tally.note("release", self.heap.release(key)),
                        RangeState::Retired,
                    )
                } else {
                    (
                        self.tally.note("cancel", self.heap.cancel(key)),
                        RangeState::Reserved,
                    )
                };
                if self.shadow.judge_freed(key, from, outcome) {
                    self.keys.retain(|other| *other != key);
                    self.gone.push(key);
                }
            }
        }
    }

    fn own(&mut self, key: RangeKey) {
        self.owners += 1;
        let owner = Owner(self.owners);
        let outcome = self
            .tally
            .note("set_owner", self.heap.set_owner(key, owner));
        self.shadow.judge_owner(key, owner, outcome);
    }

    /// A chunk that there is, or (one in eight) any.
    fn chunk(&self, bytes: &mut Bytes<'_>) -> ChunkId {
        let ids: Vec<u32> = self.shadow.chunk_ids().collect();
        let byte = bytes.byte();
        match ids.get(usize::from(byte) % ids.len().max(1)) {
            Some(id) if byte < 224 => ChunkId::new(*id),
            _ => ChunkId::new(u32::from(byte % 16)),
        }
    }

    /// A range that there is, or (one in four) one that is gone.
    fn key(&self, bytes: &mut Bytes<'_>) -> RangeKey {
        let gone = bytes.byte() % 4 == 3;
        let list = if gone { &self.gone } else { &self.keys };
        bytes.pick_of(list).unwrap_or_default()
    }

    /// A length or start: some units, some bytes more, a share of a chunk, or too long.
    fn len(&self, bytes: &mut Bytes<'_>) -> ByteLen {
        let config = self.shadow.config();
        let (unit, chunk) = (config.unit_bytes.get(), config.chunk_bytes.get());
        let byte = bytes.byte();
        let few = u64::from(byte & 0x1F);
        ByteLen::new(match byte {
            0..128 => few * unit,
            128..160 => few * unit + u64::from(bytes.byte()) % unit,
            160..224 => chunk / 32 * few,
            224..254 => chunk / 8 * few,
            254 => config.buffer_bytes_max.get(),
            255 => u64::MAX - u64::from(bytes.byte()),
        })
    }

    fn compare(&self) {
        self.heap.validate();
        self.shadow.compare(&self.heap);
        for key in self.gone.iter().rev().take(4) {
            assert_eq!(self.heap.range(*key), None, "H2: {key:?} is gone");
        }
    }
}

const fn lifetime(long: bool) -> Lifetime {
    if long {
        Lifetime::LongLived
    } else {
        Lifetime::Dynamic
    }
}
