#![expect(clippy::float_cmp, reason = "these results are exact")]

use super::*;
use crate::content::mesh::Indices;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of one test, removed when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("geoheap-demo-gltf-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).expect("a file of the test");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The parts of a small document that the tests vary: one red triangle of three corners.
#[derive(Clone)]
struct Parts {
    positions: Vec<[f32; 3]>,
    indices: Vec<u8>,
    index_type: u32,
    index_count: usize,
    position_count: usize,
    mode: u32,
    nodes: String,
    material: String,
    attributes: String,
    extra: String,
}

const FLOAT: u32 = 5126;
const U8: u32 = 5121;
const U16: u32 = 5123;
const U32: u32 = 5125;

impl Default for Parts {
    fn default() -> Self {
        Self {
            positions: vec![[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 3.0, 0.0]],
            indices: vec![0, 1, 2],
            index_type: U8,
            index_count: 3,
            position_count: 3,
            mode: 4,
            nodes: r#"[{"mesh":0}]"#.into(),
            material: r#"{"pbrMetallicRoughness":{"baseColorFactor":[1,0,0,1]}}"#.into(),
            attributes: r#""POSITION":0"#.into(),
            extra: String::new(),
        }
    }
}

impl Parts {
    fn bin(&self) -> Vec<u8> {
        let mut bin: Vec<u8> = self
            .positions
            .iter()
            .flatten()
            .flat_map(|f| f.to_le_bytes())
            .collect();
        bin.extend(&self.indices);
        bin.resize(bin.len().next_multiple_of(4), 0);
        bin
    }

    fn json(&self, uri: &str) -> String {
        let (length, positions) = (self.bin().len(), self.positions.len() * 12);
        let mut json = String::new();
        let Self {
            index_type,
            index_count,
            position_count,
            mode,
            nodes,
            material,
            ..
        } = self;
        let (attributes, extra) = (&self.attributes, &self.extra);
        write!(
            json,
            r#"{{"asset":{{"version":"2.0"}},"scene":0,"scenes":[{{"nodes":[0]}}],"nodes":{nodes},
            "meshes":[{{"primitives":[{{"attributes":{{{attributes}}},"indices":1,"material":0,
            "mode":{mode}}}]}}],"materials":[{material}],
            "accessors":[{{"bufferView":0,"componentType":{FLOAT},"count":{position_count},
            "type":"VEC3","min":[0,0,0],"max":[9,9,9]}},{{"bufferView":1,
            "componentType":{index_type},"count":{index_count},"type":"SCALAR"}}],
            "bufferViews":[{{"buffer":0,"byteLength":{positions}}},{{"buffer":0,
            "byteOffset":{positions},"byteLength":{}}}],
            "buffers":[{{"byteLength":{length}{uri}}}]{extra}}}"#,
            self.indices.len(),
        )
        .expect("writing to a text");
        json
    }

    fn gltf(&self, folder: &Folder) -> PathBuf {
        folder.put("the data.bin", self.bin());
        folder.put("model.gltf", self.json(r#","uri":"the%20data.bin""#))
    }

    fn glb(&self) -> Vec<u8> {
        let mut json = self.json("").into_bytes();
        json.resize(json.len().next_multiple_of(4), b' ');
        let bin = self.bin();
        let word = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
        let mut glb = b"glTF".to_vec();
        glb.extend(word(2));
        glb.extend(word(12 + 8 + json.len() + 8 + bin.len()));
        for (kind, chunk) in [(b"JSON", &json), (b"BIN\0", &bin)] {
            glb.extend(word(chunk.len()));
            glb.extend(kind);
            glb.extend(chunk);
        }
        glb
    }
}

/// Loads a document that must be refused, and returns why; the path must be named.
fn refusal(parts: &Parts) -> String {
    let folder = Folder::new();
    let path = parts.gltf(&folder);
    let error = load_file(&path).expect_err("a refusal");
    let text = error.to_string();
    assert!(
        text.contains(&path.display().to_string()),
        "{text} names the file"
    );
    text.replace(&path.display().to_string(), "FILE")
}

#[test]
fn a_triangle_comes_through_with_each_width_of_indices() {
    let wide = |size: usize| -> Vec<u8> {
        [0u8, 1, 2]
            .iter()
            .flat_map(|&i| std::iter::once(i).chain(vec![0; size - 1]))
            .collect()
    };
    for (index_type, indices) in [(U8, wide(1)), (U16, wide(2)), (U32, wide(4))] {
        let folder = Folder::new();
        let path = Parts {
            indices,
            index_type,
            ..Parts::default()
        }
        .gltf(&folder);
        let model = load_file(&path).expect("a whole file");
        assert_eq!(model.name, "model", "the name is the file's");
        assert_eq!(
            model.mesh.indices,
            Indices::U16(vec![0, 1, 2]),
            "type {index_type}"
        );
        assert_eq!(
            model.mesh.vertices[1].position,
            [2.0, 0.0, 0.0],
            "type {index_type}"
        );
        let corner = model.mesh.vertices[0];
        assert_eq!(
            corner.normal,
            [0, 0, 127, 0],
            "computed, since there is none"
        );
        assert_eq!(corner.colour, [255, 0, 0, 255], "the base colour factor");
    }
}

#[test]
fn a_glb_gives_the_same_as_a_gltf() {
    let folder = Folder::new();
    let parts = Parts::default();
    let path = folder.put("model.glb", parts.glb());
    let binary = load_file(&path).expect("a whole file").mesh;
    assert_eq!(
        binary,
        load_file(&parts.gltf(&folder)).expect("a whole file").mesh,
        "same mesh"
    );
}

#[test]
fn a_glb_cut_short_anywhere_is_refused() {
    let folder = Folder::new();
    let whole = Parts::default().glb();
    for length in 0..whole.len() {
        let path = folder.put("cut.glb", &whole[..length]);
        let error = load_file(&path).expect_err("a cut file");
        assert!(
            matches!(error, ModelError::Broken { .. }),
            "cut at {length}: {error}"
        );
        assert!(
            error.to_string().contains("cut.glb"),
            "cut at {length}: {error}"
        );
    }
}

#[test]
fn a_glb_with_any_byte_changed_never_panics() {
    let whole = Parts::default().glb();
    for at in 0..whole.len() {
        for value in [b'9', 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            // Some changes leave a valid file; what counts is an answer.
            let answer = file::File::parse(Path::new("changed.glb"), &bytes);
            if let Ok(mesh) = answer.and_then(|file| bake::bake(&file)) {
                mesh.validate();
            }
        }
    }
}

#[test]
fn textures_continue_beyond_their_edges_as_they_say() {
    use gltf::texture::WrappingMode::{ClampToEdge, MirroredRepeat, Repeat};
    let check = |mode, coordinate: f32, want: u32| {
        assert_eq!(
            texture::wrapped(coordinate, 4, mode),
            want,
            "{mode:?} at {coordinate}"
        );
    };
    for mode in [ClampToEdge, MirroredRepeat, Repeat] {
        check(mode, 0.0, 0);
        check(mode, 0.3, 1);
        check(mode, 0.99, 3);
        check(mode, f32::NAN, 0);
    }
    check(ClampToEdge, 1.6, 3);
    check(ClampToEdge, -0.3, 0);
    check(Repeat, 1.6, 2);
    check(Repeat, -0.3, 2);
    check(MirroredRepeat, 1.6, 1);
    check(MirroredRepeat, -0.3, 1);
}

#[test]
fn nodes_move_turn_and_mirror() {
    let folder = Folder::new();
    let nodes = r#"[{"children":[1],"translation":[10,0,0]},{"mesh":0,"scale":[-1,1,1]}]"#;
    let path = Parts {
        nodes: nodes.into(),
        ..Parts::default()
    }
    .gltf(&folder);
    let mesh = load_file(&path).expect("a whole file").mesh;
    assert_eq!(
        mesh.vertices[1].position,
        [8.0, 0.0, 0.0],
        "mirrored, then moved"
    );
    assert_eq!(
        mesh.indices,
        Indices::U16(vec![0, 2, 1]),
        "turned back to face outwards"
    );
    assert_eq!(
        mesh.vertices[0].normal,
        [0, 0, 127, 0],
        "along the turned triangle's front"
    );
}

/// Bytes as base64 (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |w, i| {
            (w << 8) | u32::from(*group.get(i).unwrap_or(&0))
        });
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= group.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

