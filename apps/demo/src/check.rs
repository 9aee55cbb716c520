//! `--check`: reads blocks back along the way and compares them byte by byte with what was added.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use geoheap::{Client, Handle, Pending, ReadBack};

use crate::content::mesh::MeshData;
use crate::content::scene::Scene;
use crate::world::{Block, Expected, Key};

/// Reads asked for in one step among the blocks that are drawn.
const READS_OF_DRAWN: usize = 5;
/// Reads asked for in one step among all blocks, evicted ones too: those give no answer to compare.
const READS_OF_ALL: usize = 2;
/// Reads under way at a time.
const READS_OUTSTANDING: usize = 48;
/// Lists back to which a block counts as drawn.
const DRAWN_WITHIN: u64 = 2;
/// How long the end of a flight waits for the answers.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Compares blocks in rotation over all of them, so that every kind has its turn.
#[derive(Debug, Default)]
pub struct Checker {
    on: bool,
    outstanding: Vec<Outstanding>,
    drawn_cursor: Option<Key>,
    all_cursor: Option<Key>,
    checks: u64,
    mismatches: u64,
}

/// A read under way, with what it must give.
#[derive(Debug)]
struct Outstanding {
    key: Key,
    handle: Handle,
    revision: u32,
    expected: Expected,
    answer: Pending<ReadBack>,
}

impl Checker {
    /// A checker that does nothing unless `on`.
    pub fn new(on: bool) -> Self {
        Self {
            on,
            ..Self::default()
        }
    }

    /// Blocks compared.
    pub fn checks(&self) -> u64 {
        self.checks
    }

    /// Blocks whose bytes were wrong.
    pub fn mismatches(&self) -> u64 {
        self.mismatches
    }

    /// Compares what has come, and asks for more. `sequence` is that of the newest list.
    pub fn step(
        &mut self,
        client: &Client,
        blocks: &BTreeMap<Key, Block>,
        scene: &Scene,
        sequence: u64,
    ) {
        if !self.on {
            return;
        }
        self.take_answers(blocks, scene);
        let drawn = |block: &Block| block.last_listed + DRAWN_WITHIN >= sequence;
        self.drawn_cursor = self.ask(client, blocks, self.drawn_cursor, READS_OF_DRAWN, drawn);
        self.all_cursor = self.ask(client, blocks, self.all_cursor, READS_OF_ALL, |_| true);
    }

    /// Waits for the answers that are still out; `tick` moves the engine where nobody else does.
    pub fn finish(&mut self, blocks: &BTreeMap<Key, Block>, scene: &Scene, tick: &mut dyn FnMut()) {
        // A bound on turns besides the one on time: without a thread of its own, the engine
        // answers after a few ticks or never.
        let started = std::time::Instant::now();
        let mut turns = 0;
        while !self.outstanding.is_empty() && turns < 10_000 && started.elapsed() < LAST_WAIT {
            tick();
            self.take_answers(blocks, scene);
            turns += 1;
        }
        if !self.outstanding.is_empty() {
            tracing::warn!(
                reads = self.outstanding.len(),
                "read-backs without an answer"
            );
        }
    }

    fn ask(
        &mut self,
        client: &Client,
        blocks: &BTreeMap<Key, Block>,
        cursor: Option<Key>,
        reads: usize,
        wanted: impl Fn(&Block) -> bool,
    ) -> Option<Key> {
        let room = READS_OUTSTANDING
            .saturating_sub(self.outstanding.len())
            .min(reads);
        let after = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let before = cursor.map_or(Bound::Unbounded, Bound::Included);
        let rest = blocks.range((after, Bound::Unbounded));
        let start = cursor
            .is_some()
            .then(|| blocks.range((Bound::Unbounded, before)));
        let chosen: Vec<(Key, &Block)> = rest
            .chain(start.into_iter().flatten())
            .filter(|(_, block)| block.has_arrived && block.is_settled() && wanted(block))
            .take(room)
            .map(|(key, block)| (*key, block))
            .collect();
        let last = chosen.last().map(|(key, _)| *key);
        for (key, block) in chosen {
            // A full mailbox: this block has its turn again a round later.
            let Ok(answer) = client.read_back(block.handle) else {
                continue;
            };
            self.outstanding.push(Outstanding {
                key,
                handle: block.handle,
                revision: block.revision.load(Ordering::Acquire),
                expected: block.expected.clone(),
                answer,
            });
        }
        last.or(cursor)
    }

    fn take_answers(&mut self, blocks: &BTreeMap<Key, Block>, scene: &Scene) {
        let mut waiting = Vec::with_capacity(self.outstanding.len());
        for mut read in std::mem::take(&mut self.outstanding) {
            match read.answer.try_take() {
                None => waiting.push(read),
                // Evicted or removed in the meantime: nothing to compare.
                Some(Err(error)) => tracing::trace!(%error, handle = %read.handle, "no read-back"),
                Some(Ok(bytes)) => self.compare(&read, &bytes, blocks, scene),
            }
        }
        self.outstanding = waiting;
    }

    fn compare(
        &mut self,
        read: &Outstanding,
        bytes: &ReadBack,
        blocks: &BTreeMap<Key, Block>,
        scene: &Scene,
    ) {
        let same = blocks.get(&read.key).is_none_or(|block| {
            block.handle != read.handle || block.revision.load(Ordering::Acquire) == read.revision
        });
        if !same {
            // Replaced while it was read: either contents would be right.
            return;
        }
        let expected = match (&read.expected, read.key) {
            (Expected::Kept(mesh), _) => Arc::clone(mesh),
            (Expected::Rebuilt, Key::Streamed(id)) => match scene.build(id, read.revision) {
                Some(mesh) => Arc::new(mesh),
                None => return,
            },
            (Expected::Rebuilt, _) => return,
        };
        self.checks += 1;
        if let Some(difference) = difference(&expected, bytes) {
            self.mismatches += 1;
            tracing::error!(block = %read.key.label(), difference, "contents differ");
        }
    }
}

/// What differs first, in words; `None` if nothing does.
fn difference(expected: &MeshData, got: &ReadBack) -> Option<String> {
    let expected = [
        ("vertices", expected.vertex_bytes()),
        ("indices", expected.index_bytes()),
    ];
    if got.parts.len() != expected.len() {
        return Some(format!(
            "{} parts instead of {}",
            got.parts.len(),
            expected.len()
        ));
    }
    expected
        .iter()
        .zip(&got.parts)
        .find_map(|((name, wanted), (_, bytes))| {
            if bytes.len() != wanted.len() {
                return Some(format!(
                    "{} bytes of {name} instead of {}",
                    bytes.len(),
                    wanted.len()
                ));
            }
            let at = wanted.iter().zip(bytes).position(|(a, b)| a != b)?;
            Some(format!(
                "byte {at} of {} of {name}: {} not {}",
                wanted.len(),
                bytes[at],
                wanted[at]
            ))
        })
}
