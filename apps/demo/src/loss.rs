//! `--lose-device-at`: the frames in which the device goes, and how long each loss was seen.

/// The losses of a flight.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    /// Frames to come in which the device goes, rising.
    due: Vec<u32>,
    /// The frames in which it went.
    lost_in: Vec<u64>,
    /// For those that are over: frames until all that the camera saw was there again.
    seen_for: Vec<u64>,
}

impl Losses {
    /// Losses in these frames, in any order; of several in one frame there is one.
    pub fn new(frames: &[u32]) -> Self {
        let mut due = frames.to_vec();
        due.sort_unstable();
        due.dedup();
        Self {
            due,
            ..Self::default()
        }
    }

    /// Whether the device goes in this frame; asked once in each.
    pub fn is_due(&mut self, frame: u64) -> bool {
        let is_due = self.due.first().is_some_and(|due| u64::from(*due) <= frame);
        if is_due {
            self.due.remove(0);
            self.lost_in.push(frame);
        }
        is_due
    }

    /// A frame was drawn; `is_whole` if nothing in view was out of GPU memory.
    pub fn drawn(&mut self, frame: u64, is_whole: bool) {
        if is_whole {
            let over = &self.lost_in[self.seen_for.len()..];
            let frames: Vec<u64> = over.iter().map(|lost| frame - lost).collect();
            self.seen_for.extend(frames);
        }
    }

    /// The frames in which the device went, rising.
    pub fn lost_in(&self) -> &[u64] {
        &self.lost_in
    }

    /// For each loss, frames from it until the first in which all that was in view was there;
    /// none if the flight ended before.
    pub fn frames_until_whole(&self) -> Vec<Option<u64>> {
        let over = self.seen_for.iter().copied().map(Some);
        let open = self.lost_in.len() - self.seen_for.len();
        over.chain(std::iter::repeat_n(None, open)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Losses;

    #[test]
    fn each_loss_ends_with_the_next_frame_that_is_whole() {
        let mut losses = Losses::new(&[9, 3, 5, 3]);
        let mut lost = Vec::new();
        for frame in 0..12 {
            if losses.is_due(frame) {
                lost.push(frame);
            } else {
                losses.drawn(frame, frame == 2 || frame == 8);
            }
        }
        assert_eq!(lost, [3, 5, 9], "in order, each once");
        assert_eq!(losses.lost_in(), [3, 5, 9]);
        assert_eq!(losses.frames_until_whole(), [Some(5), Some(3), None]);
    }
}
