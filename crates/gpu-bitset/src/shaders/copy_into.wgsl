// A tile into one of the permanent buffers. Whether it is whole is asked once, not for each vector.
fn copy_into_{buffer}(work: Work, tid: u32) {
    let vectors = (min(work.bytes, TILE_BYTES) + 15u) / 16u;
    if work.bytes >= TILE_BYTES {
        for (var vector = tid; vector < VECTORS; vector += COPIERS) {
            permanent_{buffer}[work.to + vector] = source[work.from_vector + vector];
        }
        return;
    }
    for (var vector = tid; vector < vectors; vector += COPIERS) {
        let whole = source[work.from_vector + vector];
        permanent_{buffer}[work.to + vector] = cut(whole, work.bytes - vector * 16u);
    }
}
