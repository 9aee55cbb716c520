//! Names that may stand in certain places only, or nowhere.

use crate::tidy::Violation;
use crate::tidy::layers::layer_of_folder;
use crate::tidy::rust_source::{RustSource, is_word};

/// Words that may stand in no comment: what is left undone belongs in the tracker.
const MARKERS: [&str; 3] = ["TODO", "FIXME", "XXX"];
/// Code that may stand nowhere.
const UNFINISHED: [&str; 4] = ["todo!", "unimplemented!", "dbg!", "#[ignore"];

/// Paths that would bring a clock, a thread, a channel or chance into the layers without any.
/// The standard library's maps draw a random key each; ahash's have fixed ones.
const IMPURE: [&str; 7] = [
    "std::time",
    "std::thread",
    "std::sync::mpsc",
    "flume",
    "rand",
    "std::collections::HashMap",
    "std::collections::HashSet",
];

/// The highest layer without clock, thread, channel and chance.
const PURE_LAYER_MAX: u8 = 1;
/// The engine's deterministic part, held to the same rule.
const PURE_MODULES: [&str; 3] = [
    "crates/geoheap/src/core",
    "crates/sim/src/oracle",
    "crates/sim/src/world",
];

/// A name that stands in a few modules of the library crates only.
struct Guarded {
    /// A path, or its beginning.
    name: &'static str,
    /// Beginnings of the file paths in which it may stand.
    homes: &'static [&'static str],
    /// Why.
    reason: &'static str,
}

/// The engine's one module of locks, atomics, threads and the clock; and a program's many runs: a
/// run of the simulation has one thread, many at a time have one each.
const THREADS: &[&str] = &["crates/geoheap/src/sync", "crates/sim/src/sweep.rs"];
/// The crates below have locks and atomics of their own, and no thread. In the simulation they are
/// for what the engine wants to be `Send`.
const LOCKS: &[&str] = &[
    "crates/geoheap/src/sync",
    "crates/gpu-backend/src/",
    "crates/gpu-bitset/src/",
    "crates/frame-sync/src/",
    "crates/sim/src/",
];
const SYNC_REASON: &str = "synchronisation comes from one module, which has a twin for shuttle";

/// Where threads and channels live, and where wgpu's types do.
const GUARDED: [Guarded; 9] = [
    Guarded {
        name: "flume",
        homes: &["crates/geoheap/src/actor/channel"],
        reason: "channels come from one module, which has a twin for shuttle",
    },
    Guarded {
        name: "std::thread",
        homes: THREADS,
        reason: SYNC_REASON,
    },
    Guarded {
        name: "std::time::Instant",
        homes: THREADS,
        reason: SYNC_REASON,
    },
    Guarded {
        name: "std::sync::Mutex",
        homes: LOCKS,
        reason: SYNC_REASON,
    },
    Guarded {
        name: "std::sync::RwLock",
        homes: LOCKS,
        reason: SYNC_REASON,
    },
    Guarded {
        name: "std::sync::Condvar",
        homes: LOCKS,
        reason: SYNC_REASON,
    },
    Guarded {
        name: "sync::atomic",
        homes: LOCKS,
        reason: SYNC_REASON,
    },
    Guarded {
        name: "shuttle",
        homes: &[
            "crates/frame-sync/src/primitive",
            "crates/frame-sync/src/published",
            "crates/geoheap/src/actor/channel",
            "crates/geoheap/src/sync",
        ],
        reason: "only twins are built on shuttle",
    },
    Guarded {
        name: "wgpu",
        homes: &[
            "crates/gpu-backend/src/",
            "crates/gpu-bitset/src/",
            "crates/vram-probe/src/",
            "crates/geoheap/src/lib.rs",
            "crates/geoheap/src/manager",
            "crates/geoheap/src/recording",
            "crates/sim/src/gpu/noop.rs",
        ],
        reason: "wgpu's types stay in the backend, the recording and the manager's constructors",
    },
];

/// Calls that the libraries must not make, but for some files, and why.
const REFUSED_CALLS: [(&str, &[&str], &str); 2] = [
    (
        ".write_buffer(",
        &[],
        "uploads go through the staging ring, whose bytes are bounded",
    ),
    (
        ".destroy(",
        // Devices are lost there on purpose.
        &["crates/sim/src/gpu/noop.rs"],
        "a buffer is dropped; what is submitted may still read it",
    ),
];

/// A crate that stands in one file only.
const SINGLE_HOME: &str = "arc_swap";

