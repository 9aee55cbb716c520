// The sum of what the invocations before bring, by steps that double (Hillis and Steele 1986).
fn scan(tid: u32, value: vec2<u32>) -> vec2<u32> {
    workgroupBarrier();
    scan_words[tid] = value;
    workgroupBarrier();
    for (var step = 1u; step < WG; step <<= 1u) {
        var before = vec2(0u);
        if tid >= step {
            before = scan_words[tid - step];
        }
        workgroupBarrier();
        scan_words[tid] += before;
        workgroupBarrier();
    }
    return scan_words[tid] - value;
}
