//! One part of a block: the contents it was given, and which of them versions showed.

use core::fmt;
use std::collections::BTreeMap;

use geoheap::{KindId, PartId, Version};

use super::doubt::Doubt;
use crate::contents::Base;

/// Type of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) kind: KindId,
    pub(crate) stride: u32,
}

/// Alignment of uniform and storage parts on all devices of the simulation.
pub(crate) const BINDING_ALIGN: u64 = 256;

impl Shape {
    /// What the offset of such a part is a multiple of.
    pub(crate) fn align(self) -> u64 {
        match self.kind {
            KindId::VERTEX | KindId::INDEX => u64::from(self.stride),
            _ => BINDING_ALIGN,
        }
    }
}

/// Whether a part is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartLife {
    /// Asked for, and not answered yet.
    Asked,
    There,
    /// Its removal was asked for.
    Leaving,
    /// It is gone, or never came.
    Gone,
}

/// Contents that were given.
#[derive(Clone, Copy, Debug)]
struct Given {
    base: Base,
    len: u64,
    /// Contents that may be seen mixed have the same.
    class: u32,
    /// Written over the contents before.
    is_in_place: bool,
    is_refused: bool,
}

/// A part.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) id: Option<PartId>,
    pub(crate) shape: Shape,
    pub(crate) life: PartLife,
    /// The contents come from a callback too, which gives new ones before the requests that tell of
    /// them are carried out: what those bring is older, also where they write it in place.
    pub(crate) runs_ahead: bool,
    /// Nobody tells which of its contents were refused.
    track: Doubt,
    given: Vec<Given>,
    /// Class that each version was seen to show.
    shown: BTreeMap<Version, u32>,
    /// From this version on, nothing older than this class may be seen.
    floor: (Version, u32),
}

impl Part {
    pub(crate) fn new(shape: Shape, life: PartLife) -> Self {
        Self {
            id: None,
            shape,
            life,
            runs_ahead: false,
            track: Doubt::None,
            given: Vec::new(),
            shown: BTreeMap::new(),
            floor: (Version::default(), 0),
        }
    }

    pub(crate) fn given_count(&self) -> usize {
        self.given.len()
    }

    pub(crate) fn give(&mut self, base: Base, len: u64, in_place: bool) {
        let last = self.given.iter().rev().find(|given| !given.is_refused);
        let is_in_place = in_place && last.is_some_and(|last| last.len == len);
        let class = match self.given.last() {
            Some(last) => last.class + u32::from(!is_in_place),
            None => 0,
        };
        self.given.push(Given {
            base,
            len,
            class,
            is_in_place,
            is_refused: false,
        });
    }

    /// The contents were refused: nobody may see them. What was written over them was written over
    /// those before.
    pub(crate) fn refuse(&mut self, nth: usize) {
        let refused = &mut self.given[nth];
        if core::mem::replace(&mut refused.is_refused, true) || refused.is_in_place || nth == 0 {
            return;
        }
        let class = refused.class;
        let later = self.given[nth..].iter_mut().map(|given| &mut given.class);
        let noted = self.shown.values_mut().chain([&mut self.floor.1]);
        for known in later.chain(noted.filter(|known| **known >= class)) {
            *known -= 1;
        }
    }

    /// Base and length of the last contents that were not refused.
    pub(crate) fn newest(&self) -> Option<(Base, u64)> {
        let taken = self.given.iter().rev().find(|given| !given.is_refused);
        taken.map(|given| (given.base, given.len))
    }

    /// Bytes of the last contents.
    pub(crate) fn len(&self) -> u64 {
        self.newest().map_or(0, |(_, len)| len)
    }

    /// How many contents were given and not refused after those that `bytes` are; `None` if they
    /// are none of the part's.
    pub(crate) fn behind(&self, bytes: &[u8]) -> Option<usize> {
        let mut taken = self.given.iter().rev().filter(|given| !given.is_refused);
        taken.position(|given| is(given, bytes))
    }

    /// Nobody tells any more which contents were refused.
    pub(crate) fn lose_track(&mut self) {
        self.track.begin();
    }

    /// From `version` on whatever was refused before does not matter.
    pub(crate) fn find_track(&mut self, version: Version) {
        self.track.end(version);
    }

    /// Whether each word may be of any contents, as some were written in place, and nobody tells
    /// over which others.
    fn is_vague(&self, is_untracked: bool) -> bool {
        is_untracked && self.given.iter().any(|given| given.is_in_place)
    }