/// Checks one file.
pub(super) fn check(source: &RustSource) -> Vec<Violation> {
    let mut found = check_unfinished(source);
    let Some(folder) = library_folder(&source.path) else {
        return found;
    };
    let code = &source.code_without_tests;
    let pure = layer_of_folder(folder).is_some_and(|layer| layer <= PURE_LAYER_MAX)
        || PURE_MODULES
            .iter()
            .any(|module| source.path.starts_with(module));
    for Named { line, path } in paths(code) {
        let mut say = |text: String| found.push(Violation::new(&source.path, line, text));
        if pure && let Some(name) = IMPURE.iter().find(|name| begins(&path, name)) {
            say(format!("names {name}, which this layer does without"));
            continue;
        }
        for Guarded {
            name,
            homes,
            reason,
        } in &GUARDED
        {
            let at_home = homes.iter().any(|home| source.path.starts_with(home));
            if !at_home && holds(&path, name) {
                say(format!("names {name}: {reason}"));
            }
        }
    }
    for (number, line) in (1..).zip(code.lines()) {
        for (call, homes, reason) in &REFUSED_CALLS {
            if !line.contains(call) || homes.contains(&source.path.as_str()) {
                continue;
            }
            let text = format!("calls {call}..): {reason}");
            found.push(Violation::new(&source.path, number, text));
        }
    }
    found
}

/// Checks that the crate with a single home is named in one file.
pub(super) fn check_single_homes(sources: &[RustSource]) -> Vec<Violation> {
    let libraries = sources
        .iter()
        .filter(|source| library_folder(&source.path).is_some());
    let homes = libraries.filter_map(|source| {
        let named = paths(&source.code_without_tests);
        let first = named
            .into_iter()
            .find(|named| holds(&named.path, SINGLE_HOME))?;
        Some((source.path.as_str(), first.line))
    });
    let homes: Vec<_> = homes.collect();
    let Some((&(home, _), others)) = homes.split_first() else {
        return Vec::new();
    };
    let text = format!("names {SINGLE_HOME}, which has its one place in {home}");
    others
        .iter()
        .map(|&(path, line)| Violation::new(path, line, text.clone()))
        .collect()
}

/// Finds what was left undone.
fn check_unfinished(source: &RustSource) -> Vec<Violation> {
    let mut found = Vec::new();
    let lines = source.without_literals.lines().zip(source.code.lines());
    for (number, (words, code)) in (1..).zip(lines) {
        let marker = MARKERS.iter().find(|marker| has_word(words, marker));
        let unfinished = UNFINISHED.iter().find(|start| starts_word(code, start));
        for name in marker.into_iter().chain(unfinished) {
            found.push(Violation::new(
                &source.path,
                number,
                format!("holds {name}"),
            ));
        }
    }
    found
}

/// The crate's folder, where a file belongs to a library crate's sources.
fn library_folder(path: &str) -> Option<&str> {
    let (folder, rest) = path.strip_prefix("crates/")?.split_once('/')?;
    rest.starts_with("src/").then_some(folder)
}

/// Whether `word` stands in a line, whole.
fn has_word(line: &str, word: &str) -> bool {
    line.split(|c| !is_word(c)).any(|other| other == word)
}

/// Whether `start` stands in a line and is not the end of a longer word.
fn starts_word(line: &str, start: &str) -> bool {
    let is_start = |(at, _): (usize, &str)| !line[..at].ends_with(is_word);
    line.match_indices(start).any(is_start)
}

/// Whether `path` is `name` or lies below it.
fn begins(path: &str, name: &str) -> bool {
    path.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether `name` stands anywhere in `path`, so that a re-export hides nothing.
fn holds(path: &str, name: &str) -> bool {
    format!("::{path}::").contains(&format!("::{name}::"))
}

/// A path in a file's code.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    /// Line, from 1.
    line: usize,
    /// Its segments, joined by `::`; groups of a `use` are written out.
    path: String,
}

/// The paths in a file's code, single names included.
fn paths(code: &str) -> Vec<Named> {
    let chars: Vec<char> = code.chars().collect();
    let mut found = Vec::new();
    // The path before each open brace; empty for a brace that groups no names.
    let mut prefixes: Vec<String> = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '\n' => line += 1,
            '{' => prefixes.push(String::new()),
            '}' => drop(prefixes.pop()),
            c if is_word(c) => {
                let (path, end) = path_at(&chars, at);
                let prefix = prefixes.last().map_or("", String::as_str);
                let path = format!("{prefix}{path}");
                at = end;
                if matches!(chars[at..], [':', ':', '{', ..]) {
                    prefixes.push(format!("{path}::"));
                    at += 3;
                }
                found.push(Named { line, path });
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The path that begins at `start`, and one past its end.
fn path_at(chars: &[char], start: usize) -> (String, usize) {
    let mut end = start;
    loop {
        while end < chars.len() && is_word(chars[end]) {
            end += 1;
        }
        match chars[end..] {
            [':', ':', next, ..] if is_word(next) => end += 2,
            _ => break,
        }
    }
    (chars[start..end].iter().collect(), end)
}

#[cfg(test)]
mod tests;
