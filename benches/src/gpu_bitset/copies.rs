//! One object of many bytes: ours against copies that place nothing.

use wgpu::{BindGroup, Buffer, ComputePipeline};

use super::rig::{Rig, dispatch};

const PLAIN: &str = "
@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> permanent: array<vec4<u32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    permanent[id.x] = source[id.x];
}
";

/// Copies of a whole buffer.
#[derive(Debug)]
pub struct Copies {
    rig: Rig,
    source: Buffer,
    permanent: Buffer,
    plain: ComputePipeline,
    group: BindGroup,
}

impl Copies {
    /// Of all bytes of a source, at most 65 535 workgroups of 256 vectors of 16 bytes.
    pub fn new(rig: &Rig, source: &Buffer) -> Self {
        let plain = rig.pipeline(PLAIN);
        let permanent = rig.room(source.size());
        Self {
            group: rig.bind(&plain, &[source, &permanent]),
            rig: rig.clone(),
            source: source.clone(),
            permanent,
            plain,
        }
    }

    /// One invocation for each vector.
    pub fn compute(&self) {
        let groups = u32::try_from(self.source.size() / 16 / 256).expect("65 535 at most");
        self.rig
            .submit(|encoder| dispatch(encoder, &self.plain, &self.group, groups, 1));
        self.rig.wait();
    }

    /// The device's own.
    pub fn buffer_to_buffer(&self) {
        let (from, to) = (&self.source, &self.permanent);
        self.rig.submit(|encoder| {
            encoder.copy_buffer_to_buffer(from, 0, to, 0, from.size());
        });
        self.rig.wait();
    }
}
