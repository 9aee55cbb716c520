//! Recording with wgpu alone.

mod bound_once;
mod own_buffers;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use geoheap::wgpu::{CommandBuffer, RenderPass};

pub use bound_once::BoundOnce;
pub use own_buffers::OwnBuffers;

use super::canvas::Canvas;
use super::crew::Crew;
use super::record::{By, Recorder};
use super::scene::Scene;

/// Meshes as plain wgpu has them.
pub trait Meshes: Send + Sync + 'static {
    /// The name in the tables.
    const NAME: &'static str;

    /// Uploads all meshes.
    fn new(canvas: &Canvas, scene: &Scene) -> Self;

    /// Draws a share of them.
    fn draw(&self, pass: &mut RenderPass<'_>, share: usize, shares: usize);
}

/// Records meshes of one kind.
pub struct Plain<M> {
    canvas: Arc<Canvas>,
    meshes: Arc<M>,
    one: Crew,
    two: Crew,
}

impl<M> fmt::Debug for Plain<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain").finish_non_exhaustive()
    }
}

impl<M: Meshes> Plain<M> {
    /// Uploads the scene.
    pub fn new(canvas: &Arc<Canvas>, scene: &Scene) -> Self {
        Self {
            meshes: Arc::new(M::new(canvas, scene)),
            canvas: Arc::clone(canvas),
            one: Crew::new(1),
            two: Crew::new(2),
        }
    }

    fn share(canvas: &Canvas, meshes: &M, share: usize, shares: usize) -> CommandBuffer {
        let mut encoder = canvas.encoder();
        let mut pass = canvas.pass(&mut encoder, share == 0);
        meshes.draw(&mut pass, share, shares);
        drop(pass);
        encoder.finish()
    }
}

impl<M: Meshes> Recorder for Plain<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn record(&mut self, by: By) -> Vec<CommandBuffer> {
        let crew = match by {
            By::Caller => return vec![Self::share(&self.canvas, &self.meshes, 0, 1)],
            By::One => &self.one,
            By::Two => &self.two,
        };
        let (canvas, meshes) = (Arc::clone(&self.canvas), Arc::clone(&self.meshes));
        crew.run(move |share, shares| Self::share(&canvas, &meshes, share, shares))
    }
}

/// A share of `len` things in a row.
pub fn share_of(len: usize, share: usize, shares: usize) -> Range<usize> {
    len * share / shares..len * (share + 1) / shares
}

#[cfg(test)]
mod tests {
    use super::share_of;

    #[test]
    fn shares_are_all_of_it() {
        let shares = [share_of(7, 0, 3), share_of(7, 1, 3), share_of(7, 2, 3)];
        assert_eq!(shares, [0..2, 2..4, 4..7]);
    }
}
