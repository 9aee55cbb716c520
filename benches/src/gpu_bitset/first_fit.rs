//! First fit over an array of bits on the CPU, in the order of the requests.

/// Units, one bit each.
#[derive(Clone, Debug)]
pub struct FirstFit {
    words: Vec<u64>,
    units: u32,
}

impl FirstFit {
    /// All free.
    pub fn new(units: u32) -> Self {
        Self {
            words: vec![0; units.div_ceil(64) as usize],
            units,
        }
    }

    /// The lowest free run of so many units, taken.
    pub fn take(&mut self, units: u32) -> Option<u32> {
        let (mut at, mut run) = (0, 0);
        while at < self.units {
            let rest = self.words[at as usize / 64] >> (at % 64);
            let left = (64 - at % 64).min(self.units - at);
            let free = rest.trailing_zeros().min(left);
            run += free;
            at += free;
            if run >= units {
                let start = at - run;
                self.set(start, units, true);
                return Some(start);
            }
            if free < left {
                run = 0;
                let taken = (!(rest >> free)).trailing_zeros();
                at += taken.min(left - free);
            }
        }
        None
    }

    /// Gives a run back.
    pub fn free(&mut self, start: u32, units: u32) {
        self.set(start, units, false);
    }

    /// Maximal runs of free units.
    pub fn free_runs(&self) -> u32 {
        let is_free = |unit: u32| self.words[unit as usize / 64] >> (unit % 64) & 1 == 0;
        let begins = |unit: &u32| is_free(*unit) && (*unit == 0 || !is_free(unit - 1));
        u32::try_from((0..self.units).filter(begins).count()).expect("fewer than units")
    }

    /// One more than the highest unit in use.
    pub fn top_units(&self) -> u32 {
        let used = (0..self.units).rev();
        let mut used = used.filter(|unit| self.words[*unit as usize / 64] >> (unit % 64) & 1 == 1);
        used.next().map_or(0, |unit| unit + 1)
    }

    fn set(&mut self, start: u32, units: u32, used: bool) {
        for unit in start..start + units {
            let bit = 1 << (unit % 64);
            let word = &mut self.words[unit as usize / 64];
            assert_eq!(*word & bit == 0, used, "unit {unit} is in that state");
            *word ^= bit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_run_is_taken() {
        let mut bits = FirstFit::new(200);
        assert_eq!(bits.take(60), Some(0));
        assert_eq!(bits.take(10), Some(60));
        assert_eq!(bits.take(130), Some(70));
        assert_eq!(bits.take(1), None);
        assert_eq!((bits.free_runs(), bits.top_units()), (0, 200));
        bits.free(60, 10);
        assert_eq!((bits.free_runs(), bits.top_units()), (1, 200));
        assert_eq!(bits.take(11), None);
        assert_eq!(bits.take(4), Some(60));
        bits.free(0, 60);
        assert_eq!(bits.take(6), Some(0));
        assert_eq!(bits.take(54), Some(6));
        assert_eq!(bits.take(6), Some(64));
    }
}
