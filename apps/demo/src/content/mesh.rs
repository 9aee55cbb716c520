//! The one vertex layout of the demo and the meshes made of it.

use bytemuck::{Pod, Zeroable};
use glam::Vec3;

/// One vertex: 20 bytes, `Float32x3`, `Snorm8x4`, `Unorm8x4` at offsets 0, 12 and 16.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct Vertex {
    /// Metres from the mesh's origin (pixels for the user interface's meshes).
    pub position: [f32; 3],
    /// Unit normal as signed normalised bytes; the fourth is 0.
    pub normal: [i8; 4],
    /// Colour as unsigned normalised bytes in sRGB encoding; alpha is not premultiplied.
    pub colour: [u8; 4],
}

/// Bytes of one [`Vertex`].
pub const VERTEX_STRIDE_BYTES: usize = size_of::<Vertex>();

impl Vertex {
    /// A vertex from a position, a normal (need not be of unit length) and a colour.
    pub fn new(position: Vec3, normal: Vec3, colour: [u8; 4]) -> Self {
        Self {
            position: position.to_array(),
            normal: pack_normal(normal),
            colour,
        }
    }
}

/// Rounds a direction to signed normalised bytes. A zero vector becomes straight up.
pub fn pack_normal(normal: Vec3) -> [i8; 4] {
    let unit = normal.try_normalize().unwrap_or(Vec3::Y);
    // Rounds half away from 0 by the cast, because `round` is a library call on baseline x86-64.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a unit component times 127 fits"
    )]
    let byte = |v: f32| (v * 127.0 + 0.5f32.copysign(v)) as i8;
    [byte(unit.x), byte(unit.y), byte(unit.z), 0]
}

/// A mesh's indices, three per triangle, counter-clockwise seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Indices {
    /// Two bytes an index.
    U16(Vec<u16>),
    /// Four bytes an index.
    U32(Vec<u32>),
}

impl Indices {
    /// Takes `indices` in the narrowest form in which `vertex_count` vertices can be addressed.
    /// `u16::MAX` is left out because it restarts strips on some devices.
    pub fn narrowest(indices: Vec<u32>, vertex_count: usize) -> Self {
        if vertex_count < usize::from(u16::MAX) {
            #[expect(clippy::cast_possible_truncation, reason = "below the vertex count")]
            let narrow = indices.iter().map(|&i| i as u16).collect();
            Self::U16(narrow)
        } else {
            Self::U32(indices)
        }
    }

    /// The number of indices.
    pub fn len(&self) -> usize {
        match self {
            Self::U16(i) => i.len(),
            Self::U32(i) => i.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The indices as `u32`, whatever their width.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let (narrow, wide): (&[u16], &[u32]) = match self {
            Self::U16(i) => (i, &[]),
            Self::U32(i) => (&[], i),
        };
        narrow
            .iter()
            .map(|&i| u32::from(i))
            .chain(wide.iter().copied())
    }
}

/// The smallest axis-aligned box around a mesh, in its own coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The lowest corner.
    pub min: Vec3,
    /// The highest corner.
    pub max: Vec3,
}

impl Bounds {
    /// A box that holds nothing: any point added to it becomes the whole of it.
    pub const EMPTY: Self = Self {
        min: Vec3::splat(f32::INFINITY),
        max: Vec3::splat(f32::NEG_INFINITY),
    };

    /// The box around `points`.
    pub fn of(points: impl IntoIterator<Item = Vec3>) -> Self {
        points.into_iter().fold(Self::EMPTY, |b, p| Self {
            min: b.min.min(p),
            max: b.max.max(p),
        })
    }

    /// The same box moved by `offset`.
    #[must_use]
    pub fn translated(self, offset: Vec3) -> Self {
        Self {
            min: self.min + offset,
            max: self.max + offset,
        }
    }

    /// The distance from `point` to the box, in its units; 0 inside.
    pub fn distance(&self, point: Vec3) -> f32 {
        (self.min - point)
            .max(point - self.max)
            .max(Vec3::ZERO)
            .length()
    }
}

/// A triangle mesh, ready to be copied into vertex and index memory.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshData {
    /// The vertices.
    pub vertices: Vec<Vertex>,
    /// Triangles over `vertices`.
    pub indices: Indices,
    /// The box around `vertices`.
    pub bounds: Bounds,
}

