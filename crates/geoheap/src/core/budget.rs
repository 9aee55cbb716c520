//! The bytes that may be held and those that are.

use geoheap_suballoc::ByteLen;

/// The bytes that may be held and those that are (R10).
#[derive(Debug)]
pub(super) struct Budget {
    /// What the caller set.
    pub(super) total: ByteLen,
    /// What the device was seen to give; at most `total`.
    pub(super) effective: ByteLen,
    /// Reserved for staging, used or not.
    pub(super) staging: ByteLen,
    /// Buffers that exist, dropped ones that are not yet returned among them.
    pub(super) held: ByteLen,
    /// Bytes of `held` that are on their way out: chunks that no new version names.
    leaving: ByteLen,
    pub(super) held_peak: ByteLen,
    /// Tick of the last cut of `effective`, or of its last step back.
    pub(super) cut_tick: u64,
}

impl Budget {
    pub(super) fn new(total: ByteLen, staging: ByteLen) -> Self {
        Self {
            total,
            effective: total,
            staging,
            held: ByteLen::ZERO,
            leaving: ByteLen::ZERO,
            held_peak: ByteLen::ZERO,
            cut_tick: 0,
        }
    }

    /// Bytes that chunks may take in all.
    pub(super) fn for_chunks(&self) -> ByteLen {
        self.effective.saturating_sub(self.staging)
    }

    /// Whether a buffer of `bytes` more stays within the budget.
    pub(super) fn allows(&self, bytes: ByteLen) -> bool {
        self.held + bytes <= self.for_chunks()
    }

    /// Whether buffers must go: the budget was lowered.
    pub(super) fn overshoot(&self) -> ByteLen {
        self.held.saturating_sub(self.for_chunks())
    }

    pub(super) fn take(&mut self, bytes: ByteLen) {
        self.held += bytes;
        self.held_peak = self.held_peak.max(self.held);
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
