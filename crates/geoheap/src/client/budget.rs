//! How the budget is changed.

use geoheap_suballoc::ByteLen;

use crate::actor::mailbox::Message;
use crate::actor::reply::{Pending, read_done};
use crate::budget_origin::BudgetOrigin;
use crate::client::Client;
use crate::core::event::Request;
use crate::error::RequestError;

impl Client {
    /// Changes the budget. A lower one is reached by evicting, moving and returning chunks, over
    /// as many ticks as versions in use and caps demand. How large a block may be follows once it
    /// is answered. A full mailbox takes it, too.
    ///
    /// # Errors
    /// [`RequestError::Budget`] for one below [`Client::budget_bytes_min`],
    /// [`RequestError::ShutDown`].
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
        let staging = shared.config.staging_under(budget);
        let id = self.mailbox.reply_id();
        let (reply, pending) = Pending::new(read_done);
        let request = Request::SetBudget {
            budget,
            origin,
            staging,
            reply: id,
        };
        // It may be what makes the room that a full mailbox waits for.
        let sent = self
            .mailbox
            .send_unweighed(Message::Request(request, Some((id, reply))));
        sent.map_err(|_| RequestError::ShutDown)?;
        Ok(pending)
    }

    /// Least budget that [`Client::set_budget`] takes.
    pub fn budget_bytes_min(&self) -> ByteLen {
        self.shared.config.later_budget_bytes_min()
    }
}
