//! Who has which slot of the handle map.

use geoheap_frame_sync::Version;

use crate::core::Core;
use crate::core::record::Record;
use crate::handle::Handle;

/// Who has a slot of the handle map: a block, or nobody yet, where the handle is in the clients'
/// reserve. A slot whose generation reached its maximum stays taken by nobody, so that no handle of
/// it can ever name another block (R7).
pub(super) type Tenant = Option<Record>;

/// What is known of a slot by its index.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seat {
    /// Generation of the block that has it; 0 where none has.
    pub(super) generation: u32,
    /// Generation of the last block that left it.
    pub(super) last_generation: u32,
    /// The newest version when the last block came: later ones show it.
    pub(super) added: Version,
}

impl Core {
    /// Every block that lives, by slot.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        let indices = (0..).take(self.seats.len());
        let live = indices.filter_map(|index| self.tenant_of(index));
        live.filter_map(|handle| self.record(handle))
    }

    /// The block that has the slot of this index.
    pub(super) fn tenant_of(&self, index: u32) -> Option<Handle> {
        let seat = self.seats.get(index as usize)?;
        (seat.generation > 0).then(|| Handle::of(index, seat.generation))
    }

    /// The block of `handle`, if it lives.
    pub(super) fn record(&self, handle: Handle) -> Option<&Record> {
        self.blocks.get(handle.key())?.as_ref()
    }

    pub(super) fn record_mut(&mut self, handle: Handle) -> Option<&mut Record> {
        self.blocks.get_mut(handle.key())?.as_mut()
    }

    /// A block that the engine's own books say is there.
    pub(super) fn own(&mut self, handle: Handle) -> &mut Record {
        self.record_mut(handle)
            .expect("the core's own books name only blocks that live")
    }

    /// Hands out handles until `count` are in the reserve, as far as there are any.
    pub(crate) fn refill_reserve(&mut self, count: u32, out: &mut Vec<Handle>) {
        let taken = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
        let free = self.config.handles_max.saturating_sub(taken);
        for _ in 0..count.min(free) {
            out.push(Handle::from_key(self.blocks.insert(None)));
            self.reserved += 1;
        }
    }
}
