//! The conformance tests over each form, and what only one form can show.

mod lavapipe;
mod model;
mod noop;
mod virtual_gpu;
