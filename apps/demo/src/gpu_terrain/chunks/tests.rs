//! Columns over the heap's model: sizes from a hash, results that come two batches later.

use geoheap_gpu_bitset::model::Model;
use geoheap_gpu_bitset::{Request, Shape, Slot};

use super::*;
use crate::content::noise::{Random, hash2};

const SLOTS: u32 = 4096;
const UNIT_BYTES: u32 = 16;

/// A brick's ground, or its props.
type Object = ([i32; 3], Kind);

struct Sky {
    chunks: Chunks,
    model: Model,
    late: VecDeque<Applied>,
    objects: BTreeMap<u32, Object>,
    random: Random,
    /// One of so many requests is refused, as one that finds no room where meshes are made; 0 for
    /// none.
    refused: u32,
    no_space: u32,
    freed: u32,
    /// Requests of slots that were not free: never.
    clashes: u32,
    /// Objects that were missing of columns that were shown.
    missing: u32,
    /// Shows columns whatever became of their requests.
    shows_early: bool,
}

fn bricks(id: ColumnId) -> Range<i32> {
    let low = i32::from(hash2(id.x, id.z, 1).is_multiple_of(3));
    low..low + 1 + i32::from(hash2(id.x, id.z, 2).is_multiple_of(3))
}

/// Nothing, or up to twenty-four units.
fn units((brick, kind): Object) -> u32 {
    let hash = hash2(brick[0] * 7 + brick[1], brick[2], 3 + kind as u32);
    if hash.is_multiple_of(4) {
        0
    } else {
        1 + (hash >> 8) % 24
    }
}

impl Sky {
    fn new(units: u32, seed: u64, refused: u32) -> Self {
        let shape = Shape {
            units,
            buffers: 1,
            units_per_buffer: units,
            slots: SLOTS,
            streams: 1,
            separate: false,
            unit_bytes: [UNIT_BYTES, 0, 0, 0],
        };
        Self {
            chunks: Chunks::new(SLOTS),
            model: Model::new(shape),
            late: VecDeque::new(),
            objects: BTreeMap::new(),
            random: Random::new(seed),
            refused,
            no_space: 0,
            freed: 0,
            clashes: 0,
            missing: 0,
            shows_early: false,
        }
    }

    fn request(&mut self, object: Object, slot: u32) -> Request {
        self.objects.insert(slot, object);
        let is_refused = self.refused > 0 && self.random.below(self.refused) == 0;
        let bytes = units(object) * UNIT_BYTES;
        Request {
            slot,
            bytes: [if is_refused { 1 << 20 } else { bytes }, 0, 0, 0],
            ..Request::default()
        }
    }

    fn frame(&mut self, eye: Vec3) {
        if self.late.len() > 1 {
            let applied = self.late.pop_front().expect("there are some");
            self.chunks.note(&applied);
        }
        let orders = self.chunks.plan(eye, &mut bricks);
        if orders.is_empty() {
            // Frames without a batch make those before known as well.
            if let Some(applied) = self.late.pop_front() {
                self.chunks.note(&applied);
            }
            return;
        }
        assert!(
            orders.jobs.len() <= JOBS_MAX as usize,
            "as many as one frame meshes"
        );
        let mut requests = Vec::new();
        for job in &orders.jobs {
            for (wants, kind, slot) in [
                (Job::GROUND, Kind::Ground, job.ground_slot),
                (Job::PROPS, Kind::Props, job.props_slot),
            ] {
                if job.wants & wants != 0 {
                    requests.push(self.request((job.brick, kind), slot));
                }
            }
        }
        let freed_now = orders.frees.len();
        let result = self.model.batch(&orders.frees, &requests, [1 << 19; 4]);
        let header = result.header;
        assert_eq!(
            header.freed as usize, freed_now,
            "each handle is known and alive"
        );
        let refused = requests
            .iter()
            .filter(|request| request.bytes[0] == 1 << 20);
        self.clashes += header.invalid - u32::try_from(refused.count()).expect("a few");
        if header.no_space + header.invalid == 0 || self.shows_early {
            self.model.flip(&orders.flips);
        }
        self.no_space += header.no_space;
        self.freed += header.freed;
        self.late.push_back(Applied {
            header,
            outcomes: result.outcomes,
        });
        self.missing += self.missing();
    }

