//! Outcomes as JSON. The keys are those of the structures here.

use geoheap_sim::Outcome;
use serde::Serialize;

use crate::memory::Stretch;

/// Name and number of the format.
pub(crate) const SCHEMA: &str = "geoheap-sim/1";

/// One run.
#[derive(Debug, Serialize)]
pub(crate) struct RunJson {
    pub(crate) schema: &'static str,
    /// The command line that repeats it.
    pub(crate) options: String,
    pub(crate) seed: u64,
    pub(crate) hash: String,
    pub(crate) events: u64,
    pub(crate) faults: Vec<&'static str>,
    pub(crate) finding: Option<FindingJson>,
    /// The last events, if something was found.
    pub(crate) timeline: Vec<String>,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct FindingJson {
    pub(crate) check: &'static str,
    pub(crate) tick: u64,
    pub(crate) message: String,
}

/// Many runs.
#[derive(Debug, Serialize)]
pub(crate) struct SweepJson {
    pub(crate) schema: &'static str,
    pub(crate) options: String,
    pub(crate) runs: u64,
    pub(crate) ticks: u64,
    pub(crate) seconds: f64,
    pub(crate) findings: Vec<RunJson>,
    /// Resident bytes in the first and the last quarter of the time; null if it was too short to
    /// tell them apart.
    pub(crate) memory_bytes: Option<[StretchJson; 2]>,
}

/// Resident bytes of a stretch of time.
#[derive(Debug, Serialize)]
pub(crate) struct StretchJson {
    pub(crate) least: u64,
    pub(crate) mean: u64,
    pub(crate) most: u64,
}

impl From<Stretch> for StretchJson {
    fn from(stretch: Stretch) -> Self {
        Self {
            least: stretch.least,
            mean: stretch.mean,
            most: stretch.most,
        }
    }
}

impl From<&Outcome> for RunJson {
    fn from(outcome: &Outcome) -> Self {
        let finding = outcome.finding.as_ref().map(|finding| FindingJson {
            check: finding.check.code(),
            tick: finding.tick,
            message: finding.message.clone(),
        });
        Self {
            schema: SCHEMA,
            options: outcome.options.to_string(),
            seed: outcome.options.seed,
            hash: format!("{:016x}", outcome.hash),
            events: outcome.events,
            faults: outcome.classes.iter().map(|class| class.name()).collect(),
            timeline: if finding.is_some() {
                outcome.timeline.clone()
            } else {
                Vec::new()
            },
            finding,
        }
    }
}

/// One run as JSON.
pub(crate) fn outcome_json(outcome: &Outcome) -> String {
    to_json(&RunJson::from(outcome))
}

/// Any of them as JSON.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("plain structures can always be written")
}
