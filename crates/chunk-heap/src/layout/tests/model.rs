//! Random sequences of operations against a layout that is kept word by word.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::figures::assert_share;

/// Of each word: which room it is in.
type Words = Vec<Option<PartId>>;

/// A room as start and length in words.
type Extent = (usize, usize);

#[derive(Clone, Debug, PartialEq)]
struct Live {
    at: Extent,
    used: u64,
    spec: PartSpec,
}

/// What a layout must do, without an index of any sort.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    words: Words,
    live: BTreeMap<PartId, Live>,
    retired: BTreeMap<PartId, VecDeque<Extent>>,
    issued: Vec<PartId>,
}

fn index(words: u64) -> usize {
    usize::try_from(words).expect("the model's blocks are small")
}

fn words_for(bytes: u64) -> usize {
    index(bytes.div_ceil(4))
}

fn align_words(spec: &PartSpec) -> usize {
    let align = kinds_and_own()
        .align_of(spec)
        .expect("the model asks for good specs");
    index(align.get() / 4)
}

impl Model {
    /// Runs of free words, found word by word.
    fn gaps(&self) -> Vec<Extent> {
        let mut gaps: Vec<Extent> = Vec::new();
        for at in (0..self.words.len()).filter(|&at| self.words[at].is_none()) {
            match gaps.last_mut() {
                Some((start, len)) if *start + *len == at => *len += 1,
                _ => gaps.push((at, 1)),
            }
        }
        gaps
    }

    /// The shortest gap that takes it, the lowest of equals.
    fn fit(&self, len: usize, align: usize) -> Option<usize> {
        let mut best: Option<(usize, usize)> = None;
        for (start, gap) in self.gaps() {
            let at = start.next_multiple_of(align);
            let better = best.is_none_or(|(shortest, _)| gap < shortest);
            if at + len <= start + gap && better {
                best = Some((gap, at));
            }
        }
        best.map(|(_, at)| at)
    }

    fn paint(&mut self, (start, len): Extent, with: Option<PartId>) {
        for word in &mut self.words[start..start + len] {
            assert_ne!(word.is_some(), with.is_some(), "L1: each word has one room");
            *word = with;
        }
    }

    fn put(&mut self, id: PartId, start: usize, spec: PartSpec) {
        let at = (start, words_for(spec.len.get()));
        self.paint(at, Some(id));
        self.live.insert(
            id,
            Live {
                at,
                used: spec.len.get(),
                spec,
            },
        );
    }

    fn error(&self, id: PartId) -> PartError {
        if self.retired.contains_key(&id) {
            PartError::AlreadyRemoved { part: id }
        } else if self.issued.contains(&id) {
            PartError::Stale { part: id }
        } else {
            PartError::Unknown { part: id }
        }
    }

    fn no_room(&self, len: usize) -> LayoutError {
        let largest = self.gaps().iter().map(|gap| gap.1).max().unwrap_or(0);
        LayoutError::NoRoom {
            needed: ByteLen::new(len as u64 * 4),
            largest_room: ByteLen::new(largest as u64 * 4),
        }
    }

    /// Start, words, id, whether live; in address order.
    fn rooms(&self) -> Vec<(usize, usize, PartId, bool)> {
        let live = self
            .live
            .iter()
            .map(|(id, live)| (live.at.0, live.at.1, *id, true));
        let retired = self.retired.iter().flat_map(|(id, rooms)| {
            rooms
                .iter()
                .map(|room| (room.0, room.1, *id, false))
                .collect::<Vec<_>>()
        });
        let mut rooms: Vec<_> = live.chain(retired).collect();
        rooms.sort_unstable();
        rooms
    }
}

#[derive(Clone, Debug)]
enum Op {
    Add(PartSpec),
    Remove(usize),
    Release(usize),
    Resize(usize, u64),
    Replace(usize, u64),
    Grow {
        add: Vec<PartSpec>,
        resize: Option<(usize, u64)>,
        percent: u32,
    },
}