impl MeshData {
    /// A mesh of `vertices` and `indices`, with its bounds computed.
    pub fn new(vertices: Vec<Vertex>, indices: Indices) -> Self {
        let bounds = Bounds::of(vertices.iter().map(|v| Vec3::from(v.position)));
        let mesh = Self {
            vertices,
            indices,
            bounds,
        };
        if cfg!(debug_assertions) {
            mesh.validate();
        }
        mesh
    }

    /// The vertices as bytes, [`VERTEX_STRIDE_BYTES`] each.
    pub fn vertex_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.vertices)
    }

    /// The indices as bytes, two or four each. Not padded.
    pub fn index_bytes(&self) -> &[u8] {
        match &self.indices {
            Indices::U16(i) => bytemuck::cast_slice(i),
            Indices::U32(i) => bytemuck::cast_slice(i),
        }
    }

    /// The bytes of vertices and indices together.
    pub fn total_bytes(&self) -> usize {
        self.vertex_bytes().len() + self.index_bytes().len()
    }

    /// The number of triangles.
    pub fn triangle_count(&self) -> usize {
        self.indices.len() / 3
    }

    /// Panics unless the mesh is whole: whole triangles, indices in range, finite positions.
    pub fn validate(&self) {
        assert_eq!(self.indices.len() % 3, 0, "a mesh has whole triangles");
        let count = self.vertices.len();
        for index in self.indices.iter() {
            assert!(
                (index as usize) < count,
                "index {index} of {count} vertices"
            );
        }
        for vertex in &self.vertices {
            let finite = vertex.position.iter().all(|p| p.is_finite());
            assert!(finite, "position {:?} is finite", vertex.position);
        }
    }
}

/// Collects triangles into one mesh.
#[derive(Clone, Debug, Default)]
pub struct MeshBuilder {
    vertices: Vec<Vertex>,
    indices: Vec<u32>,
}

impl MeshBuilder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The vertices so far.
    pub fn vertex_count(&self) -> usize {
        self.vertices.len()
    }

    /// The indices so far.
    pub fn index_count(&self) -> usize {
        self.indices.len()
    }

    /// Adds a vertex and returns its index.
    pub fn vertex(&mut self, vertex: Vertex) -> u32 {
        let index = u32::try_from(self.vertices.len()).expect("fewer than 2^32 vertices");
        self.vertices.push(vertex);
        index
    }

    /// Adds a triangle of vertices that are already there, counter-clockwise from outside.
    pub fn triangle(&mut self, a: u32, b: u32, c: u32) {
        self.indices.extend([a, b, c]);
    }

    /// Adds a triangle of its own three vertices with the normal of its plane.
    pub fn flat_triangle(&mut self, corners: [Vec3; 3], colour: [u8; 4]) {
        let normal = (corners[1] - corners[0]).cross(corners[2] - corners[0]);
        let [a, b, c] = corners.map(|p| self.vertex(Vertex::new(p, normal, colour)));
        self.triangle(a, b, c);
    }

    /// Adds a quad of its own four vertices, counter-clockwise, with the normal of its plane.
    pub fn flat_quad(&mut self, corners: [Vec3; 4], colour: [u8; 4]) {
        let normal = (corners[2] - corners[0]).cross(corners[3] - corners[1]);
        let [a, b, c, d] = corners.map(|p| self.vertex(Vertex::new(p, normal, colour)));
        self.triangle(a, b, c);
        self.triangle(a, c, d);
    }

    /// Adds a whole mesh, each vertex changed by `change`.
    pub fn append(&mut self, mesh: &MeshData, change: impl Fn(&Vertex) -> Vertex) {
        let base = u32::try_from(self.vertices.len()).expect("fewer than 2^32 vertices");
        self.vertices.extend(mesh.vertices.iter().map(change));
        self.indices.extend(mesh.indices.iter().map(|i| base + i));
    }

    /// The mesh, with the narrowest indices that fit.
    pub fn finish(self) -> MeshData {
        let indices = Indices::narrowest(self.indices, self.vertices.len());
        MeshData::new(self.vertices, indices)
    }
}

#[cfg(test)]
mod tests;
