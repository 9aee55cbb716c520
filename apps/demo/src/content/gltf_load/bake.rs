//! All primitives of a scene as one mesh.

use super::file::File;
use super::texture::{Texture, srgb_byte};
use super::{Fault, accessor, broken, unsupported};
use crate::content::mesh::{Indices, MeshData, Vertex};
use glam::{Mat3, Mat4, Vec3};
use gltf::mesh::Mode;
use gltf::{Node, Primitive, Semantic};
use std::collections::BTreeMap;

/// The vertices that one model may have: beyond it a file is taken for a mistake.
const MOST_VERTICES: usize = 32 << 20;

/// Merges the triangles of the file's scene.
pub(super) fn bake(file: &File) -> Result<MeshData, Fault> {
    let mut baker = Baker {
        file,
        textures: BTreeMap::new(),
        vertices: vec![],
        indices: vec![],
    };
    // The nodes yet to visit, with their parents' transforms. A node that comes a second time is
    // its own ancestor or has two parents; the format allows neither.
    let mut waiting: Vec<(Node, Mat4)> = Vec::new();
    match file
        .document
        .default_scene()
        .or_else(|| file.document.scenes().next())
    {
        Some(scene) => waiting.extend(scene.nodes().map(|node| (node, Mat4::IDENTITY))),
        None => waiting.extend(roots(file).map(|node| (node, Mat4::IDENTITY))),
    }
    let mut seen = vec![false; file.document.nodes().len()];
    while let Some((node, parent)) = waiting.pop() {
        if std::mem::replace(&mut seen[node.index()], true) {
            return broken(format!(
                "node {} is below itself or has two parents",
                node.index()
            ));
        }
        let transform = parent * Mat4::from_cols_array_2d(&node.transform().matrix());
        if !transform.is_finite() {
            return broken(format!(
                "the transform of node {} is not finite",
                node.index()
            ));
        }
        for primitive in node.mesh().iter().flat_map(gltf::Mesh::primitives) {
            baker.append(&primitive, transform)?;
        }
        waiting.extend(node.children().map(|child| (child, transform)));
    }
    if baker.indices.is_empty() {
        return broken("it holds no triangle");
    }
    let indices = Indices::narrowest(baker.indices, baker.vertices.len());
    Ok(MeshData::new(baker.vertices, indices))
}

/// The nodes that are nobody's child.
fn roots(file: &File) -> impl Iterator<Item = Node<'_>> {
    let nodes = || file.document.nodes();
    let mut is_child = vec![false; nodes().len()];
    for child in nodes().flat_map(|node| node.children().map(|c| c.index()).collect::<Vec<_>>()) {
        is_child[child] = true;
    }
    nodes().filter(move |node| !is_child[node.index()])
}

struct Baker<'a> {
    file: &'a File,
    /// By the texture's index.
    textures: BTreeMap<usize, Texture>,
    vertices: Vec<Vertex>,
    indices: Vec<u32>,
}