/// Strides of which each divides the alignment that a block of the model has.
fn specs() -> impl Strategy<Value = PartSpec> {
    let kind = prop_oneof![
        (
            Just(KindId::VERTEX),
            prop_oneof![Just(4_u32), Just(6), Just(12)]
        ),
        (Just(KindId::INDEX), Just(2)),
        (Just(KindId::STORAGE), Just(0)),
        (Just(MESHLET), prop_oneof![Just(0), Just(24)]),
    ];
    (kind, 1_u64..20)
        .prop_map(|((kind, stride), n)| spec(kind, n * u64::from(stride.max(1)), stride))
}

fn ops() -> impl Strategy<Value = Op> {
    let id = 0_usize..40;
    let len = 0_u64..20;
    prop_oneof![
        4 => specs().prop_map(Op::Add),
        2 => id.clone().prop_map(Op::Remove),
        4 => id.clone().prop_map(Op::Release),
        3 => (id.clone(), len.clone()).prop_map(|(id, len)| Op::Resize(id, len)),
        3 => (id.clone(), len.clone()).prop_map(|(id, len)| Op::Replace(id, len)),
        1 => (prop::collection::vec(specs(), 0..3), prop::option::of((id, len)), 0_u32..120)
            .prop_map(|(add, resize, percent)| Op::Grow { add, resize, percent }),
    ]
}

struct Pair {
    layout: BlockLayout,
    model: Model,
}

impl Pair {
    fn new(spare: u64) -> Self {
        let layout = BlockLayout::pack(&[], &kinds_and_own(), ByteLen::new(spare), align(768));
        let layout = layout.expect("some bytes are asked for");
        let words = vec![None; words_for(spare)];
        Self {
            layout,
            model: Model {
                words,
                ..Model::default()
            },
        }
    }

