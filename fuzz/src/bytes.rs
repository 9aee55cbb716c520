//! The input, read as numbers.

/// A cursor over an input. Behind its end there are zeros, so that each prefix of an input is an
/// input, too.
#[derive(Clone, Debug)]
pub struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// At the start of `input`.
    pub const fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// The next byte, or zero behind the end.
    pub fn byte(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    /// The next eight bytes, little end first.
    pub fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// One of a table, by the next byte.
    pub fn pick<T: Copy>(&mut self, table: &[T]) -> T {
        table[usize::from(self.byte()) % table.len()]
    }

    /// One of a list that may be empty, by the next byte.
    pub fn pick_of<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        let at = usize::from(self.byte());
        list.get(at % list.len().max(1)).copied()
    }

    /// True for an odd byte.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }
}

impl Iterator for Bytes<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_end_there_are_zeros() {
        let mut bytes = Bytes::new(&[7, 1]);
        assert_eq!(bytes.pick(&[10, 20, 30]), 20);
        assert_eq!(bytes.word(), 1);
        assert_eq!((bytes.next(), bytes.byte(), bytes.flag()), (None, 0, false));
        assert_eq!(bytes.pick_of::<u8>(&[]), None);
    }
}
