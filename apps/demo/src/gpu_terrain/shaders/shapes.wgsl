// What may stand on the ground, and where: shared by those who count props and make their mesh.

struct Spot {
    // In metres of the world; w is its size, 0 where nothing stands.
    at: vec4<f32>,
    // The number of its shape, a hash, and its first vertex and first word of indices.
    shape: u32,
    hash: u32,
    vertex: u32,
    index_word: u32,
}

// Words of `shapes`.
struct Shape {
    vertices: u32,
    first_vertex: u32,
    index_words: u32,
    first_index: u32,
}

fn shape_of(number: u32) -> Shape {
    let word = number * 4u;
    return Shape(shapes[word], shapes[word + 1u], shapes[word + 2u], shapes[word + 3u]);
}
