//! Each step of the engine has its span. In a program of its own: a callsite that was first passed
//! on a thread without a subscriber is off for all.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use geoheap::{
    BlockDesc, ByteLen, Config, FrameTicket, GeometryManager, Handle, PartData, RenderActors,
    Scene, StagingConfig, Threading, VirtualBuffer, VirtualConfig, VirtualGpu,
};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

fn heap() -> GeometryManager<VirtualGpu> {
    let staging = StagingConfig {
        buffer_bytes: ByteLen::from_kib(8),
        ..StagingConfig::default()
    };
    let (gpu, _control) = VirtualGpu::new(&VirtualConfig {
        staging,
        ..VirtualConfig::default()
    });
    let config = Config {
        budget_bytes: ByteLen::from_kib(512),
        chunk_bytes: ByteLen::from_kib(64),
        long_lived_chunk_bytes: ByteLen::from_kib(16),
        staging_bytes: ByteLen::from_kib(64),
        staging_buffer_bytes: ByteLen::from_kib(8),
        keep_empty_ticks: 4,
        threading: Threading::CallerDriven,
        ..Config::default()
    };
    GeometryManager::with_backend(gpu, config).expect("a valid configuration")
}

fn frame(manager: &mut GeometryManager<VirtualGpu>, view: &[Handle]) {
    let ticket = manager.begin_frame();
    for handle in view {
        let _ = ticket.get(*handle);
    }
    drop(ticket.finish());
    manager.poll();
}

/// Names of the spans that were entered.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<BTreeSet<&'static str>>>);

impl<S: tracing::Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Names {
    fn on_enter(&self, id: &tracing::span::Id, context: Context<'_, S>) {
        let name = context.span(id).expect("it was just entered").name();
        self.0.lock().expect("no panics while held").insert(name);
    }
}

struct Items;

impl Scene<VirtualBuffer> for Items {
    type Pass = ();
    type Piece = ();

    fn items(&self) -> usize {
        3
    }

    fn begin(&self, _: &FrameTicket<VirtualBuffer>) {}

    fn record(&self, (): &mut (), _: Range<usize>, _: &FrameTicket<VirtualBuffer>) {}

    fn end(&self, (): (), _: &FrameTicket<VirtualBuffer>) {}
}

#[test]
fn every_step_has_its_span() {
    let names = Names::default();
    let subscriber = tracing_subscriber::registry().with(names.clone());
    tracing::subscriber::with_default(subscriber, || {
        let mut manager = heap();
        let client = manager.client();
        let mut handles = Vec::new();
        for _ in 0..100 {
            let block = BlockDesc::new().part(PartData::vertex(vec![7; 10_000], 20));
            handles.push(client.add(block).expect("a valid block"));
            (0..2).for_each(|_| manager.poll());
        }
        // Views that do not fit together: what was used longest ago leaves.
        for view in handles.chunks(20).cycle().take(20) {
            (0..20).for_each(|_| frame(&mut manager, view));
        }
        // What is left lies thinly in its chunks.
        for (nth, handle) in handles.iter().enumerate() {
            if nth % 8 > 0 {
                client.remove(*handle).expect("it runs");
            }
        }
        (0..100).for_each(|_| manager.poll());
        let actors = RenderActors::new(1).expect("no thread is needed");
        let ticket = manager.begin_frame();
        actors.record(&ticket, &Arc::new(Items)).expect("recorded");
    });
    let seen = names.0.lock().expect("no panics while held").clone();
    for name in [
        "tick", "place", "upload", "publish", "evict", "move", "record", "submit",
    ] {
        assert!(seen.contains(name), "{name} is not in {seen:?}");
    }
}
