//! A heap that holds whatever it is told: the same objects in the same slots as another heap, none
//! of them ever without room.

use std::collections::{BTreeMap, BTreeSet};

use geoheap_demo::gpu_terrain::field;
use geoheap_demo::gpu_terrain::lattice::ColumnId;
use geoheap_demo::gpu_terrain::machine::{Machine, Orders};
use geoheap_demo::gpu_terrain::mesher::JOBS_MAX;
use geoheap_demo::render::device::Gpu;
use geoheap_gpu_bitset::{Flip, Handle, Slot};

use super::rig::{self, Object, submit};

/// From here on slots are for objects of which it is only asked whether there is anything of them.
const SPARE: u32 = 3000;

/// What the reference has.
#[derive(Default)]
pub(crate) struct Reference {
    held: BTreeMap<u32, Object>,
    /// How often each slot was freed.
    generations: BTreeMap<u32, u32>,
    /// Whether a brick has any ground, or any props.
    is_something: BTreeMap<Object, bool>,
}

impl Reference {
    fn handle(&self, slot: u32) -> Handle {
        Handle {
            slot,
            generation: self.generations.get(&slot).copied().unwrap_or(0),
        }
    }

    fn free(&mut self, gpu: &Gpu, machine: &mut Machine, slots: &[u32]) {
        for slots in slots.chunks(64) {
            let frees = slots.iter().map(|slot| self.handle(*slot)).collect();
            let orders = Orders {
                frees,
                ..Orders::default()
            };
            order(gpu, machine, &orders);
            for slot in slots {
                self.held.remove(slot);
                *self.generations.entry(*slot).or_default() += 1;
            }
        }
    }

    fn ask(&mut self, gpu: &Gpu, machine: &mut Machine, wanted: &[(u32, Object)]) {
        for wanted in wanted.chunks(JOBS_MAX as usize) {
            let show = |slot: u32| Flip {
                handle: self.handle(slot),
                visible: 1,
                reserved: 0,
            };
            let orders = Orders {
                frees: Vec::new(),
                jobs: wanted
                    .iter()
                    .map(|(slot, object)| object.job(*slot))
                    .collect(),
                flips: wanted.iter().map(|(slot, _)| show(*slot)).collect(),
            };
            order(gpu, machine, &orders);
            self.held.extend(wanted.iter().copied());
        }
    }

    /// Has these objects in these slots and no others. Says which objects it has found that the
    /// columns of these have besides.
    pub(crate) fn follow(
        &mut self,
        gpu: &Gpu,
        machine: &mut Machine,
        wanted: &BTreeMap<u32, Object>,
    ) -> Vec<Object> {
        let is_other = |(slot, object): &(&u32, &Object)| wanted.get(slot) != Some(object);
        let gone: Vec<u32> = self
            .held
            .iter()
            .filter(is_other)
            .map(|(slot, _)| *slot)
            .collect();
        self.free(gpu, machine, &gone);
        let held = |(slot, object): &(u32, Object)| self.held.get(slot) == Some(object);
        let new = wanted.iter().map(|(slot, object)| (*slot, *object));
        let new: Vec<(u32, Object)> = new.filter(|each| !held(each)).collect();
        self.ask(gpu, machine, &new);
        let there: BTreeSet<Object> = wanted.values().copied().collect();
        let besides: Vec<Object> = objects_beside(&there).into_iter().collect();
        self.learn(gpu, machine, &besides);
        let is_something = |object: &Object| self.is_something[object];
        besides.into_iter().filter(is_something).collect()
    }

    /// Finds out of each object whether there is anything of it.
    fn learn(&mut self, gpu: &Gpu, machine: &mut Machine, objects: &[Object]) {
        let unknown = objects
            .iter()
            .filter(|object| !self.is_something.contains_key(object));
        let asked: Vec<(u32, Object)> = (SPARE..).zip(unknown.copied()).collect();
        if asked.is_empty() {
            return;
        }
        self.ask(gpu, machine, &asked);
        let table = rig::table(gpu, machine);
        let mut live = Vec::new();
        for (slot, object) in asked {
            let is_live = table[slot as usize].0.flags & Slot::LIVE != 0;
            self.is_something.insert(object, is_live);
            if is_live {
                live.push(slot);
            } else {
                self.held.remove(&slot);
            }
        }
        self.free(gpu, machine, &live);
    }
}

fn order(gpu: &Gpu, machine: &mut Machine, orders: &Orders) {
    submit(gpu, |encoder| {
        machine
            .record(encoder, orders, None)
            .expect("a few objects");
    });
}

/// What the columns of some objects may have besides them.
fn objects_beside(there: &BTreeSet<Object>) -> BTreeSet<Object> {
    let column = |object: &Object| ColumnId {
        x: object.brick[0],
        z: object.brick[2],
    };
    let columns: BTreeSet<ColumnId> = there.iter().map(column).collect();
    let scene = rig::scene();
    let of_column = |id: ColumnId| {
        let bricks = field::bricks(scene.elevation(), id);
        bricks.flat_map(move |y| {
            [false, true].map(|is_props| Object {
                brick: id.brick(y).to_array(),
                is_props,
            })
        })
    };
    let all = columns.into_iter().flat_map(of_column);
    all.filter(|object| !there.contains(object)).collect()
}
