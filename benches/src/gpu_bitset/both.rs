//! Our heap and first fit on the CPU, which get the same objects and lose the same.

use std::time::Instant;

use geoheap_gpu_bitset::{Handle, Header, HeapError, Outcome, Path, Request, Status};

use super::first_fit::FirstFit;
use super::ours::Ours;
use super::rig::Rig;

/// Bytes of a unit here, so that copies take no time.
const UNIT_BYTES: u32 = 16;

/// An object of both heaps.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Units that were asked for.
    pub units: u32,
    handle: Handle,
    is_ours: bool,
    first_fit: Option<u32>,
}

impl Object {
    /// Whether it has its room in ours.
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Whether it has its room by first fit.
    pub fn is_first_fit(&self) -> bool {
        self.first_fit.is_some()
    }
}

/// Both heaps.
#[derive(Debug)]
pub struct Both {
    ours: Ours,
    first_fit: FirstFit,
    /// What was asked for and not taken back, with room or without.
    pub objects: Vec<Object>,
    free_slots: Vec<u32>,
    /// Units of them.
    pub used_units: u32,
    /// Objects without room: of ours, of first fit.
    pub failed: [u64; 2],
    /// Seconds of each batch: of ours, and of first fit alone, without a read-back or a copy.
    pub seconds: [Vec<f64>; 2],
}

impl Both {
    /// Two empty heaps of so many units, for at most `objects` at a time.
    ///
    /// # Errors
    /// As [`Ours::new`].
    pub fn new(rig: &Rig, units: u32, objects: u32) -> Result<Self, HeapError> {
        let source = rig.room(u64::from(units.min(1 << 20) * UNIT_BYTES));
        Ok(Self {
            ours: Ours::new(rig, &source, units, UNIT_BYTES, objects, Path::Passes)?,
            first_fit: FirstFit::new(units),
            objects: Vec::new(),
            free_slots: (0..objects).rev().collect(),
            used_units: 0,
            failed: [0; 2],
            seconds: [Vec::new(), Vec::new()],
        })
    }

    /// One batch: those objects go, and objects of so many units come.
    pub fn batch(&mut self, gone: &[Object], sizes: &[u32]) {
        for object in gone {
            self.free_slots.push(object.handle.slot);
            self.used_units -= object.units;
        }
        let frees = gone.iter().filter(|object| object.is_ours);
        let frees: Vec<Handle> = frees.map(|object| object.handle).collect();
        let request = |units: &u32| Request {
            slot: self.free_slots.pop().expect("more slots than objects"),
            bytes: [units * UNIT_BYTES, 0, 0, 0],
            ..Request::default()
        };
        let requests: Vec<Request> = sizes.iter().map(request).collect();
        let begin = Instant::now();
        self.ours.run(&frees, &requests);
        self.seconds[0].push(begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        for object in gone {
            if let Some(start) = object.first_fit {
                self.first_fit.free(start, object.units);
            }
        }
        let places = sizes.iter().map(|&units| self.first_fit.take(units));
        let places: Vec<Option<u32>> = places.collect();
        self.seconds[1].push(begin.elapsed().as_secs_f64());
        let outcomes: Vec<Outcome> = self.ours.outcomes(requests.len());
        for (nth, (&units, first_fit)) in sizes.iter().zip(places).enumerate() {
            let object = Object {
                units,
                handle: Handle {
                    slot: requests[nth].slot,
                    generation: outcomes[nth].generation,
                },
                is_ours: outcomes[nth].status() == Status::Ok,
                first_fit,
            };
            self.failed[0] += u64::from(!object.is_ours);
            self.failed[1] += u64::from(object.first_fit.is_none());
            self.used_units += units;
            self.objects.push(object);
        }
    }

    /// What the last batch left of ours.
    pub fn header(&self) -> Header {
        self.ours.header()
    }

    /// Free runs of ours, and of first fit.
    pub fn free_runs(&self) -> [u32; 2] {
        [self.header().runs, self.first_fit.free_runs()]
    }

    /// One more than the highest unit in use of ours, and of first fit.
    pub fn top_units(&self) -> [u32; 2] {
        [self.header().top_units, self.first_fit.top_units()]
    }
}
