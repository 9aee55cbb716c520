//! How the budget is changed.

use geoheap_suballoc::ByteLen;

use crate::actor::mailbox::Message;
use crate::actor::reply::{Pending, read_done, read_outside};
use crate::budget_origin::BudgetOrigin;
use crate::client::Client;
use crate::core::event::Request;
use crate::error::RequestError;
use crate::outside::OutsideLease;

impl Client {
    /// Changes the budget. A lower one is reached by evicting, moving and returning chunks, over
    /// as many ticks as versions in use and caps demand. How large a block may be follows once it
    /// is answered. A full mailbox takes it, too.
    ///
    /// # Errors
    /// [`RequestError::Budget`] for one below [`Client::budget_bytes_min`],
    /// [`RequestError::ShutDown`]. The answer may be [`RequestError::BudgetOutside`], when less
    /// than that would be left beside what is [held outside](Client::hold_outside).
    pub fn set_budget(&self, budget: ByteLen) -> Result<Pending<()>, RequestError> {
        self.set_budget_from(budget, BudgetOrigin::Explicit)
    }

    /// Changes the budget as [`Client::set_budget`] does, and says where the number comes from,
    /// for [`Report::budget_origin`](crate::Report::budget_origin): a driver's own figure
    /// ([`BudgetOrigin::Probe`]), or the default again.
    ///
    /// # Errors
    /// Those of [`Client::set_budget`].
    pub fn set_budget_from(
        &self,
        budget: ByteLen,
        origin: BudgetOrigin,
    ) -> Result<Pending<()>, RequestError> {
        let shared = &self.shared;
        shared
            .config
            .check_later_budget(budget)
            .map_err(RequestError::Budget)?;
        let id = self.mailbox.reply_id();
        let (reply, pending) = Pending::new(read_done);
        let request = Request::SetBudget {
            budget,
            origin,
            reply: id,
        };
        // It may be what makes the room that a full mailbox waits for.
        let sent = self
            .mailbox
            .send_unweighed(Message::Request(request, Some((id, reply))));
        sent.map_err(|_| RequestError::ShutDown)?;
        Ok(pending)
    }

    /// Sets a part of the budget aside for buffers of the program's own, such as those of a heap on
    /// the GPU: the engine goes down to the rest, by evicting, moving and returning chunks, and
    /// answers when what it holds and those bytes are within the budget together (R10). So make
    /// the buffers after the answer. Until the lease is dropped the engine does with the rest;
    /// staging is at most an eighth of that. A full mailbox takes it.
    ///
    /// What the engine has to keep cannot make way: while pinned blocks, long-lived ones and those
    /// without a source take more than the rest, no answer comes. A caller who gives up drops the
    /// [`Pending`], and with the next tick the engine has the whole again.
    ///
    /// # Errors
    /// [`RequestError::ShutDown`]. The answer may be [`RequestError::OutsideTooLarge`], when less
    /// than [`Client::budget_bytes_min`] would be left, or [`RequestError::DeviceLost`]. Leases
    /// outlive a device; drop those of buffers that went with it.
    pub fn hold_outside(&self, bytes: ByteLen) -> Result<Pending<OutsideLease>, RequestError> {
        let id = self.mailbox.reply_id();
        let (reply, pending) = Pending::new(read_outside);
        let request = Request::HoldOutside { bytes, reply: id };
        let message = Message::Request(request, Some((id, reply)));
        let sent = self.mailbox.send_unweighed(message);
        sent.map_err(|_| RequestError::ShutDown)?;
        Ok(pending)
    }

    /// Least budget that [`Client::set_budget`] takes.
    pub fn budget_bytes_min(&self) -> ByteLen {
        self.shared.config.later_budget_bytes_min()
    }
}
