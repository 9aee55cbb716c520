//! The bare ring of replicas, as the engine drives it: slots of 32 bytes, each with an extra that
//! a change of place keeps.

use std::fmt;
use std::sync::Arc;

use geoheap_frame_sync::{Publisher, RingConfig, Ticket, ring};

use crate::frames::place::{Change, Key, Place};
use crate::frames::tables::{Reader, Table};

type Extra = Arc<[u32; 4]>;

/// The ring's writer.
pub struct Ring {
    publisher: Publisher<Place, Extra, (), u32>,
    reader: geoheap_frame_sync::Reader<Place, Extra, ()>,
    payload: Arc<()>,
    reusable: Vec<u32>,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").finish_non_exhaustive()
    }
}

impl Table for Ring {
    const NAME: &'static str = "frame-sync";
    type Reader = geoheap_frame_sync::Reader<Place, Extra, ()>;

    #[expect(clippy::cast_possible_truncation, reason = "counts are below 2^32")]
    fn new(places: &[Place]) -> Self {
        let config = RingConfig {
            slots_initial: places.len() as u32,
            ..RingConfig::default()
        };
        let (publisher, reader) = ring(config, ()).expect("the memory is there");
        let mut ring = Self {
            publisher,
            reader,
            payload: Arc::new(()),
            reusable: Vec::new(),
        };
        let extra: Extra = Arc::default();
        for (index, place) in (0_u32..).zip(places) {
            ring.publisher.set(index, *place, Some(Arc::clone(&extra)));
        }
        for _ in 0..=config.replicas {
            ring.publish(&[]);
        }
        ring
    }

    fn publish(&mut self, changes: &[Change]) {
        for change in changes {
            self.publisher.set_slot(change.key.index, change.place);
        }
        // While readers hold all replicas, changes wait for the next version.
        let _ = self.publisher.publish(Arc::clone(&self.payload));
        self.reusable.clear();
        self.publisher.collect(&mut self.reusable);
    }

    fn reader(&self) -> Self::Reader {
        self.reader.clone()
    }
}

impl Reader for geoheap_frame_sync::Reader<Place, Extra, ()> {
    type Frame<'a> = Ticket<Place, Extra, ()>;

    fn begin(&self) -> Self::Frame<'_> {
        self.ticket()
    }

    #[inline]
    fn get(&self, frame: &Self::Frame<'_>, key: Key) -> Option<Place> {
        frame.get(key.index)?.checked(key)
    }
}
