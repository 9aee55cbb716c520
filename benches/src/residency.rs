//! What is streamed in when memory is short: our policies against known ones and the optimum.
//!
//! A [`World`](world::World) is a list of frames: what came, what was drawn, what went. It is
//! played to a [`Cache`](cache::Cache) of so many bytes: what a frame draws and the cache lacks is
//! streamed in, and at the end of the frame the cache gives up entries until it is within its bytes
//! again. A frame may so overshoot. Bytes are bytes: there are no chunks here, and nothing is lost
//! to fragments. [`engine`] plays the same frames to the whole engine.

pub mod cache;
pub mod caches;
pub mod engine;
pub mod mixes;
pub mod recorded;
pub mod world;
