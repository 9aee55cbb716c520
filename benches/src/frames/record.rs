//! Recording: from the first call to the finished commands, without their submission.
//!
//! A turn is a few frames of which the fastest counts: other programs on the machine can only slow
//! a frame down, and two threads are compared with one as on two idle cores.

use std::sync::Arc;
use std::time::Instant;

use geoheap::wgpu::CommandBuffer;

use super::canvas::Canvas;
use super::ours::stage::Stage;
use super::plain::{BoundOnce, OwnBuffers, Plain};
use super::scene::Scene;
use crate::table::{Row, Table};
use crate::turns::Turns;

/// Frames of a turn of one thread.
const TURN_FRAMES: usize = 3;
/// Frames of a turn in which two threads are compared with one: it is rarer that both cores are
/// free for so long. There are as many fewer rounds.
const PAIR_TURN_FRAMES: usize = 12;

/// Who records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The calling thread.
    Caller,
    /// One thread of a pool.
    One,
    /// Two threads of a pool, half of the meshes each.
    Two,
}

/// How the draws are cut into items for two threads that share them out as they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Into items of which the last tenth is ten times dearer than the others.
    Uneven,
    /// The same draws into items that all cost the same.
    Ideal,
}

/// A way to record all meshes of a scene.
pub trait Recorder {
    /// The name in the tables.
    fn name(&self) -> &'static str;

    /// Records the scene's pass.
    fn record(&mut self, by: By) -> Vec<CommandBuffer>;

    /// Records the scene's pass without anything that earlier frames knew; `None` where that is
    /// how it is recorded anyway.
    fn record_anew(&mut self) -> Option<Vec<CommandBuffer>> {
        None
    }

    /// Records it by multi-draw; `None` where there is no such thing yet.
    fn record_multi(&mut self) -> Option<Vec<CommandBuffer>> {
        None
    }

    /// Records it by two threads, cut as told; `None` where there is no such thing yet.
    fn record_uneven(&mut self, _: Cut) -> Option<Vec<CommandBuffer>> {
        None
    }

    /// What is to be done between frames, outside of the time.
    fn settle(&mut self) {}
}

/// A canvas with all that record for it: ours first.
pub struct Studio {
    canvas: Arc<Canvas>,
    recorders: Vec<Box<dyn Recorder>>,
    draws: usize,
}

impl std::fmt::Debug for Studio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Studio")
            .field("canvas", &self.canvas)
            .finish_non_exhaustive()
    }
}

impl Studio {
    /// Everyone draws once, in every way. Where the canvas draws, the pictures are compared.
    pub fn new(canvas: Canvas, scene: &Scene) -> Self {
        let canvas = Arc::new(canvas);
        let recorders: Vec<Box<dyn Recorder>> = vec![
            Box::new(Stage::new(&canvas, scene)),
            Box::new(Plain::<OwnBuffers>::new(&canvas, scene)),
            Box::new(Plain::<BoundOnce>::new(&canvas, scene)),
        ];
        let mut studio = Self {
            canvas,
            recorders,
            draws: scene.meshes.len(),
        };
        let expected = scene.picture();
        for who in 0..studio.recorders.len() {
            for by in [By::Caller, By::One, By::Two] {
                studio.time(who, by, 1);
                studio.check(&expected, who, &format!("{by:?}"));
            }
            if !studio.time_multi(who).is_nan() {
                studio.check(&expected, who, "multi-draw");
            }
            if !studio.time_anew(who).is_nan() {
                studio.check(&expected, who, "a new list");
            }
            for cut in [Cut::Uneven, Cut::Ideal] {
                let time = studio.fastest(who, 1, |recorder| recorder.record_uneven(cut));
                if !time.is_nan() {
                    studio.check(&expected, who, &format!("{cut:?}"));
                }
            }
        }
        studio
    }

    fn check(&self, expected: &[u8], who: usize, by: &str) {
        if !self.canvas.draws {
            return;
        }
        let name = self.recorders[who].name();
        assert!(
            self.canvas.picture() == expected,
            "{name} draws the picture, by {by}"
        );
    }

