//! Longer and shorter, where the range lies.

use crate::bins::bin_of;
use crate::bytes::{ByteLen, ByteRange};
use crate::error::ResizeError;
use crate::nodes::RangeId;
use crate::space::Space;

impl Space {
    /// Lengthens a live range to `new_len` bytes, rounded up to the unit, where it lies. Returns
    /// the new range. Asking for the present length is allowed.
    ///
    /// # Errors
    ///
    /// [`ResizeError::Stale`] and [`ResizeError::Unknown`] as in [`Space::free`],
    /// [`ResizeError::ZeroSize`], [`ResizeError::WrongWay`] for less than the present length,
    /// [`ResizeError::NoRoom`] where too little is free behind the range.
    pub fn grow_in_place(
        &mut self,
        id: RangeId,
        new_len: ByteLen,
    ) -> Result<ByteRange, ResizeError> {
        let (node, requested) = self.resize_request(id, new_len)?;
        let (len, next) = (self.nodes.live_len(node), self.nodes.at(node).next);
        if requested < len {
            let current = self.scale.len(len);
            return Err(ResizeError::WrongWay {
                requested: new_len,
                current,
            });
        }
        let free_behind = if self.nodes.is_live(next) {
            0
        } else {
            self.nodes.len(next)
        };
        if requested - len > free_behind {
            let available = self.scale.len(len + free_behind);
            return Err(ResizeError::NoRoom {
                requested: new_len,
                available,
            });
        }
        if requested > len {
            self.bins.remove(&mut self.nodes, next, bin_of(free_behind));
            self.free_count -= 1;
            self.nodes.absorb_next(node);
            if len + free_behind > requested {
                self.cut_tail(node, len + free_behind, requested);
            }
            self.nodes.set_live(node, requested);
            self.live_units += requested - len;
        }
        self.paranoid();
        Ok(self.range_of(node))
    }

    /// Shortens a live range to `new_len` bytes, rounded up to the unit; what is behind becomes
    /// free. Returns the new range. Asking for the present length is allowed.
    ///
    /// # Errors
    ///
    /// [`ResizeError::Stale`] and [`ResizeError::Unknown`] as in [`Space::free`],
    /// [`ResizeError::ZeroSize`], [`ResizeError::WrongWay`] for more than the present length.
    pub fn shrink_in_place(
        &mut self,
        id: RangeId,
        new_len: ByteLen,
    ) -> Result<ByteRange, ResizeError> {
        let (node, requested) = self.resize_request(id, new_len)?;
        let len = self.nodes.live_len(node);
        if requested > len {
            let current = self.scale.len(len);
            return Err(ResizeError::WrongWay {
                requested: new_len,
                current,
            });
        }
        if requested < len {
            let rest = self.nodes.split(node, requested, len);
            self.nodes.set_live(node, requested);
            self.free_count += 1;
            self.live_units -= len - requested;
            self.merge_and_file(rest, len - requested);
        }
        self.paranoid();
        Ok(self.range_of(node))
    }

    /// The node and the units of a resize.
    fn resize_request(&self, id: RangeId, new_len: ByteLen) -> Result<(u32, u64), ResizeError> {
        let node = self.live(id)?;
        if new_len.is_zero() {
            return Err(ResizeError::ZeroSize);
        }
        Ok((node, self.scale.units_up(new_len)))
    }
}
