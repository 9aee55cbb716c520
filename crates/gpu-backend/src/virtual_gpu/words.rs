//! Bytes as runs of 32-bit little-endian words.

use super::pieces::{Piece, Pieces, Rule, WORD};

/// The bytes of a range, of any alignment.
pub(super) fn read(words: &Pieces, offset: u64, len: u64) -> Vec<u8> {
    let (start, end) = covering(offset, len);
    let mut bytes = expand(&words.read(start, end - start));
    bytes.truncate(index(offset - start + len));
    bytes.drain(..index(offset - start));
    bytes
}

/// Writes bytes at an offset of any alignment.
pub(super) fn write(words: &mut Pieces, offset: u64, bytes: &[u8]) {
    let (start, end) = covering(offset, bytes.len() as u64);
    if start == offset && end - start == bytes.len() as u64 {
        words.write(offset, &runs(bytes));
        return;
    }
    let mut whole = expand(&words.read(start, end - start));
    let at = index(offset - start);
    whole[at..at + bytes.len()].copy_from_slice(bytes);
    words.write(start, &runs(&whole));
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("an offset in memory fits the machine")
}

/// The words that a range touches, as offsets in bytes.
fn covering(offset: u64, len: u64) -> (u64, u64) {
    let start = offset - offset % WORD;
    (start, (offset + len).next_multiple_of(WORD).max(start))
}

/// Whole words as runs: each as long as its words count up, or stay the same.
fn runs(bytes: &[u8]) -> Vec<Piece> {
    let mut runs: Vec<Piece> = Vec::new();
    let mut last = 0_u32;
    for bytes in bytes.as_chunks::<4>().0 {
        let word = u32::from_le_bytes(*bytes);
        let step = match word.wrapping_sub(last) {
            0 => Some(Rule::Same),
            1 => Some(Rule::PerWord),
            _ => None,
        };
        last = word;
        if let (Some(run), Some(rule)) = (runs.last_mut(), step)
            && (run.rule == rule || run.len == WORD)
        {
            run.rule = rule;
            run.len += WORD;
        } else {
            runs.push(Piece::same(word.into(), WORD));
        }
    }
    runs
}

/// The bytes of whole pieces.
fn expand(pieces: &[Piece]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(index(pieces.iter().map(|piece| piece.len).sum()));
    for piece in pieces {
        let mut word = u32::try_from(piece.first).expect("a piece of words begins with a word");
        for _ in 0..piece.len / WORD {
            bytes.extend(word.to_le_bytes());
            if piece.rule == Rule::PerWord {
                word = word.wrapping_add(1);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(first: u32, words: u32) -> Vec<u8> {
        let word = |count: u32| first.wrapping_add(count).to_le_bytes();
        (0..words).flat_map(word).collect()
    }

    #[test]
    fn words_that_count_up_or_stay_are_one_piece() {
        let piece = |first: u32, words: u64, rule| Piece {
            len: words * WORD,
            first: first.into(),
            rule,
        };
        let cases = [
            (counting(7, 100), vec![piece(7, 100, Rule::PerWord)]),
            (
                counting(u32::MAX, 3),
                vec![piece(u32::MAX, 3, Rule::PerWord)],
            ),
            (vec![0; 64], vec![piece(0, 16, Rule::Same)]),
            ([9_u32, 3].map(u32::to_le_bytes).concat(), {
                vec![piece(9, 1, Rule::Same), piece(3, 1, Rule::Same)]
            }),
            ([5_u32, 5, 6, 7].map(u32::to_le_bytes).concat(), {
                vec![piece(5, 2, Rule::Same), piece(6, 2, Rule::PerWord)]
            }),
        ];
        for (bytes, expected) in cases {
            assert_eq!(runs(&bytes), expected);
            assert_eq!(expand(&expected), bytes);
        }
    }

    /// What a plain array of bytes holds, beside what the words give back.
    #[test]
    fn words_give_back_the_bytes_of_an_array() {
        const LEN: u64 = 96;
        let mut words = Pieces::new(LEN);
        let mut plain = vec![0_u8; index(LEN)];
        let mut seed = 11_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for round in 0..6_000_u64 {
            // Every fifth write is at any byte, as those into leases are.
            let unit = if round % 5 == 0 { 1 } else { WORD };
            let at = next(LEN / unit) * unit;
            let len = (next((LEN - at) / unit) + 1) * unit;
            let (to, count) = (index(at), index(len));
            match round % 4 {
                0 if unit == WORD => {
                    let from = next((LEN - len) / WORD + 1) * WORD;
                    let read = words.read(from, len);
                    words.write(at, &read);
                    plain.copy_within(index(from)..index(from + len), to);
                }
                1 => {
                    let noise: Vec<u8> = (0..len).map(|_| next(251).to_le_bytes()[0]).collect();
                    write(&mut words, at, &noise);
                    plain[to..to + count].copy_from_slice(&noise);
                }
                _ => {
                    let first = u32::try_from(next(1 << 31)).expect("31 bits") << (round % 2);
                    let mut stamps = counting(first, 96);
                    stamps.truncate(count);
                    write(&mut words, at, &stamps);
                    plain[to..to + count].copy_from_slice(&stamps);
                }
            }
            assert_eq!(read(&words, 0, LEN), plain, "round {round}");
            let from = next(LEN);
            let len = next(LEN - from + 1);
            let expected = &plain[index(from)..index(from + len)];
            assert_eq!(read(&words, from, len), expected, "round {round}");
        }
    }
}
