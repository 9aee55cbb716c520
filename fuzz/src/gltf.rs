//! The target `gltf`: models for the demo, as text and as one binary file, right but for edits.
//!
//! What is refused names the file and a reason; what is loaded is whole triangles of vertices that
//! are there, at finite places.

#[cfg(test)]
mod tests;

use std::path::Path;

use geoheap_demo::content::gltf_load::{Model, ModelError, load_bytes};

use crate::bytes::Bytes;
use crate::edits;
use crate::tally::Tally;

/// A scene of two nodes with a mesh, a material and a texture, all in one text.
const SCENE: &str = include_str!("gltf/scene.gltf");

/// What the file is called, in a folder that holds no other.
const FILE: &str = "/no/such/folder/model";

/// Runs one input. Returns what it reached.
///
/// # Panics
/// When a model that was loaded is none, or a refusal does not say what is refused.
pub fn run(input: &[u8]) -> Tally {
    let mut bytes = Bytes::new(input);
    let form = bytes.byte();
    let mut file = SCENE.as_bytes().to_vec();
    let what = match form % 4 {
        0 | 1 => {
            edits::apply(&mut file, &mut bytes);
            "gltf"
        }
        2 => {
            edits::apply(&mut file, &mut bytes);
            file = binary(&file);
            "glb"
        }
        _ => {
            file = binary(&file);
            edits::apply(&mut file, &mut bytes);
            "glb"
        }
    };
    let mut tally = Tally::default();
    judge(&tally.note(what, load_bytes(Path::new(FILE), &file)));
    tally
}

/// A text as the one part of a binary file, with a few bytes behind it.
fn binary(text: &[u8]) -> Vec<u8> {
    let mut json = text.to_vec();
    json.resize(text.len().next_multiple_of(4), b' ');
    let blob = [0_u8; 160];
    let len = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    let mut file = Vec::new();
    file.extend(b"glTF\x02\0\0\0");
    file.extend(len(12 + 8 + json.len() + 8 + blob.len()));
    file.extend(len(json.len()));
    file.extend(b"JSON");
    file.extend(json);
    file.extend(len(blob.len()));
    file.extend(b"BIN\0");
    file.extend(blob);
    file
}

fn judge(loaded: &Result<Model, ModelError>) {
    let model = match loaded {
        Ok(model) => model,
        Err(error) => {
            let told = error.to_string();
            let reason = told.rsplit(": ").next().unwrap_or_default();
            // What a model names and cannot be read is named itself.
            let is_named = match error {
                ModelError::Unreadable { path, .. } => !path.as_os_str().is_empty(),
                _ => told.contains(FILE),
            };
            assert!(is_named, "the file is named: {told}");
            assert!(!reason.trim().is_empty(), "a reason is told: {told}");
            return;
        }
    };
    let vertices = &model.mesh.vertices;
    let indices: Vec<u32> = model.mesh.indices.iter().collect();
    assert!(
        !indices.is_empty() && indices.len().is_multiple_of(3),
        "{} indices are no triangles",
        indices.len()
    );
    assert!(
        indices
            .iter()
            .all(|&index| (index as usize) < vertices.len()),
        "an index is behind {} vertices",
        vertices.len()
    );
    let mut places = vertices.iter().flat_map(|vertex| vertex.position);
    let wrong = places.find(|place| !place.is_finite());
    assert_eq!(wrong, None, "a place is none");
}
