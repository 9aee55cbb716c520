//! Traces of meshes that come, are drawn, and go.
//!
//! | line | is |
//! |---|---|
//! | `A id vbytes ibytes` | a block of a vertex and an index part |
//! | `R id vbytes ibytes` | an update; a removal and an addition where the strides do not fit |
//! | `D id` | a removal; the mesh is no longer drawn |
//! | `+ id ...` | these are drawn from this frame on: `use` in each |
//! | `- id ...` | these are not |
//! | `F ms` | `frame` |
//! | `# ...` | a comment; `vertex stride 36`, `u16 indices` or `u32 indices` in it holds for all |

use std::io::BufRead;

use smallvec::{SmallVec, smallvec};

use crate::error::Fault;
use crate::event::{Add, BlockId, Event, Kind, Part};
use crate::fixed_map::{FixedMap, fixed_map};
use crate::limits::BLOCK_BYTES_MAX;
use crate::lines::Lines;
use crate::parse::{BLOCK_BYTES, Parsed, Places};
use crate::reader::{Located, take};
use crate::state::State;
use crate::words::{Word, Words};

const LINES: &str = "`A`, `R`, `D`, `+`, `-`, `F` or `#`";
const ID: &str = "the number of a mesh";

/// Strides to try where the trace does not say one, the largest first.
const STRIDES: [u32; 10] = [60, 48, 36, 32, 24, 20, 16, 12, 8, 4];

/// What a mesh trace is about at a line.
#[derive(Debug)]
pub(crate) struct Mesh {
    drawn: Drawn,
    vertex_stride: Option<u32>,
    index_bytes: u32,
    /// Of a frame's end, how many drawn meshes have been told.
    told: Option<usize>,
    /// The second half of a replacement by removal and addition.
    addition: Option<Parsed<'static>>,
}

impl Default for Mesh {
    fn default() -> Self {
        Self {
            drawn: Drawn::default(),
            vertex_stride: None,
            index_bytes: 2,
            told: None,
            addition: None,
        }
    }
}

/// What one line comes to.
enum Meaning {
    Nothing,
    Event(Parsed<'static>),
    Frame,
}

impl Mesh {
    pub(crate) fn next<R: BufRead>(
        &mut self,
        lines: &mut Lines<R>,
        state: &mut State,
    ) -> Located<Option<Event<'static>>> {
        loop {
            let located = |number: u64| move |fault| (number, fault);
            if let Some(mut addition) = self.addition.take() {
                take(&mut addition, state).map_err(located(lines.number()))?;
                return Ok(Some(addition.event));
            }
            if let Some(told) = &mut self.told {
                let event = if let Some(&id) = self.drawn.ids.get(*told) {
                    *told += 1;
                    Event::Use(BlockId(id))
                } else {
                    self.told = None;
                    Event::Frame { lag: None }
                };
                return Ok(Some(event));
            }
            let more = lines.advance();
            let located = located(lines.number());
            if !more.map_err(&located)? {
                return Ok(None);
            }
            match self.line(lines.line(), state).map_err(&located)? {
                Meaning::Nothing => {}
                Meaning::Frame => self.told = Some(0),
                Meaning::Event(mut parsed) => {
                    take(&mut parsed, state).map_err(&located)?;
                    return Ok(Some(parsed.event));
                }
            }
        }
    }

    fn line(&mut self, line: &str, state: &State) -> Result<Meaning, Fault> {
        if let Some(comment) = line.strip_prefix('#') {
            self.heed(comment);
            return Ok(Meaning::Nothing);
        }
        let mut words = Words::new(line);
        let Some(first) = words.next() else {
            return Ok(Meaning::Nothing);
        };
        match first.text {
            "A" => {
                let (id, lens, places) = mesh(words)?;
                let add = self.add(id, lens, &places)?;
                Ok(Meaning::Event(add))
            }
            "R" => self.replace(words, state),
            "D" => {
                let word = words.expect(ID)?;
                let id = BlockId(word.number(0, u64::MAX, ID)?);
                words.end()?;
                self.drawn.remove(id.0);
                let places = Places {
                    id: word.at,
                    ..Places::default()
                };
                Ok(Meaning::Event(Parsed::new(Event::Remove(id), places)))
            }
            "+" => {
                each(words, |word, id| {
                    if !state.lives(BlockId(id)) {
                        return Err(word.unexpected("a mesh that lives"));
                    }
                    let new = self.drawn.insert(id);
                    new.then_some(())
                        .ok_or_else(|| word.unexpected("a mesh that is not drawn yet"))
                })?;
                Ok(Meaning::Nothing)
            }
            "-" => {
                each(words, |word, id| {
                    let old = self.drawn.remove(id);
                    old.then_some(())
                        .ok_or_else(|| word.unexpected("a mesh that is drawn"))
                })?;
                Ok(Meaning::Nothing)
            }
            "F" => {
                let expected = "a number of milliseconds";
                words.expect(expected)?.number(0, u64::MAX, expected)?;
                words.end()?;
                Ok(Meaning::Frame)
            }
            _ => Err(first.unexpected(LINES)),
        }
    }

