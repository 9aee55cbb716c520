// Each invocation goes through 128 units; the lowest run of all is marked by the first.

struct Wanted {
    units: u32,
    vectors: u32,
    reserved: vec2<u32>,
}

@group(0) @binding(0) var<uniform> wanted: Wanted;
@group(0) @binding(1) var<storage, read_write> units: array<u32>;
// The first unit, and vectors of 16 bytes to copy.
@group(0) @binding(2) var<storage, read_write> found: array<u32>;

var<workgroup> lowest: atomic<u32>;

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) tid: u32) {
    if tid == 0u {
        atomicStore(&lowest, 0xffffffffu);
    }
    workgroupBarrier();
    var run = 0u;
    for (var unit = tid * 128u; unit < (tid + 1u) * 128u; unit++) {
        run = select(0u, run + 1u, units[unit] == 0u);
        if run == wanted.units {
            atomicMin(&lowest, unit + 1u - run);
            break;
        }
    }
    workgroupBarrier();
    if tid == 0u {
        let first = atomicLoad(&lowest);
        found[0] = first;
        found[1] = 0u;
        if first != 0xffffffffu {
            found[1] = wanted.vectors;
            for (var unit = first; unit < first + wanted.units; unit++) {
                units[unit] = 1u;
            }
        }
    }
}