impl Baker<'_> {
    fn append(&mut self, primitive: &Primitive, transform: Mat4) -> Result<(), Fault> {
        if primitive.mode() != Mode::Triangles {
            return unsupported(format!(
                "{:?}; only plain triangles are drawn, so export it triangulated",
                primitive.mode()
            ));
        }
        let Some(accessor) = primitive.get(&Semantic::Positions) else {
            return broken("a primitive has no positions");
        };
        let positions = accessor::floats(self.file, &accessor, "positions", [0.0; 3])?;
        let positions: Vec<Vec3> = positions.into_iter().map(Vec3::from).collect();
        if self.vertices.len() + positions.len() > MOST_VERTICES {
            return unsupported(format!("more than {MOST_VERTICES} vertices"));
        }
        let mut triangles = self.triangles(primitive, positions.len())?;
        let normals = self.normals(primitive, &positions, &triangles)?;
        let colours = self.colours(primitive, positions.len())?;
        let turn = normal_matrix(transform);
        let base = u32::try_from(self.vertices.len()).expect("below the most vertices");
        let mut vertices = Vec::with_capacity(positions.len());
        for ((position, normal), colour) in positions.into_iter().zip(normals).zip(colours) {
            let position = transform.transform_point3(position);
            if !position.is_finite() {
                return broken("a position is not finite");
            }
            vertices.push(Vertex::new(position, turn * normal, colour));
        }
        if transform.determinant() < 0.0 {
            // A mirrored node turns its triangles inside out.
            triangles.chunks_exact_mut(3).for_each(|t| t.swap(1, 2));
        }
        self.vertices.append(&mut vertices);
        self.indices.extend(triangles.into_iter().map(|i| base + i));
        Ok(())
    }

    /// The primitive's indices, all below `count`, in whole triangles.
    fn triangles(&self, primitive: &Primitive, count: usize) -> Result<Vec<u32>, Fault> {
        let indices = match primitive.indices() {
            Some(accessor) => accessor::indices(self.file, &accessor)?,
            None => (0..u32::try_from(count).expect("below the most vertices")).collect(),
        };
        if let Some(index) = indices.iter().find(|&&i| i as usize >= count) {
            return broken(format!("index {index} of {count} vertices"));
        }
        if indices.len() % 3 != 0 {
            return broken(format!("{} indices are not whole triangles", indices.len()));
        }
        Ok(indices)
    }

    fn normals(
        &self,
        primitive: &Primitive,
        positions: &[Vec3],
        triangles: &[u32],
    ) -> Result<Vec<Vec3>, Fault> {
        let Some(accessor) = primitive.get(&Semantic::Normals) else {
            return Ok(computed_normals(positions, triangles));
        };
        let normals = accessor::floats(self.file, &accessor, "normals", [0.0; 3])?;
        same_count("normals", normals.len(), positions.len())?;
        Ok(normals.into_iter().map(Vec3::from).collect())
    }

    /// The baked colours.
    fn colours(&mut self, primitive: &Primitive, count: usize) -> Result<Vec<[u8; 4]>, Fault> {
        let material = primitive.material().pbr_metallic_roughness();
        let mut colours = vec![material.base_color_factor(); count];
        let mut multiply = |what: &str, by: Vec<[f32; 4]>| {
            same_count(what, by.len(), count)?;
            for (colour, by) in colours.iter_mut().zip(by) {
                *colour = [0, 1, 2, 3].map(|i| colour[i] * by[i]);
            }
            Ok(())
        };
        if let Some(accessor) = primitive.get(&Semantic::Colors(0)) {
            let own = accessor::floats(self.file, &accessor, "colours", [1.0; 4])?;
            multiply("colours", own)?;
        }
        if let Some(info) = material.base_color_texture() {
            let Some(accessor) = primitive.get(&Semantic::TexCoords(info.tex_coord())) else {
                return broken("a primitive with a texture has no texture coordinates");
            };
            let what = "texture coordinates";
            let coordinates = accessor::floats(self.file, &accessor, what, [0.0; 2])?;
            let texture = match self.textures.entry(info.texture().index()) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(Texture::read(self.file, &info.texture())?)
                }
            };
            multiply(
                what,
                coordinates.into_iter().map(|c| texture.at(c)).collect(),
            )?;
        }
        Ok(colours.into_iter().map(encoded).collect())
    }
}

fn same_count(what: &str, count: usize, vertices: usize) -> Result<(), Fault> {
    if count == vertices {
        Ok(())
    } else {
        broken(format!("{count} {what} for {vertices} vertices"))
    }
}

/// A linear colour as bytes: sRGB, with linear alpha.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 255"
)]
fn encoded([r, g, b, a]: [f32; 4]) -> [u8; 4] {
    [
        srgb_byte(r),
        srgb_byte(g),
        srgb_byte(b),
        (a.clamp(0.0, 1.0) * 255.0 + 0.5) as u8,
    ]
}

/// Each vertex's normal from the triangles around it, weighed by their areas.
fn computed_normals(positions: &[Vec3], triangles: &[u32]) -> Vec<Vec3> {
    let mut normals = vec![Vec3::ZERO; positions.len()];
    for triangle in triangles.chunks_exact(3) {
        let [a, b, c] = [0, 1, 2].map(|i| positions[triangle[i] as usize]);
        let normal = (b - a).cross(c - a);
        for &corner in triangle {
            normals[corner as usize] += normal;
        }
    }
    normals
}

/// What turns normals: the inverse transpose, or nothing at all for a flattening transform.
fn normal_matrix(transform: Mat4) -> Mat3 {
    let linear = Mat3::from_mat4(transform);
    if linear.determinant().abs() > f32::MIN_POSITIVE {
        let inverse = linear.inverse().transpose();
        if inverse.is_finite() {
            return inverse;
        }
    }
    linear
}
