//! What a frame used: a bitmap that only its own ticket writes.

use core::cell::{Cell, OnceCell};
use core::fmt;

const WORD_BITS: u32 = u64::BITS;
const PAGE_WORDS: usize = 64;
/// Slots that one page covers: 64 words of 64 bits, 512 bytes.
const PAGE_SLOTS: u32 = 4096;

const _: () = assert!(
    PAGE_SLOTS as usize == PAGE_WORDS * WORD_BITS as usize,
    "a page covers exactly the bits of its words"
);

type MarkPage = Box<[Cell<u64>; PAGE_WORDS]>;

/// The bitmap while a ticket writes it: pages come into being with their first mark, so that a
/// frame pays for what it uses and not for the size of the table.
#[derive(Default)]
pub(crate) struct Marks {
    directory: OnceCell<Box<[OnceCell<MarkPage>]>>,
}

impl Marks {
    /// Sets the bit of `index`; what lies outside of a table of `capacity` slots is not noted.
    pub(crate) fn mark(&self, index: u32, capacity: usize) {
        if index as usize >= capacity {
            return;
        }
        let directory = self.directory.get_or_init(|| {
            let pages = capacity.div_ceil(PAGE_SLOTS as usize);
            core::iter::repeat_with(OnceCell::new).take(pages).collect()
        });
        let page = directory[(index / PAGE_SLOTS) as usize]
            .get_or_init(|| Box::new([const { Cell::new(0) }; PAGE_WORDS]));
        let word = &page[(index % PAGE_SLOTS / WORD_BITS) as usize];
        word.set(word.get() | 1 << (index % WORD_BITS));
    }

    /// Ends the writing.
    pub(crate) fn into_usage(self) -> Usage {
        let mut pages = Vec::new();
        for (number, cell) in (0..).zip(self.directory.into_inner().unwrap_or_default()) {
            if let Some(page) = cell.into_inner() {
                pages.push(Page {
                    number,
                    words: Box::new(page.map(Cell::into_inner)),
                });
            }
        }
        Usage { pages }
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Page {
    number: u32,
    words: Box<[u64; PAGE_WORDS]>,
}

/// The set of slots that one frame, or several merged ones, marked as used.
///
/// ```
/// use geoheap_frame_sync::{RingConfig, ring};
///
/// let (mut publisher, reader) = ring::<u32, (), (), ()>(RingConfig::default(), ())?;
/// publisher.set(9_000, 1, None);
/// publisher.publish(().into())?;
///
/// let (left, right) = (reader.ticket(), reader.ticket());
/// left.mark_used(9_000);
/// right.mark_used(3);
/// let mut usage = left.finish().usage;
/// usage.merge(&right.finish().usage);
/// assert_eq!(usage.iter().collect::<Vec<_>>(), [3, 9_000]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Sorted by number; no page is empty of marks.
    pages: Vec<Page>,
}

impl Usage {
    /// The indices of the used slots, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.pages.iter().flat_map(|page| {
            (0..).zip(page.words.iter()).flat_map(move |(word, &bits)| {
                let first = page.number * PAGE_SLOTS + word * WORD_BITS;
                Bits(bits).map(move |bit| first + bit)
            })
        })
    }

    /// True if no slot was marked.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Number of used slots.
    pub fn len(&self) -> usize {
        let words = self.pages.iter().flat_map(|page| page.words.iter());
        words.map(|word| word.count_ones() as usize).sum()
    }

    /// True if the slot was marked.
    pub fn contains(&self, index: u32) -> bool {
        let number = index / PAGE_SLOTS;
        self.pages
            .binary_search_by_key(&number, |page| page.number)
            .is_ok_and(|at| {
                let word = self.pages[at].words[(index % PAGE_SLOTS / WORD_BITS) as usize];
                word >> (index % WORD_BITS) & 1 == 1
            })
    }

    /// Adds what another usage has marked.
    pub fn merge(&mut self, other: &Self) {
        for page in &other.pages {
            match self
                .pages
                .binary_search_by_key(&page.number, |own| own.number)
            {
                Ok(at) => {
                    let own = self.pages[at].words.iter_mut();
                    own.zip(page.words.iter())
                        .for_each(|(own, word)| *own |= word);
                }
                Err(at) => self.pages.insert(at, page.clone()),
            }
        }
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The positions of the set bits of a word, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests;
