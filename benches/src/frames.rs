//! What a frame costs: lookups, publication, recording and uploads, ours and as programs do it
//! today.
//!
//! # Workloads
//!
//! [`workload::Workload`] names them. Scripts are seeded, and all entrants get the same.
//!
//! | workload | what |
//! |---|---|
//! | `lookup-random-64Ki`, `-1Mi`, `-4Mi` | frames that look up so many blocks in random order |
//! | `lookup-seq-1Mi` | the same in the order of the table |
//! | `lookup-random-1Mi-2-threads` | two threads at once, each with frames of its own |
//! | `publish-1k`, `-10k`, `-50k` | versions of so many scattered changes to 1 Mi blocks |
//! | `storm` | beginnings of frames while a writer publishes 10 000 changes every 2 ms |
//! | `record-10k`, `record-10k-noop` | a pass of 10 000 small meshes, on Vulkan and on no device |
//! | `record-2-actors`, `-noop` | the same pass recorded by two threads against by one |
//! | `record-2-actors-uneven` | the same with one share ten times dearer |
//! | `static-scene` | frames in which nothing changes |
//! | `churn-1pct` | frames in each of which one mesh in a hundred changes |
//!
//! # Ours
//!
//! Lookups, the storm, recording and uploads are those of the engine, a `GeometryManager`; blocks
//! are tiny where there are many. What a version costs is measured at the ring of replicas
//! ([`ours::ring`]), which the engine publishes through: the rest of the engine's tick is
//! placement and upload, for which no peer has a like. In the storm the engine's writer places and
//! uploads 10 000 blocks for each version; `publishes_per_s` tells how often it gets through, and
//! the peer `frame-sync`, the bare ring, keeps the full pace.
//!
//! # Peers
//!
//! | peer | what |
//! |---|---|
//! | `flat-slice` | a slice of the same 32 bytes, indexed, the generation compared: the limit |
//! | `rwlock-hashmap` | the standard library's map behind a lock, locked at each lookup |
//! | `rwlock-hashmap-ahash` | the same with a fast hash |
//! | `rwlock-hashmap-frame` | locked once in a frame |
//! | `double-buffer-refcount` | two tables behind a lock; each lookup counts its block up |
//! | `left-right` | the crate of that name |
//! | `cow-pages` | `arc-swap` over pages of 256 places, copied when they change |
//! | `frame-sync` | our ring without the engine |
//! | `plain-own-buffers` | wgpu, with a vertex and an index buffer for each mesh |
//! | `plain-bound-once` | wgpu, with fixed offsets in one buffer, bound once: the limit |
//! | `triple-ring` | all vertex data copied into one of three buffers in each frame |
//! | `ideal-split` | 1, in place of a peer's value |
//!
//! # How it is measured
//!
//! All run in one process in short turns ([`turns`](crate::turns)), warm, and find the same or
//! draw the same: a digest is compared in every turn, a picture before the first. The largest
//! tables take 7 GB of memory together, and all of it takes three minutes on two cores.

pub mod canvas;
pub mod crew;
pub mod lookup;
pub mod ours;
pub mod peers;
pub mod place;
pub mod plain;
pub mod publish;
pub mod record;
pub mod scene;
pub mod script;
pub mod storm;
pub mod tables;
pub mod triple_ring;
pub mod upload;
pub mod workload;
pub mod world;
