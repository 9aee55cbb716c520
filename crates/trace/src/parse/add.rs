//! `add`, and what its parts are made of.

use smallvec::{SmallVec, smallvec};

use super::{BLOCK_BYTES, PRIORITY, Parsed, block, bytes, check_part, check_sum, once};
use crate::error::{Fault, Problem};
use crate::event::{Add, Event, Kind, LifetimeName, Part, SourceName};
use crate::label;
use crate::limits::{BLOCK_BYTES_MAX, PARTS_MAX};
use crate::words::{Word, Words};

const ADD_WORDS: &str = "`kind=`, `align=`, `stride=`, `parts=`, `spare=`, `long`, `prio=`, \
    `source=`, `label=` or the end of the line";
const PART_KINDS: &str = "`vertex`, `index`, `uniform` or `storage`";
const ADD_KINDS: &str = "`vertex`, `index`, `uniform`, `storage` or `mesh`";
const ALIGN: &str = "an alignment in bytes above 0 and up to 4294967295";
const STRIDE: &str = "a stride in bytes above 0 and up to 4294967295";
const INDEX_STRIDE: &str = "an index stride of 2 or 4 bytes";
const SPARE: &str = "a number of bytes up to 1099511627776";
const SOURCES: &str = "`retained`, `reload`, `read-back` or `none`";

