//! Drawing: a device, pipelines, the textures to draw into, and recording in several passes.

pub mod device;
mod instances;
pub mod overlay;
pub mod panel_pass;
mod pipelines;
pub mod record;
pub mod targets;
