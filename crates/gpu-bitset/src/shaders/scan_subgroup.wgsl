// The sum of what the invocations before bring, by subgroups, whatever their size. Which invocation
// is in which subgroup is the device's to choose: each takes the value of the place that its own
// lane stands for, so that subgroups have to be full, and nothing else.

// Number of the subgroup, lane in it, lanes.
var<private> subgroup: vec3<u32>;
var<workgroup> subgroup_sums: array<vec2<u32>, 64>;

fn scan(tid: u32, value: vec2<u32>) -> vec2<u32> {
    workgroupBarrier();
    scan_words[tid] = value;
    workgroupBarrier();
    let place = subgroup.x * subgroup.z + subgroup.y;
    let own = scan_words[place];
    let before = subgroupExclusiveAdd(own);
    if subgroup.y == subgroup.z - 1u {
        subgroup_sums[subgroup.x] = before + own;
    }
    workgroupBarrier();
    var base = vec2(0u);
    for (var other = 0u; other < subgroup.x; other++) {
        base += subgroup_sums[other];
    }
    scan_words[place] = base + before + own;
    workgroupBarrier();
    return scan_words[tid] - value;
}