    /// Looks for what a comment says of strides.
    fn heed(&mut self, comment: &str) {
        let words: Vec<&str> = comment
            .split(|c: char| c.is_ascii_whitespace() || matches!(c, ',' | ';'))
            .filter(|word| !word.is_empty())
            .collect();
        for window in words.windows(2) {
            match window {
                ["stride", stride] => self.vertex_stride = stride.parse().ok().filter(|&s| s > 0),
                ["u16", "indices"] => self.index_bytes = 2,
                ["u32", "indices"] => self.index_bytes = 4,
                _ => {}
            }
        }
    }

    fn add(
        &self,
        id: BlockId,
        [vertices, indices]: [u64; 2],
        places: &Places,
    ) -> Result<Parsed<'static>, Fault> {
        let divides = |&stride: &u32| vertices.is_multiple_of(stride.into());
        let stride = self.vertex_stride.into_iter().chain(STRIDES).find(divides);
        let wide = self.index_bytes == 4 && indices.is_multiple_of(4);
        let index_bytes = if wide { 4 } else { 2 };
        if !indices.is_multiple_of(index_bytes.into()) {
            let found = indices.to_string();
            return Err(Fault::expected(places.no, "whole indices", &found));
        }
        let parts = smallvec![
            Part::new(Kind::Vertex, vertices).stride(stride.unwrap_or(0)),
            Part::new(Kind::Index, indices).stride(index_bytes),
        ];
        Ok(Parsed::new(Event::Add(Add::new(id, parts)), *places))
    }

    fn replace(&mut self, words: Words<'_>, state: &State) -> Result<Meaning, Fault> {
        let (id, lens, places) = mesh(words)?;
        let event = if state.fits(id, &lens) {
            Event::Update {
                id,
                parts: SmallVec::from(lens),
                in_place: false,
            }
        } else {
            self.addition = Some(self.add(id, lens, &places)?);
            Event::Remove(id)
        };
        Ok(Meaning::Event(Parsed::new(event, places)))
    }
}

/// An id and two lengths.
fn mesh(mut words: Words<'_>) -> Result<(BlockId, [u64; 2], Places), Fault> {
    let id = words.expect(ID)?;
    let vertices = words.expect(BLOCK_BYTES)?;
    let indices = words.expect(BLOCK_BYTES)?;
    let places = Places {
        id: id.at,
        no: indices.at,
        bytes: vertices.at,
    };
    let lens = [
        vertices.number(1, BLOCK_BYTES_MAX, BLOCK_BYTES)?,
        indices.number(1, BLOCK_BYTES_MAX, BLOCK_BYTES)?,
    ];
    let id = BlockId(id.number(0, u64::MAX, ID)?);
    words.end()?;
    Ok((id, lens, places))
}

fn each(
    words: Words<'_>,
    mut take: impl FnMut(Word<'_>, u64) -> Result<(), Fault>,
) -> Result<(), Fault> {
    for word in words {
        take(word, word.number(0, u64::MAX, ID)?)?;
    }
    Ok(())
}

/// The meshes that are drawn, in an order that depends on the trace alone.
#[derive(Debug)]
struct Drawn {
    ids: Vec<u64>,
    places: FixedMap<u64, usize>,
}

impl Default for Drawn {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            places: fixed_map(),
        }
    }
}

impl Drawn {
    /// Whether it was not there.
    fn insert(&mut self, id: u64) -> bool {
        let new = self.places.insert(id, self.ids.len()).is_none();
        if new {
            self.ids.push(id);
        }
        new
    }

    /// Whether it was there.
    fn remove(&mut self, id: u64) -> bool {
        let Some(place) = self.places.remove(&id) else {
            return false;
        };
        self.ids.swap_remove(place);
        if let Some(moved) = self.ids.get(place) {
            self.places.insert(*moved, place);
        }
        true
    }
}
