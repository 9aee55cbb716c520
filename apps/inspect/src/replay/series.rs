//! Figures frame by frame, and what they come to in the end.

use std::io::{self, Write};

use geoheap::Report;

use super::player::Tally;

/// Frames are kept one by one up to so many; beyond that every second is left out, again and
/// again, so that a replay of any length needs no more.
const KEPT_MAX: usize = 1 << 16;

/// The figures of a frame that a curve shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Its number, from 1.
    pub frame: u64,
    /// Bytes that the newest version names.
    pub live: u64,
    /// GPU bytes held.
    pub held: u64,
    /// Bytes that only older versions name.
    pub retired: u64,
    /// The budget.
    pub budget: u64,
    /// Moves since the sample before.
    pub moves: u64,
    /// Evictions since the sample before.
    pub evictions: u64,
    /// Blocks that came back since the sample before.
    pub stream_ins: u64,
}

/// Gathers them.
#[derive(Debug, Default)]
pub struct Series {
    kept: Vec<Sample>,
    /// Every so many-th frame is kept.
    step: u64,
    frames: u64,
    /// Counters at the last kept sample.
    moves: u64,
    evictions: u64,
    stream_ins: u64,
    /// Peaks over all frames.
    pub live_bytes_peak: u64,
    /// Peak of what was held.
    pub gpu_bytes_peak: u64,
    /// Most chunks.
    pub chunks_peak: u64,
}

impl Series {
    /// The first columns of the table, as its head names them.
    pub const HEAD: &'static str = "frame,live_bytes,held_bytes,reserved_bytes,retired_bytes,\
        staging_bytes,budget_bytes,chunks,blocks,resident_blocks,uses,use_hits,evictions,\
        stream_ins,stream_in_bytes,moves,moved_bytes,chunks_returned";

    /// A frame ended, and the tick after it.
    pub fn add(&mut self, report: &Report) {
        self.frames += 1;
        self.note_peaks(report);
        self.step = self.step.max(1);
        if !self.frames.is_multiple_of(self.step) {
            return;
        }
        if self.kept.len() == KEPT_MAX {
            self.halve();
        }
        self.kept.push(Sample {
            frame: self.frames,
            live: report.live_bytes,
            held: report.held_bytes,
            retired: report.retired_bytes,
            budget: report.budget_bytes,
            moves: report.moves - self.moves,
            evictions: report.evictions - self.evictions,
            stream_ins: report.stream_ins - self.stream_ins,
        });
        (self.moves, self.evictions) = (report.moves, report.evictions);
        self.stream_ins = report.stream_ins;
    }

    /// Peaks also between frames: a long frame may take several ticks.
    pub fn note_peaks(&mut self, report: &Report) {
        self.live_bytes_peak = self.live_bytes_peak.max(report.live_bytes);
        self.gpu_bytes_peak = self.gpu_bytes_peak.max(report.held_bytes_peak);
        self.chunks_peak = self.chunks_peak.max(report.chunks_peak);
    }

    /// Each pair becomes one sample, which has the events of both.
    fn halve(&mut self) {
        self.step *= 2;
        let pairs = self.kept.chunks(2).map(|pair| match pair {
            [one, two] => Sample {
                moves: one.moves + two.moves,
                evictions: one.evictions + two.evictions,
                stream_ins: one.stream_ins + two.stream_ins,
                ..*two
            },
            rest => rest[0],
        });
        self.kept = pairs.collect();
    }

    /// What was kept.
    pub fn samples(&self) -> &[Sample] {
        &self.kept
    }

    /// GPU bytes held for each live byte, over the frames after the first tenth: mean, and the
    /// value that 99 of 100 frames keep below. Frames in which nothing lives say nothing; 0 where
    /// there is no other.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for a report")]
    pub fn overhead(&self) -> (f64, f64) {
        let from = self.frames / 10;
        let later = self.kept.iter().filter(|sample| sample.frame > from);
        let alive = later.filter(|sample| sample.live > 0);
        let mut ratios: Vec<f64> = alive
            .map(|sample| sample.held as f64 / sample.live as f64)
            .collect();
        if ratios.is_empty() {
            return (0.0, 0.0);
        }
        ratios.sort_unstable_by(f64::total_cmp);
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        let nth = (ratios.len() * 99).div_ceil(100).saturating_sub(1);
        (mean, ratios[nth])
    }
}

/// Writes the row of a frame into a table.
///
/// # Errors
/// Those of the file.
pub fn write_row(out: &mut impl Write, tally: &Tally, report: &Report) -> io::Result<()> {
    let row = [
        tally.frames,
        report.live_bytes,
        report.held_bytes,
        report.reserved_bytes,
        report.retired_bytes,
        report.staging_bytes,
        report.budget_bytes,
        report.chunks,
        report.blocks,
        report.resident_blocks,
        tally.uses,
        tally.use_hits,
        report.evictions,
        report.stream_ins,
        report.stream_in_bytes,
        report.moves,
        report.moved_bytes,
        report.chunks_returned,
    ];
    for (nth, value) in row.iter().enumerate() {
        let comma = if nth == 0 { "" } else { "," };
        write!(out, "{comma}{value}")?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(live: u64, held: u64, moves: u64) -> Report {
        let mut report = Report::default();
        report.live_bytes = live;
        report.held_bytes = held;
        report.held_bytes_peak = held;
        report.moves = moves;
        report
    }

    #[test]
    fn the_first_tenth_does_not_count() {
        let mut series = Series::default();
        for frame in 1..=100 {
            let held = if frame <= 10 { 1_000 } else { 200 };
            series.add(&report(100, held, 0));
        }
        assert_eq!(series.overhead(), (2.0, 2.0));
        assert_eq!(series.gpu_bytes_peak, 1_000, "peaks are of all frames");
    }

    #[test]
    fn one_frame_in_a_hundred_may_be_above_the_percentile() {
        let mut series = Series::default();
        for frame in 1..=200 {
            let held = if frame == 150 { 900 } else { 100 };
            series.add(&report(100, held, 0));
        }
        assert!(
            (series.overhead().1 - 1.0).abs() < 1e-9,
            "one frame may be above"
        );
        assert!(series.overhead().0 > 1.04, "the mean has it");
    }

    #[test]
    fn a_long_replay_keeps_bounded_samples_and_all_events() {
        let mut series = Series::default();
        let frames = 4 * KEPT_MAX as u64;
        for frame in 1..=frames {
            series.add(&report(100, 150, frame));
        }
        assert!(series.samples().len() <= KEPT_MAX);
        let last = series.samples().last().map(|sample| sample.frame);
        let moves: u64 = series.samples().iter().map(|sample| sample.moves).sum();
        assert_eq!(Some(moves), last, "no move is lost by thinning out");
        assert_eq!(series.overhead(), (1.5, 1.5));
    }

    #[test]
    fn nothing_alive_says_nothing() {
        let mut series = Series::default();
        series.add(&report(0, 500, 0));
        assert_eq!(series.overhead(), (0.0, 0.0));
    }
}