    /// The class of the contents that `bytes` are now.
    pub(crate) fn class_of(&self, bytes: &[u8]) -> Option<u32> {
        self.class(bytes, self.runs_ahead || self.track.is_now())
    }

    /// The class of the contents that `bytes` are in `version`.
    pub(crate) fn class_at(&self, version: Version, bytes: &[u8]) -> Option<u32> {
        self.class(bytes, self.runs_ahead || self.track.covers(version))
    }

    /// The class of contents that `bytes` are: one of the part's, whole, or words of several of the
    /// same class.
    fn class(&self, bytes: &[u8], is_untracked: bool) -> Option<u32> {
        let whole = self.given.iter().rev().find(|given| is(given, bytes));
        if let Some(given) = whole {
            return Some(given.class);
        }
        if self.is_vague(is_untracked) {
            let last = self.given.last()?.class;
            return is_mixture(&self.given, bytes).then_some(last);
        }
        let mut end = self.given.len();
        while end > 0 {
            let class = self.given[end - 1].class;
            let start = self.given.partition_point(|given| given.class < class);
            if end - start > 1 && is_mixture(&self.given[start..end], bytes) {
                return Some(class);
            }
            end = start;
        }
        None
    }

    /// The class of the newest contents up to the `nth` that were not refused.
    pub(crate) fn class_upto(&self, nth: usize) -> Option<u32> {
        let upto = &self.given[..=nth.min(self.given.len() - 1)];
        let taken = upto.iter().rev().find(|given| !given.is_refused);
        taken.map(|given| given.class)
    }

    /// From `version` on nothing older than the `nth` contents may be seen.
    pub(crate) fn raise_floor(&mut self, version: Version, nth: usize) {
        let upto = &self.given[..=nth.min(self.given.len() - 1)];
        let Some(given) = upto.iter().rev().find(|given| !given.is_refused) else {
            return;
        };
        if given.class > self.floor.1 {
            self.floor = (version, given.class);
        }
    }

    /// `version` was seen to show `class`.
    pub(crate) fn note_shown(&mut self, version: Version, class: u32) -> Result<(), String> {
        if self.is_vague(self.track.covers(version)) {
            return Ok(());
        }
        let may_differ = self.is_vague(self.runs_ahead);
        let may_fall = self.runs_ahead;
        let before = self.shown.range(..=version).next_back();
        if let Some((at, older)) = before
            && ((*older > class && !may_fall) || (*at == version && *older != class && !may_differ))
        {
            return Err(format!(
                "it shows contents of round {class}, version {at} showed round {older}"
            ));
        }
        let after = self.shown.range(version..).next();
        if let Some((at, newer)) = after
            && *newer < class
            && !may_fall
        {
            return Err(format!(
                "it shows contents of round {class}, version {at} showed round {newer}"
            ));
        }
        let (floor, least) = self.floor;
        if version >= floor && class < least {
            return Err(format!(
                "it shows contents of round {class}, but round {least} was published at {floor}"
            ));
        }
        self.shown.insert(version, class);
        Ok(())
    }

    /// Forgets what only versions below `oldest` showed, but for the newest of them.
    pub(crate) fn forget_before(&mut self, oldest: Version) {
        if let Some((newest, _)) = self.shown.range(..oldest).next_back() {
            let newest = *newest;
            self.shown = self.shown.split_off(&newest);
        }
    }
}

fn is(given: &Given, bytes: &[u8]) -> bool {
    let len = bytes.len() as u64;
    !given.is_refused && given.len == len && given.base.first_difference(bytes).is_none()
}

/// Whether each word is that of one of `several` contents.
fn is_mixture(several: &[Given], bytes: &[u8]) -> bool {
    let len = bytes.len() as u64;
    let contents: Vec<Vec<u8>> = several
        .iter()
        .filter(|given| given.len == len)
        .map(|given| given.base.bytes(len))
        .collect();
    let mut words = bytes.chunks(4).enumerate();
    words.all(|(nth, word)| {
        let at = nth * 4;
        let mut bases = contents.iter();
        bases.any(|bytes| &bytes[at..at + word.len()] == word)
    })
}

/// A round is a class of contents: whole new ones, and what was written over them in place.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.given.len();
        write!(f, "{count}")?;
        for (nth, given) in self.given.iter().enumerate().skip(count.saturating_sub(4)) {
            let refused = if given.is_refused { " (refused)" } else { "" };
            write!(
                f,
                ", {nth}: {} bytes, round {}{refused}",
                given.len, given.class
            )?;
        }
        Ok(())
    }
}
