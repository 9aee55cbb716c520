//! A scene of many meshes for frames that only upload: their lengths, and contents that change.

use std::ops::Range;
use std::sync::Arc;

use geoheap::Payload;

use crate::random::Random;

/// Bytes of the shortest and of the longest mesh.
const LENS: (u64, u64) = (4 << 10, 256 << 10);
/// Lengths and places are multiples of a vertex.
const UNIT: usize = 16;

/// One mesh.
#[derive(Clone, Debug)]
pub struct Mesh {
    /// Where its contents stand in the [source](World::source) now.
    pub contents: Range<usize>,
    /// Where it lies among all meshes in a row.
    pub offset: usize,
}

/// All meshes.
#[derive(Clone, Debug)]
pub struct World {
    /// What contents are pieces of, so that they need little memory in all.
    pub source: Arc<[u8]>,
    /// The meshes, in a row.
    pub meshes: Vec<Mesh>,
    /// Bytes of all meshes.
    pub live_bytes: usize,
}

/// A piece of the source, without a copy.
#[derive(Debug)]
struct Piece(Arc<[u8]>, Range<usize>);

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0[self.1.clone()]
    }
}

impl World {
    /// Meshes of at least `bytes` together, uniform on a logarithmic scale.
    pub fn new(seed: u64, bytes: usize) -> Self {
        let mut random = Random::new(seed);
        let source: Arc<[u8]> = (0..2 * LENS.1)
            .map(|_| random.next().to_le_bytes()[7])
            .collect();
        let (mut meshes, mut live_bytes) = (Vec::new(), 0);
        while live_bytes < bytes {
            let len = random.log_uniform(LENS.0, LENS.1);
            let len = usize::try_from(len).expect("short") / UNIT * UNIT;
            meshes.push(Mesh {
                contents: start(&mut random, &source, len),
                offset: live_bytes,
            });
            live_bytes += len;
        }
        Self {
            source,
            meshes,
            live_bytes,
        }
    }

    /// Gives a mesh other contents of the same length.
    pub fn change(&mut self, random: &mut Random, nth: usize) {
        let len = self.meshes[nth].contents.len();
        self.meshes[nth].contents = start(random, &self.source, len);
    }

    /// What a mesh holds now.
    pub fn contents(&self, nth: usize) -> &[u8] {
        &self.source[self.meshes[nth].contents.clone()]
    }

    /// The same for the engine, without a copy.
    pub fn payload(&self, nth: usize) -> Payload {
        let contents = self.meshes[nth].contents.clone();
        Payload::owned(Piece(Arc::clone(&self.source), contents))
    }
}

fn start(random: &mut Random, source: &[u8], len: usize) -> Range<usize> {
    let start = random.index((source.len() - len) / UNIT) * UNIT;
    start..start + len
}
