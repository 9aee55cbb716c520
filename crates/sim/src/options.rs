//! What a run is told: everything else follows from the seed.

use core::fmt;
use core::str::FromStr;

#[cfg(feature = "planted-bugs")]
use geoheap::planted::Bug;

use crate::fault::FaultClass;

/// Which device the engine runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GpuKind {
    /// In memory; executes at a random time after submission.
    #[default]
    Virtual,
    /// wgpu's noop device: wgpu's own validation, real bytes, executes at once.
    Noop,
}

/// Which faults happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Faults {
    /// None.
    None,
    /// Each class is on in about half of the seeds, so that some runs get deep without the others.
    #[default]
    Swarm,
    /// All classes.
    All,
}

macro_rules! words {
    ($type:ty, $($word:literal => $value:path),+) => {
        impl $type {
            /// What stands for them on the command line.
            pub const WORDS: [&'static str; [$($word),+].len()] = [$($word),+];
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($value => $word),+ })
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok($value),)+
                    other => Err(format!(
                        "`{other}` is none of {}", [$($word),+].join(", ")
                    )),
                }
            }
        }
    };
}
words!(GpuKind, "virtual" => GpuKind::Virtual, "noop" => GpuKind::Noop);
words!(Faults, "none" => Faults::None, "swarm" => Faults::Swarm, "all" => Faults::All);

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Ticks of the engine until the faults stop.
    pub ticks: u64,
    /// Which faults happen.
    pub faults: Faults,
    /// The device.
    pub gpu: GpuKind,
    /// Classes that are left out whatever `faults` says; how a failing run is made smaller.
    pub without: Vec<FaultClass>,
    /// Most client actors; the seed may choose fewer.
    pub clients_max: u32,
    /// Most render actors; the seed may choose fewer.
    pub renderers_max: u32,
    /// A block whose whole story the timeline keeps, beside the last events of all.
    pub watch: Option<u32>,
    /// A bug that the engine has in this run.
    #[cfg(feature = "planted-bugs")]
    pub plant: Option<Bug>,
}

impl Options {
    /// A run of `seed` with swarm faults on the virtual GPU.
    pub fn new(seed: u64, ticks: u64) -> Self {
        Self {
            seed,
            ticks,
            faults: Faults::default(),
            gpu: GpuKind::default(),
            without: Vec::new(),
            clients_max: 4,
            renderers_max: 4,
            watch: None,
            #[cfg(feature = "planted-bugs")]
            plant: None,
        }
    }
}

impl Options {
    /// The command that repeats the run, for a shell in this workspace.
    pub fn command(&self) -> String {
        #[cfg(feature = "planted-bugs")]
        let features = self.plant.map_or("", |_| " --features planted-bugs");
        #[cfg(not(feature = "planted-bugs"))]
        let features = "";
        format!("cargo run --release -p geoheap-sim{features} -- {self}")
    }
}

impl fmt::Display for Options {
    /// The arguments of the command line that repeats the run.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "--seed {} --ticks {} --faults {} --gpu {}",
            self.seed, self.ticks, self.faults, self.gpu
        )?;
        let whole = Self::new(0, 0);
        if self.clients_max != whole.clients_max {
            write!(f, " --clients {}", self.clients_max)?;
        }
        if self.renderers_max != whole.renderers_max {
            write!(f, " --renderers {}", self.renderers_max)?;
        }
        // Without faults there is no class to leave out.
        let without = if self.faults == Faults::None {
            &[]
        } else {
            self.without.as_slice()
        };
        for (nth, class) in without.iter().enumerate() {
            if !without[..nth].contains(class) {
                write!(f, " --without {class}")?;
            }
        }
        #[cfg(feature = "planted-bugs")]
        if let Some(bug) = self.plant {
            write!(f, " --plant {bug}")?;
        }
        Ok(())
    }
}
