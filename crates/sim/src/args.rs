//! The command line.

use core::error::Error;
use core::ops::Range;
use core::str::FromStr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgGroup, CommandFactory as _, Parser};
#[cfg(feature = "planted-bugs")]
use geoheap::planted::Bug;
use geoheap_sim::{FaultClass, Faults, GpuKind, Options};

const EXAMPLES: &str = "\
Examples:
  geoheap-sim --seed 7 --ticks 20000          one run; if it fails, its end and a smaller one
  geoheap-sim --seed 7 --ticks 900 --watch 3  with the whole story of block 3
  geoheap-sim --seeds 0..2000 --ticks 20000 --state sweep.txt
                                              many runs; begun again it goes on where it ended
  geoheap-sim --fresh 50                      fifty seeds that nobody ran before
  geoheap-sim --minutes 120 --gpu noop        fresh seeds for two hours, and the memory they took

Exit status: 0 nothing found, 1 something found, 2 a wrong command line.";

/// Tries to break geoheap: a seeded schedule of clients, render actors, device and faults.
#[derive(Clone, Debug, Parser)]
#[command(version, about, after_help = EXAMPLES, max_term_width = 100)]
#[command(group = ArgGroup::new("many").args(["seeds", "fresh", "minutes"]))]
pub(crate) struct Args {
    /// The seed of one run.
    #[arg(long, default_value_t = 1, conflicts_with = "many")]
    seed: u64,
    /// Ticks with faults; the calm end comes after them.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) ticks: u64,
    /// Which faults; swarm has half of the classes in each seed.
    #[arg(long, default_value_t = Faults::Swarm, value_parser = one_of::<Faults>(Faults::WORDS))]
    faults: Faults,
    /// The device; noop is wgpu's own, with its validation.
    #[arg(long, default_value_t = GpuKind::Virtual)]
    #[arg(value_parser = one_of::<GpuKind>(GpuKind::WORDS))]
    gpu: GpuKind,
    /// A class of faults to leave out; can be given several times.
    #[arg(long, value_name = "CLASS")]
    #[arg(value_parser = one_of::<FaultClass>(FaultClass::ALL.iter().map(|class| class.name())))]
    without: Vec<FaultClass>,
    /// Most client actors.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// Most render actors.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    renderers: u32,
    /// Keep the whole story of this block of one run, by its number in a finding.
    #[arg(long, value_name = "BLOCK", conflicts_with = "many")]
    watch: Option<u32>,
    /// A bug that the engine is given, to see that it is found.
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_name = "BUG")]
    #[arg(value_parser = one_of::<Bug>(geoheap::planted::ALL.iter().map(|bug| bug.name())))]
    plant: Option<Bug>,
    /// Do not look for a smaller run that fails as well.
    #[arg(long)]
    pub(crate) no_shrink: bool,
    /// Run all seeds of a range instead, such as 0..2000.
    #[arg(long, value_name = "FROM..TO")]
    pub(crate) seeds: Option<Seeds>,
    /// Run so many seeds that nobody ran before instead; they are printed.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..1 << 20))]
    pub(crate) fresh: Option<u64>,
    /// Run seeds that nobody ran before for so many minutes instead.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) minutes: Option<u64>,
    /// Of many runs, so many at a time; all cores unless told otherwise.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Keeps which seeds of a range were run, so that the command can be given again. With another
    /// engine it is refused: its seeds say nothing of that one.
    #[arg(long, value_name = "FILE", requires = "seeds")]
    #[arg(conflicts_with_all = ["seed", "fresh", "minutes"])]
    pub(crate) state: Option<PathBuf>,
    /// Write the heap as it was when something was found, before the run is made smaller, for
    /// geoheap-inspect.
    #[arg(long, value_name = "FILE", conflicts_with = "many")]
    pub(crate) dump: Option<PathBuf>,
    /// Print JSON; nothing is made smaller then.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A range of seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seeds(pub(crate) Range<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let parsed = word.split_once("..").and_then(|(from, to)| {
            let range = from.parse().ok()?..to.parse().ok()?;
            (range.start < range.end).then_some(Self(range))
        });
        parsed.ok_or_else(|| format!("`{word}` is no range of seeds such as 0..200"))
    }
}

/// One of these words, which the help and errors name.
fn one_of<T>(words: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: Into<Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
{
    PossibleValuesParser::new(words.into_iter().collect::<Vec<_>>()).try_map(|word| word.parse())
}

impl Args {
    /// The command line of this process. Ends it with a message if the words mean nothing.
    pub(crate) fn of_process() -> Self {
        let args = Self::parse();
        // What clap does not see; `requires` is not looked at where `--seed` rules out its object.
        let refusal = if args.faults == Faults::None && !args.without.is_empty() {
            "`--faults none` leaves out all classes, also without `--without`"
        } else if args.jobs.is_some() && !args.is_sweep() {
            "`--jobs` is for many runs: it needs `--seeds`, `--fresh` or `--minutes`"
        } else {
            return args;
        };
        let error = Self::command().error(ErrorKind::ArgumentConflict, refusal);
        error.exit()
    }

    /// Whether many seeds are to be run.
    pub(crate) fn is_sweep(&self) -> bool {
        self.seeds.is_some() || self.fresh.is_some() || self.minutes.is_some()
    }

    /// The one run.
    pub(crate) fn options(&self) -> Options {
        self.of_seed(self.seed)
    }

    /// The same run of another seed.
    pub(crate) fn of_seed(&self, seed: u64) -> Options {
        Options {
            faults: self.faults,
            gpu: self.gpu,
            without: self.without.clone(),
            clients_max: self.clients,
            renderers_max: self.renderers,
            watch: self.watch,
            #[cfg(feature = "planted-bugs")]
            plant: self.plant,
            ..Options::new(seed, self.ticks)
        }
    }

    /// What is run of each seed: beside the engine, what a state file is of.
    pub(crate) fn what_is_run(&self) -> String {
        let options = self.of_seed(0).to_string();
        options.trim_start_matches("--seed 0 ").to_owned()
    }
}
