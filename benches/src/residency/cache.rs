//! The game that all policies play, and what is counted.

use super::world::{Step, World};

/// A policy with its entries. Ids are those of the world.
pub trait Cache {
    /// The name in the tables.
    fn name(&self) -> &'static str;
    /// A frame drew an entry that is there.
    fn hit(&mut self, id: u32, frame: u64);
    /// A frame drew an entry that was away; it is there from now on.
    fn miss(&mut self, id: u32, bytes: u64, frame: u64);
    /// An entry that is there has other bytes.
    fn resize(&mut self, id: u32, bytes: u64);
    /// An entry exists no more; it was there or not.
    fn gone(&mut self, id: u32);
    /// At the end of `frame`, gives up entries until at least `bytes` are free, and appends them to
    /// `out`.
    fn give_up(&mut self, bytes: u64, frame: u64, out: &mut Vec<u32>);
}

/// What came of a game.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Bytes streamed in, the first time included.
    pub bytes_streamed: u64,
    /// Draws of entries that were there.
    pub hits: u64,
    /// All draws.
    pub draws: u64,
}

impl Score {
    /// Hits by draws.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub fn hit_rate(&self) -> f64 {
        self.hits as f64 / self.draws as f64
    }
}

/// Plays the world to a cache of `budget_bytes`.
pub fn play(world: &World, budget_bytes: u64, cache: &mut dyn Cache) -> Score {
    let mut score = Score::default();
    let mut bytes_of = vec![0; world.entries];
    let mut is_there = vec![false; world.entries];
    let (mut held, mut out) = (0, Vec::new());
    for (frame, steps) in (0..).zip(&world.frames) {
        for step in steps {
            match *step {
                Step::Bytes { id, bytes } => {
                    let before = std::mem::replace(&mut bytes_of[id as usize], bytes);
                    if is_there[id as usize] {
                        held = held - before + bytes;
                        cache.resize(id, bytes);
                    }
                }
                Step::Gone(id) => {
                    if std::mem::take(&mut is_there[id as usize]) {
                        held -= bytes_of[id as usize];
                    }
                    cache.gone(id);
                }
                Step::Draw(id) => {
                    let bytes = bytes_of[id as usize];
                    score.draws += 1;
                    if std::mem::replace(&mut is_there[id as usize], true) {
                        score.hits += 1;
                        cache.hit(id, frame);
                    } else {
                        score.bytes_streamed += bytes;
                        held += bytes;
                        cache.miss(id, bytes, frame);
                    }
                }
            }
        }
        if held > budget_bytes {
            cache.give_up(held - budget_bytes, frame, &mut out);
            for id in out.drain(..) {
                let was_there = std::mem::take(&mut is_there[id as usize]);
                assert!(was_there, "{} gave up what it had not: {id}", cache.name());
                held -= bytes_of[id as usize];
            }
            assert!(held <= budget_bytes, "{} gave up too little", cache.name());
        }
    }
    score
}
