//! What differs between two heaps.

use core::cmp::Ordering;
use core::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::model::{BlockDump, ChunkDump, HeapDump, PartDump, RangeDump};
use crate::names::HandleName;

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The value: `tick`, `chunks[2].live`, `chunks[2].ranges[4096].state`, `blocks[12v3].size`,
    /// `blocks[12v3].parts[0.1].offset`. Chunks and parts are named by their ids, ranges by their
    /// offsets, blocks by their handles.
    pub path: String,
    /// In the first heap; `None` where it is not there.
    pub a: Option<Value>,
    /// In the second heap; `None` where it is not there.
    pub b: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match (&self.a, &self.b) {
            (Some(a), Some(b)) => write!(f, "~ {path}: {a} -> {b}"),
            (Some(a), None) => write!(f, "- {path}: {a}"),
            (None, Some(b)) => write!(f, "+ {path}: {b}"),
            (None, None) => write!(f, "  {path}"),
        }
    }
}

impl HeapDump {
    /// All values in which two heaps differ: the head, then chunks by id, then blocks by slot.
    /// Empty if they are equal. Both must keep the rules of [`HeapDump::check`].
    pub fn diff(a: &Self, b: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let head = |dump: &Self| Self {
            chunks: Vec::new(),
            blocks: Vec::new(),
            schema: dump.schema.clone(),
            ..*dump
        };
        fields("", &head(a), &head(b), &mut found);
        let chunks = Names {
            key: |chunk: &ChunkDump| chunk.id,
            name: |chunk: &ChunkDump| format!("chunks[{}]", chunk.id),
        };
        merge("", &chunks, (&a.chunks, &b.chunks), &mut found, chunk);
        let blocks = Names {
            key: |block: &BlockDump| block.handle.parse::<HandleName>().ok(),
            name: |block: &BlockDump| format!("blocks[{}]", block.handle),
        };
        merge("", &blocks, (&a.blocks, &b.blocks), &mut found, block);
        found
    }
}

fn chunk(path: &str, a: &ChunkDump, b: &ChunkDump, found: &mut Vec<Difference>) {
    let head = |chunk: &ChunkDump| ChunkDump {
        ranges: Vec::new(),
        ..*chunk
    };
    fields(path, &head(a), &head(b), found);
    let ranges = Names {
        key: |range: &RangeDump| range.offset,
        name: |range: &RangeDump| format!("ranges[{}]", range.offset),
    };
    merge(path, &ranges, (&a.ranges, &b.ranges), found, fields);
}

fn block(path: &str, a: &BlockDump, b: &BlockDump, found: &mut Vec<Difference>) {
    let head = |block: &BlockDump| BlockDump {
        parts: Vec::new(),
        ..block.clone()
    };
    fields(path, &head(a), &head(b), found);
    let parts = Names {
        key: |part: &PartDump| part.id.clone(),
        name: |part: &PartDump| format!("parts[{}]", part.id),
    };
    let by_id = |block: &BlockDump| {
        let mut parts = block.parts.clone();
        parts.sort_by(|a, b| a.id.cmp(&b.id));
        parts
    };
    merge(path, &parts, (&by_id(a), &by_id(b)), found, fields);
}

/// How the elements of an array are told apart.
struct Names<K, N> {
    key: K,
    name: N,
}

/// Compares two arrays that ascend by key.
fn merge<T: Serialize + PartialEq, K: Ord>(
    path: &str,
    names: &Names<impl Fn(&T) -> K, impl Fn(&T) -> String>,
    (a, b): (&[T], &[T]),
    found: &mut Vec<Difference>,
    changed: impl Fn(&str, &T, &T, &mut Vec<Difference>),
) {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some(a), Some(b)) => (names.key)(a).cmp(&(names.key)(b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let left = if order.is_le() { a.next() } else { None };
        let right = if order.is_ge() { b.next() } else { None };
        let Some(either) = left.or(right) else { return };
        let path = join(path, &(names.name)(either));
        match (left, right) {
            (Some(left), Some(right)) if left == right => {}
            (Some(left), Some(right)) => changed(&path, left, right, found),
            _ => found.push(Difference {
                path,
                a: left.map(value),
                b: right.map(value),
            }),
        }
    }
}

/// Compares the keys of two objects.
fn fields<T: Serialize>(path: &str, a: &T, b: &T, found: &mut Vec<Difference>) {
    let (Value::Object(a), Value::Object(b)) = (value(a), value(b)) else {
        return;
    };
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let (left, right) = (a.get(key), b.get(key));
        if left != right {
            found.push(Difference {
                path: join(path, key),
                a: left.cloned(),
                b: right.cloned(),
            });
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).expect("the model has string keys and finite numbers only")
}
