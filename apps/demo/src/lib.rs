//! The streaming demo: a real landscape that outgrows its GPU budget, flown over while `geoheap`
//! keeps what the camera sees in GPU memory.
//!
//! # How it works
//! One geometry thread ([`world`]) follows the camera, builds tiles, groves and models out of the
//! [`content`], and hands them to the engine through its client. It never touches the GPU. For
//! each frame it leaves an immutable list of what to draw ([`draw_list`]): handles and a few
//! numbers, never vertex bytes. The frame ([`headless`], [`window`]) pins one version of the heap
//! with a ticket, and several render threads ([`render`]) look each handle up and record its draw.
//! A handle whose block is not there is drawn as a long-lived stand-in, or left out with
//! `--no-fallback`, and the next list draws something coarser in its place until it is back.
//!
//! With `--gpu-terrain` the ground is none of the engine's: shaders make it, and it stays in a heap
//! on the GPU ([`gpu_terrain`]), which is drawn before all else.
//!
//! [`content`] makes meshes and says which of them a frame wants. It knows neither a graphics API
//! nor the memory manager.
//!
//! # Invariants
//! - D1 With `--backend virtual --lockstep` and one seed, two runs count the same: no decision
//!   depends on a clock, on a thread's timing or on the order of a hash map.
//! - D2 Input is read and checked in full before a device is asked for or a thread started.
//! - D3 Every thread that a run starts has ended when the run returns.
//! - D4 What `--check` compares with is made from the same description as the block, never from
//!   what the GPU returned.
//! - D5 The terrain that the GPU makes is drawn column by column: all meshes of one, or none.
#![forbid(unsafe_code)]

pub mod check;
pub mod cli;
pub mod content;
pub mod draw_list;
pub mod driver_log;
pub mod flight;
pub mod frame_cost;
pub mod geometry;
pub mod gpu_terrain;
pub mod headless;
pub mod heap_view;
pub mod loss;
pub mod panel;
pub mod picture;
pub mod prepare;
pub mod progress;
pub mod render;
pub mod report;
pub mod resolve;
pub mod steer;
pub mod window;
pub mod world;
