//! The bytes that may be held and those that are.

use geoheap_suballoc::ByteLen;

use crate::budget_origin::BudgetOrigin;

/// The bytes that may be held and those that are (R10).
#[derive(Debug)]
pub(super) struct Budget {
    /// What the caller set.
    pub(super) asked: ByteLen,
    /// Of that: what is held outside of the engine, or is to be once there is room.
    pub(super) outside: ByteLen,
    /// What is held outside.
    pub(super) outside_held: ByteLen,
    /// What the engine has: all that is not outside.
    pub(super) total: ByteLen,
    /// Who said so.
    pub(super) origin: BudgetOrigin,
    /// What the device was seen to give; at most `total`.
    pub(super) effective: ByteLen,
    /// Reserved for staging, used or not.
    pub(super) staging: ByteLen,
    /// What staging holds now: after the budget was lowered more than `staging`, until what is in
    /// use comes back.
    pub(super) staging_held: ByteLen,
    /// Buffers beside chunks and staging: the records of draw sets.
    pub(super) side: ByteLen,
    /// A buffer of that kind found no room: so much is kept free for it.
    side_wanted: ByteLen,
    /// Buffers of chunks that exist, dropped ones that are not yet returned among them.
    pub(super) held: ByteLen,
    /// Bytes of `held` that are on their way out: chunks that no new version names.
    leaving: ByteLen,
    pub(super) held_peak: ByteLen,
    /// Tick of the last cut of `effective`, or of its last step back.
    pub(super) cut_tick: u64,
}

impl Budget {
    pub(super) fn new(total: ByteLen, origin: BudgetOrigin, staging: ByteLen) -> Self {
        Self {
            asked: total,
            outside: ByteLen::ZERO,
            outside_held: ByteLen::ZERO,
            total,
            origin,
            effective: total,
            staging,
            staging_held: ByteLen::ZERO,
            side: ByteLen::ZERO,
            side_wanted: ByteLen::ZERO,
            held: ByteLen::ZERO,
            leaving: ByteLen::ZERO,
            held_peak: ByteLen::ZERO,
            cut_tick: 0,
        }
    }

    /// Bytes that chunks may take in all.
    pub(super) fn for_chunks(&self) -> ByteLen {
        let mut others = self.staging + self.side + self.side_wanted;
        if is_planted!(StagingUncounted) {
            others = self.side + self.side_wanted;
        }
        self.effective.saturating_sub(others)
    }

    /// The engine has another part of the budget. What the device was seen not to give stays
    /// where it is.
    pub(super) fn divide(&mut self, total: ByteLen, staging: ByteLen) {
        self.effective = if self.is_cut() {
            self.effective.min(total)
        } else {
            total
        };
        self.total = total;
        self.staging = staging;
    }

    /// What the device was seen to give of what the caller set.
    pub(super) fn effective_asked(&self) -> ByteLen {
        self.effective + self.outside
    }

    /// Whether `bytes` more can be held outside, whatever staging takes of its part.
    pub(super) fn has_room_outside(&self, bytes: ByteLen) -> bool {
        let inside = self.held + self.side + self.staging_now();
        inside + self.outside_held + bytes <= self.asked
    }

    /// The device had no memory for a buffer: what it holds now is all that it gives, but the
    /// engine needs `least` for chunks to go on.
    pub(super) fn cut(&mut self, least: ByteLen, tick: u64) {
        let given = self.held + self.side + self.staging;
        let floor = self.side + self.staging + least;
        self.effective = self.effective.min(given.max(floor));
        self.cut_tick = tick;
    }

    /// Takes a step back to the whole budget. Returns whether it is reached by that.
    pub(super) fn regrow(&mut self, step: ByteLen, tick: u64) -> bool {
        self.cut_tick = tick;
        self.effective = (self.effective + step).min(self.total);
        !self.is_cut()
    }

    /// Forgets what the device was seen not to give. Returns whether there was anything.
    pub(super) fn make_whole(&mut self) -> bool {
        let was_cut = self.is_cut();
        self.effective = self.total;
        was_cut
    }

    /// Whether the device was seen to give less than the budget.
    pub(super) fn is_cut(&self) -> bool {
        self.effective < self.total
    }

    /// Takes room for a buffer beside the chunks; where there is none it is made over the next
    /// ticks, since chunks may take less until the wish is forgotten.
    pub(super) fn take_side(&mut self, bytes: ByteLen) -> bool {
        if self.held + self.side + self.staging_now() + bytes > self.effective {
            self.side_wanted += bytes;
            return false;
        }
        self.side += bytes;
        self.held_peak = self.held_peak.max(self.held + self.side);
        true
    }

    pub(super) fn forget_side_wishes(&mut self) {
        self.side_wanted = ByteLen::ZERO;
    }

    /// Whether chunks take too much only in view of wishes.
    pub(super) fn is_over_by_wishes(&self) -> bool {
        self.held + self.side + self.staging <= self.effective
    }

    /// A buffer beside the chunks is gone.
    pub(super) fn side_returned(&mut self, bytes: ByteLen) {
        assert!(
            bytes <= self.side,
            "R10: only what was held is returned: {bytes}"
        );
        self.side -= bytes;
    }

    /// Whether a buffer of `bytes` more stays within the budget.
    pub(super) fn allows(&self, bytes: ByteLen) -> bool {
        let late = self.staging_now().saturating_sub(self.staging);
        self.held + bytes + late <= self.for_chunks()
    }

    /// Staging's part of the budget, or what it holds beyond that.
    fn staging_now(&self) -> ByteLen {
        if is_planted!(LateStagingForgotten) {
            return self.staging;
        }
        self.staging.max(self.staging_held)
    }

    /// Whether buffers must go: the budget was lowered.
    pub(super) fn overshoot(&self) -> ByteLen {
        self.held.saturating_sub(self.for_chunks())
    }

    pub(super) fn take(&mut self, bytes: ByteLen) {
        self.held += bytes;
        self.held_peak = self.held_peak.max(self.held + self.side);
    }

    /// Bytes over the budget that nothing on its way out will give back.
    pub(super) fn overshoot_to_shed(&self) -> ByteLen {
        self.overshoot().saturating_sub(self.leaving)
    }

    /// A chunk of `bytes` is on its way out.
    pub(super) fn leaves(&mut self, bytes: ByteLen) {
        self.leaving += bytes;
    }

    /// A chunk that was on its way out is gone.
    pub(super) fn came_back(&mut self, bytes: ByteLen) {
        self.leaving = self.leaving.saturating_sub(bytes);
        self.returned(bytes);
    }

    /// The device is gone, and all that was on it.
    pub(super) fn forget_device(&mut self) {
        self.held = ByteLen::ZERO;
        self.side = ByteLen::ZERO;
        self.side_wanted = ByteLen::ZERO;
        self.leaving = ByteLen::ZERO;
    }

    /// The device has a buffer's memory back.
    pub(super) fn returned(&mut self, bytes: ByteLen) {
        assert!(
            bytes <= self.held,
            "R10: only what was held is returned: {bytes}"
        );
        self.held -= bytes;
    }
}
