use std::collections::BTreeMap;

use super::{BevySlabs, Chunked, Figures, Mesh, MeshChurn, MeshHeap, Script, Span, Step, play};
use crate::workload::churn::Churn;
use crate::workload::real::Recorded;

const SMALL: MeshChurn = MeshChurn {
    name: "small",
    lens: Churn::B,
    live_bytes: 24 << 20,
};

/// The parts lie in their buffers, at multiples of their elements, and do not overlap; as many
/// bytes are live as the script says, and as many are held as the buffers have.
fn check_places(name: &str, mut spans: Vec<Span>, figures: &Figures, live: &BTreeMap<u32, u64>) {
    spans.sort_unstable();
    let mut buffers = BTreeMap::new();
    for span in &spans {
        let aligned = span.start.is_multiple_of(span.stride.into());
        assert!(aligned, "{name}: {span:?} is no whole number of elements");
        let inside = span.start + span.len <= span.buffer_bytes;
        assert!(inside, "{name}: {span:?} is not in its buffer");
        buffers.insert(span.buffer, span.buffer_bytes);
    }
    for pair in spans.windows(2) {
        let apart =
            pair[0].buffer != pair[1].buffer || pair[0].start + pair[0].len <= pair[1].start;
        assert!(apart, "{name}: {pair:?} overlap");
    }
    assert_eq!(
        spans.len(),
        2 * live.len(),
        "{name}: each mesh has two parts"
    );
    let scripted: u64 = live.values().sum();
    let placed: u64 = spans.iter().map(|span| span.len).sum();
    assert_eq!(
        (figures.live_bytes, placed),
        (scripted, scripted),
        "{name}: live bytes"
    );
    let used: u64 = buffers.values().sum();
    assert!(
        figures.held_bytes >= used,
        "{name}: held {} of {used}",
        figures.held_bytes
    );
    assert!(figures.buffers_held >= buffers.len(), "{name}: {figures:?}");
}

/// Plays a script, and looks at all places after each hundredth frame and the last one.
fn check<H: MeshHeap>(script: &Script) -> H {
    let mut heap = H::default();
    let mut live = BTreeMap::new();
    let mut frames = 0;
    for step in &script.steps {
        match step {
            Step::Add(id, mesh) => {
                heap.add(*id, mesh);
                live.insert(*id, mesh.bytes());
            }
            Step::Remove(id) => {
                heap.remove(*id);
                live.remove(id);
            }
            Step::Frame => {
                heap.frame();
                frames += 1;
                if frames % 100 == 0 {
                    check_places(H::NAME, heap.spans(), &heap.figures(), &live);
                }
            }
        }
    }
    check_places(H::NAME, heap.spans(), &heap.figures(), &live);
    assert!(frames >= 100, "places were looked at in between");
    heap
}

#[test]
fn meshes_lie_apart_and_as_many_bytes_are_live_as_were_added() {
    let script = SMALL.script(3, 4_000);
    let ours: Chunked = check(&script);
    let slabs: BevySlabs = check(&script);
    assert_eq!(
        ours.figures().live_bytes,
        slabs.figures().live_bytes,
        "same meshes"
    );
}

#[test]
fn a_script_says_which_frames_are_steady_and_which_shrunk() {
    let script = SMALL.script(1, 1_600);
    let (mut live, mut bytes, mut gone, mut after) = (BTreeMap::new(), 0, 0, Vec::new());
    for step in &script.steps {
        match step {
            Step::Add(id, mesh) => {
                bytes += mesh.bytes();
                live.insert(id, mesh.bytes());
            }
            Step::Remove(id) => {
                let len: u64 = live.remove(id).expect("meshes go once");
                (bytes, gone) = (bytes - len, gone + len);
            }
            Step::Frame => after.push((bytes, gone)),
        }
    }
    assert_eq!(script.steady.len(), 90, "of 100 frames of churn");
    assert_eq!(script.shrunk.len(), 240, "the last turnover");
    assert_eq!(script.shrunk.end, after.len(), "the last frame");
    let long = 2 * SMALL.lens.len_max;
    for (frames, size) in [
        (&script.steady, SMALL.live_bytes),
        (&script.shrunk, SMALL.live_bytes / 10),
    ] {
        for &(bytes, _) in &after[frames.clone()] {
            assert!(bytes.abs_diff(size) < long, "{bytes} of {size}");
        }
    }
    let gone = after[script.shrunk.end - 1].1 - after[script.shrunk.start - 1].1;
    let size = SMALL.live_bytes / 10;
    assert!(
        (size..size + long).contains(&gone),
        "{gone} went in the last turnover"
    );
}

#[test]
fn traces_play_to_both_heaps() {
    // The short one; the other takes seconds without optimization.
    let script = Script::recorded(&Recorded::ALL[1]).expect("the trace is there");
    let strides = script.steps.iter().filter_map(|step| match step {
        Step::Add(_, mesh) => Some(mesh.stride),
        _ => None,
    });
    let others = strides.filter(|&stride| stride != 60).count();
    assert_eq!(others, 3, "all meshes but three have vertices of 60 bytes");
    check::<Chunked>(&script);
    check::<BevySlabs>(&script);
}

const MIB: u32 = 1 << 20;

const fn mesh(vertex_bytes: u32, index_bytes: u32) -> Mesh {
    Mesh {
        vertex_bytes,
        stride: 32,
        index_bytes,
        index_width: 2,
    }
}

