//! The words for kinds, lifetimes and sources.

use std::fmt;
use std::str::FromStr;

use crate::event::{Kind, LifetimeName, SourceName};

/// A text that names no value of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName;

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown name")
    }
}

impl std::error::Error for UnknownName {}

/// Gives a type its words.
macro_rules! names {
    ($type:ident: $($value:ident = $name:literal),+) => {
        impl $type {
            /// The word for it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name),+
                }
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($name => Ok(Self::$value),)+
                    _ => Err(UnknownName),
                }
            }
        }
    };
}

names!(Kind:
    Vertex = "vertex", Index = "index", Uniform = "uniform", Storage = "storage", Mesh = "mesh");
names!(LifetimeName: Dynamic = "dynamic", Long = "long");
names!(SourceName: Retained = "retained", Reload = "reload", ReadBack = "read-back", None = "none");
