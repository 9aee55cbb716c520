//! Chunks with stamps for contents.

use std::collections::BTreeMap;

/// Bytes of one stamp each, by chunk.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// By the chunk's number: start, length and stamp of what was written whole.
    chunks: Vec<BTreeMap<u64, (u64, u64)>>,
}

impl Memory {
    /// Fills bytes with a stamp. What lay there is spoilt as a whole.
    pub fn write(&mut self, chunk: u32, start: u64, len: u64, stamp: u64) {
        let at = chunk as usize;
        if at >= self.chunks.len() {
            self.chunks.resize(at + 1, BTreeMap::new());
        }
        let pieces = &mut self.chunks[at];
        let before = pieces.range(..start).next_back();
        if let Some((&first, &(len, _))) = before
            && first + len > start
        {
            pieces.remove(&first);
        }
        while let Some((&over, _)) = pieces.range(start..start + len).next() {
            pieces.remove(&over);
        }
        pieces.insert(start, (len, stamp));
    }

    /// Copies bytes from one chunk to another. What is not whole there is not whole here.
    pub fn copy(&mut self, from: (u32, u64), to: (u32, u64), len: u64) {
        let pieces = self.chunks.get(from.0 as usize);
        let stamps = pieces.map(|pieces| stamps(pieces, from.1, len));
        for (start, len, stamp) in stamps.unwrap_or_default() {
            self.write(to.0, start - from.1 + to.1, len, stamp);
        }
    }

    /// Whether all of these bytes have this stamp.
    pub fn has(&self, chunk: u32, start: u64, len: u64, stamp: u64) -> bool {
        let Some(pieces) = self.chunks.get(chunk as usize) else {
            return false;
        };
        let found = stamps(pieces, start, len);
        let whole: u64 = found.iter().map(|(_, len, _)| len).sum();
        whole == len && found.iter().all(|(_, _, found)| *found == stamp)
    }

    /// The chunk is gone.
    pub fn forget(&mut self, chunk: u32) {
        if let Some(pieces) = self.chunks.get_mut(chunk as usize) {
            pieces.clear();
        }
    }
}

/// The parts of a range that have stamps: start, length and stamp.
fn stamps(pieces: &BTreeMap<u64, (u64, u64)>, start: u64, len: u64) -> Vec<(u64, u64, u64)> {
    let before = pieces.range(..start).next_back();
    let inside = pieces.range(start..start + len);
    let cut = |(&first, &(piece, stamp)): (&u64, &(u64, u64))| {
        let (low, high) = (first.max(start), (first + piece).min(start + len));
        (high > low).then_some((low, high.saturating_sub(low), stamp))
    };
    before.into_iter().chain(inside).filter_map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overwritten_in_part_is_spoilt() {
        let mut memory = Memory::default();
        memory.write(1, 0, 64, 7);
        memory.copy((1, 16), (2, 100), 32);
        assert!(memory.has(1, 0, 64, 7) && memory.has(2, 100, 32, 7));
        memory.copy((1, 48), (2, 132), 16);
        assert!(memory.has(2, 100, 48, 7), "in pieces");
        assert!(!memory.has(2, 100, 49, 7), "but no more than was copied");
        memory.write(1, 60, 8, 9);
        assert!(!memory.has(1, 0, 64, 7) && memory.has(1, 60, 8, 9));
        memory.forget(2);
        assert!(!memory.has(2, 100, 32, 7));
        assert!(!memory.has(9, 0, 1, 7), "no such chunk");
    }
}
