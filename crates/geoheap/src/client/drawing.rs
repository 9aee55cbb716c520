//! How draw sets are made and changed.

use geoheap_suballoc::ByteLen;

use crate::actor::mailbox::{Message, Patience, Weight};
use crate::client::Client;
use crate::draw_set::{DrawSetId, INDEXED_RECORD_BYTES, SetDraw};
use crate::error::DrawSetError;
use crate::sync::Ordering;

/// One draw set takes at most one part in so many of staging.
const DRAW_SET_STAGING_SHARE: u64 = 4;
/// Bytes that a draw takes of the mailbox.
const DRAW_BYTES: u64 = size_of::<SetDraw>() as u64;

/// Most draws of one set with so much staging: its records are staged in one piece, beside the
/// uploads of a tick.
pub(crate) fn draws_under(staging: ByteLen) -> u32 {
    let draws = staging.get() / DRAW_SET_STAGING_SHARE / INDEXED_RECORD_BYTES;
    u32::try_from(draws).unwrap_or(u32::MAX)
}

impl Client {
    /// Makes a draw set: from a version on that is soon published, and in all later ones, a
    /// ticket has GPU records of these draws, see [`FrameTicket::draw_set`]. The engine writes the
    /// whole set again when one of its blocks changes place, so put what changes often into other
    /// sets than what does not.
    ///
    /// Waits while the mailbox is full.
    ///
    /// # Errors
    /// [`DrawSetError`]; no set was made.
    ///
    /// [`FrameTicket::draw_set`]: crate::FrameTicket::draw_set
    pub fn add_draw_set(&self, draws: Vec<SetDraw>) -> Result<DrawSetId, DrawSetError> {
        self.check_draws(&draws)?;
        let nth = self.shared.draw_sets.fetch_add(1, Ordering::Relaxed) + 1;
        let id = DrawSetId::new(self.shared.board.heap(), nth);
        self.send_draws(id, Some(draws))?;
        Ok(id)
    }

    /// Replaces the draws of a set. A set that was removed is made again.
    ///
    /// # Errors
    /// [`DrawSetError`]; the set stays as it was.
    pub fn set_draws(&self, id: DrawSetId, draws: Vec<SetDraw>) -> Result<(), DrawSetError> {
        self.check_id(id)?;
        self.check_draws(&draws)?;
        self.send_draws(id, Some(draws))
    }

    /// Removes a set from the versions to come. Its blocks are not touched.
    ///
    /// # Errors
    /// [`DrawSetError::Unknown`], [`DrawSetError::Send`]. One that was removed already is not an
    /// error.
    pub fn remove_draw_set(&self, id: DrawSetId) -> Result<(), DrawSetError> {
        self.check_id(id)?;
        self.send_draws(id, None)
    }

    fn check_id(&self, id: DrawSetId) -> Result<(), DrawSetError> {
        let made = self.shared.draw_sets.load(Ordering::Relaxed);
        if id.is_of(self.shared.board.heap(), made) {
            Ok(())
        } else {
            Err(DrawSetError::Unknown { id })
        }
    }

    fn check_draws(&self, draws: &[SetDraw]) -> Result<(), DrawSetError> {
        let max = self.shared.draws_max.load(Ordering::Relaxed);
        let requested = draws.len();
        if requested > max as usize {
            return Err(DrawSetError::TooMany { requested, max });
        }
        let late = draws.iter().find(|draw| draw.instances.start > 0);
        match late {
            Some(draw) if !self.shared.indirect_first_instance => {
                Err(DrawSetError::FirstInstance {
                    handle: draw.handle,
                    first: draw.instances.start,
                })
            }
            _ => Ok(()),
        }
    }

    fn send_draws(&self, id: DrawSetId, draws: Option<Vec<SetDraw>>) -> Result<(), DrawSetError> {
        let weight = Weight {
            messages: 1,
            bytes: draws.as_ref().map_or(0, Vec::len) as u64 * DRAW_BYTES,
        };
        let mut permit = self.mailbox.permit(weight, Patience::Forever)?;
        permit.send(Message::Draws(id, draws), weight)?;
        Ok(())
    }
}
