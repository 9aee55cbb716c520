#![expect(clippy::float_cmp, reason = "these results are exact")]

use super::*;

#[test]
fn vertex_is_twenty_bytes_without_padding() {
    assert_eq!(
        VERTEX_STRIDE_BYTES, 20,
        "the layout the pipelines are made for"
    );
    let vertex = Vertex::new(
        Vec3::new(1.0, 2.0, 3.0),
        Vec3::new(0.0, -2.0, 0.0),
        [1, 2, 3, 4],
    );
    let bytes = bytemuck::bytes_of(&vertex);
    assert_eq!(
        &bytes[12..],
        &[0, 0x81, 0, 0, 1, 2, 3, 4],
        "normal at 12, colour at 16"
    );
}

#[test]
fn indices_take_the_narrowest_width() {
    let check = |count: usize, wide: bool| {
        let indices = Indices::narrowest(vec![0, 1, 2], count);
        assert_eq!(matches!(indices, Indices::U32(_)), wide, "{count} vertices");
        assert_eq!(
            indices.iter().collect::<Vec<_>>(),
            [0, 1, 2],
            "{count} vertices"
        );
    };
    check(3, false);
    check(65_534, false);
    check(65_535, true);
    check(65_536, true);
}

#[test]
fn builder_offsets_appended_meshes() {
    let mut one = MeshBuilder::new();
    one.flat_triangle([Vec3::ZERO, Vec3::Z, Vec3::X], [9, 9, 9, 255]);
    let one = one.finish();
    assert_eq!(
        one.vertices[0].normal,
        [0, 127, 0, 0],
        "counter-clockwise seen from above"
    );
    let mut two = MeshBuilder::new();
    two.append(&one, |v| *v);
    two.append(&one, |v| Vertex {
        position: [v.position[0] + 5.0, 0.0, 0.0],
        ..*v
    });
    let two = two.finish();
    assert_eq!(
        two.indices,
        Indices::U16(vec![0, 1, 2, 3, 4, 5]),
        "second triangle offset"
    );
    assert_eq!(two.bounds.max.x, 6.0, "bounds over both");
    assert_eq!(two.total_bytes(), 6 * 20 + 6 * 2, "vertex and index bytes");
}

#[test]
#[should_panic(expected = "index 3 of 3 vertices")]
fn an_index_out_of_range_is_a_broken_mesh() {
    let vertex = Vertex::new(Vec3::ZERO, Vec3::Y, [0; 4]);
    let indices = Indices::U16(vec![0, 1, 3]);
    MeshData {
        vertices: vec![vertex; 3],
        indices,
        bounds: Bounds::EMPTY,
    }
    .validate();
}

#[test]
fn distance_to_bounds() {
    let bounds = Bounds {
        min: Vec3::ZERO,
        max: Vec3::splat(2.0),
    };
    let check = |p: Vec3, want: f32| assert_eq!(bounds.distance(p), want, "from {p}");
    check(Vec3::ONE, 0.0);
    check(Vec3::new(5.0, 1.0, 1.0), 3.0);
    check(Vec3::new(-3.0, 6.0, 1.0), 5.0);
}
