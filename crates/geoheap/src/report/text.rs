//! A report in a few lines, for logs and for eyes.

use core::fmt;

use crate::report::Report;

impl fmt::Display for Report {
    /// Lines of text without a newline at the end: the budget and where it comes from, what is
    /// held, and each thing that is not as it should be. Figures are in bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (budget, origin) = (self.budget_bytes, self.budget_origin);
        write!(f, "budget {budget} ({origin})")?;
        if self.budget_effective_bytes < budget {
            let effective = self.budget_effective_bytes;
            write!(f, ", of which the device gives {effective} for now")?;
        }
        write!(
            f,
            "\nheld {}, of which {} are staging",
            self.held_bytes, self.staging_bytes
        )?;
        if self.outside_bytes > 0 {
            write!(f, " and {} outside", self.outside_bytes)?;
        }
        write!(f, "; {} live in {} chunks", self.live_bytes, self.chunks)?;
        write!(
            f,
            "\n{} of {} blocks resident, {} bytes in all",
            self.resident_blocks, self.blocks, self.world_bytes
        )?;
        if let Some(degraded) = &self.degraded {
            write!(f, "\ndegraded: {degraded}")?;
        }
        if let Some(pressure) = &self.backpressure {
            write!(f, "\nbackpressure: {pressure}")?;
        }
        if self.device_lost {
            f.write_str("\nthe device is lost")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget_origin::BudgetOrigin;
    use crate::report::Degraded;

    fn check(change: fn(&mut Report), expected: &str) {
        let mut report = Report {
            budget_bytes: 100,
            budget_effective_bytes: 100,
            held_bytes: 60,
            staging_bytes: 10,
            chunks: 2,
            live_bytes: 40,
            resident_blocks: 3,
            blocks: 5,
            world_bytes: 70,
            ..Report::default()
        };
        change(&mut report);
        let text = report.to_string();
        assert!(text.contains(expected), "{text:?} has {expected:?}");
        let common = "\nheld 60, of which 10 are staging; 40 live in 2 chunks\n\
                      3 of 5 blocks resident, 70 bytes in all";
        assert!(text.contains(common), "{text:?}");
    }

    #[test]
    fn a_report_tells_its_budget_and_what_is_wrong() {
        check(|_| {}, "budget 100 (default)\nheld");
        check(
            |report| report.budget_origin = BudgetOrigin::Explicit,
            "(explicit)\n",
        );
        check(
            |report| report.budget_origin = BudgetOrigin::Probe,
            "(probe)\n",
        );
        check(
            |report| report.budget_effective_bytes = 80,
            "(default), of which the device gives 80 for now\n",
        );
        check(|report| report.device_lost = true, "\nthe device is lost");
        let report = Report {
            outside_bytes: 7,
            ..Report::default()
        };
        let text = report.to_string();
        assert!(
            text.contains("of which 0 are staging and 7 outside;"),
            "{text}"
        );
        check(
            |report| {
                report.degraded = Some(Degraded {
                    working_set_bytes: 120,
                    missing_bytes: 30,
                    budget_bytes: 90,
                });
            },
            "\ndegraded: frames use 120 bytes, 30 of them missing; dynamic",
        );
    }
}
