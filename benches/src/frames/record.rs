//! Recording: from the first call to the finished commands, without their submission.

use std::sync::Arc;
use std::time::Instant;

use geoheap::wgpu::CommandBuffer;

use super::canvas::Canvas;
use super::ours::stage::Stage;
use super::plain::{BoundOnce, OwnBuffers, Plain};
use super::scene::Scene;
use super::turns::Turns;
use crate::table::{Row, Table};

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

/// A way to record all meshes of a scene.
pub trait Recorder {
    /// The name in the tables.
    fn name(&self) -> &'static str;

    /// Records the scene's pass.
    fn record(&mut self, by: By) -> Vec<CommandBuffer>;

    /// Records it by multi-draw; `None` where there is no such thing yet.
    fn record_multi(&mut self) -> Option<Vec<CommandBuffer>> {
        None
    }

    /// Records it by two threads with one share ten times dearer than the others, and returns the
    /// time by that of the ideal split; `None` where there is no such thing yet.
    fn uneven(&mut self) -> Option<f64> {
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
                studio.time(who, by);
                studio.check(&expected, who, by);
            }
            studio.time_multi(who);
        }
        studio
    }

    fn check(&self, expected: &[u8], who: usize, by: By) {
        if !self.canvas.draws {
            return;
        }
        let name = self.recorders[who].name();
        assert!(
            self.canvas.picture() == expected,
            "{name} draws the picture, by {by:?}"
        );
    }

    fn peers(&self) -> Vec<&'static str> {
        self.recorders
            .iter()
            .skip(1)
            .map(|one| one.name())
            .collect()
    }

    /// Nanoseconds of a frame.
    fn time(&mut self, who: usize, by: By) -> f64 {
        let recorder = &mut self.recorders[who];
        let start = Instant::now();
        let commands = recorder.record(by);
        let ns = start.elapsed().as_secs_f64() * 1e9;
        self.canvas.submit(commands);
        recorder.settle();
        ns
    }

    /// Nanoseconds of a frame by multi-draw; NaN where there is none.
    fn time_multi(&mut self, who: usize) -> f64 {
        let recorder = &mut self.recorders[who];
        let start = Instant::now();
        let Some(commands) = recorder.record_multi() else {
            return f64::NAN;
        };
        let ns = start.elapsed().as_secs_f64() * 1e9;
        self.canvas.submit(commands);
        recorder.settle();
        ns
    }

    /// The rows of recording on the calling thread, and by multi-draw where there is such a thing.
    #[expect(clippy::cast_precision_loss, reason = "draws are few")]
    pub fn draws(&mut self, table: &mut Table, workload: &str, rounds: usize) {
        let (peers, draws) = (self.peers(), self.draws as f64);
        let count = self.recorders.len();
        // The last one is ours again, by multi-draw.
        let turns = Turns::take(rounds, count + 1, |who, _| {
            let ns = if who == count {
                self.time_multi(0)
            } else {
                self.time(who, By::Caller)
            };
            ns / draws
        });
        turns.rows(table, workload, "ns_per_draw", &peers);
        let multi = turns.median(count);
        if multi.is_nan() {
            return;
        }
        for (who, peer) in (1..).zip(peers) {
            let ratio = turns.ratio(count, who);
            table.push(Row::of_rounds(
                workload,
                "ns_per_draw_multi",
                multi,
                peer,
                ratio,
            ));
        }
    }

    /// The rows of two threads against one, each a pool's.
    pub fn speedup(&mut self, table: &mut Table, workload: &str, rounds: usize) {
        let peers = self.peers();
        let turns = Turns::take(rounds, self.recorders.len(), |who, round| {
            let (one, two) = if round % 2 == 0 {
                let one = self.time(who, By::One);
                (one, self.time(who, By::Two))
            } else {
                let two = self.time(who, By::Two);
                (self.time(who, By::One), two)
            };
            one / two
        });
        turns.rows(table, workload, "speedup", &peers);
    }

    /// The row of two threads with an uneven load.
    pub fn uneven(&mut self, table: &mut Table, workload: &str, rounds: usize) {
        let ours = &mut self.recorders[0];
        if ours.uneven().is_none() {
            return;
        }
        let turns = Turns::take(rounds, 1, |_, _| ours.uneven().unwrap_or(f64::NAN));
        table.push(Row::new(
            workload,
            "over_ideal",
            turns.median(0),
            "ideal-split",
            1.0,
        ));
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
