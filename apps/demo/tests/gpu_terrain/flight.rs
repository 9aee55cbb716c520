//! Flights through a heap that is too small for what is in reach. In every frame, what is drawn is
//! compared with a heap that has the same objects and room for all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use geoheap_demo::cli::PictureSize;
use geoheap_demo::content::camera::{Camera, Frustum};
use geoheap_demo::content::mesh::Bounds;
use geoheap_demo::draw_list::{DrawList, FramePlan};
use geoheap_demo::gpu_terrain::lattice::{BRICK_M, SPACING_M};
use geoheap_demo::gpu_terrain::machine::Machine;
use geoheap_demo::gpu_terrain::{GpuAlloc, Pace, Terrain, TerrainConfig};
use geoheap_demo::picture::Picture;
use geoheap_demo::render::device::Gpu;
use geoheap_demo::render::record::Renderer;
use geoheap_demo::render::targets::{COLOUR_FORMAT, ColourTarget};
use geoheap_gpu_bitset::{FlipIf, Slot};
use glam::{IVec3, Vec3};

use super::reference::Reference;
use super::rig::{self, Object};

const SIZE: PictureSize = PictureSize {
    width: 160,
    height: 90,
};
const ASPECT: f32 = 160.0 / 90.0;
/// Holds some twenty columns.
const SMALL_BYTES: u64 = 3 << 20;
const LARGE_BYTES: u64 = 64 << 20;
/// Without a window results count so late.
const LATE: Pace = Pace::After(2);
const SHOWN: u32 = Slot::LIVE | Slot::VISIBLE;

/// What is done wrong, for the checks to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plant {
    Nothing,
    /// Columns are shown although some of them had no room.
    ShownEarly,
    /// Something else writes into an object that is shown.
    Overwritten,
}

/// A terrain and what it is drawn into.
struct View {
    renderer: Renderer,
    target: ColourTarget,
}

impl View {
    fn new(gpu: &Gpu, heap_bytes: u64, eye: Vec3, pace: Pace) -> Self {
        let config = TerrainConfig {
            scene: rig::scene(),
            heap_bytes,
            pace,
            look_every: None,
        };
        let terrain = Terrain::new(&gpu.device, &gpu.queue, config, eye);
        let mut renderer = Renderer::new(gpu, COLOUR_FORMAT, SIZE);
        renderer.terrain = Some(terrain.expect("a heap of a few megabytes"));
        Self {
            renderer,
            target: ColourTarget::new(&gpu.device, SIZE),
        }
    }

    fn terrain(&mut self) -> &mut Terrain {
        self.renderer.terrain.as_mut().expect("it was given one")
    }

    fn draw(&mut self, gpu: &Gpu, camera: &Camera) -> Picture {
        let list = Arc::new(DrawList::default());
        let plan = Arc::new(FramePlan::new(list, &camera.frustum(ASPECT)));
        let (_, first) = self.renderer.begin(plan, camera, self.target.view());
        gpu.queue.submit([first]);
        let picture = self.target.read(&gpu.device, &gpu.queue);
        picture.expect("the picture is read back")
    }
}

/// What a flight came to.
struct Flown {
    findings: Vec<String>,
    counts: GpuAlloc,
    /// Frames with anything in them.
    drawn_frames: usize,
}

