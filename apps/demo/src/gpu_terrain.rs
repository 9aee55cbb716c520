//! `--gpu-terrain`: a volumetric terrain that is made on the GPU and stays there.
//!
//! The ground is where a [`field`] is below 0: the height above the landscape's real heights,
//! with ledges, overhangs and tunnels of noise. Bricks of 32 cells a side around the eye are meshed
//! by compute shaders ([`mesher`]) as the camera moves, and props are scattered over them.
//! How large a mesh is only the GPU knows: the mesher makes it in a buffer that the next frame uses
//! again, and writes requests for [`geoheap_gpu_bitset::GpuHeap`], which places and copies it in
//! the same submission. Culling and draw records are compute shaders as well ([`machine`]).
//!
//! The CPU says which columns of bricks there should be ([`chunks`]). What became of its wishes it
//! learns from the heap's mirror, frames later. A column is drawn from the moment in which all of
//! its meshes are there, and not any more from the moment in which one of them goes: the heap flips
//! and frees within one batch. Where there is no room the farthest columns are freed, and what had
//! no room is asked for again.
//!
//! A ground and its props are an object each, with a slot of their own; an object has two streams,
//! vertices and indices, in units of 128 vertices and 128 quads, of which a net has about as many.

pub mod chunks;
pub mod field;
mod kernel;
pub mod lattice;
pub mod machine;
pub mod mesher;
mod props;
mod terrain;
mod units_picture;

pub use machine::bytes_max;
pub use terrain::{GpuAlloc, Pace, Survey, Terrain, TerrainConfig};
