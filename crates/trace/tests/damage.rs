//! Damaged traces are refused with a place, and never do worse.

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use common::events::events;
use common::{config, rewrite, trace, write};
use geoheap_trace::{BLOCK_BYTES_MAX, Position};
use proptest::prelude::*;

/// A trace in which each line needs those before it.
const WHOLE: &str = "\
config chunk=1048576 staging=65536
budget 67108864
add 1 20000 kind=mesh stride=36 prio=200 source=reload label=a%20rock
add 2 65536 parts=uniform:256:0:256,storage:65280 spare=4096 long
part 1 2 4096 kind=storage align=256
part-update 1 2 8192
update 1 28192 parts=18000,2000,8192 in-place
update 2 65536
share 2
pin 1
use 1
frame lag=2
tick 3
prio 1 7
lifetime 2 dynamic
label 2 terrain
await 1
unpin 1
evict 1
part-remove 1 2
remove 2
remove 2
compact
trim
end
remove 1
";

/// A way to damage a line, or nothing where it does not fit.
type Damage = fn(&[&str]) -> Option<Vec<String>>;

fn with(words: &[&str], at: usize, word: &str) -> Vec<String> {
    let mut words: Vec<String> = words.iter().copied().map(str::to_owned).collect();
    word.clone_into(&mut words[at]);
    words
}

/// The last word that is a number of its own.
fn last_number(words: &[&str]) -> Option<usize> {
    words.iter().rposition(|word| word.parse::<u64>().is_ok())
}

/// The last word with a value.
fn last_value(words: &[&str]) -> Option<usize> {
    words.iter().rposition(|word| word.contains('='))
}

/// Kinds of damage after which a line is malformed, whichever it is.
const DAMAGES: [(&str, Damage); 14] = [
    ("unknown event", |words| Some(with(words, 0, "frames"))),
    ("upper case", |words| {
        Some(with(words, 0, &words[0].to_uppercase()))
    }),
    ("cut off inside the first word", |words| {
        Some(vec![words[0][..2].to_owned()])
    }),
    ("a word too many", |words| {
        let last = words.len() - 1;
        Some(with(words, last, &format!("{} 1", words[last])))
    }),
    ("an unknown option", |words| {
        let last = words.len() - 1;
        Some(with(words, last, &format!("{} colour=red", words[last])))
    }),
    ("no number", |words| {
        Some(with(words, last_number(words)?, "abc"))
    }),
    ("a negative number", |words| {
        let at = last_number(words)?;
        Some(with(words, at, &format!("-{}", words[at])))
    }),
    ("a fraction", |words| {
        let at = last_number(words)?;
        Some(with(words, at, &format!("{}.5", words[at])))
    }),
    ("a huge number", |words| {
        Some(with(words, last_number(words)?, "99999999999999999999"))
    }),
    ("a unit", |words| {
        let at = last_number(words)?;
        Some(with(words, at, &format!("{}KiB", words[at])))
    }),
    ("no value", |words| {
        let at = last_value(words)?;
        let name = words[at].split('=').next()?;
        (name != "label").then(|| with(words, at, &format!("{name}=")))
    }),
    ("a damaged value", |words| {
        let at = last_value(words)?;
        Some(with(words, at, &format!("{}%", words[at])))
    }),
    ("a word twice", |words| {
        let at = last_value(words)?;
        Some(with(words, at, &format!("{0} {0}", words[at])))
    }),
    ("binary noise", |words| {
        let last = words.len() - 1;
        Some(with(
            words,
            last,
            &format!("{}\u{0}\u{7f}\u{fffd}", words[last]),
        ))
    }),
];

/// Events that are well formed and cannot come at the end of `WHOLE`.
const OUT_OF_ORDER: [&str; 15] = [
    "use 1",
    "remove 2",
    "share 3",
    "pin 18446744073709551615",
    "unpin 1",
    "await 1",
    "evict 1",
    "prio 1 1",
    "lifetime 1 long",
    "label 1 gone",
    "update 1 20000",
    "part 1 0 4",
    "part-update 1 0 4",
    "part-remove 1 0",
    "end",
];

/// Whole traces of one damaged line each: what was done, the text, and the line.
fn corpus() -> Vec<(String, String, u64)> {
    let lines: Vec<&str> = WHOLE.lines().collect();
    let mut corpus = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        for (name, damage) in DAMAGES {
            let Some(damaged) = damage(&words) else {
                continue;
            };
            let mut text = trace("");
            for (nth, whole) in lines.iter().enumerate() {
                let damaged = damaged.join(" ");
                let _ = writeln!(text, "{}", if nth == at { &damaged } else { *whole });
            }
            corpus.push((format!("{name}: {line}"), text, at as u64 + 2));
        }
    }
    for line in OUT_OF_ORDER {
        let text = trace(&format!("{WHOLE}{line}\n"));
        corpus.push((
            format!("out of order: {line}"),
            text,
            lines.len() as u64 + 2,
        ));
    }
    // A line that others build on is missing: the first that does is refused.
    for (missing, line) in [(2, 5), (3, 8), (4, 6), (8, 22), (9, 18)] {
        let mut kept = lines.clone();
        let name = kept.remove(missing);
        let text = trace(&(kept.join("\n") + "\n"));
        corpus.push((format!("missing: {name}"), text, line));
    }
    corpus
}

