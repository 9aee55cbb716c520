// Sums and maxima over a workgroup. The sums themselves are in one of two other texts.

var<workgroup> scan_words: array<vec2<u32>, 256>;

// What all brought to the last scan.
fn scan_total() -> vec2<u32> {
    return workgroupUniformLoad(&scan_words[WG - 1u]);
}

// The largest value that any invocation brings.
fn largest(tid: u32, value: u32) -> u32 {
    workgroupBarrier();
    scan_words[tid].x = value;
    workgroupBarrier();
    for (var step = WG / 2u; step > 0u; step >>= 1u) {
        if tid < step {
            scan_words[tid].x = max(scan_words[tid].x, scan_words[tid + step].x);
        }
        workgroupBarrier();
    }
    return workgroupUniformLoad(&scan_words[0]).x;
}
