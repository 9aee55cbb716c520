//! The document of a file and the bytes that it names, all checked for being there.

use super::{Fault, broken, unsupported};
use gltf::buffer::Data;
use std::path::{Path, PathBuf};

/// A parsed file with its buffers. Images are read when a material needs them.
pub(super) struct File {
    pub(super) document: gltf::Document,
    pub(super) buffers: Vec<Data>,
    /// Where the file lies; what it names is relative to it.
    pub(super) base: PathBuf,
}

/// Bytes of a GLB file's header.
const GLB_HEADER_BYTES: u32 = 12;

impl File {
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Fault> {
        // The crate subtracts the header from the stated length without looking.
        if bytes.starts_with(b"glTF") {
            let length = bytes
                .get(8..12)
                .and_then(|b| b.try_into().ok())
                .map(u32::from_le_bytes);
            if length.is_none_or(|l| l < GLB_HEADER_BYTES) {
                return broken("the header of a GLB file is cut short");
            }
        }
        let gltf::Gltf { document, mut blob } =
            gltf::Gltf::from_slice_without_validation(bytes).map_err(|e| parse_fault(&e))?;
        let json = document.into_json();
        check_positions(&json)?;
        let document = gltf::Document::from_json(json).map_err(|e| parse_fault(&e))?;
        let base = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut buffers = Vec::new();
        for buffer in document.buffers() {
            buffers.push(read_buffer(&buffer, &base, &mut blob)?);
        }
        Ok(Self {
            document,
            buffers,
            base,
        })
    }

    /// The bytes of a view.
    pub(super) fn view(&self, view: &gltf::buffer::View) -> Result<&[u8], Fault> {
        let data = &self.buffers[view.buffer().index()].0;
        let end = view.offset().checked_add(view.length());
        match end.and_then(|end| data.get(view.offset()..end)) {
            Some(bytes) => Ok(bytes),
            None => broken(format!(
                "buffer view {} takes {} bytes from {}, its buffer has {}",
                view.index(),
                view.length(),
                view.offset(),
                data.len()
            )),
        }
    }
}

/// The crate's validation looks positions up before it has checked that there are that many
/// accessors.
fn check_positions(json: &gltf::json::Root) -> Result<(), Fault> {
    let name = gltf::json::validation::Checked::Valid(gltf::Semantic::Positions);
    let primitives = json.meshes.iter().flat_map(|mesh| &mesh.primitives);
    for index in primitives.filter_map(|primitive| primitive.attributes.get(&name)) {
        if index.value() >= json.accessors.len() {
            return broken(format!(
                "positions in accessor {} of {}",
                index.value(),
                json.accessors.len()
            ));
        }
    }
    Ok(())
}

fn parse_fault(error: &gltf::Error) -> Fault {
    match error {
        gltf::Error::Validation(faults) => {
            let unsupported = |f: &gltf::json::validation::Error| {
                matches!(f, gltf::json::validation::Error::Unsupported)
            };
            let shown: Vec<String> = faults
                .iter()
                .take(3)
                .map(|(place, fault)| format!("{place}: {fault}"))
                .collect();
            let reason = shown.join("; ");
            if faults.iter().all(|(_, f)| unsupported(f)) {
                Fault::Unsupported(reason)
            } else {
                Fault::Broken(reason)
            }
        }
        _ => Fault::Broken(error.to_string()),
    }
}

/// One buffer's bytes, at least as many as it states.
fn read_buffer(
    buffer: &gltf::Buffer,
    base: &Path,
    blob: &mut Option<Vec<u8>>,
) -> Result<Data, Fault> {
    let data = match buffer.source() {
        gltf::buffer::Source::Bin => match blob.take() {
            Some(blob) => blob,
            None => {
                return broken(format!(
                    "buffer {} has no bytes in the file",
                    buffer.index()
                ));
            }
        },
        gltf::buffer::Source::Uri(uri) if uri.starts_with("data:") => embedded(buffer, uri)?,
        gltf::buffer::Source::Uri(uri) => {
            let path = regular_file(base.join(relative_path(uri)?))?;
            std::fs::read(&path).map_err(|e| Fault::Unreadable(path, e.to_string()))?
        }
    };
    if data.len() < buffer.length() {
        return broken(format!(
            "buffer {} has {} bytes instead of {}",
            buffer.index(),
            data.len(),
            buffer.length()
        ));
    }
    Ok(Data(data))
}

/// The bytes of a `data:` address. The crate pads them to whole words, which would hide up to
/// three missing bytes, so that the length is taken from the text.
fn embedded(buffer: &gltf::Buffer, uri: &str) -> Result<Vec<u8>, Fault> {
    let mut data = Data::from_source(buffer.source(), None)
        .map_err(|e| Fault::Broken(format!("buffer {}: {e}", buffer.index())))?
        .0;
    let text = uri
        .rsplit(',')
        .next()
        .unwrap_or_default()
        .trim_end_matches('=');
    data.truncate(text.len() * 3 / 4);
    Ok(data)
}

/// The path of a file that has an end: a model that names a device or a pipe would never be read.
pub(super) fn regular_file(path: PathBuf) -> Result<PathBuf, Fault> {
    match std::fs::metadata(&path) {
        Ok(found) if found.is_file() => Ok(path),
        Ok(_) => Err(Fault::Unreadable(path, "it is no regular file".to_owned())),
        Err(error) => Err(Fault::Unreadable(path, error.to_string())),
    }
}

/// A relative address as a path, its percent signs decoded.
pub(super) fn relative_path(uri: &str) -> Result<PathBuf, Fault> {
    if uri.contains(':') {
        return unsupported(format!("`{uri}` is not a relative path"));
    }
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        (bytes, rest) = match code {
            Some((high, low)) => (pushed(bytes, high * 16 + low), &tail[2..]),
            None => (pushed(bytes, *first), tail),
        };
    }
    match String::from_utf8(bytes) {
        Ok(path) => Ok(path.into()),
        Err(_) => broken(format!(
            "`{uri}` is not text when its percent signs are decoded"
        )),
    }
}

fn pushed(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

#[expect(clippy::cast_possible_truncation, reason = "a digit is below 16")]
fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|d| d as u8)
}
