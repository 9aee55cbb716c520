//! What a memory holds, by pieces instead of byte by byte.
//!
//! Memory mostly holds long stretches that follow from their first entry: bytes that came from
//! consecutive addresses, words that count up, zeros. An ordered map keeps one entry for each
//! stretch, exact to the byte where it was cut, instead of a copy of each byte.

use std::collections::BTreeMap;

/// How a piece goes on after its first entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// All entries are the same.
    Same,
    /// One more with each byte: the addresses that the bytes were written from.
    PerByte,
    /// One more with each 32-bit word, wrapping around; cut at words only.
    PerWord,
}

/// Bytes of a word.
pub(super) const WORD: u64 = 4;

/// A stretch that one rule describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) len: u64,
    /// The first entry.
    pub(super) first: u64,
    pub(super) rule: Rule,
}

impl Piece {
    /// The same entry over and over; memory starts as zeros.
    pub(super) fn same(first: u64, len: u64) -> Self {
        let rule = Rule::Same;
        Self { len, first, rule }
    }

    /// The piece without its first `count` bytes.
    fn after(self, count: u64) -> Self {
        let first = match self.rule {
            Rule::Same => self.first,
            Rule::PerByte => self.first + count,
            Rule::PerWord => (self.first + count / WORD) & u64::from(u32::MAX),
        };
        Self {
            len: self.len - count,
            first,
            rule: self.rule,
        }
    }
}

/// Pieces by where they start, without gaps and without overlap.
#[derive(Debug)]
pub(super) struct Pieces(BTreeMap<u64, Piece>);

impl Pieces {
    /// `len` bytes of zeros.
    pub(super) fn new(len: u64) -> Self {
        Self(BTreeMap::from([(0, Piece::same(0, len))]))
    }

    /// The pieces of `offset .. offset + len`, cut to it, in order.
    pub(super) fn read(&self, offset: u64, len: u64) -> Vec<Piece> {
        let end = offset + len;
        let first = self.0.range(..=offset).next_back();
        let rest = self.0.range((
            core::ops::Bound::Excluded(offset),
            core::ops::Bound::Excluded(end.max(offset + 1)),
        ));
        let mut out = Vec::new();
        for (&start, &piece) in first.into_iter().chain(rest) {
            let (from, to) = (start.max(offset), (start + piece.len).min(end));
            if from < to {
                let mut cut = piece.after(from - start);
                cut.len = to - from;
                out.push(cut);
            }
        }
        out
    }

    /// Puts `pieces` one after the other from `offset` on.
    pub(super) fn write(&mut self, offset: u64, pieces: &[Piece]) {
        let len: u64 = pieces.iter().map(|piece| piece.len).sum();
        if len == 0 {
            return;
        }
        self.cut_out(offset, offset + len);
        let mut at = offset;
        for piece in pieces {
            self.0.insert(at, *piece);
            at += piece.len;
        }
    }

    /// Makes room: no piece reaches into `start .. end` afterwards.
    fn cut_out(&mut self, start: u64, end: u64) {
        let before = self.0.range(..start).next_back();
        if let Some((&at, &piece)) = before
            && at + piece.len > start
        {
            let left = Piece {
                len: start - at,
                ..piece
            };
            self.0.insert(at, left);
            if at + piece.len > end {
                self.0.insert(end, piece.after(end - at));
                return;
            }
        }
        while let Some((&at, &piece)) = self.0.range(start..end).next() {
            self.0.remove(&at);
            if at + piece.len > end {
                self.0.insert(end, piece.after(end - at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a plain array of addresses would hold, beside what the pieces say.
    #[test]
    fn pieces_say_what_an_array_would() {
        const LEN: u64 = 64;
        let mut pieces = Pieces::new(LEN);
        let mut plain = vec![0; usize::try_from(LEN).expect("64 fits")];
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for round in 0..4_000_u64 {
            let at = next(LEN);
            let len = next(LEN - at) + 1;
            if round % 3 == 0 {
                let from = next(LEN - len + 1);
                let read = pieces.read(from, len);
                pieces.write(at, &read);
                let range = |at: u64| usize::try_from(at).expect("below 64");
                plain.copy_within(range(from)..range(from + len), range(at));
            } else {
                let (first, rule) = (1_000 + next(50) * 100, Rule::PerByte);
                pieces.write(at, &[Piece { len, first, rule }]);
                for byte in 0..len {
                    plain[usize::try_from(at + byte).expect("below 64")] = first + byte;
                }
            }
            let mut seen = Vec::new();
            for piece in pieces.read(0, LEN) {
                seen.extend((0..piece.len).map(|byte| piece.after(byte).first));
            }
            assert_eq!(seen, plain, "round {round}");
        }
    }
}
