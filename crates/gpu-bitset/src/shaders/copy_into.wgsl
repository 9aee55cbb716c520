// A tile into one of the permanent buffers. Whether it is whole is asked once, not for each vector.
fn copy_into_{buffer}(work: Work, tid: u32) {
    let vectors = (min(work.bytes, TILE_BYTES) + 15u) / 16u;
    let each = (vectors + COPIERS - 1u) / COPIERS;
    let first = tid * {copier_step};
    let end = min(first + each * VECTOR_STEP, vectors);
    if work.bytes >= TILE_BYTES {
        for (var vector = first; vector < end; vector += VECTOR_STEP) {
            permanent_{buffer}[work.to + vector] = source[work.from_vector + vector];
        }
        return;
    }
    for (var vector = first; vector < end; vector += VECTOR_STEP) {
        let whole = source[work.from_vector + vector];
        permanent_{buffer}[work.to + vector] = cut(whole, work.bytes - vector * 16u);
    }
}
