//! Blocks and parts to be made, mostly right, and what is wrong with those that are not.

use std::sync::{Arc, Mutex, PoisonError};

use geoheap::{
    AddError, Align, BlockDesc, ByteLen, KindId, LayoutError, Lifetime, PartData, Payload, Source,
    StagedWrite,
};
use geoheap_chunk_heap::{BlockLayout, KindTable, PartSpec};

use super::book::{Contents, Write};
use super::world::{KIB, World};
use crate::bytes::Bytes;

/// Strides that bytes choose from: those that vertices and indices have, and a few that fit no
/// kind.
const STRIDES: [u32; 12] = [20, 12, 4, 2, 16, 0, 28, 36, 1, 3, 1000, 70_000];

/// A part to be made.
pub(super) struct Spec {
    pub(super) kind: KindId,
    pub(super) stride: u32,
    pub(super) write: Write,
}

/// A block to be made, and what is known of it.
pub(super) struct Made {
    pub(super) block: u32,
    pub(super) desc: BlockDesc,
    pub(super) writes: Vec<Write>,
    pub(super) contents: Option<Contents>,
    /// Every reason against it that does not depend on the moment.
    pub(super) layout: Result<BlockLayout, AddError>,
}

impl World {
    pub(super) fn spec(&mut self, block: u32, bytes: &mut Bytes<'_>) -> Spec {
        let byte = bytes.byte();
        let (kind, stride) = match byte {
            ..200 => [(0, 20), (0, 12), (1, 2), (1, 4), (2, 0), (3, 0)][usize::from(byte) % 6],
            _ => (byte % 7, bytes.pick(&STRIDES)),
        };
        let len = len_of(stride, bytes);
        Spec {
            kind: KindId::new(kind),
            stride,
            write: self.book.write(block, len, stride),
        }
    }

    pub(super) fn make(&mut self, bytes: &mut Bytes<'_>) -> Made {
        let block = self.book.next_block();
        let shape = bytes.byte();
        let parts = if shape == 255 { 0 } else { 1 + shape % 3 };
        let specs: Vec<Spec> = (0..parts).map(|_| self.spec(block, bytes)).collect();
        let writes: Vec<Write> = specs.iter().map(|spec| spec.write).collect();
        let how = bytes.byte();
        let contents = Contents::new(Mutex::new(writes.clone()));
        let source = match how % 8 {
            ..4 => Source::Retained,
            4 => Source::ReadBack,
            5 => Source::None,
            _ => reload(&contents, bytes.byte()),
        };
        let is_reload = matches!(source, Source::Reload(_));
        let is_retained = matches!(source, Source::Retained);
        let spare = if how & 64 > 0 {
            u64::from(bytes.byte()) * 16
        } else {
            0
        };
        let mut desc = BlockDesc::new()
            .label(format!("block {block}"))
            .priority(how)
            .source(source)
            .spare(ByteLen::new(spare));
        if shape & 64 > 0 {
            desc = desc.lifetime(Lifetime::LongLived);
        }
        let mut is_staged = false;
        let part_specs = specs.iter().map(|spec| PartSpec {
            kind: spec.kind,
            len: ByteLen::new(spec.write.len as u64),
            stride: spec.stride,
        });
        let part_specs: Vec<PartSpec> = part_specs.collect();
        for spec in &specs {
            let content = spec.write.bytes();
            let of_len = |staged: &StagedWrite| staged.len().get() == content.len() as u64;
            let staged = self
                .staged
                .iter()
                .position(of_len)
                .filter(|_| how & 128 > 0);
            desc = desc.part(if let Some(at) = staged {
                is_staged = true;
                let mut staged = self.staged.swap_remove(at);
                self.fill(&mut staged, &content);
                PartData::staged(spec.kind, spec.stride, staged)
            } else {
                PartData::new(spec.kind, spec.stride, content)
            });
        }
        let layout = if specs.is_empty() {
            Err(AddError::NoParts)
        } else if is_staged && is_retained {
            Err(AddError::StagedCannotRetain)
        } else {
            layout(&part_specs, spare).map_err(AddError::Layout)
        };
        Made {
            block,
            desc,
            writes,
            contents: is_reload.then_some(contents),
            layout,
        }
    }

