//! The judges object.
