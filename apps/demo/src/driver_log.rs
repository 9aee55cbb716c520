//! What the driver and its validation layer say reaches us as log records; errors count.

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::render::device::GpuErrors;

/// The modules of wgpu that pass on what a driver or a validation layer says.
const DRIVER: &str = "wgpu_hal";

#[derive(Debug)]
struct DriverLog {
    errors: GpuErrors,
}

impl Log for DriverLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if counts(record.level(), record.target()) {
            self.errors.note();
            tracing::error!(target: "driver", "{}: {}", record.target(), record.args());
        } else {
            tracing::warn!(target: "driver", "{}: {}", record.target(), record.args());
        }
    }

    fn flush(&self) {}
}

/// Whether a record is an error of the driver's.
fn counts(level: Level, target: &str) -> bool {
    level == Level::Error && target.starts_with(DRIVER)
}

/// Counts errors from now on, for the whole program. Only the first call has an effect.
pub fn listen(errors: &GpuErrors) {
    let log = Box::new(DriverLog {
        errors: errors.clone(),
    });
    if log::set_boxed_logger(log).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_the_driver_count() {
        assert!(
            counts(Level::Error, "wgpu_hal::vulkan::instance"),
            "validation"
        );
        assert!(
            !counts(Level::Warn, "wgpu_hal::vulkan::instance"),
            "a remark"
        );
        assert!(!counts(Level::Error, "winit"), "somebody else");
    }
}