    /// Writes a piece of staging from end to end.
    pub(super) fn fill(&self, piece: &mut StagedWrite, bytes: &[u8]) {
        let written = piece.write_at(0, bytes);
        assert!(
            written.is_ok() || self.is_lost,
            "R11: {} bytes into {piece:?}: {written:?}",
            bytes.len()
        );
    }
}

/// A length that is mostly a whole number of elements, and mostly small.
pub(super) fn len_of(stride: u32, bytes: &mut Bytes<'_>) -> usize {
    let (byte, stride) = (bytes.byte(), stride.max(1) as usize);
    let elements = usize::from(byte % 64);
    match byte {
        ..160 => (elements + 1) * stride.min(64),
        160..224 => (elements + 1) * stride.min(64) * 8,
        224..240 => elements,
        240..252 => usize::from(bytes.byte()) * 300,
        _ => usize::from(bytes.byte()) * 1500,
    }
}

pub(super) fn payloads(writes: &[Write]) -> Vec<Payload> {
    writes.iter().map(|write| write.bytes().into()).collect()
}

/// A reload that gives the newest contents, or misbehaves now and then.
fn reload(contents: &Contents, mode: u8) -> Source {
    let contents = Arc::clone(contents);
    let calls = Mutex::new(0_u8);
    Source::reload(move |_| {
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls = calls.wrapping_add(1);
        let writes = contents.lock().unwrap_or_else(PoisonError::into_inner);
        let mut given = payloads(&writes);
        let is_bad = mode > 200 && mode % 4 == *calls % 4;
        match mode % 16 {
            _ if !is_bad => {}
            ..6 => return Err("it is gone".to_owned()),
            6..10 => _ = given.pop(),
            10..13 => given.push(vec![1; 4].into()),
            _ => given.iter_mut().for_each(|part| *part = vec![9; 3].into()),
        }
        Ok(given)
    })
}

/// The layout that a block gets, worked out apart.
fn layout(specs: &[PartSpec], spare: u64) -> Result<BlockLayout, LayoutError> {
    let align = |bytes| Align::new(bytes).expect("above zero");
    let kinds = KindTable::standard(align(256), align(256));
    BlockLayout::pack(specs, &kinds, ByteLen::new(spare), align(64 * KIB))
}

/// Judges whether a block was refused for what is wrong with it.
///
/// # Panics
/// When it was taken though it is wrong, refused as wrong though it is not, or for a size that it
/// has not (R11).
pub(super) fn judge_add(layout: &Result<BlockLayout, AddError>, error: Option<&AddError>) {
    match (layout, error) {
        (_, Some(AddError::DeviceLost)) | (Ok(_), None) => {}
        (Err(why), Some(error)) => assert_eq!(error, why, "R11: the reason is told"),
        (Err(why), None) => panic!("R11: a block was taken in spite of {why}"),
        (Ok(layout), Some(error)) => match error {
            AddError::TooLarge { requested, max } => assert!(
                *requested == layout.len() && requested > max,
                "R11: {} bytes are refused: {error}",
                layout.len()
            ),
            AddError::HandlesExhausted { .. } | AddError::Send(_) => {}
            _ => panic!("R11: nothing is wrong with the block: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::objection;

    #[test]
    fn a_refusal_without_a_reason_is_objected_to() {
        let spec = PartSpec {
            kind: KindId::VERTEX,
            len: ByteLen::new(40),
            stride: 20,
        };
        let good = layout(&[spec], 0).map_err(AddError::Layout);
        let bad = Err(AddError::NoParts);
        let too_large = |requested| AddError::TooLarge {
            requested: ByteLen::new(requested),
            max: ByteLen::new(39),
        };
        judge_add(&good, None);
        judge_add(&good, Some(&too_large(40)));
        judge_add(&bad, Some(&AddError::NoParts));
        for (layout, error) in [
            (&good, Some(AddError::NoParts)),
            (&good, Some(too_large(41))),
            (&good, Some(AddError::Layout(LayoutError::ZeroSize))),
            (&bad, None),
            (&bad, Some(AddError::StagedCannotRetain)),
        ] {
            let said = objection(|| judge_add(layout, error.as_ref()));
            assert!(said.contains("R11"), "{said}");
        }
    }
}
