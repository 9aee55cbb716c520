//! Frames as a policy sees them: what came, what was drawn, what went.

/// What happens to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It exists from here on with so many bytes, or has so many from here on.
    Bytes {
        /// The entry.
        id: u32,
        /// Its bytes.
        bytes: u64,
    },
    /// It exists no more.
    Gone(u32),
    /// The frame draws it.
    Draw(u32),
}

/// Frames over entries that are numbered from 0.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// As in the tables.
    pub name: String,
    /// The steps of each frame.
    pub frames: Vec<Vec<Step>>,
    /// Number of entries.
    pub entries: usize,
    /// The most bytes that exist at a time, of which budgets are shares.
    pub peak_bytes: u64,
}

impl World {
    /// A world of these frames, in which what is drawn at the end of each is told by its list.
    pub fn new(name: &str, entries: usize, frames: Vec<Vec<Step>>) -> Self {
        let mut bytes = vec![0; entries];
        let (mut live, mut peak_bytes) = (0, 0);
        for step in frames.iter().flatten() {
            let (id, after) = match *step {
                Step::Bytes { id, bytes } => (id, bytes),
                Step::Gone(id) => (id, 0),
                Step::Draw(_) => continue,
            };
            let before = std::mem::replace(&mut bytes[id as usize], after);
            live = live - before + after;
            peak_bytes = peak_bytes.max(live);
        }
        Self {
            name: name.to_owned(),
            frames,
            entries,
            peak_bytes,
        }
    }

    /// The same frames, and then the same in reverse, with nothing ever gone: each place is seen
    /// twice. Budgets stay shares of the same bytes.
    #[must_use]
    pub fn there_and_back(&self, name: &str) -> Self {
        let stays = |frame: &Vec<Step>| -> Vec<Step> {
            let kept = frame.iter().filter(|step| !matches!(step, Step::Gone(_)));
            kept.copied().collect()
        };
        let drawn = |frame: &Vec<Step>| -> Vec<Step> {
            let draws = frame.iter().filter(|step| matches!(step, Step::Draw(_)));
            draws.copied().collect()
        };
        let back = self.frames.iter().rev().map(drawn);
        Self {
            name: name.to_owned(),
            frames: self.frames.iter().map(stays).chain(back).collect(),
            entries: self.entries,
            peak_bytes: self.peak_bytes,
        }
    }

    /// Bytes of the longest entry.
    pub fn longest_bytes(&self) -> u64 {
        let bytes = self.frames.iter().flatten().map(|step| match *step {
            Step::Bytes { bytes, .. } => bytes,
            Step::Gone(_) | Step::Draw(_) => 0,
        });
        bytes.max().unwrap_or(0)
    }

    /// So many bytes of a hundred of the peak.
    pub const fn share(&self, percent: u64) -> u64 {
        self.peak_bytes / 100 * percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_the_most_that_exists() {
        let bytes = |id, bytes| Step::Bytes { id, bytes };
        let world = World::new(
            "w",
            2,
            vec![
                vec![bytes(0, 10), Step::Draw(0)],
                vec![bytes(1, 5), Step::Draw(1)],
                vec![bytes(0, 3), Step::Gone(1)],
                vec![bytes(1, 9)],
            ],
        );
        assert_eq!(world.peak_bytes, 15, "10 and 5; then 3 and 9");
        let both = world.there_and_back("both");
        let drawn = |at: usize| both.frames[at].contains(&Step::Draw(0));
        assert!(drawn(0) && drawn(7), "the first frame is the last one too");
        assert!(
            !both
                .frames
                .iter()
                .flatten()
                .any(|step| *step == Step::Gone(1)),
            "nothing goes"
        );
        assert_eq!(both.peak_bytes, world.peak_bytes, "budgets stay comparable");
    }
}
