//! A render bundle of a draw list, which knows when it has to be recorded anew.

use core::fmt;

use geoheap_frame_sync::Version;

use crate::recording::asked::Asked;
use crate::recording::{DrawEncoder, Draws, Recorded};
use crate::ticket::{FrameTicket, InFlight};

/// A recorded bundle, the version whose places it draws, and the blocks that it asked for.
///
/// It holds its version's bytes in use, so it is safe to execute in any frame for as long as it is
/// kept. [`DrawBundle::refresh`] asks in each frame whether it still shows what the newest version
/// shows: if none of its blocks changed, the bundle goes over to the newer version and lets go of
/// the older one; if one did, it is to be recorded anew. So a static scene is recorded once, and no
/// version is held for longer than a frame. A bundle that is kept without that holds its version,
/// and all that was given up since: call [`DrawBundle::refresh_unseen`] for those out of sight, and
/// drop the ones that it says are not current.
///
/// ```no_run
/// # use geoheap::wgpu;
/// # fn frame(
/// #     manager: &geoheap::GeometryManager,
/// #     scene: &[geoheap::Handle],
/// #     pipeline: &wgpu::RenderPipeline,
/// #     device: &wgpu::Device,
/// #     format: &wgpu::RenderBundleEncoderDescriptor<'_>,
/// #     list: &mut geoheap::DrawList,
/// #     bundle: &mut geoheap::DrawBundle,
/// #     queue: &wgpu::Queue,
/// #     mut encoder: wgpu::CommandEncoder,
/// # ) {
/// let ticket = manager.begin_frame();
/// if !bundle.refresh(&ticket) {
///     let mut draws = list.begin_kept(&ticket);
///     draws.draw_each(scene, 0, |_| 0..1);
///     let into = device.create_render_bundle_encoder(format);
///     let desc = wgpu::RenderBundleDescriptor::default();
///     *bundle = draws.record_bundle(into, &desc, 0, |into, _| into.set_pipeline(pipeline));
/// }
/// bundle.in_flight().attach(&encoder);
/// let mut pass = encoder.begin_render_pass(&Default::default());
/// pass.execute_bundles([bundle.bundle()]);
/// drop(pass);
/// ticket.finish(); // tells what the frame used, so that it stays
/// queue.submit([encoder.finish()]);
/// # }
/// ```
pub struct DrawBundle {
    bundle: wgpu::RenderBundle,
    held: InFlight<wgpu::Buffer>,
    asked: Asked,
    recorded: Recorded,
}

impl fmt::Debug for DrawBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrawBundle")
            .field("version", &self.version())
            .field("recorded", &self.recorded)
            .finish_non_exhaustive()
    }
}

impl DrawBundle {
    /// The bundle, for [`wgpu::RenderPass::execute_bundles`].
    pub fn bundle(&self) -> &wgpu::RenderBundle {
        &self.bundle
    }

    /// The version whose places it draws.
    pub fn version(&self) -> Version {
        self.held.version()
    }

    /// What was recorded.
    pub fn recorded(&self) -> Recorded {
        self.recorded
    }

    /// The token of its version: the commands that execute the bundle have to carry it.
    pub fn in_flight(&self) -> &InFlight<wgpu::Buffer> {
        &self.held
    }

    /// Whether the bundle draws what the ticket's version shows; it then belongs to that version,
    /// and its blocks count as used by the frame. If not, it has to be recorded anew to show it.
    pub fn refresh(&mut self, ticket: &FrameTicket<wgpu::Buffer>) -> bool {
        let is_current = self.refresh_unseen(ticket);
        self.asked.mark(ticket);
        is_current
    }

    /// As [`refresh`](Self::refresh), for a bundle that the frame does not execute: its blocks do
    /// not count as used, so they may leave.
    pub fn refresh_unseen(&mut self, ticket: &FrameTicket<wgpu::Buffer>) -> bool {
        let is_current = self.asked.refresh(ticket);
        if is_current && self.held.version() != ticket.version() {
            self.held = ticket.in_flight();
        }
        is_current
    }
}

impl<'l> Draws<'l> {
    /// Records all draws into a bundle, as [`record`](Self::record) does into a pass.
    ///
    /// Begin the list with [`DrawList::begin_kept`](crate::DrawList::begin_kept), so that it
    /// notes which blocks it is asked for.
    ///
    /// # Panics
    /// If the list was begun by another function, or was recorded into a bundle already.
    pub fn record_bundle(
        &mut self,
        mut encoder: wgpu::RenderBundleEncoder<'l>,
        desc: &wgpu::RenderBundleDescriptor<'_>,
        vertex_slot: u32,
        set_pipeline: impl FnMut(&mut wgpu::RenderBundleEncoder<'l>, u16),
    ) -> DrawBundle
    where
        wgpu::RenderBundleEncoder<'l>: DrawEncoder<'l>,
    {
        let recorded = self.record(&mut encoder, vertex_slot, set_pipeline);
        let (asked, ticket) = self.asked();
        DrawBundle {
            bundle: encoder.finish(desc),
            held: ticket.in_flight(),
            asked,
            recorded,
        }
    }
}
