//! What the demo shows: everything here is pure computation on the CPU, the same for the same seed.
//!
//! The parts, in the order in which a frame meets them:
//!
//! - [`elevation`] reads the real heights, [`noise`] adds the detail between the samples,
//! - [`scene`] names every object that may be streamed ([`scene::ObjectId`]) and can build any of
//!   them on any thread,
//! - [`tile`] makes the ground, [`props`] what stands on it, [`ui`] what lies over the picture,
//! - [`camera`] flies, [`select`] says what to draw, what to keep and what to let go,
//! - [`gltf_load`] brings meshes of the user's own.
//!
//! # Space
//!
//! x points east, y up, z south, in world metres, with the origin at the north-west corner of the
//! elevation at sea level. The world is the real one made smaller: a sample of the elevation
//! (about 363 m by 463 m) becomes [`elevation::SAMPLE_SPACING_M`] in both directions, and heights
//! are multiplied by [`elevation::VERTICAL_SCALE`].
//! Meshes are local to an origin that [`scene::Scene::origin`] gives, so that a renderer can add
//! `origin - camera` in one subtraction and keep full precision near the eye.
pub mod camera;
pub mod elevation;
pub mod gltf_load;
pub mod mesh;
pub mod noise;
pub mod props;
pub mod scene;
pub mod select;
pub mod tile;
pub mod ui;
