//! Recording a draw set: one call for each chunk and index format.

use crate::draw_set::DrawSetView;
use crate::recording::Recorded;

impl DrawSetView<'_, wgpu::Buffer> {
    /// Records the set with each chunk as vertex buffer `vertex_slot`, and tells that the frame
    /// uses its blocks. The pipeline is the caller's to set before.
    ///
    /// The commands have to carry the ticket's version: see
    /// [`InFlight::attach`](crate::InFlight::attach).
    pub fn record(&self, pass: &mut wgpu::RenderPass<'_>, vertex_slot: u32) -> Recorded {
        self.mark_used();
        let mut recorded = Recorded::default();
        let Some(records) = self.records() else {
            return recorded;
        };
        for group in self.groups() {
            let chunk = self.chunk_buffer(group);
            pass.set_vertex_buffer(vertex_slot, chunk.slice(..));
            recorded.bindings += 1;
            if let Some(format) = group.index_format {
                pass.set_index_buffer(chunk.slice(..), format.into());
                recorded.bindings += 1;
                pass.multi_draw_indexed_indirect(records, group.offset_bytes, group.count);
            } else {
                pass.multi_draw_indirect(records, group.offset_bytes, group.count);
            }
            recorded.draws += u64::from(group.count);
        }
        recorded
    }
}
