// What is to be copied, written behind the tiles.

fn work_from(request: Request, stream: u32, start: u32) -> Work {
    let stride = params.units_per_buffer + 1u;
    let to = start % stride * (params.unit_bytes[stream] / 16u);
    let from_vector = request.source_offsets[stream] / 16u;
    return Work(start / stride, to, from_vector, request.bytes[stream]);
}

fn set_work(works: u32, nth: u32, work: Work) {
    let at = works + nth * 4u;
    tiles[at] = work.buffer;
    tiles[at + 1u] = work.to;
    tiles[at + 2u] = work.from_vector;
    tiles[at + 3u] = work.bytes;
}
