//! `geoheap-suballoc`.

use geoheap_suballoc::{Align, ByteLen, RangeId, Space};

use super::{Allocator, Setup};

/// Aligned best fit of `geoheap-suballoc`.
#[derive(Debug)]
pub struct Ours(Space);

impl Allocator for Ours {
    type Id = RangeId;
    const NAME: &'static str = "geoheap-suballoc";

    fn new(setup: &Setup) -> Option<Self> {
        let space = Space::new(ByteLen::new(setup.capacity), ByteLen::new(setup.unit));
        space.ok().map(Self)
    }

    #[inline]
    fn alloc(&mut self, len: u64, align: u64) -> Option<RangeId> {
        let allocation = self.0.alloc(ByteLen::new(len), Align::new(align)?);
        allocation.ok().map(|allocation| allocation.id)
    }

    #[inline]
    fn free(&mut self, id: RangeId) {
        self.0.free(id).expect("scripts free live ranges");
    }

    fn start(&self, id: &RangeId, _: u64) -> u64 {
        let range = self.0.get(*id).expect("the range is live");
        range.start.get()
    }
}
