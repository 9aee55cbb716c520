//! What clients are told may be so, until they are told otherwise.

use geoheap::Version;

/// Whether something may be so, and in which versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It is not so.
    #[default]
    None,
    /// It may be so in each version.
    Now,
    /// It may be so in the versions before this one.
    Before(Version),
}

impl Doubt {
    /// It may be so from now on.
    pub(crate) fn begin(&mut self) {
        *self = Self::Now;
    }

    /// Since `version` it is not so any more.
    pub(crate) fn end(&mut self, version: Version) {
        if *self == Self::Now {
            *self = Self::Before(version);
        }
    }

    /// Whether it may be so in versions to come.
    pub(crate) fn is_now(self) -> bool {
        self == Self::Now
    }

    /// Whether it may be so in `version`.
    pub(crate) fn covers(self, version: Version) -> bool {
        match self {
            Self::None => false,
            Self::Now => true,
            Self::Before(end) => version < end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_ends_for_later_versions_and_can_begin_again() {
        let [early, late] = [3, 7].map(Version::new);
        let mut doubt = Doubt::None;
        doubt.end(early);
        assert!(!doubt.covers(early), "what never began does not end");
        doubt.begin();
        assert!(doubt.is_now() && doubt.covers(late));
        doubt.end(late);
        assert_eq!((doubt.covers(early), doubt.covers(late)), (true, false));
        assert!(!doubt.is_now());
        doubt.begin();
        assert!(doubt.covers(late));
    }
}
