//! How the engine's own words read in a trace.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use geoheap_chunk_heap::{AlignRule, KindId, KindTable, Lifetime};
use geoheap_trace::{Kind, LifetimeName, Part, Settings, SourceName};

use geoheap_suballoc::Align;

use crate::config::Config;
use crate::core::record::SourceKind;

/// The second heap of a program writes `flight-2.trace.gz` beside `flight.trace.gz`.
pub(super) fn numbered(path: PathBuf, nth: u64) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str());
    let (Some(name), true) = (name, nth > 1) else {
        return path;
    };
    let (stem, rest) = name.split_at(name.find('.').unwrap_or(name.len()));
    let numbered: OsString = format!("{stem}-{nth}{rest}").into();
    path.parent().unwrap_or(Path::new("")).join(numbered)
}

pub(super) fn settings(config: &Config) -> Settings {
    let default = Config::default();
    let differs = |value: u64, default: u64| (value != default).then_some(value);
    Settings {
        chunk_bytes: differs(config.chunk_bytes.get(), default.chunk_bytes.get()),
        // Where a trace does not say, they are no larger than the others.
        long_chunk_bytes: differs(
            config.long_lived_chunk_bytes.get(),
            default.long_lived_chunk_bytes.min(config.chunk_bytes).get(),
        ),
        staging_bytes: differs(config.staging_bytes.get(), default.staging_bytes.get()),
        tick_upload_bytes: differs(
            config.tick_upload_bytes.get(),
            default.tick_upload_bytes.get(),
        ),
    }
}

/// Kinds of the caller's own become the standard kind that is placed most alike.
pub(super) fn trace_part(
    (kind, bytes, stride): (KindId, u64, u32),
    align: Align,
    kinds: &KindTable,
) -> Part {
    let rule = kinds.get(kind).map(|row| row.rule);
    let (name, align) = match (kind, rule) {
        (KindId::UNIFORM, _) => (Kind::Uniform, 1),
        (KindId::STORAGE, _) | (_, None) => (Kind::Storage, 1),
        (_, Some(AlignRule::Stride)) => (Kind::Vertex, 1),
        (_, Some(AlignRule::IndexWidth)) => (Kind::Index, 1),
        (_, Some(AlignRule::Fixed(align))) => {
            (Kind::Vertex, u32::try_from(align.get()).unwrap_or(1))
        }
        (_, Some(AlignRule::PerPart)) => {
            return Part {
                align: u32::try_from(align.get()).unwrap_or(1),
                ..Part::new(Kind::Vertex, bytes)
            };
        }
    };
    Part {
        bytes,
        kind: name,
        align,
        stride,
    }
}

pub(super) fn lifetime_name(lifetime: Lifetime) -> LifetimeName {
    match lifetime {
        Lifetime::Dynamic => LifetimeName::Dynamic,
        Lifetime::LongLived => LifetimeName::Long,
    }
}

pub(super) fn source_name(source: SourceKind) -> SourceName {
    match source {
        SourceKind::Retained => SourceName::Retained,
        SourceKind::Reload => SourceName::Reload,
        SourceKind::ReadBack => SourceName::ReadBack,
        SourceKind::None => SourceName::None,
    }
}

pub(super) fn priority(priority: u8) -> Option<u8> {
    (priority != crate::payload::PRIORITY_DEFAULT).then_some(priority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, nth: u64, expected: &str) {
        assert_eq!(numbered(PathBuf::from(path), nth), Path::new(expected));
    }

    #[test]
    fn each_heap_has_a_file_of_its_own() {
        check("flight.trace.gz", 1, "flight.trace.gz");
        check("flight.trace.gz", 2, "flight-2.trace.gz");
        check("out/flight", 3, "out/flight-3");
    }
}
