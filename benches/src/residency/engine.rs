//! The same frames through the whole engine, on the virtual GPU.
//!
//! Its figures stand beside those of the policies and have no bar, since it plays another game:
//! its budget counts chunks with what is free in them, staging, and chunks that frames may still
//! look at; it never overshoots; a block that is asked for comes some ticks later, by its caps; and
//! new blocks are uploaded as they come, whether a frame ever draws them or not.

use std::sync::Arc;

use geoheap::{
    BlockDesc, ByteLen, Config, GeometryManager, Handle, PartData, Payload, Source, Threading,
    VirtualConfig, VirtualGpu,
};

use super::cache::Score;
use super::world::{Step, World};

/// Ticks for each frame: some 16 ms of the default interval.
const TICKS_PER_FRAME: usize = 4;
/// Chunks in a budget, so that a small one has more than one of them.
const CHUNKS_PER_BUDGET: u64 = 16;
const CHUNK_BYTES_MIN: u64 = 2 << 20;
const CHUNK_BYTES_MAX: u64 = 16 << 20;
/// Messages and bytes that wait until a tick is made.
const MESSAGES_PER_TICK: u32 = 1 << 12;
const BYTES_PER_TICK: u64 = 32 << 20;

/// Zeros, of which each block has as many as it is long, and nobody has two copies.
#[derive(Clone)]
struct Zeros {
    all: Arc<[u8]>,
    len: usize,
}

impl AsRef<[u8]> for Zeros {
    fn as_ref(&self) -> &[u8] {
        &self.all[..self.len]
    }
}

struct Game {
    manager: GeometryManager<VirtualGpu>,
    handles: Vec<Option<Handle>>,
    zeros: Arc<[u8]>,
    /// Since the last tick.
    messages: u32,
    bytes: u64,
}

/// Plays the world to an engine of `budget_bytes`. What is streamed is all it uploads.
pub fn play(world: &World, budget_bytes: u64) -> Score {
    let mut game = Game::new(world, budget_bytes);
    let mut score = Score::default();
    let mut drawn = Vec::new();
    for steps in &world.frames {
        drawn.clear();
        for step in steps {
            match *step {
                Step::Bytes { id, bytes } => game.bytes(id, bytes),
                Step::Gone(id) => game.gone(id),
                Step::Draw(id) => drawn.extend(game.handles[id as usize]),
            }
        }
        let ticket = game.manager.begin_frame();
        let there = drawn
            .iter()
            .filter(|at| ticket.get(**at).resident().is_some());
        score.hits += there.count() as u64;
        score.draws += drawn.len() as u64;
        ticket.finish();
        for _ in 0..TICKS_PER_FRAME {
            game.tick();
        }
    }
    score.bytes_streamed = game.manager.report().upload_bytes;
    score
}

impl Game {
    fn new(world: &World, budget_bytes: u64) -> Self {
        let (gpu, _control) = VirtualGpu::new(&VirtualConfig {
            memory_bytes: ByteLen::new(2 * budget_bytes.max(CHUNK_BYTES_MAX)),
            ..VirtualConfig::default()
        });
        let chunk_bytes = budget_bytes / CHUNKS_PER_BUDGET;
        let config = Config {
            budget_bytes: ByteLen::new(budget_bytes),
            chunk_bytes: ByteLen::new(
                chunk_bytes.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX) - (4 << 10),
            ),
            mailbox_messages: MESSAGES_PER_TICK + 1,
            mailbox_bytes: ByteLen::new(4 * BYTES_PER_TICK),
            threading: Threading::CallerDriven,
            ..Config::default()
        };
        let manager = GeometryManager::with_backend(gpu, config).expect("a valid configuration");
        Self {
            manager,
            handles: vec![None; world.entries],
            zeros: vec![0; usize::try_from(world.longest_bytes()).unwrap_or(0)].into(),
            messages: 0,
            bytes: 0,
        }
    }

    fn tick(&mut self) {
        self.manager.poll();
        (self.messages, self.bytes) = (0, 0);
    }

    /// Makes a tick when what waits would be too much.
    fn send(&mut self, bytes: u64) {
        if self.messages == MESSAGES_PER_TICK || self.bytes + bytes > BYTES_PER_TICK {
            self.tick();
        }
        self.messages += 1;
        self.bytes += bytes;
    }

    fn bytes(&mut self, id: u32, bytes: u64) {
        self.send(bytes);
        let contents = Payload::owned(Zeros {
            all: self.zeros.clone(),
            len: usize::try_from(bytes).expect("the zeros are as long as the longest block"),
        });
        let client = self.manager.client();
        let slot = &mut self.handles[id as usize];
        if let Some(handle) = *slot {
            let sent = client.update(handle, vec![contents]);
            sent.expect("the mailbox has room");
        } else {
            let part = PartData::vertex(contents, 2);
            let block = BlockDesc::new().part(part).source(Source::Retained);
            *slot = Some(client.add(block).expect("the mailbox has room"));
        }
    }

    fn gone(&mut self, id: u32) {
        self.send(0);
        if let Some(handle) = self.handles[id as usize].take() {
            let sent = self.manager.client().remove(handle);
            sent.expect("the mailbox has room");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_budget_holds_is_uploaded_once() {
        let bytes = |id| Step::Bytes { id, bytes: 1 << 20 };
        let frame = vec![Step::Draw(0), Step::Draw(1)];
        let mut frames = vec![vec![bytes(0), bytes(1)]];
        frames.extend(std::iter::repeat_n(frame, 9));
        let score = play(&World::new("w", 2, frames), 64 << 20);
        assert_eq!(score.bytes_streamed, 2 << 20, "each once");
        assert_eq!(
            (score.hits, score.draws),
            (18, 18),
            "they came before they were drawn"
        );
    }

    #[test]
    fn what_a_budget_does_not_hold_comes_again_and_again() {
        let frames = (0..400_u32).map(|at| {
            let id = at / 20 % 20;
            let mut steps = vec![Step::Draw(id)];
            if at < 20 {
                let bytes = 1 << 20;
                steps.push(Step::Bytes { id: at, bytes });
            }
            steps
        });
        let score = play(&World::new("w", 20, frames.collect()), 12 << 20);
        assert!(
            score.bytes_streamed > 20 << 20,
            "{score:?}: twenty, and those that came back"
        );
        assert!(score.hits < score.draws && score.hits > 0, "{score:?}");
    }
}
