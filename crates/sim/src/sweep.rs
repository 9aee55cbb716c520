//! Many seeds, several at a time, with a bar and a summary; begun again it goes on.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use geoheap_sim::{Outcome, engine, run, shrink};
use indicatif::{ProgressBar, ProgressStyle};

use crate::SHRINK_RUNS_MAX;
use crate::args::Args;
use crate::memory::Curve;
use crate::show::{RunJson, SCHEMA, SweepJson, to_json};

/// Memory is looked at so many times in a sweep by time, at most once a second.
const SAMPLES: u64 = 400;

/// The same of a range of seeds, of which nobody knows how long it takes.
const SAMPLE_SECONDS: u64 = 5;

/// In the head of a state file, between what was run and on which engine.
const ENGINE: &str = " on engine ";

/// Which seeds come next.
struct Supply {
    next: u64,
    end: u64,
    done: BTreeSet<u64>,
    until: Option<Instant>,
}

impl Supply {
    fn take(&mut self) -> Option<u64> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        while self.next < self.end {
            let seed = self.next;
            self.next += 1;
            if !self.done.contains(&seed) {
                return Some(seed);
            }
        }
        None
    }
}

/// Runs the seeds that `args` asks for; whether something was found.
///
/// # Errors
/// What is wrong with the state file.
pub(crate) fn sweep(args: &Args) -> Result<bool, String> {
    let begun = Instant::now();
    let (mut state, done) = match &args.state {
        Some(path) => {
            let (file, done) = open_state(path, &args.what_is_run(), &engine())?;
            (Some(file), done)
        }
        None => (None, BTreeSet::new()),
    };
    let (supply, bar) = supply(args, done, begun);
    let jobs = args.jobs.unwrap_or_else(|| {
        let cores = std::thread::available_parallelism();
        cores.map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX))
    });
    let pause = args
        .minutes
        .map_or(SAMPLE_SECONDS, |minutes| (minutes * 60 / SAMPLES).max(1));
    let supply = Mutex::new(supply);
    let mut curve = Curve::default();
    let mut runs = 0;
    let mut found = Vec::new();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel::<Outcome>();
        for _ in 0..jobs {
            let (sender, supply) = (sender.clone(), &supply);
            scope.spawn(move || {
                loop {
                    let next = supply.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let Some(seed) = next else { return };
                    if sender.send(run(&args.of_seed(seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut sampled = None;
        while let Ok(outcome) = receiver.recv() {
            runs += 1;
            if let Some(file) = &mut state {
                note_done(file, &outcome);
            }
            let elapsed = begun.elapsed();
            if sampled.is_none_or(|at| elapsed.saturating_sub(at) >= Duration::from_secs(pause)) {
                sampled = Some(elapsed);
                curve.sample(elapsed);
            }
            bar.set_position(if args.minutes.is_some() {
                elapsed.as_secs()
            } else {
                runs
            });
            if outcome.finding.is_some() {
                say(&bar, &headline(&outcome));
                found.push(outcome);
            }
            bar.set_message(format!("{runs} runs, {} findings", found.len()));
        }
        curve.sample(begun.elapsed());
    });
    bar.finish_and_clear();
    // They come as they end, several at a time; the same seeds are told in the same order.
    found.sort_by_key(|outcome| outcome.options.seed);
    summarize(args, &found, runs, begun.elapsed(), &curve);
    Ok(!found.is_empty())
}

fn supply(args: &Args, done: BTreeSet<u64>, begun: Instant) -> (Supply, ProgressBar) {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} ({elapsed})");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    if let Some(minutes) = args.minutes {
        let bar = ProgressBar::new(minutes * 60).with_style(style);
        let next = fresh_seed();
        say(&bar, &format!("fresh seeds from {next} on"));
        let supply = Supply {
            next,
            end: u64::MAX,
            done,
            until: Some(begun + Duration::from_secs(minutes * 60)),
        };
        return (supply, bar);
    }
    let range = match (&args.seeds, args.fresh) {
        (Some(seeds), _) => seeds.0.clone(),
        (None, count) => {
            let next = fresh_seed();
            next..next + count.unwrap_or(0)
        }
    };
    let left = range.clone().filter(|seed| !done.contains(seed)).count();
    let bar = ProgressBar::new(left as u64).with_style(style);
    if args.fresh.is_some() {
        say(&bar, &format!("fresh seeds {}..{}", range.start, range.end));
    }
    let supply = Supply {
        next: range.start,
        end: range.end,
        done,
        until: None,
    };
    (supply, bar)
}

/// A seed that nobody ran before, from which on there are more: the time in seconds, far above the
/// seeds that people write down.
pub(crate) fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| since.as_secs()) << 20
}

