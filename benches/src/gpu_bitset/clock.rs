//! GPU time of submissions, by timestamps before and after the commands of each.

use std::sync::{Mutex, PoisonError};

use bytemuck::pod_collect_to_vec;
use wgpu::{Buffer, BufferUsages, Features, QuerySet};

/// Submissions of which the time can be taken together.
const PAIRS: u32 = wgpu::QUERY_SET_MAX_QUERIES / 2;

/// What a device needs to have one.
pub const FEATURES: Features =
    Features::TIMESTAMP_QUERY.union(Features::TIMESTAMP_QUERY_INSIDE_ENCODERS);

/// A clock on the GPU. It stands until it is started.
#[derive(Debug)]
pub struct Clock {
    queries: QuerySet,
    resolved: Buffer,
    back: Buffer,
    ns_per_tick: f64,
    /// Submissions since the start; `None` while it stands.
    taken: Mutex<Option<u32>>,
}

impl Clock {
    /// `None` if the device was not asked for [`FEATURES`].
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Option<Self> {
        if !device.features().contains(FEATURES) {
            return None;
        }
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("clock"),
                size: u64::from(2 * PAIRS * wgpu::QUERY_SIZE),
                usage,
                mapped_at_creation: false,
            })
        };
        Some(Self {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("clock"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * PAIRS,
            }),
            resolved: buffer(BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC),
            back: buffer(BufferUsages::COPY_DST | BufferUsages::MAP_READ),
            ns_per_tick: queue.get_timestamp_period().into(),
            taken: Mutex::new(None),
        })
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Option<u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the time of all submissions from now on.
    pub fn start(&self) {
        *self.taken() = Some(0);
    }

    /// Records commands, between two timestamps if it runs.
    pub fn around(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        record: impl FnOnce(&mut wgpu::CommandEncoder),
    ) {
        let mut taken = self.taken();
        let pair = taken.filter(|&taken| taken < PAIRS);
        if let Some(pair) = pair {
            encoder.write_timestamp(&self.queries, 2 * pair);
        }
        record(encoder);
        if let Some(pair) = pair {
            encoder.write_timestamp(&self.queries, 2 * pair + 1);
        }
        *taken = taken.map(|taken| taken + 1);
    }

    /// Stops, and tells the seconds of all submissions since the start; `None` if they were more
    /// than it has room for.
    pub fn stop(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> Option<f64> {
        let pairs = self.taken().take().filter(|&pairs| pairs <= PAIRS)?;
        let desc = wgpu::CommandEncoderDescriptor::default();
        let mut encoder = device.create_command_encoder(&desc);
        encoder.resolve_query_set(&self.queries, 0..2 * pairs, &self.resolved, 0);
        let bytes = u64::from(2 * pairs * wgpu::QUERY_SIZE);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.back, 0, bytes);
        queue.submit([encoder.finish()]);
        self.back.map_async(wgpu::MapMode::Read, .., |mapped| {
            mapped.expect("a buffer of our own is mapped");
        });
        let polled = device.poll(wgpu::PollType::wait_indefinitely());
        polled.expect("the device works");
        let view = self.back.get_mapped_range(..).expect("it is mapped");
        let ticks: Vec<u64> = pod_collect_to_vec(&view[..2 * pairs as usize * size_of::<u64>()]);
        drop(view);
        self.back.unmap();
        let spans = ticks.as_chunks::<2>().0.iter();
        let ticks: u64 = spans.map(|[from, to]| to.saturating_sub(*from)).sum();
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of some seconds")]
        Some(ticks as f64 * self.ns_per_tick * 1e-9)
    }
}
