// Where free runs begin, for the passes that have `params`, `bits` and `tiles`.

// Words that one invocation looks at.
const WORDS_EACH: u32 = 4u;

fn free_of(word: u32) -> u32 {
    var free = 0u;
    if word < params.words {
        free = ~bits[word];
    }
    return free;
}

fn starts_of(word: u32, free: u32) -> u32 {
    var before = 0u;
    if word > 0u {
        before = free_of(word - 1u) >> 31u;
    }
    return free & ~((free << 1u) | before);
}

// Starts in the words of one invocation.
fn starts_in_share(share: u32) -> u32 {
    var count = 0u;
    for (var each = 0u; each < WORDS_EACH; each++) {
        let word = share * WORDS_EACH + each;
        count += countOneBits(starts_of(word, free_of(word)));
    }
    return count;
}

// Starts before the words of one invocation, and up to the last of its workgroup. The tiles before
// are added up by each workgroup for itself.
fn starts_before(tid: u32, group: u32, share: u32) -> vec2<u32> {
    var earlier = 0u;
    for (var tile = tid; tile < group; tile += WG) {
        earlier += tiles[tile];
    }
    scan(tid, vec2(earlier, 0u));
    let base = scan_total().x;
    let before = base + scan(tid, vec2(starts_in_share(share), 0u)).x;
    return vec2(before, base + scan_total().x);
}
