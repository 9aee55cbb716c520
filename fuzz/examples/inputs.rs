#![forbid(unsafe_code)]
//! Runs single inputs, and moves inputs between a corpus's one file and a folder of files, which
//! is what libFuzzer reads and writes. It needs no fuzzer: findings replay on any toolchain.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;

use geoheap_fuzz::{Run, TARGETS, Tally, corpus};

const USAGE: &str = "usage:
  inputs list                     the names of the targets
  inputs replay TARGET FILE...    run the input in each file
  inputs random TARGET COUNT SEED run so many random inputs, and say which one fails
  inputs unpack TARGET FOLDER     write the committed inputs as one file each
  inputs pack TARGET FOLDER       make the files of a folder the committed inputs";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("inputs: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<String, String> {
    match words {
        ["list"] => Ok(TARGETS.map(|(name, _)| name).join("\n")),
        ["replay", target, files @ ..] if !files.is_empty() => replay(run_of(target)?, files),
        ["random", target, count, seed] => {
            let number = |word: &str| word.parse().map_err(|_| format!("`{word}` is no number"));
            random(run_of(target)?, number(count)?, number(seed)?)
        }
        ["unpack", target, folder] => unpack(target, Path::new(folder)),
        ["pack", target, folder] => pack(target, Path::new(folder)),
        _ => Err(USAGE.to_owned()),
    }
}

fn run_of(target: &str) -> Result<Run, String> {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    found.map(|(_, run)| *run).ok_or_else(|| {
        let names = TARGETS.map(|(name, _)| name).join(", ");
        format!("there is no target {target}; there are {names}")
    })
}

fn replay(run: Run, files: &[&str]) -> Result<String, String> {
    let mut reached = Tally::default();
    for file in files {
        reached.add(&run(&read(Path::new(file))?));
    }
    Ok(format!("{} inputs pass{reached}", files.len()))
}

/// Random inputs, for a machine without a fuzzer.
fn random(run: Run, count: u64, seed: u64) -> Result<String, String> {
    let mut reached = Tally::default();
    for nth in 0..count {
        let input = corpus::random(seed.wrapping_add(nth), 400);
        match catch_unwind(|| run(&input)) {
            Ok(tally) => reached.add(&tally),
            Err(_) => return Err(format!("this fails: {}", corpus::render(vec![input]))),
        }
    }
    Ok(format!("{count} inputs pass{reached}"))
}

fn unpack(target: &str, folder: &Path) -> Result<String, String> {
    run_of(target)?;
    fs::create_dir_all(folder).map_err(|error| told(folder, &error))?;
    let path = corpus::path(target);
    let text = if path.exists() {
        String::from_utf8_lossy(&read(&path)?).into_owned()
    } else {
        String::new()
    };
    let inputs = corpus::parse(&text)
        .map_err(|line| format!("{}:{line}: not in hexadecimal", path.display()))?;
    for (number, input) in inputs.iter().enumerate() {
        let file = folder.join(format!("committed-{number:04}"));
        fs::write(&file, input).map_err(|error| told(&file, &error))?;
    }
    Ok(format!("{} inputs of {target}", inputs.len()))
}

fn pack(target: &str, folder: &Path) -> Result<String, String> {
    run_of(target)?;
    let entries = fs::read_dir(folder).map_err(|error| told(folder, &error))?;
    let mut inputs = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| told(folder, &error))?;
        inputs.push(read(&entry.path())?);
    }
    let path = corpus::path(target);
    let text = corpus::render(inputs);
    fs::write(&path, &text).map_err(|error| told(&path, &error))?;
    let (count, len) = (text.lines().count(), text.len());
    Ok(format!("{count} inputs of {target} in {len} bytes"))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| told(path, &error))
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
