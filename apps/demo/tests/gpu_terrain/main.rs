//! The terrain that the GPU makes: its meshes against an oracle on the CPU, flights through a heap
//! that is too small against a heap that holds everything, and whole flights of the program.

mod flight;
mod meshes;
mod oracle;
mod program;
mod reference;
mod rig;