#[test]
fn the_whole_trace_is_read() {
    rewrite(trace(WHOLE)).expect("it is not damaged");
}

#[test]
fn a_corpus_of_damage_is_refused_where_it_is() {
    let corpus = corpus();
    let texts: BTreeSet<&str> = corpus.iter().map(|(_, text, _)| text.as_str()).collect();
    assert!(texts.len() >= 250, "{} damaged traces", texts.len());
    for (what, text, line) in &corpus {
        let Err(error) = rewrite(text) else {
            panic!("{what}: not refused");
        };
        let Some(position) = error.position else {
            panic!("{what}: {error}: no position");
        };
        assert_eq!(position.line, *line, "{what}: {error}");
        let len = text.lines().nth(usize::try_from(line - 1).unwrap_or(0));
        let len = len.map_or(0, str::len) as u64;
        assert!(
            (1..=len + 1).contains(&position.column),
            "{what}: {error}: a line of {len} bytes"
        );
    }
}

#[test]
fn a_trace_that_is_cut_off_inside_a_line_is_refused_at_its_end() {
    let text = trace(WHOLE);
    for len in 0..text.len() {
        let cut = &text[..len];
        if cut.ends_with('\n') {
            rewrite(cut).expect("it is cut off behind a line");
            continue;
        }
        let error = rewrite(cut).expect_err("it is cut off inside a line");
        let last = cut.lines().last().map_or(0, str::len) as u64;
        let line = cut.lines().count().max(1) as u64;
        let position = error.position.map(|Position { line, .. }| line);
        assert_eq!(position, Some(line), "{error}: {last}");
    }
}

/// A way to damage any text.
#[derive(Clone, Debug)]
enum Mutation {
    Truncate(prop::sample::Index),
    SwapLines(prop::sample::Index, prop::sample::Index),
    Repeat(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<prop::sample::Index>;
    let inserted = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..20),
        Just(b"18446744073709551616".to_vec()),
        Just(BLOCK_BYTES_MAX.to_string().into_bytes()),
        Just(b" 0 ".to_vec()),
        Just(b"=".to_vec()),
        Just(b"\n".to_vec()),
        Just(b",vertex:1".to_vec()),
    ];
    prop_oneof![
        index().prop_map(Mutation::Truncate),
        (index(), index()).prop_map(|(a, b)| Mutation::SwapLines(a, b)),
        index().prop_map(Mutation::Repeat),
        (index(), 1..=255_u8).prop_map(|(at, bits)| Mutation::Flip(at, bits)),
        (index(), inserted).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
    ]
}

fn mutate(text: &mut Vec<u8>, mutation: &Mutation) {
    if text.is_empty() {
        return;
    }
    match mutation {
        Mutation::Truncate(at) => text.truncate(at.index(text.len())),
        Mutation::Flip(at, bits) => {
            let at = at.index(text.len());
            text[at] ^= bits;
        }
        Mutation::Insert(at, bytes) => {
            let at = at.index(text.len());
            text.splice(at..at, bytes.iter().copied());
        }
        Mutation::SwapLines(a, b) => {
            let mut lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
            *text = lines.concat();
        }
        Mutation::Repeat(at) => {
            let mut lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
            let at = at.index(lines.len());
            lines.insert(at, lines[at]);
            *text = lines.concat();
        }
    }
}

/// Reads whatever it is: what is refused has a place (T2), what is not can be written and read.
fn check_any(text: &[u8]) {
    match rewrite(text) {
        Ok(written) => assert_eq!(rewrite(&written).as_ref(), Ok(&written), "T3"),
        Err(error) => {
            let lines = text.split(|&byte| byte == b'\n').count() as u64;
            let position = error.position.expect("T2: a refusal has a place");
            assert!((1..=lines).contains(&position.line), "T2: {error}");
            assert!(position.column >= 1, "T2: {error}");
            assert!(position.column <= text.len() as u64 + 1, "T2: {error}");
        }
    }
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn mutated_traces_never_panic(
        events in events(25),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let mut text = write(&events).into_bytes();
        for mutation in &mutations {
            mutate(&mut text, mutation);
        }
        check_any(&text);
    }

    #[test]
    fn noise_never_panics(
        first in prop::sample::select(
            &["", "geoheap-trace 1\n", "# mesh trace\n", "id,lower,upper,size\n"][..],
        ),
        noise in prop::collection::vec(any::<u8>(), 0..200),
        words in prop::collection::vec(prop::sample::select(
            &["A", "R", "D", "+", "-", "F", "1", "2", "36", "\n", ",", "# stride 3\n", "x"][..],
        ), 0..60),
    ) {
        let mut text = first.as_bytes().to_vec();
        text.extend(words.join(" ").bytes());
        check_any(&text);
        text.extend(noise);
        check_any(&text);
    }
}