fn data_uri(bytes: &[u8]) -> String {
    format!(
        r#","uri":"data:application/octet-stream;base64,{}""#,
        base64(bytes)
    )
}

#[test]
fn embedded_buffers_are_read_and_their_length_checked() {
    let folder = Folder::new();
    let parts = Parts {
        indices: vec![0, 1, 2, 0],
        ..Parts::default()
    };
    let whole = folder.put("whole.gltf", parts.json(&data_uri(&parts.bin())));
    assert_eq!(
        load_file(&whole)
            .expect("a whole file")
            .mesh
            .triangle_count(),
        1,
        "read"
    );
    for missing in 1..4 {
        let bin = parts.bin();
        let cut = parts.json(&data_uri(&bin[..bin.len() - missing]));
        let error = load_file(&folder.put("cut.gltf", cut)).expect_err("a cut buffer");
        assert!(
            matches!(error, ModelError::Broken { .. }),
            "{missing} missing: {error}"
        );
    }
}

#[test]
fn a_texture_is_baked_into_the_colours() {
    let mut png_bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut png_bytes, 2, 1);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a small picture");
    writer
        .write_image_data(&[10, 200, 30, 90, 80, 70])
        .expect("a small picture");
    writer.finish().expect("a small picture");
    let folder = Folder::new();
    folder.put("paint.png", &png_bytes);
    let with = |image: &str, attributes: &str| Parts {
        // The positions serve as coordinates as well: x 0, 2 and 0 in the first of three.
        attributes: attributes.into(),
        material: r#"{"pbrMetallicRoughness":{"baseColorTexture":{"index":0}}}"#.into(),
        extra: format!(r#","textures":[{{"source":0}}],"images":[{image}]"#),
        ..Parts::default()
    };
    let no_coordinates = with(r#"{"uri":"paint.png"}"#, r#""POSITION":0"#);
    let error = load_file(&no_coordinates.gltf(&folder)).expect_err("no coordinates");
    assert!(
        error.to_string().contains("no texture coordinates"),
        "{error}"
    );

    // Two accessors more: coordinates of two numbers over the view of the positions.
    let textured = with(r#"{"uri":"paint.png"}"#, r#""POSITION":0,"TEXCOORD_0":2"#);
    let accessor =
        r#"{"bufferView":0,"byteOffset":0,"componentType":5126,"count":3,"type":"VEC2"},"#;
    let json = textured.json(r#","uri":"the%20data.bin""#);
    let json = json.replace(
        r#""SCALAR"}"#,
        &format!(r#""SCALAR"}},{}"#, accessor.trim_end_matches(',')),
    );
    let mesh = load_file(&folder.put("model.gltf", &json))
        .expect("a whole file")
        .mesh;
    let colours: Vec<[u8; 4]> = mesh.vertices.iter().map(|v| v.colour).collect();
    assert_eq!(
        colours[0],
        [10, 200, 30, 255],
        "the first pixel, unchanged by the way there and back"
    );

    for (image, reason) in [
        (r#"{"uri":"gone.png"}"#, "gone.png"),
        (r"{}", "no source"),
        (r#"{"bufferView":0}"#, "does not say its type"),
        (r#"{"bufferView":0,"mimeType":"image/png"}"#, "image 0"),
        (
            r#"{"uri":"the%20data.bin","mimeType":"image/png"}"#,
            "data.bin",
        ),
        (r#"{"uri":"%ff.png"}"#, "not text"),
    ] {
        let json = json.replace(r#"{"uri":"paint.png"}"#, image);
        let error = load_file(&folder.put("model.gltf", json)).expect_err(image);
        assert!(error.to_string().contains(reason), "{image}: {error}");
    }
}

/// Checks that a document is refused for a reason that contains `want`.
fn check_refused(parts: &Parts, want: &str) {
    let reason = refusal(parts);
    assert!(reason.contains(want), "{reason} says {want}");
}

#[test]
fn accessors_that_reach_too_far_are_refused() {
    let check = |positions: usize, indices: usize, want: &str| {
        let parts = Parts {
            position_count: positions,
            index_count: indices,
            ..Parts::default()
        };
        check_refused(&parts, want);
    };
    check(4, 3, "reads 4 elements");
    check(1 << 60, 3, "reads 1152921504606846976 elements");
    check(3, 6, "reads 6 elements");
    check(3, 0, "no triangle");
    let check = |indices: &[u8], want: &str| {
        let (indices, index_count) = (indices.to_vec(), indices.len());
        check_refused(
            &Parts {
                indices,
                index_count,
                ..Parts::default()
            },
            want,
        );
    };
    check(&[0, 1, 3], "index 3 of 3 vertices");
    check(&[0, 1, 2, 0], "not whole triangles");
    check_refused(
        &Parts {
            index_type: FLOAT,
            ..Parts::default()
        },
        "indices are F32",
    );
}

#[test]
fn the_offset_of_an_accessor_counts() {
    let folder = Folder::new();
    let parts = Parts {
        position_count: 2,
        index_count: 0,
        ..Parts::default()
    };
    let _ = parts.gltf(&folder);
    for (offset, reads) in [(0usize, true), (12, true), (13, false), (1 << 40, false)] {
        let json = parts.json(r#","uri":"the%20data.bin""#);
        let json = json.replace(
            r#""count":2"#,
            &format!(r#""byteOffset":{offset},"count":2"#),
        );
        let error = load_file(&folder.put("model.gltf", json)).expect_err("no triangle at best");
        let want = if reads {
            "no triangle"
        } else {
            "reads 2 elements"
        };
        assert!(error.to_string().contains(want), "from {offset}: {error}");
    }
}

#[test]
fn attributes_must_be_there_and_fit() {
    let check = |attributes: &str, want: &str| {
        let attributes = attributes.into();
        check_refused(
            &Parts {
                attributes,
                ..Parts::default()
            },
            want,
        );
    };
    check(r#""POSITION":7"#, "accessor 7 of 2");
    check(r#""NORMAL":0"#, "broken");
    check(r#""POSITION":0,"NORMAL":1"#, "normals of Scalar");
}

#[test]
fn only_lists_of_triangles_are_taken() {
    let check = |mode: u32, want: &str| {
        check_refused(
            &Parts {
                mode,
                ..Parts::default()
            },
            want,
        );
    };
    check(5, "TriangleStrip");
    check(6, "TriangleFan");
    check(1, "Lines");
    check(0, "Points");
    check(99, "mode");
}

#[test]
fn nodes_must_be_a_tree_of_finite_places() {
    let check = |nodes: &str, want: &str| {
        check_refused(
            &Parts {
                nodes: nodes.into(),
                ..Parts::default()
            },
            want,
        );
    };
    check(r#"[{"mesh":0,"children":[0]}]"#, "below itself");
    check(r#"[{"children":[1,1]},{"mesh":0}]"#, "two parents");
    check(r#"[{"mesh":0,"scale":[1e39,1,1]}]"#, "broken");
    check(
        r#"[{"mesh":0,"scale":[1e38,1,1],"children":[1]},{"mesh":0,"scale":[1e38,1,1]}]"#,
        "finite",
    );
    let positions = vec![[f32::NAN, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
    check_refused(
        &Parts {
            positions,
            ..Parts::default()
        },
        "not finite",
    );
}

#[test]
fn what_a_file_requires_must_be_known() {
    let extra = r#","extensionsUsed":["A_b"],"extensionsRequired":["A_b"]"#.into();
    check_refused(
        &Parts {
            extra,
            ..Parts::default()
        },
        "cannot be used",
    );
}

#[test]
fn what_is_missing_is_named() {
    let folder = Folder::new();
    let gone = folder.0.join("gone.glb");
    let error = load_file(&gone).expect_err("no such file");
    assert!(
        matches!(&error, ModelError::Unreadable { path, .. } if *path == gone),
        "{error}"
    );
    let path = Parts::default().gltf(&folder);
    let bin = folder.0.join("the data.bin");
    let whole = std::fs::read(&bin).expect("the file just written");
    std::fs::write(&bin, &whole[..whole.len() - 1]).expect("the file just written");
    let error = load_file(&path).expect_err("a byte is missing");
    assert!(
        error.to_string().contains("has 39 bytes instead of 40"),
        "{error}"
    );
    std::fs::remove_file(&bin).expect("the file just written");
    let error = load_file(&path).expect_err("the buffer is gone");
    assert!(
        matches!(&error, ModelError::Unreadable { path, .. } if *path == bin),
        "{error}"
    );
}

#[test]
fn a_directory_is_taken_whole_or_not_at_all() {
    let folder = Folder::new();
    assert!(
        load_paths(std::slice::from_ref(&folder.0)).is_err(),
        "an empty folder is an error"
    );
    folder.put("b.glb", Parts::default().glb());
    folder.put("a.GLB", Parts::default().glb());
    folder.put("notes.txt", "not a model");
    let models = load_paths(std::slice::from_ref(&folder.0)).expect("two whole files");
    let names: Vec<&str> = models.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["a", "b"], "by name");
    folder.put("c.gltf", "{");
    let error = load_paths(std::slice::from_ref(&folder.0)).expect_err("one is broken");
    assert!(error.to_string().contains("c.gltf"), "{error}");
}
