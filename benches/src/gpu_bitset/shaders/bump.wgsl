// Offsets by prefix sums of the sizes: one workgroup.

// Units of each object.
@group(0) @binding(0) var<storage, read> units: array<u32>;
// Objects; vectors of all are written here.
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
@group(0) @binding(2) var<storage, read_write> places: array<vec2<u32>>;

const UNIT_VECTORS: u32 = 16u;

var<workgroup> sums: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) tid: u32) {
    let count = counts[0];
    let each = (count + 255u) / 256u;
    let end = min((tid + 1u) * each, count);
    var sum = 0u;
    for (var object = tid * each; object < end; object++) {
        sum += units[object];
    }
    sums[tid] = sum;
    workgroupBarrier();
    for (var step = 1u; step < 256u; step <<= 1u) {
        var before = 0u;
        if tid >= step {
            before = sums[tid - step];
        }
        workgroupBarrier();
        sums[tid] += before;
        workgroupBarrier();
    }
    var before = sums[tid] - sum;
    for (var object = tid * each; object < end; object++) {
        places[object] = vec2(before * UNIT_VECTORS);
        before += units[object];
    }
    if tid == 255u {
        counts[1] = sums[255] * UNIT_VECTORS;
    }
}