fn fly(frames: u16, pace: Pace, plant: Plant) -> Flown {
    let gpu = rig::gpu();
    let way = |frame: u16| {
        let along = f32::from(frame) * 22.0;
        rig::camera(31_000.0 - along, 11_600.0 + 0.6 * along, 130.0, 4.2)
    };
    let eye = way(0).position;
    let mut small = View::new(&gpu, SMALL_BYTES, eye, pace);
    let mut large = View::new(&gpu, LARGE_BYTES, eye, pace);
    large.terrain().hold();
    if plant == Plant::ShownEarly {
        small.terrain().machine_mut().flip_if = FlipIf::Always;
    }
    let mut reference = Reference::default();
    let mut flown = Flown {
        findings: Vec::new(),
        counts: GpuAlloc::default(),
        drawn_frames: 0,
    };
    for frame in 0..frames {
        let camera = way(frame);
        let picture = small.draw(&gpu, &camera);
        let terrain = small.terrain();
        let table = rig::table(&gpu, terrain.machine());
        let shown: BTreeMap<u32, Object> = (0..)
            .zip(&table)
            .filter(|(_, (slot, _))| slot.flags & SHOWN == SHOWN)
            .map(|(number, (_, object))| (number, *object))
            .collect();
        let drawn = drawn(&gpu, terrain.machine());
        let frustum = camera.frustum(ASPECT);
        let mut found = check_drawn(&shown, &drawn, &frustum);
        let besides = reference.follow(&gpu, large.terrain().machine_mut(), &shown);
        if let Some(object) = besides.first() {
            found.push(format!("a column is shown without {object:?}"));
        }
        if large.draw(&gpu, &camera) != picture {
            found.push("another picture than with room for all".into());
        }
        if frame % 8 == 7 || frame + 1 == frames {
            let machines = [small.terrain().machine(), large.terrain().machine()];
            found.extend(check_bytes(&gpu, machines, &shown));
        }
        flown.drawn_frames += usize::from(!drawn.is_empty());
        let named = found
            .into_iter()
            .map(|text| format!("frame {frame}: {text}"));
        flown.findings.extend(named);
        if plant == Plant::Overwritten && frame == frames / 2 {
            overwrite(&gpu, small.terrain().machine(), &table, &drawn);
        }
    }
    flown.counts = small.terrain().survey().gpu_alloc;
    flown
}

/// The slots that the last frame has drawn.
fn drawn(gpu: &Gpu, machine: &Machine) -> BTreeSet<u32> {
    let draws = machine.draws();
    let counts: Vec<u32> = rig::read(gpu, draws.counts(), 0, 1);
    let slots = rig::read(gpu, draws.drawn_slots(), 0, counts[0] as usize);
    BTreeSet::from_iter(slots)
}

/// What is drawn is shown and may be in view, and what is shown and in view is drawn.
fn check_drawn(
    shown: &BTreeMap<u32, Object>,
    drawn: &BTreeSet<u32>,
    frustum: &Frustum,
) -> Vec<String> {
    let hidden = drawn.iter().filter(|slot| !shown.contains_key(slot));
    let mut found: Vec<String> = hidden
        .map(|slot| format!("slot {slot} is drawn and not shown"))
        .collect();
    for (slot, object) in shown {
        let origin = IVec3::from(object.brick).as_vec3() * BRICK_M;
        // Planes are rounded otherwise on the GPU: a metre decides nothing.
        let sees = |more_m: f32| {
            frustum.sees(&Bounds {
                min: origin - SPACING_M - more_m,
                max: origin + BRICK_M + Vec3::new(SPACING_M, 24.0, SPACING_M) + more_m,
            })
        };
        let is_drawn = drawn.contains(slot);
        if is_drawn && !sees(1.0) || !is_drawn && sees(-1.0) {
            found.push(format!("slot {slot} is drawn: {is_drawn}, and {object:?}"));
        }
    }
    found
}

/// Objects have the same bytes in both heaps.
fn check_bytes(gpu: &Gpu, machines: [&Machine; 2], shown: &BTreeMap<u32, Object>) -> Vec<String> {
    let tables = machines.map(|machine| rig::table(gpu, machine));
    let mut found = Vec::new();
    for (slot, object) in shown {
        let [small, large] = [0, 1].map(|which: usize| {
            let slot = &tables[which][*slot as usize].0;
            [0, 1].map(|stream| rig::bytes(gpu, machines[which], slot, stream))
        });
        for (stream, (small, large)) in small.iter().zip(&large).enumerate() {
            let differs = |(a, b): &(&u8, &u8)| a != b;
            let count = small.iter().zip(large).filter(differs).count();
            if small.len() != large.len() || count > 0 {
                let first = small.iter().zip(large).position(|each| differs(&each));
                found.push(format!(
                    "{object:?} in slot {slot} has other bytes than with room for all: {count} of \
                     {} in stream {stream}, there are {}; the first is {first:?}",
                    small.len(),
                    large.len(),
                ));
            }
        }
    }
    found
}

