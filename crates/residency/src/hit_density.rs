//! The policy that learns from when entries are used again.

use crate::policy::{History, Policy};
use crate::units::{Frame, Group, Worth};

/// Classes of age. The first [`EXACT_AGES`] are single frames, then four to each doubling.
const AGES: usize = 96;
const EXACT_AGES: u32 = 32;
/// Frames of the first class that is longer than one.
const QUARTER_FRAMES: u32 = 8;
/// Frames between two rounds of learning.
const ROUND_FRAMES: u64 = 30;
/// What each round leaves of what was seen before: half of it after 23 rounds, or 680 frames.
const KEPT_A_ROUND: f64 = 0.97;
/// Steps of a doubling in which gaps are averaged.
const LOG_STEPS: u64 = 16;
/// What stands for the gap before the first use: rather long.
const FIRST_GAP_LOG: u8 = 192;
/// Run lengths are told apart by doublings, up to this many.
const RUNS: u8 = 8;
/// Average gaps are told apart by doublings, up to this many.
const GAPS: u8 = 16;
/// Entries never used, and each run length with each gap.
const GROUPS: usize = 1 + RUNS as usize * GAPS as usize;
/// A density of one use for each frame of presence.
const ONE: f64 = 1_099_511_627_776.0;

/// Keeps what is likely to be used soon, as learned from when alike entries were used again.
///
/// Entries are alike if they have the same history: how many frames in a row they were last used
/// in, and the average length of the gaps before that, both in powers of two. For each such group
/// the policy counts after how many frames the next use came; entries that are away count too,
/// since their uses are seen as misses. From these counts follows what an entry of that group and
/// age is worth: the most uses per frame of presence that it can be expected to bring, over
/// whatever time it would be kept. That is the Gittins index of keeping it (Gittins, *Bandit
/// processes and dynamic allocation indices*, 1979), and the hit density of Beckmann, Chen and
/// Cidon (*LHD: improving cache hit rate by maximizing hit density*, 2018), but with reuse observed
/// past the eviction, and without sampling.
///
/// What comes of it: an entry of a loop that is longer than the memory gains worth as its next turn
/// nears, so that a part of the loop stays; what a fly-over uses once is worth little at once;
/// where nothing is to be learned the order is that of [`Lru`](crate::Lru). Old counts fade with a
/// half life of some 700 frames.
///
/// It takes 200 KiB, and some 50 microseconds every 30 frames for learning.
#[derive(Clone, Debug)]
pub struct HitDensity {
    tallies: Vec<Tally>,
    worths: Vec<[Worth; AGES]>,
    /// The frame of the next round.
    next_round: u64,
}

/// What was seen of the entries of a group.
#[derive(Clone, Copy, Debug)]
struct Tally {
    /// How many entered it.
    entered: f64,
    /// How many were used next at that age.
    used: [f64; AGES],
}

impl Default for HitDensity {
    /// Knows nothing yet.
    fn default() -> Self {
        let nothing = Tally {
            entered: 0.0,
            used: [0.0; AGES],
        };
        Self {
            tallies: vec![nothing; GROUPS],
            worths: vec![worths_by_age(); GROUPS],
            next_round: ROUND_FRAMES,
        }
    }
}

impl HitDensity {
    fn tally(&mut self, history: History) -> &mut Tally {
        let group = self.group(history);
        &mut self.tallies[usize::from(group.get())]
    }

    /// Learns from the counts, once in a while.
    fn learn(&mut self, now: Frame) {
        if now.get() < self.next_round {
            return;
        }
        self.next_round = now.get().saturating_add(ROUND_FRAMES);
        for (tally, worths) in self.tallies.iter_mut().zip(&mut self.worths) {
            if tally.entered < 1.0 {
                *worths = worths_by_age();
                continue;
            }
            *worths = densities(tally);
            tally.entered *= KEPT_A_ROUND;
            tally.used.iter_mut().for_each(|used| *used *= KEPT_A_ROUND);
        }
    }
}

impl Policy for HitDensity {
    fn came(&mut self, now: Frame) {
        self.learn(now);
        self.tally(History::default()).entered += 1.0;
    }

    fn used(&mut self, history: History, age_frames: u64, now: Frame) -> History {
        self.learn(now);
        self.tally(history).used[age_class(age_frames)] += 1.0;
        let after = after_use(history, age_frames);
        self.tally(after).entered += 1.0;
        after
    }

