//! Recording by multi-draw: one call for each chunk, from records that the engine wrote.

use geoheap::wgpu::CommandBuffer;

use super::stage::Stage;

/// Records the scene's pass from draw records that lie on the GPU.
pub fn record(stage: &mut Stage) -> Option<Vec<CommandBuffer>> {
    let ticket = stage.manager.begin_frame();
    let mut encoder = stage.canvas.encoder();
    ticket.in_flight().attach(&encoder);
    let mut pass = stage.canvas.pass(&mut encoder, true);
    let set = ticket.draw_set(stage.set)?;
    let recorded = set.record(&mut pass, 0);
    assert_eq!(
        recorded.draws,
        stage.handles.len() as u64,
        "all are resident"
    );
    drop(pass);
    let commands = encoder.finish();
    drop(ticket.finish());
    Some(vec![commands])
}
