//! Where the bytes of a block come from once it left the device, and what callbacks answer.

use std::sync::{Arc, Mutex, PoisonError};

use geoheap::{Payload, Source};

use super::World;
use crate::contents::Base;
use crate::fault::FaultClass;
use crate::gpu::Gpu;
use crate::oracle::Kept;
use crate::random::Random;

impl<G: Gpu> World<G> {
    /// Whether somebody may wait for the block's bytes, and where they come from.
    pub(super) fn plan_source(&mut self) -> Kept {
        match self.chances.client.below(100) {
            0..52 => Kept::Retained,
            52..62 => Kept::OnGpu,
            62..85 => Kept::Reload(Arc::default()),
            _ => Kept::Nowhere,
        }
    }

    /// A source that gives what the oracle knows, or fails as the run's faults have it.
    pub(super) fn source(&mut self, kept: &Kept) -> Source {
        match kept {
            Kept::Retained => Source::Retained,
            Kept::OnGpu => Source::ReadBack,
            Kept::Nowhere => Source::None,
            Kept::Reload(shared) => {
                let shared = Arc::clone(shared);
                let rate = self.plan.rate(FaultClass::Reload);
                let salt = self.chances.client.next();
                let random = Mutex::new(Random::new(salt));
                let calm = self.frames.calm();
                Source::reload(move |_| {
                    let newest = shared
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .clone();
                    let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
                    let fails =
                        random.chance(rate) && !calm.load(core::sync::atomic::Ordering::Acquire);
                    reload(&newest, if fails { random.between(1, 4) } else { 0 })
                })
            }
        }
    }
}

/// What a callback answers: `fault` 0 is the truth.
fn reload(newest: &[(Base, u64)], fault: u64) -> Result<Vec<Payload>, String> {
    let mut payloads: Vec<Payload> = newest
        .iter()
        .map(|(base, len)| base.payload(*len))
        .collect();
    match fault {
        0 => {}
        1 => return Err(String::from("the file is gone")),
        2 => {
            payloads.pop();
        }
        3 => {
            if let (Some(last), Some((base, len))) = (payloads.last_mut(), newest.last()) {
                *last = base.payload(len + 4);
            }
        }
        // Without the panic hook, which would write about it.
        _ => std::panic::resume_unwind(Box::new("the callback panics")),
    }
    Ok(payloads)
}