    fn group(&self, History([run, gap_log]): History) -> Group {
        let Some(run_log) = run.checked_ilog2() else {
            return Group(0);
        };
        let gap = gap_log / (u8::MAX / GAPS + 1);
        // A run length of one byte has at most eight doublings.
        let run = u8::try_from(run_log).unwrap_or(RUNS).min(RUNS - 1);
        Group(1 + run * GAPS + gap)
    }

    fn worth(&self, group: Group, age_frames: u64) -> Worth {
        // It can be used in the next frame at the earliest.
        let class = age_class(age_frames.saturating_add(1));
        let worths = self.worths.get(usize::from(group.get()));
        worths.map_or(Worth(0), |worths| worths[class])
    }

    fn boxed(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

/// The history after a use `age_frames` after the one before.
fn after_use(History([run, gap_log]): History, age_frames: u64) -> History {
    if run == 0 {
        return History([1, FIRST_GAP_LOG]);
    }
    let run = if age_frames <= 1 {
        run.saturating_add(1)
    } else {
        1
    };
    History([
        run,
        gap_log.midpoint(log_steps(age_frames.saturating_add(1))),
    ])
}

/// The logarithm to the base of two, in steps of a 16th and straight between powers of two; at
/// most 255.
fn log_steps(number: u64) -> u8 {
    let power = number.max(1).ilog2();
    let above = number.max(1) - (1 << power);
    let part = (u128::from(above) * u128::from(LOG_STEPS)) >> power;
    let steps = u128::from(power) * u128::from(LOG_STEPS) + part;
    u8::try_from(steps).unwrap_or(u8::MAX)
}

fn age_class(age_frames: u64) -> usize {
    if age_frames < u64::from(EXACT_AGES) {
        return usize::try_from(age_frames).unwrap_or(AGES - 1);
    }
    let power = age_frames.ilog2();
    let quarter = (age_frames >> (power - 2)) & 3;
    let doublings = u64::from(power - EXACT_AGES.ilog2());
    let class = u64::from(EXACT_AGES) + 4 * doublings + quarter;
    usize::try_from(class).map_or(AGES - 1, |class| class.min(AGES - 1))
}

/// How many frames a class of age lasts.
fn class_frames(class: usize) -> f64 {
    let Some(beyond) = class.checked_sub(EXACT_AGES as usize) else {
        return 1.0;
    };
    f64::from(QUARTER_FRAMES << (beyond / 4))
}

/// What there is to go by where nothing was learned: the younger is worth more.
fn worths_by_age() -> [Worth; AGES] {
    let mut age = 0.0;
    core::array::from_fn(|class| {
        let worth = fixed(1.0 / (1.0 + age));
        age += class_frames(class);
        worth
    })
}

/// For each class of age the most uses per frame of presence, over all times that an entry could be
/// kept from then on.
///
/// Uses and frames of presence are summed over classes from the last to the first. A stretch of
/// classes is joined to the one behind it as long as that raises its density; what the stretch that
/// begins at a class has then is the most that any stretch from there has. Each class is joined
/// once, so this is linear.
fn densities(tally: &Tally) -> [Worth; AGES] {
    let mut stretches: Vec<(f64, f64)> = Vec::with_capacity(AGES);
    let mut worths = [Worth(0); AGES];
    for (class, mut stretch) in presences(tally).into_iter().enumerate().rev() {
        while let Some(&(uses, frames)) = stretches.last()
            && uses * stretch.1 >= stretch.0 * frames
        {
            stretch = (stretch.0 + uses, stretch.1 + frames);
            stretches.pop();
        }
        stretches.push(stretch);
        if stretch.1 > 0.0 {
            worths[class] = fixed(stretch.0 / stretch.1);
        }
    }
    worths
}

/// For each class of age the uses that ended it, and the frames that entries were kept for in it:
/// all of them for those that went on, half of them for those that were used.
fn presences(tally: &Tally) -> [(f64, f64); AGES] {
    let mut left = tally.entered;
    core::array::from_fn(|class| {
        let used = tally.used[class];
        left = (left - used).max(0.0);
        (used, class_frames(class) * (left + used / 2.0))
    })
}

fn fixed(density: f64) -> Worth {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a density is in 0..=2"
    )]
    Worth((density * ONE) as u64)
}

#[cfg(test)]
mod tests;
