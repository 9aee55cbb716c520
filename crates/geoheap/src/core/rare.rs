//! What few blocks have: a label, pins, further owners, copies under a budget. It stands in a box
//! of its own, which only those blocks have, so that the books of all others are small.

use std::sync::Arc;

use crate::core::record::Record;
use crate::core::spill::Copied;

/// One block's. All of it is at its default in a block without one.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    label: Option<Arc<str>>,
    /// Owners beside the first.
    more_owners: u64,
    pins: u64,
    /// What of its copies is counted, and what is in a file; none where there is no file.
    copied: Option<Copied>,
}

const _: () = assert!(
    size_of::<Rare>() <= 112,
    "a label should not cost much more"
);

impl Record {
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn label(&self) -> Option<&Arc<str>> {
        self.rare.as_ref()?.label.as_ref()
    }

    pub(crate) fn set_label(&mut self, label: Option<Arc<str>>) {
        if label.is_some() || self.rare.is_some() {
            self.rare().label = label;
        }
    }

    /// Who must give it up before it goes.
    pub(crate) fn owners(&self) -> u64 {
        1 + self.rare.as_ref().map_or(0, |rare| rare.more_owners)
    }

    pub(crate) fn add_owner(&mut self) {
        self.rare().more_owners += 1;
    }

    /// Takes an owner off. Returns whether there is none left.
    pub(crate) fn drop_owner(&mut self) -> bool {
        match &mut self.rare {
            Some(rare) if rare.more_owners > 0 => {
                rare.more_owners -= 1;
                false
            }
            _ => true,
        }
    }

    pub(crate) fn pins(&self) -> u64 {
        self.rare.as_ref().map_or(0, |rare| rare.pins)
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.pins() > 0
    }

    pub(crate) fn add_pin(&mut self) {
        self.rare().pins += 1;
    }

    pub(crate) fn drop_pins(&mut self, count: u64) {
        if count > 0 {
            self.rare().pins -= count;
        }
    }

    pub(super) fn copied(&self) -> Option<&Copied> {
        self.rare.as_ref()?.copied.as_ref()
    }

    pub(super) fn copied_mut(&mut self) -> Option<&mut Copied> {
        self.rare.as_mut()?.copied.as_mut()
    }

    /// What of its copies is counted, from now on if nothing was.
    pub(super) fn count_copies(&mut self) -> &mut Copied {
        self.rare().copied.get_or_insert_default()
    }

    /// Its copies are not counted any more.
    pub(super) fn take_copied(&mut self) -> Option<Copied> {
        self.rare.as_mut()?.copied.take()
    }
}
