//! Where the bytes of a memory came from, in place of the bytes.
//!
//! A stamp is the address that a byte had in the memory it was written from. A program that keeps
//! its contents where they are can tell from it whose byte lies where, exact to the byte, at the
//! cost of an entry for each piece instead of a copy of each byte.

use std::collections::BTreeMap;

/// The stamp of what was never written: memory starts as zeros.
pub(super) const ZERO: u64 = 0;

/// A range whose bytes came from consecutive addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) len: u64,
    /// Stamp of the first byte; the others follow, but all are zero in a piece that is [`ZERO`].
    pub(super) stamp: u64,
}

impl Piece {
    /// The piece without its first `count` bytes.
    fn after(self, count: u64) -> Self {
        let stamp = if self.stamp == ZERO {
            ZERO
        } else {
            self.stamp + count
        };
        Self {
            len: self.len - count,
            stamp,
        }
    }
}

/// Pieces by where they start, without gaps and without overlap.
#[derive(Debug)]
pub(super) struct Stamps(BTreeMap<u64, Piece>);

impl Stamps {
    /// `len` bytes of zeros.
    pub(super) fn new(len: u64) -> Self {
        let mut stamps = Self(BTreeMap::new());
        stamps.0.insert(0, Piece { len, stamp: ZERO });
        stamps
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

    /// What a plain array of stamps would hold, beside what the pieces say.
    #[test]
    fn pieces_say_what_an_array_would() {
        const LEN: u64 = 64;
        let mut stamps = Stamps::new(LEN);
        let mut plain = vec![ZERO; usize::try_from(LEN).expect("64 fits")];
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
                let pieces = stamps.read(from, len);
                stamps.write(at, &pieces);
                let range = |at: u64| usize::try_from(at).expect("below 64");
                plain.copy_within(range(from)..range(from + len), range(at));
            } else {
                let stamp = 1_000 + next(50) * 100;
                stamps.write(at, &[Piece { len, stamp }]);
                for byte in 0..len {
                    plain[usize::try_from(at + byte).expect("below 64")] = stamp + byte;
                }
            }
            let mut seen = Vec::new();
            for piece in stamps.read(0, LEN) {
                seen.extend((0..piece.len).map(|byte| match piece.stamp {
                    ZERO => ZERO,
                    stamp => stamp + byte,
                }));
            }
            assert_eq!(seen, plain, "round {round}");
        }
    }
}
