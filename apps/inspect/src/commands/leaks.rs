//! `leaks`.

use crate::outcome::{BadInput, Outcome};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    /// Carries it out.
    ///
    /// # Errors
    /// [`BadInput`].
    pub fn run(self) -> Result<Outcome, BadInput> {
        Err(BadInput::new("not yet"))
    }
}
