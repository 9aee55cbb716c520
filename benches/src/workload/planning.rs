//! Static memory planning as a sequence: problems whose buffers have known times of life.
//!
//! A planner sees all buffers at once; an allocator sees one after the other. The problems are
//! CSV files with the columns `id,lower,upper,size`: a buffer lives from step `lower` up to, but
//! not including, `upper`. At each step frees come before allocations.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use crate::peers::Setup;
use crate::replay::{Op, Script};

/// Why a problem cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlanError {
    /// The folder or a file cannot be read.
    Io(io::Error),
    /// A line is not of this form.
    Malformed {
        /// The file.
        file: String,
        /// What the line says.
        line: String,
    },
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Malformed { file, line } => write!(f, "{file}: {line:?} is no buffer"),
        }
    }
}

impl std::error::Error for PlanError {}

impl From<io::Error> for PlanError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The problems of a folder as scripts, by name, in spaces of so many bytes.
///
/// # Errors
/// [`PlanError`] when the folder or a file cannot be read, or a line is malformed.
pub fn read_all(folder: &Path, capacity: u64) -> Result<Vec<Script>, PlanError> {
    let mut scripts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = name.split('.').next().unwrap_or_default();
            let name = format!("plan-{}", name.to_lowercase());
            scripts.push(parse(&name, &fs::read_to_string(&path)?, capacity)?);
        }
    }
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scripts)
}

fn parse(name: &str, text: &str, capacity: u64) -> Result<Script, PlanError> {
    // By step; at each step, frees (length zero) before allocations.
    let mut events: Vec<(u64, bool, Op)> = Vec::new();
    let mut slots = 0;
    for line in text.lines().skip(1) {
        let malformed = || PlanError::Malformed {
            file: name.to_owned(),
            line: line.to_owned(),
        };
        let fields: Option<Vec<u64>> = line.split(',').skip(1).map(|f| f.parse().ok()).collect();
        let Some([lower, upper, size]) = fields.as_deref() else {
            return Err(malformed());
        };
        let len = u32::try_from(*size).map_err(|_| malformed())?;
        let slot = slots;
        slots += 1;
        let op = |len| Op {
            slot,
            len,
            align: 1,
        };
        events.push((*lower, true, op(len)));
        events.push((*upper, false, op(0)));
    }
    events.sort_by_key(|&(step, comes, op)| (step, comes, op.slot));
    Ok(Script {
        name: name.to_owned(),
        setup: Setup {
            capacity,
            unit: 1,
            live_max: slots,
        },
        slots: slots as usize,
        turns: vec![events.into_iter().map(|(_, _, op)| op).collect()],
        ..Script::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frees_come_before_allocations_at_each_step() {
        let text = "id,lower,upper,size\na,0,3,10\nb,3,5,20\n";
        let script = parse("plan-x", text, 64).expect("the lines are well formed");
        let ops: Vec<(u32, u32)> = script.turns[0].iter().map(|op| (op.slot, op.len)).collect();
        assert_eq!(ops, [(0, 10), (0, 0), (1, 20), (1, 0)]);
        let error = parse("plan-x", "id,lower,upper,size\na,0,3\n", 64);
        let error = error.expect_err("a column is missing").to_string();
        assert_eq!(error, "plan-x: \"a,0,3\" is no buffer");
    }
}
