//! Entries on their way to a table on the GPU, in the form that `scatter.wgsl` reads.

use crate::recording::PlacementTableError;

/// Words before the entries of a patch.
const PATCH_HEAD_WORDS: usize = 2;

/// A buffer of these words, `None` if there are none. A device that is lost makes one that cannot
/// be filled.
pub(super) fn filled(
    device: &wgpu::Device,
    label: &str,
    words: &[u32],
    usage: wgpu::BufferUsages,
) -> Result<Option<wgpu::Buffer>, PlacementTableError> {
    if words.is_empty() {
        return Ok(None);
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(&format!("geoheap {label}")),
        size: bytes.len() as u64,
        usage,
        mapped_at_creation: true,
    });
    let mapped = buffer.get_mapped_range_mut(..);
    let mut mapped = mapped.map_err(|_| PlacementTableError::DeviceLost)?;
    mapped.copy_from_slice(&bytes);
    drop(mapped);
    buffer.unmap();
    Ok(Some(buffer))
}

/// Entries on their way to a table; no index comes twice.
pub(super) struct Patch {
    pub(super) entry_words: usize,
    pub(super) entries: usize,
    words: Vec<u32>,
}

impl Patch {
    pub(super) fn new(entry_words: usize) -> Self {
        Self {
            entry_words,
            entries: 0,
            words: vec![0; PATCH_HEAD_WORDS],
        }
    }

    pub(super) fn push(&mut self, index: u32, words: &[u32]) {
        self.words.push(index);
        self.words.extend_from_slice(words);
        self.entries += 1;
    }

    /// What the shader reads; `None` without entries.
    pub(super) fn stage(
        &mut self,
        device: &wgpu::Device,
    ) -> Result<Option<wgpu::Buffer>, PlacementTableError> {
        if self.entries == 0 {
            return Ok(None);
        }
        let head = [self.entries, self.entry_words].map(|word| u32::try_from(word).unwrap_or(0));
        self.words[..PATCH_HEAD_WORDS].copy_from_slice(&head);
        filled(
            device,
            "placement patch",
            &self.words,
            wgpu::BufferUsages::STORAGE,
        )
    }
}