    fn peers(&self) -> Vec<&'static str> {
        self.recorders
            .iter()
            .skip(1)
            .map(|one| one.name())
            .collect()
    }

    /// Nanoseconds of the fastest frame of a turn.
    fn time(&mut self, who: usize, by: By, frames: usize) -> f64 {
        self.fastest(who, frames, |recorder| Some(recorder.record(by)))
    }

    /// The same by multi-draw; NaN where there is none.
    fn time_multi(&mut self, who: usize) -> f64 {
        self.fastest(who, TURN_FRAMES, |recorder| recorder.record_multi())
    }

    /// The same with nothing kept from earlier frames; NaN where that is no difference.
    fn time_anew(&mut self, who: usize) -> f64 {
        self.fastest(who, TURN_FRAMES, |recorder| recorder.record_anew())
    }

    fn fastest(
        &mut self,
        who: usize,
        frames: usize,
        record: impl Fn(&mut dyn Recorder) -> Option<Vec<CommandBuffer>>,
    ) -> f64 {
        let recorder = &mut *self.recorders[who];
        let mut fastest = f64::NAN;
        for _ in 0..frames {
            let start = Instant::now();
            let Some(commands) = record(recorder) else {
                return f64::NAN;
            };
            // The least of a number and NaN is the number.
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1e9);
            self.canvas.submit(commands);
            recorder.settle();
        }
        fastest
    }

    /// The rows of recording on the calling thread, and by multi-draw where there is such a thing.
    #[expect(clippy::cast_precision_loss, reason = "draws are few")]
    pub fn draws(&mut self, table: &mut Table, workload: &str, rounds: usize) {
        let (peers, draws) = (self.peers(), self.draws as f64);
        let count = self.recorders.len();
        // The last two are ours again, by multi-draw and with a new list in each frame.
        let (by_multi, anew) = (count, count + 1);
        let turns = Turns::take(rounds, count + 2, |who, _| {
            let ns = if who == by_multi {
                self.time_multi(0)
            } else if who == anew {
                self.time_anew(0)
            } else {
                self.time(who, By::Caller, TURN_FRAMES)
            };
            ns / draws
        });
        turns.rows(table, workload, "ns_per_draw", &peers);
        let others = [(by_multi, "ns_per_draw_multi"), (anew, "ns_per_draw_anew")];
        for (entry, metric) in others {
            let ours = turns.median(entry);
            if ours.is_nan() {
                continue;
            }
            for (who, peer) in (1..).zip(&peers) {
                let ratio = turns.ratio(entry, who);
                table.push(Row::of_rounds(workload, metric, ours, peer, ratio));
            }
        }
    }

    /// The rows of two threads against one, each a pool's.
    pub fn speedup(&mut self, table: &mut Table, workload: &str, rounds: usize) {
        let peers = self.peers();
        let rounds = (rounds * TURN_FRAMES).div_ceil(PAIR_TURN_FRAMES);
        let turns = Turns::take(rounds, self.recorders.len(), |who, _| {
            // One frame of each in turn, so that both see the same machine.
            let (mut one, mut two) = (f64::NAN, f64::NAN);
            for _ in 0..PAIR_TURN_FRAMES {
                one = one.min(self.time(who, By::One, 1));
                two = two.min(self.time(who, By::Two, 1));
            }
            one / two
        });
        turns.rows(table, workload, "speedup", &peers);
    }

    /// The row of two threads with an uneven load, by the time of the ideal cut.
    pub fn uneven(&mut self, table: &mut Table, workload: &str, rounds: usize) {
        let rounds = (rounds * TURN_FRAMES).div_ceil(PAIR_TURN_FRAMES);
        let time = |studio: &mut Self, cut| studio.fastest(0, 1, |ours| ours.record_uneven(cut));
        let turns = Turns::take(rounds, 1, |_, _| {
            let (mut uneven, mut ideal) = (f64::NAN, f64::NAN);
            for _ in 0..PAIR_TURN_FRAMES {
                uneven = uneven.min(time(self, Cut::Uneven));
                ideal = ideal.min(time(self, Cut::Ideal));
            }
            uneven / ideal
        });
        let over = turns.median(0);
        if !over.is_nan() {
            table.push(Row::new(workload, "over_ideal", over, "ideal-split", 1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_record_on_the_noop_device() {
        let scene = Scene::new(12);
        let mut studio = Studio::new(Canvas::noop(), &scene);
        let mut table = Table::default();
        studio.draws(&mut table, "record", 2);
        studio.speedup(&mut table, "record", 2);
        let rows = table.rows().iter();
        let rows: Vec<_> = rows.map(|row| (row.metric, row.peer)).collect();
        let own = "plain-own-buffers";
        assert!(rows.contains(&("ns_per_draw", own)), "{rows:?}");
        assert!(rows.contains(&("speedup", "plain-bound-once")), "{rows:?}");
        assert!(
            table.rows().iter().all(|row| row.ours > 0.0),
            "{:?}",
            table.rows()
        );
    }

    #[test]
    fn all_draw_the_same_picture() {
        let Some(canvas) = Canvas::vulkan() else {
            panic!("this test needs a Vulkan driver; Mesa's lavapipe is one");
        };
        // Pictures are compared when the studio opens.
        let studio = Studio::new(canvas, &Scene::new(20));
        let expected = Scene::new(19).picture();
        assert!(
            studio.canvas.picture() != expected,
            "another scene, another picture"
        );
    }
}