/// Sixteen bytes in the middle of the vertices of something that is drawn.
fn overwrite(gpu: &Gpu, machine: &Machine, table: &[(Slot, Object)], drawn: &BTreeSet<u32>) {
    let first = drawn.first().expect("something is drawn");
    let slot = &table[*first as usize].0;
    let shape = machine.heap().shape();
    let from = slot.offset_units[0] * shape.unit_bytes[0] + slot.bytes[0] / 32 * 16;
    let vertices = &machine.heap().permanent(0)[0];
    gpu.queue.write_buffer(vertices, from.into(), &[0x5a; 16]);
}

#[test]
fn a_heap_too_small_never_shows_anything_wrong() {
    let flown = fly(56, LATE, Plant::Nothing);
    let none: [String; 0] = [];
    assert_eq!(flown.findings, none);
    let counts = flown.counts;
    assert!(counts.no_space > 0, "there was too little room: {counts:?}");
    assert!(counts.freed > 0, "the farthest made room: {counts:?}");
    assert!(counts.ok > counts.freed, "{counts:?}");
    assert!(
        counts.copied_bytes > SMALL_BYTES,
        "more than it holds at a time: {counts:?}"
    );
    assert!(
        flown.drawn_frames > 45,
        "there was something to see: {}",
        flown.drawn_frames
    );
    let requests_most = 16 * 2 * counts.batches;
    let most = 64 * counts.batches + 16 * requests_most;
    assert!(counts.readback_bytes <= most, "{counts:?}");
    let exactly = 64 * counts.batches + 16 * counts.requests;
    assert_eq!(
        counts.readback_bytes, exactly,
        "64 a batch and 16 a request: {counts:?}"
    );
}

#[test]
fn results_may_come_at_any_time() {
    let flown = fly(24, Pace::AsTheyCome, Plant::Nothing);
    let none: [String; 0] = [];
    assert_eq!(flown.findings, none);
    let counts = flown.counts;
    assert!(counts.no_space > 0 && counts.freed > 0, "{counts:?}");
}

#[test]
fn without_counts_on_the_gpu_the_same_is_drawn() {
    let gpus = [rig::gpu(), rig::gpu_without_counts()];
    assert!(
        gpus[0].device.features().contains(rig::COUNTS),
        "else both are the same"
    );
    let camera = rig::camera(31_000.0, 11_600.0, 130.0, 4.2);
    let pictures = gpus.map(|gpu| {
        let mut view = View::new(&gpu, SMALL_BYTES, camera.position, LATE);
        let mut pictures: Vec<Picture> = (0..8).map(|_| view.draw(&gpu, &camera)).collect();
        pictures.dedup();
        pictures
    });
    assert!(pictures[0].len() > 2, "the ground has come");
    assert!(pictures[0] == pictures[1], "the same pictures");
}

#[test]
fn columns_shown_too_early_are_found() {
    let flown = fly(24, LATE, Plant::ShownEarly);
    let is_early = |text: &String| text.contains("is shown without");
    assert!(flown.findings.iter().any(is_early), "{:?}", flown.findings);
}

#[test]
fn foreign_bytes_in_the_heap_are_found() {
    let flown = fly(12, LATE, Plant::Overwritten);
    let is_found = |text: &String| text.contains("other bytes") || text.contains("another picture");
    assert!(flown.findings.iter().any(is_found), "{:?}", flown.findings);
}
