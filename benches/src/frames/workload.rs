//! The workloads by their names.

use clap::ValueEnum;
use clap::builder::PossibleValue;

/// What is measured; see the table in [`frames`](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is named after its row in the module's head"
)]
pub enum Workload {
    LookupRandom64Ki,
    LookupRandom1Mi,
    LookupSeq1Mi,
    LookupRandom1MiTwoThreads,
    LookupRandom4Mi,
    Publish1k,
    Publish10k,
    Publish50k,
    Storm,
    Record10k,
    Record10kNoop,
    RecordTwoActors,
    RecordTwoActorsNoop,
    RecordTwoActorsUneven,
    StaticScene,
    Churn1Percent,
}

impl Workload {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 16] = [
        Self::LookupRandom64Ki,
        Self::LookupRandom1Mi,
        Self::LookupSeq1Mi,
        Self::LookupRandom1MiTwoThreads,
        Self::Publish1k,
        Self::Publish10k,
        Self::Publish50k,
        Self::Storm,
        Self::LookupRandom4Mi,
        Self::Record10k,
        Self::RecordTwoActors,
        Self::RecordTwoActorsUneven,
        Self::Record10kNoop,
        Self::RecordTwoActorsNoop,
        Self::StaticScene,
        Self::Churn1Percent,
    ];

    /// The name in the tables and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LookupRandom64Ki => "lookup-random-64Ki",
            Self::LookupRandom1Mi => "lookup-random-1Mi",
            Self::LookupSeq1Mi => "lookup-seq-1Mi",
            Self::LookupRandom1MiTwoThreads => "lookup-random-1Mi-2-threads",
            Self::LookupRandom4Mi => "lookup-random-4Mi",
            Self::Publish1k => "publish-1k",
            Self::Publish10k => "publish-10k",
            Self::Publish50k => "publish-50k",
            Self::Storm => "storm",
            Self::Record10k => "record-10k",
            Self::Record10kNoop => "record-10k-noop",
            Self::RecordTwoActors => "record-2-actors",
            Self::RecordTwoActorsNoop => "record-2-actors-noop",
            Self::RecordTwoActorsUneven => "record-2-actors-uneven",
            Self::StaticScene => "static-scene",
            Self::Churn1Percent => "churn-1pct",
        }
    }
}

impl ValueEnum for Workload {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}