/// The file that says which seeds were run, and these seeds.
fn open_state(path: &Path, what: &str, engine: &str) -> Result<(File, BTreeSet<u64>), String> {
    let named = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut done = BTreeSet::new();
    let is_new = !path.exists();
    if !is_new {
        let text = std::fs::read_to_string(path).map_err(named)?;
        if !text.ends_with('\n') {
            let path = path.display();
            return Err(format!(
                "{path}: the last line is cut off; remove it to go on"
            ));
        }
        let mut lines = text.lines();
        let head = lines.next().unwrap_or_default();
        let path = path.display();
        let (ran, by) = head.split_once(ENGINE).unwrap_or((head, "unknown"));
        if ran != what {
            return Err(format!(
                "{path} is of other runs: `{ran}`, not `{what}`; name another file"
            ));
        }
        if by != engine {
            return Err(format!(
                "{path} is of engine {by}, and this is {engine}: the seeds in it have to be run \
                 again; name another file"
            ));
        }
        for (nth, line) in lines.enumerate() {
            let seed = line.split(' ').next().and_then(|word| word.parse().ok());
            // A seed that was found guilty is run again.
            let is_clean = line.ends_with(" clean");
            match seed {
                Some(seed) if is_clean => drop(done.insert(seed)),
                Some(_) => {}
                None => {
                    let line = nth + 2;
                    return Err(format!("{path}:{line}: no seed"));
                }
            }
        }
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(named)?;
    if is_new {
        writeln!(file, "{what}{ENGINE}{engine}").map_err(named)?;
    }
    Ok((file, done))
}

fn note_done(file: &mut File, outcome: &Outcome) {
    let verdict = if outcome.finding.is_some() {
        "found"
    } else {
        "clean"
    };
    let (seed, hash) = (outcome.options.seed, outcome.hash);
    // In one piece, so that a stop leaves whole lines. A disk that is full costs a run that is made
    // again.
    let _ = file.write_all(format!("{seed} {hash:016x} {verdict}\n").as_bytes());
}

/// Above the bar, or where there is none.
fn say(bar: &ProgressBar, line: &str) {
    if bar.is_hidden() {
        eprintln!("{line}");
    } else {
        bar.println(line);
    }
}

fn headline(outcome: &Outcome) -> String {
    let finding = outcome.finding.as_ref().map(ToString::to_string);
    format!(
        "seed {}: {}",
        outcome.options.seed,
        finding.unwrap_or_default()
    )
}

fn summarize(args: &Args, found: &[Outcome], runs: u64, elapsed: Duration, curve: &Curve) {
    if args.json {
        let memory = curve
            .ends()
            .map(|(first, last)| [first.into(), last.into()]);
        let json = SweepJson {
            schema: SCHEMA,
            options: args.what_is_run(),
            runs,
            ticks: runs * args.ticks,
            seconds: elapsed.as_secs_f64(),
            findings: found.iter().map(RunJson::from).collect(),
            memory_bytes: memory,
        };
        println!("{}", to_json(&json));
        return;
    }
    let seconds = elapsed.as_secs_f64();
    println!(
        "{runs} runs of {} ticks in {seconds:.0} s, {} findings ({})",
        args.ticks,
        found.len(),
        args.what_is_run()
    );
    for outcome in found {
        println!("{}", headline(outcome));
    }
    if let Some((first, last)) = curve.ends() {
        for (name, stretch) in [("first", first), ("last", last)] {
            let [least, mean, most] = [stretch.least, stretch.mean, stretch.most].map(kib);
            println!(
                "resident memory, {name} quarter: {least} KiB at least, {mean} on average, \
                 {most} at most"
            );
        }
    }
    if let Some(first) = found.first()
        && !args.no_shrink
    {
        println!("\nmaking seed {} smaller ...", first.options.seed);
        let shrunk = shrink(first, SHRINK_RUNS_MAX);
        println!("{}", shrunk.outcome);
    }
}

fn kib(bytes: u64) -> u64 {
    bytes / 1024
}
