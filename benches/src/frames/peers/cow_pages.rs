//! Pages of 256 places, copied when they change, behind the crate `arc-swap`.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::frames::place::{Change, Key, Place};
use crate::frames::tables::{Reader, Table};

/// Places in a page.
const PAGE: usize = 256;

type Page = [Place; PAGE];
type Pages = Vec<Arc<Page>>;

/// A version is a list of pages; the next one shares with it what did not change.
#[derive(Debug)]
pub struct CowPages(Arc<ArcSwap<Pages>>);

impl Table for CowPages {
    const NAME: &'static str = "cow-pages";
    type Reader = PageReader;

    fn new(places: &[Place]) -> Self {
        let page = |places: &[Place]| {
            let mut page = [Place::default(); PAGE];
            page[..places.len()].copy_from_slice(places);
            Arc::new(page)
        };
        let pages: Pages = places.chunks(PAGE).map(page).collect();
        Self(Arc::new(ArcSwap::from_pointee(pages)))
    }

    fn publish(&mut self, changes: &[Change]) {
        let mut pages: Pages = (**self.0.load()).clone();
        for change in changes {
            let index = change.key.index as usize;
            // The first change to a page finds it shared with the version before, and copies it.
            Arc::make_mut(&mut pages[index / PAGE])[index % PAGE] = change.place;
        }
        self.0.store(Arc::new(pages));
    }

    fn reader(&self) -> Self::Reader {
        PageReader(Arc::clone(&self.0))
    }
}

/// Reads the newest list of pages.
#[derive(Debug)]
pub struct PageReader(Arc<ArcSwap<Pages>>);

impl Reader for PageReader {
    type Frame<'a> = Arc<Pages>;

    fn begin(&self) -> Self::Frame<'_> {
        self.0.load_full()
    }

    #[inline]
    fn get(&self, frame: &Self::Frame<'_>, key: Key) -> Option<Place> {
        let index = key.index as usize;
        frame.get(index / PAGE)?[index % PAGE].checked(key)
    }
}
