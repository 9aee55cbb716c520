// Bytes that batches have copied, in all: only the GPU knows the sizes.

@group(0) @binding(0) var<storage, read> request_count: u32;
@group(0) @binding(1) var<storage, read> requests: array<Request>;
@group(0) @binding(2) var<storage, read> outcomes: array<vec4<u32>>;
// The lower and the upper half.
@group(0) @binding(3) var<storage, read_write> copied: vec2<u32>;

@compute @workgroup_size(1)
fn tally() {
    for (var index = 0u; index < request_count; index++) {
        // 0 is OK.
        if (outcomes[index].x & 15u) == 0u {
            let bytes = requests[index].bytes.x + requests[index].bytes.y;
            let low = copied.x + bytes;
            copied.y += select(0u, 1u, low < bytes);
            copied.x = low;
        }
    }
}