/// Bytes held, and bytes copied, after each frame in which one mesh comes.
fn held_and_copied(meshes: &[Mesh]) -> (BevySlabs, Vec<(u64, u64)>) {
    let mut slabs = BevySlabs::default();
    let after = (0..).zip(meshes).map(|(id, mesh)| {
        slabs.add(id, mesh);
        slabs.frame();
        let figures = slabs.figures();
        (figures.held_bytes, figures.copied_bytes)
    });
    let after = after.collect();
    (slabs, after)
}

#[test]
fn slabs_start_with_a_mebibyte_grow_by_half_and_are_copied_whole() {
    let (mut slabs, after) = held_and_copied(&[mesh(MIB, 4), mesh(32, 4), mesh(MIB, 4)]);
    let half = u64::from(MIB) / 2;
    // Indices take one slab of 1 MiB; that of the vertices has 1, 1.5 and 2.25 MiB.
    let expected = [
        (4 * half, 0),
        (5 * half, 2 * half),
        (2 * half + 9 * half / 2, 5 * half),
    ];
    assert_eq!(after, expected);
    assert_eq!(
        slabs.figures().buffers_made,
        4,
        "two slabs, one of which grew twice"
    );
    // It does not shrink, and goes with its last mesh.
    for (gone, left) in [
        (0, 2 * half + 9 * half / 2),
        (2, 2 * half + 9 * half / 2),
        (1, 0),
    ] {
        slabs.remove(gone);
        slabs.frame();
        assert_eq!(slabs.figures().held_bytes, left, "without mesh {gone}");
    }
    assert_eq!(slabs.figures().buffers_held, 0, "all are gone");
}

#[test]
fn slabs_grow_once_a_frame_and_end_at_512_mib() {
    let mut slabs = BevySlabs::default();
    // 5 MiB need four steps of growth: 1, 1.5, 2.25, 3.4, 5.1.
    for id in 0..5 {
        slabs.add(id, &mesh(MIB, 4));
    }
    slabs.frame();
    assert_eq!(
        slabs.figures().buffers_made,
        2,
        "a new slab gets its buffer at the end"
    );
    assert_eq!(slabs.figures().copied_bytes, 0, "nothing was in it");
    let (slabs, after) = held_and_copied(&[200, 200, 100, 200].map(|n| mesh(n * MIB, 4)));
    let vertices = slabs.spans().into_iter().filter(|span| span.stride == 32);
    let buffers: Vec<u64> = vertices.map(|span| span.buffer_bytes).collect();
    // The last one does not fit: a new slab is made for it.
    let (full, fitting) = (u64::from(512 * MIB), u64::from(208 * MIB));
    assert_eq!(
        buffers,
        [full, full, full, fitting],
        "fitting to an eighth of an octave"
    );
    assert_eq!(after[3].0, u64::from((512 + 208 + 1) * MIB));
}

#[test]
fn what_has_256_mib_gets_a_buffer_of_its_own() {
    let (mut slabs, after) = held_and_copied(&[mesh(256 * MIB, 4), mesh(256 * MIB - 32, 4)]);
    assert_eq!(after[0], (u64::from(257 * MIB), 0));
    assert_eq!(
        slabs.figures().buffers_held,
        3,
        "the second one goes to a slab"
    );
    slabs.remove(0);
    slabs.frame();
    let left = after[1].0 - u64::from(256 * MIB);
    assert_eq!(slabs.figures().held_bytes, left, "its buffer goes with it");
}

#[test]
fn a_mesh_that_goes_in_its_first_frame_is_not_seen() {
    let mut slabs = BevySlabs::default();
    slabs.add(0, &mesh(32, 4));
    slabs.remove(0);
    slabs.frame();
    assert_eq!(slabs.figures(), Figures::default());
    slabs.add(0, &mesh(32, 4));
    slabs.frame();
    slabs.remove(0);
    slabs.add(0, &mesh(64, 4));
    slabs.frame();
    assert_eq!(
        slabs.figures().live_bytes,
        68,
        "another mesh has its number"
    );
}

#[test]
fn ours_releases_after_three_frames_and_closes_after_120_more() {
    let mut ours = Chunked::default();
    ours.add(0, &mesh(MIB, 4));
    ours.frame();
    ours.remove(0);
    let mut held = 0;
    while ours.figures().buffers_held > 0 {
        ours.frame();
        held += 1;
    }
    assert_eq!(
        held,
        3 + 119 + 3,
        "retired, then empty and kept, then closing"
    );
    assert_eq!(ours.figures().held_bytes, 0);
}

#[test]
fn outcomes_are_those_of_the_frames() {
    let script = Script {
        name: "two meshes".to_owned(),
        steps: vec![
            Step::Add(0, mesh(MIB - 4096, 4096)),
            Step::Frame,
            Step::Add(1, mesh(MIB - 4096, 4096)),
            Step::Frame,
            Step::Remove(0),
            Step::Frame,
            Step::Remove(1),
            Step::Frame,
        ],
        steady: 0..2,
        shrunk: 2..4,
    };
    let outcome = play::<BevySlabs>(&script);
    // Held: 2, then 1 + 2.25 MiB for two meshes of one, and then for one of them.
    assert!(
        (outcome.held_per_live - f64::midpoint(2.0, 3.25 / 2.0)).abs() < 1e-3,
        "{outcome:?}"
    );
    assert!(
        (outcome.held_per_live_shrunk - 3.25).abs() < 1e-3,
        "{outcome:?}"
    );
    assert!((outcome.copied_per_added - 0.5).abs() < 1e-9, "{outcome:?}");
    assert!((outcome.returned_share - 1.0).abs() < 1e-9, "{outcome:?}");
    assert!((outcome.buffers_made - 3.0).abs() < 1e-9, "{outcome:?}");
}