/// What is said of the one part that a line is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Form<'a> {
    kind: Option<(Kind, Word<'a>)>,
    align: Option<u32>,
    stride: Option<(u32, Word<'a>)>,
}

impl<'a> Form<'a> {
    /// Takes a word in, if it says something of the part.
    pub(super) fn take(&mut self, word: Word<'a>) -> Result<bool, Fault> {
        let (name, Some(value)) = word.split() else {
            return Ok(false);
        };
        match name {
            "kind" => {
                once(word, "kind=", self.kind.is_some())?;
                self.kind = Some((value.name(ADD_KINDS)?, value));
            }
            "align" => {
                once(word, "align=", self.align.is_some())?;
                self.align = Some(value.number(1, u32::MAX, ALIGN)?);
            }
            "stride" => {
                once(word, "stride=", self.stride.is_some())?;
                self.stride = Some((value.number(1, u32::MAX, STRIDE)?, value));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The word that was taken in, if any.
    fn taken(&self) -> Option<&'static str> {
        match self {
            Self { kind: Some(_), .. } => Some("kind="),
            Self { align: Some(_), .. } => Some("align="),
            Self {
                stride: Some(_), ..
            } => Some("stride="),
            _ => None,
        }
    }

    fn part(&self, bytes: u64) -> Part {
        Part {
            bytes,
            kind: self.kind.map_or(Kind::default(), |(kind, _)| kind),
            align: self.align.unwrap_or(1),
            stride: self.stride.map_or(0, |(stride, _)| stride),
        }
    }

    /// The one part. `at` is where its bytes stand.
    pub(super) fn single(&self, bytes: u64, at: usize) -> Result<Part, Fault> {
        if let Some((Kind::Mesh, word)) = self.kind {
            return Err(word.unexpected(PART_KINDS));
        }
        let part = self.part(bytes);
        if let Some((stride, word)) = self.stride {
            check_index_stride(part.kind, stride, word)?;
        }
        check_part(part, at)
    }

    /// The parts of a block that is added with no more than this said.
    fn parts(&self, bytes: u64, at: usize) -> Result<SmallVec<[Part; 2]>, Fault> {
        let part = self.part(bytes);
        if part.kind != Kind::Mesh {
            return Ok(smallvec![self.single(bytes, at)?]);
        }
        Part::mesh(bytes, part.align, part.stride).ok_or_else(|| {
            let expected = if part.stride == 0 {
                "a mesh of at least 3 bytes".to_owned()
            } else {
                format!(
                    "a mesh of whole vertices of {} bytes and at least one index of 2 bytes",
                    part.stride
                )
            };
            Fault::expected(at, expected, &bytes.to_string())
        })
    }
}

/// Indices have one of two widths.
fn check_index_stride(kind: Kind, stride: u32, word: Word<'_>) -> Result<(), Fault> {
    if kind == Kind::Index && !matches!(stride, 2 | 4) {
        return Err(word.unexpected(INDEX_STRIDE));
    }
    Ok(())
}

/// What the words behind the bytes say.
#[derive(Debug, Default)]
struct Options<'a> {
    form: Form<'a>,
    parts: Option<(SmallVec<[Part; 2]>, Word<'a>)>,
    spare: Option<u64>,
    long: bool,
    priority: Option<u8>,
    source: Option<SourceName>,
    label: Option<Word<'a>>,
}

impl<'a> Options<'a> {
    /// Takes a word in. `bytes` are those of the block.
    fn take(&mut self, word: Word<'a>, bytes: u64) -> Result<(), Fault> {
        if self.form.take(word)? {
            return Ok(());
        }
        match word.split() {
            ("long", None) => {
                once(word, "long", self.long)?;
                self.long = true;
            }
            ("label", Some(value)) => {
                once(word, "label=", self.label.is_some())?;
                self.label = Some(value);
            }
            ("prio", Some(value)) => {
                once(word, "prio=", self.priority.is_some())?;
                self.priority = Some(value.number(0, u8::MAX, PRIORITY)?);
            }
            ("source", Some(value)) => {
                once(word, "source=", self.source.is_some())?;
                self.source = Some(value.name(SOURCES)?);
            }
            ("parts", Some(value)) => {
                once(word, "parts=", self.parts.is_some())?;
                self.parts = Some((part_list(value, bytes)?, word));
            }
            ("spare", Some(value)) => {
                once(word, "spare=", self.spare.is_some())?;
                self.spare = Some(value.number(0, BLOCK_BYTES_MAX, SPARE)?);
            }
            _ => return Err(word.unexpected(ADD_WORDS)),
        }
        Ok(())
    }

    /// The block's parts. `at` is where its bytes stand.
    fn parts(&mut self, bytes: u64, at: usize) -> Result<SmallVec<[Part; 2]>, Fault> {
        let Some((parts, list)) = self.parts.take() else {
            return self.form.parts(bytes, at);
        };
        match self.form.taken() {
            None => Ok(parts),
            Some(by) => {
                let word = "parts=";
                Err(Fault::new(list.at, Problem::Excluded { word, by }))
            }
        }
    }
}

pub(super) fn parse<'a>(
    mut words: Words<'a>,
    scratch: &'a mut String,
) -> Result<Parsed<'a>, Fault> {
    let (id, mut places) = block(&mut words)?;
    let bytes = bytes(&mut words, &mut places)?;
    let mut options = Options::default();
    for word in words {
        options.take(word, bytes)?;
    }
    let label = match options.label {
        Some(word) => Some(label::decode(word, scratch)?),
        None => None,
    };
    let add = Add {
        id,
        parts: options.parts(bytes, places.bytes)?,
        spare: options.spare.unwrap_or(0),
        lifetime: if options.long {
            LifetimeName::Long
        } else {
            LifetimeName::Dynamic
        },
        priority: options.priority,
        source: options.source.unwrap_or_default(),
        label,
    };
    Ok(Parsed::new(Event::Add(add), places))
}

/// `vertex:18000:36,index:2000:2`.
fn part_list(list: Word<'_>, bytes: u64) -> Result<SmallVec<[Part; 2]>, Fault> {
    let mut parts = SmallVec::new();
    let mut sum = 0_u64;
    for piece in list.pieces(b',') {
        if parts.len() == PARTS_MAX {
            let problem = Problem::TooManyParts { max: PARTS_MAX };
            return Err(Fault::new(piece.at, problem));
        }
        let part = list_part(piece)?;
        // No more than PARTS_MAX parts of at most BLOCK_BYTES_MAX bytes: far below 2^64.
        sum += part.bytes;
        parts.push(part);
    }
    check_sum(sum, bytes, list)?;
    Ok(parts)
}

/// `KIND:BYTES[:STRIDE[:ALIGN]]`; a stride of 0 is one that is not given.
fn list_part(text: Word<'_>) -> Result<Part, Fault> {
    let mut fields = text.pieces(b':');
    let mut next = |expected: &'static str| {
        let missing = text.at + text.text.len();
        fields
            .next()
            .ok_or_else(|| Fault::expected(missing, expected, ""))
    };
    let kind_word = next(PART_KINDS)?;
    let kind: Kind = kind_word.name(PART_KINDS)?;
    if kind == Kind::Mesh {
        return Err(kind_word.unexpected(PART_KINDS));
    }
    let bytes_word = next("`:` and a number of bytes above 0")?;
    let mut part = Part::new(kind, bytes_word.number(1, BLOCK_BYTES_MAX, BLOCK_BYTES)?);
    if let Some(word) = fields.next() {
        part.stride = word.number(0, u32::MAX, STRIDE)?;
        if part.stride != 0 {
            check_index_stride(kind, part.stride, word)?;
        }
    }
    if let Some(word) = fields.next() {
        part.align = word.number(1, u32::MAX, ALIGN)?;
    }
    if let Some(word) = fields.next() {
        return Err(word.unexpected("no further field behind KIND:BYTES:STRIDE:ALIGN"));
    }
    check_part(part, bytes_word.at)
}
