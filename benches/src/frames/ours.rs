//! What is ours, each part behind an adapter in a file of its own.

pub mod actors;
pub mod engine;
pub mod lookup;
pub mod multi;
pub mod record;
pub mod ring;
pub mod stage;
pub mod upload;