    /// An id that was issued, or else one that never was.
    fn id(&self, n: usize) -> PartId {
        let never = PartId {
            index: 7,
            generation: 9_999,
        };
        self.model.issued.get(n).copied().unwrap_or(never)
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Add(spec) => self.add(spec),
            Op::Remove(n) => self.remove(self.id(n)),
            Op::Release(n) => self.release(self.id(n)),
            Op::Resize(n, len) => self.resize(self.id(n), len),
            Op::Replace(n, len) => self.replace(self.id(n), len),
            Op::Grow {
                ref add,
                resize,
                percent,
            } => self.grow(add, resize, percent),
        }
    }

    fn add(&mut self, spec: PartSpec) {
        let (len, align) = (words_for(spec.len.get()), align_words(&spec));
        let added = self.layout.add(spec, &kinds_and_own());
        let Ok(id) = added else {
            let expected = match self.layout.align().get() / 4 % align as u64 {
                0 => {
                    assert_eq!(
                        self.model.fit(len, align),
                        None,
                        "a part that fits is added"
                    );
                    self.model.no_room(len)
                }
                _ => LayoutError::Realign {
                    needed: super::align(align as u64 * 4),
                    has: self.layout.align(),
                },
            };
            assert_eq!(added, Err(expected));
            return;
        };
        assert!(
            !self.model.issued.contains(&id),
            "L5: {id} was issued before"
        );
        self.model.issued.push(id);
        let start = self.model.fit(len, align).expect("what was added fits");
        self.model.put(id, start, spec);
    }

    fn remove(&mut self, id: PartId) {
        let removed = self.layout.remove(id);
        let Some(live) = self.model.live.remove(&id) else {
            assert_eq!(removed, Err(self.model.error(id)));
            return;
        };
        let part = removed.expect("the part is live");
        assert_eq!(
            (part.id, part.state, part.used_len.get()),
            (id, PartState::Retired, live.used)
        );
        self.model.retired.entry(id).or_default().push_back(live.at);
    }

    fn release(&mut self, id: PartId) {
        let released = self.layout.release(id);
        let Some(rooms) = self.model.retired.get_mut(&id) else {
            let live = self.model.live.contains_key(&id);
            let expected = if live {
                PartError::NotRetired { part: id }
            } else {
                self.model.error(id)
            };
            assert_eq!(released, Err(expected));
            return;
        };
        let room = rooms.pop_front().expect("the model keeps no empty lists");
        if rooms.is_empty() {
            self.model.retired.remove(&id);
        }
        let part = released.expect("a room is retired");
        assert_eq!(
            part.range.start.get(),
            room.0 as u64 * 4,
            "L4: the oldest is released"
        );
        assert_eq!(part.range.len.get(), room.1 as u64 * 4);
        self.model.paint(room, None);
    }

    /// The live part, its spec at `len` elements; or the error that a bad length or id gives.
    fn at_length(&self, id: PartId, len: u64) -> Result<(Live, PartSpec), LayoutError> {
        let live = self
            .model
            .live
            .get(&id)
            .ok_or(LayoutError::Part(self.model.error(id)))?;
        let bytes = ByteLen::new(len * u64::from(live.spec.stride.max(1)));
        if bytes == ByteLen::ZERO {
            return Err(LayoutError::ZeroSize);
        }
        Ok((
            live.clone(),
            PartSpec {
                len: bytes,
                ..live.spec
            },
        ))
    }

    fn bytes(&self, id: PartId, len: u64) -> ByteLen {
        let stride = self
            .model
            .live
            .get(&id)
            .map_or(1, |live| live.spec.stride.max(1));
        ByteLen::new(len * u64::from(stride))
    }

    fn resize(&mut self, id: PartId, len: u64) {
        let resized = self.layout.resize(id, self.bytes(id, len));
        let (live, spec) = match self.at_length(id, len) {
            Ok(found) => found,
            Err(error) => return assert_eq!(resized, Err(error)),
        };
        let words = words_for(spec.len.get());
        let (start, old) = live.at;
        if live.used == spec.len.get() {
            return assert_eq!(resized, Ok(Resized::Same));
        }
        if words < old {
            assert!(matches!(resized, Ok(Resized::Shrunk { .. })), "{resized:?}");
            let tail = (start + words, old - words);
            self.model.retired.entry(id).or_default().push_back(tail);
            self.model.paint(live.at, None);
            self.model.paint(tail, Some(id));
            return self.model.put(id, start, spec);
        }
        let behind = self.model.words.get(start + old..start + words);
        if behind.is_some_and(|words| words.iter().all(Option::is_none)) {
            assert_eq!(resized, Ok(Resized::InPlace));
            self.model.paint(live.at, None);
            return self.model.put(id, start, spec);
        }
        let moved = resized.map(|resized| match resized {
            Resized::Moved { from } => from,
            other => panic!("the part has to move: {other:?}"),
        });
        self.check_moved(id, moved, &live, spec);
    }

    fn replace(&mut self, id: PartId, len: u64) {
        let replaced = self.layout.replace_with(id, self.bytes(id, len));
        match self.at_length(id, len) {
            Ok((live, spec)) => self.check_moved(id, replaced, &live, spec),
            Err(error) => assert_eq!(replaced, Err(error)),
        }
    }

    fn check_moved(
        &mut self,
        id: PartId,
        moved: Result<Part, LayoutError>,
        live: &Live,
        spec: PartSpec,
    ) {
        let words = words_for(spec.len.get());
        let Some(start) = self.model.fit(words, align_words(&spec)) else {
            return assert_eq!(moved, Err(self.model.no_room(words)));
        };
        let from = moved.expect("there is room");
        assert_eq!(from.range.start.get(), live.at.0 as u64 * 4);
        assert_eq!((from.id, from.state), (id, PartState::Retired));
        self.model.retired.entry(id).or_default().push_back(live.at);
        self.model.put(id, start, spec);
    }

    fn grow(&mut self, add: &[PartSpec], resize: Option<(usize, u64)>, percent: u32) {
        let resize: Vec<_> = resize
            .into_iter()
            .map(|(n, len)| (self.id(n), len))
            .collect();
        let lens: Vec<_> = resize
            .iter()
            .map(|&(id, len)| (id, self.bytes(id, len)))
            .collect();
        let growth = Growth {
            add,
            resize: &lens,
            percent,
        };
        let grown = self.layout.grown(&growth, &kinds_and_own(), align(768));
        let mut old: Vec<_> = self.model.live.iter().collect();
        old.sort_by_key(|(_, live)| live.at);
        let mut parts: Vec<_> = old
            .into_iter()
            .map(|(id, live)| (*id, live.spec_now()))
            .collect();
        for &(id, len) in &resize {
            match self.at_length(id, len) {
                Ok((_, spec)) => parts
                    .iter_mut()
                    .filter(|part| part.0 == id)
                    .for_each(|part| part.1 = spec),
                Err(error) => return assert_eq!(grown.map(|_| ()), Err(error)),
            }
        }
        let grown = grown.expect("all is within the limits");
        assert_eq!(grown.added.len(), add.len());
        for (id, spec) in grown.added.iter().zip(add) {
            assert!(
                !self.model.issued.contains(id),
                "L5: {id} was issued before"
            );
            self.model.issued.push(*id);
            parts.push((*id, *spec));
        }
        let mut needed = 0_usize;
        let starts = parts.iter().map(|(_, spec)| {
            let start = needed.next_multiple_of(align_words(spec));
            needed = start + words_for(spec.len.get());
            start
        });
        let starts: Vec<usize> = starts.collect();
        let len = match self.model.words.len() {
            len if needed <= len => len,
            _ => needed + needed * percent as usize / 100,
        };
        let issued = core::mem::take(&mut self.model.issued);
        self.model = Model {
            words: vec![None; len],
            issued,
            ..Model::default()
        };
        for ((id, spec), start) in parts.into_iter().zip(starts) {
            self.model.put(id, start, spec);
        }
        self.layout = grown.layout;
    }

    fn compare(&self) {
        self.layout.validate();
        let rooms = self.layout.rooms().map(|part| {
            let (start, len) = (part.range.start.get() / 4, part.range.len.get() / 4);
            (
                index(start),
                index(len),
                part.id,
                part.state == PartState::Live,
            )
        });
        assert_eq!(rooms.collect::<Vec<_>>(), self.model.rooms());
        let gaps = self.model.gaps();
        let len = self.model.words.len();
        let sum = |gaps: &[Extent]| gaps.iter().map(|gap| gap.1 as u64 * 4).sum::<u64>();
        let inner: Vec<_> = gaps
            .iter()
            .copied()
            .filter(|gap| gap.0 + gap.1 < len)
            .collect();
        assert_eq!(self.layout.free_bytes().get(), sum(&gaps));
        assert_eq!(
            self.layout.gap_bytes().get(),
            sum(&inner),
            "the tail is no gap"
        );
        let largest = gaps.iter().map(|gap| gap.1 as u64 * 4).max();
        let largest = largest.unwrap_or(0);
        assert_eq!(self.layout.largest_room().get(), largest, "L7");
        assert_share(self.layout.fragmentation(), sum(&gaps), largest);
        assert_eq!(self.layout.len().get(), len as u64 * 4);
        let taken = self.layout.live_bytes() + self.layout.retired_bytes();
        assert_eq!(taken + self.layout.free_bytes(), self.layout.len(), "L4");
        for id in &self.model.issued {
            let found = self.layout.part(*id).map(|part| part.used_len.get());
            let expected = self.model.live.get(id).map(|live| live.used);
            assert_eq!(found, expected.ok_or(self.model.error(*id)), "L5");
        }
    }
}

impl Live {
    fn spec_now(&self) -> PartSpec {
        PartSpec {
            len: ByteLen::new(self.used),
            ..self.spec
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_layout_does_what_a_map_of_words_does(
        spare in 1_u64..100,
        ops in prop::collection::vec(ops(), 1..80),
    ) {
        let mut pair = Pair::new(spare * 4);
        for op in &ops {
            let before = (pair.layout.clone(), pair.model.clone());
            pair.apply(op);
            pair.compare();
            let same = pair.model == before.1 && !matches!(op, Op::Grow { .. });
            prop_assert!(!same || pair.layout == before.0, "L6: what was refused changed nothing");
        }
    }
}
