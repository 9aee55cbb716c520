//! Surface nets on the CPU, in the order in which the GPU numbers vertices and quads.

use geoheap_demo::gpu_terrain::lattice::{CELLS, SAMPLES, SIDE, SPACING_M};
use glam::{IVec3, Vec3};

/// A net.
pub(crate) struct Net {
    /// Positions in world metres relative to the anchor, and normals.
    pub(crate) vertices: Vec<(Vec3, Vec3)>,
    /// Two triangles for each quad.
    pub(crate) indices: Vec<u16>,
}

fn place_of(index: usize) -> IVec3 {
    let at = |value: usize| i32::try_from(value).expect("a few dozen");
    IVec3::new(
        at(index % SIDE),
        at(index / SIDE % SIDE),
        at(index / (SIDE * SIDE)),
    )
}

fn index_of(place: IVec3) -> usize {
    let [x, y, z] = place.to_array().map(|part| part.unsigned_abs() as usize);
    x + SIDE * (y + SIDE * z)
}

const AXES: [IVec3; 3] = [IVec3::X, IVec3::Y, IVec3::Z];

/// The vertex of a cell, if the surface goes through it: the mean of the places where it cuts the
/// cell's edges.
fn vertex_of(field: &[f32], place: IVec3) -> Option<(Vec3, Vec3)> {
    let side = i32::try_from(SIDE).expect("a few dozen");
    if place.max_element() >= side - 1 {
        return None;
    }
    let (mut sum, mut cuts, mut rise) = (Vec3::ZERO, 0.0, Vec3::ZERO);
    for corner in 0..8 {
        let from = IVec3::new(corner & 1, corner >> 1 & 1, corner >> 2);
        for axis in AXES {
            if (from & axis) != IVec3::ZERO {
                continue;
            }
            let (a, b) = (
                field[index_of(place + from)],
                field[index_of(place + from + axis)],
            );
            rise += axis.as_vec3() * (b - a);
            if (a < 0.0) != (b < 0.0) {
                sum += from.as_vec3() + axis.as_vec3() * (a / (a - b));
                cuts += 1.0;
            }
        }
    }
    (cuts > 0.0).then(|| (sum / cuts, rise.normalize_or(Vec3::Y)))
}

/// The net of a brick's samples.
pub(crate) fn net(field: &[f32], brick: IVec3, anchor: IVec3) -> Net {
    let mut net = Net {
        vertices: Vec::new(),
        indices: Vec::new(),
    };
    let mut numbers = vec![None; SAMPLES];
    let origin = (brick - anchor) * CELLS - IVec3::ONE;
    for (index, number) in numbers.iter_mut().enumerate() {
        if let Some((middle, normal)) = vertex_of(field, place_of(index)) {
            *number = u16::try_from(net.vertices.len()).ok();
            let at = ((origin + place_of(index)).as_vec3() + middle) * SPACING_M;
            net.vertices.push((at, normal));
        }
    }
    for index in 0..SAMPLES {
        let place = place_of(index);
        if place.min_element() < 1 || place.max_element() > CELLS {
            continue;
        }
        for axis in 0..3 {
            let is_ground = field[index] < 0.0;
            if is_ground == (field[index_of(place + AXES[axis])] < 0.0) {
                continue;
            }
            let (u, v) = (AXES[(axis + 1) % 3], AXES[(axis + 2) % 3]);
            let around = [place - u - v, place - v, place, place - u];
            let number = |place| numbers[index_of(place)].expect("a cut edge has cut cells");
            let [a, mut b, c, mut d] = around.map(number);
            if !is_ground {
                (b, d) = (d, b);
            }
            net.indices.extend([a, b, c, a, c, d]);
        }
    }
    if net.indices.is_empty() {
        net.vertices.clear();
    }
    net
}

/// Whether the surface goes through some of its cells, and all quads are a neighbour's.
pub(crate) fn is_cut_at_the_edge_alone(field: &[f32]) -> bool {
    let cuts = (0..SAMPLES).filter_map(|index| vertex_of(field, place_of(index)));
    cuts.count() > 0 && net(field, IVec3::ZERO, IVec3::ZERO).indices.is_empty()
}

#[test]
fn a_ball_is_closed_and_faces_outwards() {
    let middle = IVec3::splat(17);
    let field: Vec<f32> = (0..SAMPLES)
        .map(|index| (place_of(index) - middle).as_vec3().length() - 9.3)
        .collect();
    let net = net(&field, IVec3::ZERO, IVec3::ZERO);
    let edges: std::collections::BTreeSet<(u16, u16)> = net
        .indices
        .as_chunks::<3>()
        .0
        .iter()
        .flat_map(|&[a, b, c]| [(a, b), (b, c), (c, a)])
        .collect();
    assert_eq!(
        edges.len(),
        net.indices.len(),
        "each edge once in its direction"
    );
    assert!(
        edges.iter().all(|&(a, b)| edges.contains(&(b, a))),
        "closed"
    );
    let middle = (middle - IVec3::ONE).as_vec3() * SPACING_M;
    for &[a, b, c] in net.indices.as_chunks::<3>().0 {
        let [a, b, c] = [a, b, c].map(|index| net.vertices[usize::from(index)]);
        let across = (b.0 - a.0).cross(c.0 - a.0);
        assert!(
            across.dot(a.0 - middle) > 0.0,
            "counter-clockwise from outside"
        );
        assert!(a.1.dot(a.0 - middle) > 0.0, "and so are the normals");
    }
}
