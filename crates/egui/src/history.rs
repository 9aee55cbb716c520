//! The last figures, for curves.

use std::collections::VecDeque;

use geoheap::Report;

/// Samples kept.
pub(crate) const SAMPLES_MAX: usize = 480;

/// The heap's figures at one moment, and what happened since the sample before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) tick: u64,
    pub(crate) live_bytes: u64,
    pub(crate) held_bytes: u64,
    pub(crate) budget_bytes: u64,
    pub(crate) moves: u64,
    pub(crate) evictions: u64,
    pub(crate) stream_ins: u64,
}

/// Samples, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    samples: VecDeque<Sample>,
    /// Counters at the last sample: moves, evictions, stream-ins.
    counted: Option<[u64; 3]>,
}

impl History {
    /// Takes a sample, and forgets the oldest if there are too many. Counters that went down are
    /// those of another heap: they count from there.
    pub(crate) fn push(&mut self, report: &Report) {
        let counters = [report.moves, report.evictions, report.stream_ins];
        let before = self.counted.unwrap_or(counters);
        let [moves, evictions, stream_ins] =
            [0, 1, 2].map(|nth: usize| counters[nth].saturating_sub(before[nth]));
        self.counted = Some(counters);
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample {
            tick: report.tick,
            live_bytes: report.live_bytes,
            held_bytes: report.held_bytes,
            budget_bytes: report.budget_bytes,
            moves,
            evictions,
            stream_ins,
        });
    }

    /// The samples, oldest first; at most [`SAMPLES_MAX`] (E3).
    pub(crate) const fn samples(&self) -> &VecDeque<Sample> {
        &self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(tick: u64, moves: u64, evictions: u64) -> Report {
        let mut report = Report::default();
        report.tick = tick;
        report.moves = moves;
        report.evictions = evictions;
        report
    }

    #[test]
    fn a_sample_has_what_happened_since_the_last() {
        let mut history = History::default();
        for (tick, moves, evictions) in
            [(1, 100, 5), (2, 103, 5), (3, 103, 9), (4, 2, 0), (5, 4, 1)]
        {
            history.push(&report(tick, moves, evictions));
        }
        let seen: Vec<_> = history
            .samples()
            .iter()
            .map(|sample| (sample.tick, sample.moves, sample.evictions))
            .collect();
        assert_eq!(
            seen,
            [(1, 0, 0), (2, 3, 0), (3, 0, 4), (4, 0, 0), (5, 2, 1)]
        );
    }

    #[test]
    fn old_samples_go() {
        let mut history = History::default();
        for tick in 0..SAMPLES_MAX as u64 + 7 {
            history.push(&report(tick, 0, 0));
        }
        assert_eq!(history.samples().len(), SAMPLES_MAX, "E3: bounded");
        assert_eq!(history.samples()[0].tick, 7, "the oldest went");
    }
}
