//! Recorded traces, a frame at a time.

use geoheap::DefragConfig;
use geoheap_chunk_heap::{BlockLayout, HeapConfig, KindId, KindTable, PartSpec};
use geoheap_suballoc::{Align, ByteLen};

use super::churn::{Means, Outcome};
use super::heap::Heap;
use crate::heaps::{Mesh, Script, Step};

/// Alignment of uniform and storage parts, which meshes do not have.
const BUFFER_ALIGN: u64 = 256;
/// The engine's limit for a block's alignment.
const ALIGN_MAX: u64 = 64 << 10;

fn align(bytes: u64) -> Align {
    Align::new(bytes).expect("the constants of this file are not zero")
}

/// The block of a mesh.
fn layout(mesh: &Mesh, kinds: &KindTable) -> BlockLayout {
    let part = |kind, len: u32, stride| PartSpec {
        kind,
        len: ByteLen::new(len.into()),
        stride,
    };
    let parts = [
        part(KindId::VERTEX, mesh.vertex_bytes, mesh.stride),
        part(KindId::INDEX, mesh.index_bytes, mesh.index_width),
    ];
    let layout = BlockLayout::pack(&parts, kinds, ByteLen::ZERO, align(ALIGN_MAX));
    layout.expect("meshes have whole elements")
}

/// Plays at most so many frames of a trace.
pub fn play(script: &Script, frames_max: usize, defrag: Option<DefragConfig>) -> Outcome {
    let kinds = KindTable::standard(align(BUFFER_ALIGN), align(BUFFER_ALIGN));
    let mut heap = Heap::new(HeapConfig::default(), defrag);
    let mut means = Means::default();
    let mut frames = 0;
    for step in &script.steps {
        match step {
            Step::Add(id, mesh) => {
                let layout = layout(mesh, &kinds);
                heap.add(*id, layout.len().get(), mesh.bytes(), layout.align());
            }
            Step::Remove(id) => heap.remove(*id),
            Step::Frame => {
                heap.frame();
                if script.steady.contains(&frames) {
                    means.note(&heap);
                }
                frames += 1;
                if frames == frames_max {
                    break;
                }
            }
        }
    }
    means.outcome(heap)
}
