// Sums over a workgroup of 256 invocations, in steps (Hillis and Steele 1986).

var<workgroup> sums: array<vec2<u32>, 256>;

// The sum of those before; afterwards `sums[255]` is that of all.
fn scan(tid: u32, value: vec2<u32>) -> vec2<u32> {
    workgroupBarrier();
    sums[tid] = value;
    workgroupBarrier();
    for (var reach = 1u; reach < 256u; reach *= 2u) {
        var sum = sums[tid];
        if tid >= reach {
            sum += sums[tid - reach];
        }
        workgroupBarrier();
        sums[tid] = sum;
        workgroupBarrier();
    }
    return sums[tid] - value;
}
