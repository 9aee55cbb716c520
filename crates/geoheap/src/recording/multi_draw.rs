//! Recording a draw set: one call for each chunk and index format.

use crate::draw_set::DrawSetView;
use crate::recording::Recorded;
use crate::recording::bound::Bound;

impl DrawSetView<'_, wgpu::Buffer> {
    /// Records the set with each chunk as vertex buffer `vertex_slot`, and tells that the frame
    /// uses its blocks. The pipeline is the caller's to set before.
    ///
    /// The commands have to carry the ticket's version: see
    /// [`InFlight::attach`](crate::InFlight::attach). If the ticket's device was lost meanwhile,
    /// nothing is recorded.
    pub fn record(&self, pass: &mut wgpu::RenderPass<'_>, vertex_slot: u32) -> Recorded {
        self.mark_used();
        let mut bound = Bound::new(vertex_slot);
        let records = self.records().filter(|_| !self.ticket().is_void());
        let Some(records) = records else {
            return bound.recorded;
        };
        for group in self.groups() {
            bound.chunk(pass, self.ticket(), group.chunk, group.index_format);
            let (offset, count) = (group.offset_bytes, group.count);
            match group.index_format {
                Some(_) => pass.multi_draw_indexed_indirect(records, offset, count),
                None => pass.multi_draw_indirect(records, offset, count),
            }
            bound.recorded.draws += u64::from(count);
        }
        bound.recorded
    }
}
