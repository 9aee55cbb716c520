//! What can go wrong, in classes that are switched on and off as a whole.

use core::fmt;
use core::str::FromStr;

use crate::options::{Faults, Options};
use crate::random::Random;

macro_rules! classes {
    ($($class:ident $word:literal $doc:literal),+ $(,)?) => {
        /// A class of faults.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultClass {
            $(#[doc = $doc] $class),+
        }

        impl FaultClass {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$class),+];

            /// Its name on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$class => $word),+ }
            }
        }
    };
}

classes! {
    Creation "creation" "Buffers that cannot be made, by count or because the device is full.",
    Staging "staging" "Staging that is full, kept for long, or cannot be made or mapped.",
    Submit "submit" "Submits that are refused.",
    Late "late" "Commands that are executed late, and news of them that come later still.",
    Loss "loss" "A device that goes at any time, and others that follow, do not fit, or go, too.",
    Tickets "tickets" "Tickets that are held for long, dropped, forked, or taken by a panic.",
    Mailbox "mailbox" "More requests than the mailbox holds.",
    Budget "budget" "Budgets that are cut and raised.",
    Reload "reload" "Callbacks that fail, hang, panic, or return other lengths than there are.",
    Misuse "misuse" "Calls with bad input or with nothing, and handles of blocks that are gone.",
    Odd "odd" "Odd lengths, strides and alignments, and blocks of more than a chunk.",
    Churn "churn" "Slots that are used again until they leave service.",
    Spill "spill" "Little memory for retained copies, and a file for them that fails.",
    Outside "outside" "Parts of the budget that are held outside, and come back.",
}

impl fmt::Display for FaultClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FaultClass {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|class| class.name() == word);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|class| class.name()).collect();
            format!(
                "`{word}` is no class of faults; there are {}",
                names.join(", ")
            )
        })
    }
}

/// How often each class strikes in one run, in strikes for a thousand ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FaultPlan {
    rates: Vec<u64>,
}

impl FaultPlan {
    /// The plan of a run. Each class draws from a sequence of its own, so that leaving one out
    /// changes nothing of the others.
    pub(crate) fn new(options: &Options) -> Self {
        let rate = |class: &FaultClass| {
            let mut random = Random::fork(options.seed, 0x1000 + *class as u64);
            let is_on = match options.faults {
                Faults::None => false,
                Faults::Swarm => random.chance(500),
                Faults::All => true,
            };
            let rate = random.magnitude(2, 120);
            if is_on && !options.without.contains(class) {
                rate
            } else {
                0
            }
        };
        Self {
            rates: FaultClass::ALL.iter().map(rate).collect(),
        }
    }

    /// Strikes for a thousand ticks; 0 if the class is off.
    pub(crate) fn rate(&self, class: FaultClass) -> u64 {
        self.rates[class as usize]
    }

    /// Whether the class is on.
    pub(crate) fn has(&self, class: FaultClass) -> bool {
        self.rate(class) > 0
    }

    /// The classes that are on.
    pub(crate) fn classes(&self) -> Vec<FaultClass> {
        let on = FaultClass::ALL
            .iter()
            .copied()
            .filter(|class| self.has(*class));
        on.collect()
    }
}