    /// The columns of which anything is shown.
    fn shown(&self) -> BTreeMap<ColumnId, Vec<Object>> {
        let mut columns: BTreeMap<ColumnId, Vec<Object>> = BTreeMap::new();
        for (slot, number) in self.model.slots.iter().zip(0..) {
            if slot.flags == Slot::LIVE | Slot::VISIBLE {
                let object = self.objects[&number];
                let [x, _, z] = object.0;
                columns.entry(ColumnId { x, z }).or_default().push(object);
            }
        }
        columns
    }

    fn missing(&self) -> u32 {
        let mut missing = 0;
        for (id, objects) in self.shown() {
            for y in bricks(id) {
                for kind in [Kind::Ground, Kind::Props] {
                    let object = (id.brick(y).to_array(), kind);
                    let is_there = objects.contains(&object) || units(object) == 0;
                    missing += u32::from(!is_there);
                }
            }
        }
        missing
    }

    fn is_shown(&self, id: ColumnId) -> bool {
        let empty = bricks(id).all(|y| {
            let units_of = |kind| units((id.brick(y).to_array(), kind));
            units_of(Kind::Ground) + units_of(Kind::Props) == 0
        });
        empty || self.shown().contains_key(&id)
    }
}

/// Flies along a curve and then stands still.
fn fly(units: u32, seed: u64, refused: u32) -> (Sky, Vec3) {
    let mut sky = Sky::new(units, seed, refused);
    let mut eye = Vec3::new(9_000.0, 500.0, 9_000.0);
    let mut heading = 0.3_f32;
    for _ in 0..300 {
        heading += sky.random.range(-0.05, 0.05);
        eye += Vec3::new(heading.cos(), 0.0, heading.sin()) * 30.0;
        sky.frame(eye);
    }
    sky.refused = 0;
    for _ in 0..200 {
        sky.frame(eye);
    }
    assert_eq!(sky.clashes, 0, "slots that are asked for are free");
    assert_eq!(sky.missing, 0, "columns are shown as a whole");
    (sky, eye)
}

#[test]
fn with_room_for_all_all_in_reach_is_shown() {
    for (seed, refused) in [(1, 0), (2, 30)] {
        let (sky, eye) = fly(40_000, seed, refused);
        assert_eq!(sky.no_space, 0);
        assert!((sky.chunks.reach_m() - REACH_M).abs() < 1.0);
        for id in around(eye, REACH_M) {
            assert!(sky.is_shown(id), "{id:?}");
        }
        assert!(sky.freed > 100, "what was left behind went: {}", sky.freed);
    }
}

#[test]
fn with_little_room_the_nearest_are_shown() {
    for seed in 0..12 {
        let units = 300 + 90 * u32::try_from(seed).expect("a small number");
        let (sky, eye) = fly(units, seed, if seed % 2 == 0 { 0 } else { 40 });
        assert!(sky.no_space > 0 && sky.freed > 0, "seed {seed}");
        let known: Vec<ColumnId> = sky.chunks.shown().collect();
        let shown = sky.shown();
        assert!(
            shown.keys().all(|id| known.contains(id)),
            "seed {seed}: results are known"
        );
        for id in around(eye, 0.7 * sky.chunks.reach_m()) {
            assert!(sky.is_shown(id), "seed {seed}: {id:?}");
        }
        let used = sky
            .model
            .words
            .iter()
            .map(|word| word.count_ones())
            .sum::<u32>();
        assert!(
            used > units * 3 / 5,
            "seed {seed}: {used} of {units} units are used"
        );
    }
}

#[test]
fn columns_shown_too_early_are_found() {
    let mut sky = Sky::new(500, 1, 0);
    sky.shows_early = true;
    for _ in 0..100 {
        sky.frame(Vec3::new(9_000.0, 500.0, 9_000.0));
    }
    assert!(sky.missing > 0, "some had no room");
}

#[test]
fn too_few_slots_are_shared_by_the_nearest() {
    let mut sky = Sky::new(40_000, 5, 0);
    sky.chunks = Chunks::new(200);
    let eye = Vec3::new(5_000.0, 0.0, 5_000.0);
    for _ in 0..300 {
        sky.frame(eye);
    }
    assert!(sky.freed > 0, "some made room");
    for id in around(eye, 600.0) {
        assert!(sky.is_shown(id), "{id:?}");
    }
}
