//! The shapes of what stands on the ground, as words that shaders read.

use bytemuck::cast_slice;
use glam::Vec3;

use crate::content::mesh::{Indices, MeshBuilder, MeshData, Vertex};

/// Corners of a ring.
const SIDES: u16 = 6;

/// The words of all shapes: for each the number of its vertices, the first word of these, the
/// number of its words of indices, and the first of these; then vertices and indices. A tree is
/// first, a rock second.
pub(super) fn words() -> Vec<u32> {
    let shapes = [tree(), rock()];
    let mut words = vec![0; shapes.len() * 4];
    for (number, shape) in shapes.iter().enumerate() {
        let Indices::U16(indices) = &shape.indices else {
            unreachable!("shapes have few vertices");
        };
        let count = |count: usize| u32::try_from(count).expect("a few hundred words");
        let first_vertex = count(words.len());
        words.extend_from_slice(cast_slice(&shape.vertices));
        let first_index = count(words.len());
        let pairs = indices.as_chunks::<2>().0.iter();
        words.extend(pairs.map(|&[low, high]| u32::from(low) | u32::from(high) << 16));
        let head = [
            count(shape.vertices.len()),
            first_vertex,
            count(indices.len() / 2),
            first_index,
        ];
        words[number * 4..][..4].copy_from_slice(&head);
    }
    words
}

/// A ring of corners with normals outwards and upwards, and a point above.
fn cone(builder: &mut MeshBuilder, low_m: f32, high_m: f32, radius_m: f32, colour: [u8; 4]) {
    let ring: Vec<u32> = (0..SIDES)
        .map(|side| {
            let (sin, cos) = (f32::from(side) / f32::from(SIDES) * std::f32::consts::TAU).sin_cos();
            let out = Vec3::new(cos, 0.0, -sin);
            let normal = out + Vec3::Y * 0.5;
            builder.vertex(Vertex::new(
                out * radius_m + Vec3::Y * low_m,
                normal,
                colour,
            ))
        })
        .collect();
    let tip = builder.vertex(Vertex::new(Vec3::Y * high_m, Vec3::Y, colour));
    for side in 0..ring.len() {
        builder.triangle(ring[side], ring[(side + 1) % ring.len()], tip);
    }
}

/// A conifer of some ten metres: a trunk and two cones.
fn tree() -> MeshData {
    let mut builder = MeshBuilder::new();
    cone(&mut builder, -2.0, 5.0, 0.45, [82, 62, 46, 255]);
    cone(&mut builder, 1.4, 7.4, 2.7, [52, 84, 48, 255]);
    cone(&mut builder, 4.4, 11.0, 1.9, [62, 96, 54, 255]);
    builder.finish()
}

/// A boulder of some four metres: a flat double cone.
fn rock() -> MeshData {
    let mut builder = MeshBuilder::new();
    cone(&mut builder, -1.5, 2.6, 3.0, [128, 120, 110, 255]);
    cone(&mut builder, -1.5, 1.7, 3.6, [108, 102, 96, 255]);
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heads_say_where_vertices_and_indices_are() {
        let words = words();
        let mut end = 8;
        for (number, shape) in [tree(), rock()].iter().enumerate() {
            let head = &words[number * 4..][..4];
            let [vertices, first_vertex, index_words, first_index] =
                [0, 1, 2, 3].map(|word: usize| head[word] as usize);
            assert_eq!(first_vertex, end, "one after the other");
            assert_eq!(first_index, end + vertices * 5, "vertices of five words");
            end = first_index + index_words;
            assert_eq!(index_words * 2, shape.indices.len(), "an even number");
            let pairs = words[first_index..end].iter();
            let all: Vec<u32> = pairs.flat_map(|pair| [pair & 0xffff, pair >> 16]).collect();
            assert!(shape.indices.iter().eq(all), "the same indices");
        }
        assert_eq!(end, words.len(), "and nothing else");
    }
}
