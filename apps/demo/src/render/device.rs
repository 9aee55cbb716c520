//! The GPU: choosing it, asking it for a device, counting what goes wrong on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use geoheap::wgpu;

/// Bytes of the driver's memory blocks out of which chunks are cut: four chunks each.
const DRIVER_BLOCK_BYTES: u64 = 64 << 20;

/// No GPU that can draw the demo could be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum DeviceError {
    /// Neither a GPU nor a software driver was found.
    NoAdapter(wgpu::RequestAdapterError),
    /// The window could not be drawn into.
    Surface(wgpu::CreateSurfaceError),
    /// The GPU refused a device with what the demo needs.
    Refused {
        /// Its name.
        adapter: String,
        /// Its reason.
        source: wgpu::RequestDeviceError,
    },
    /// The GPU cannot draw into this window.
    Unsuitable {
        /// Its name.
        adapter: String,
    },
}

impl std::fmt::Display for DeviceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoAdapter(source) => write!(
                f,
                "no GPU and no software driver found ({source}); on Debian and Ubuntu \
                 `apt-get install mesa-vulkan-drivers` brings one, and `--backend virtual` \
                 runs without"
            ),
            Self::Surface(source) => write!(f, "cannot draw into a window: {source}"),
            Self::Refused { adapter, source } => {
                write!(f, "{adapter} lacks what the demo needs: {source}")
            }
            Self::Unsuitable { adapter } => {
                write!(
                    f,
                    "{adapter} cannot draw into this window; try `--headless`"
                )
            }
        }
    }
}

impl std::error::Error for DeviceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoAdapter(source) => Some(source),
            Self::Surface(source) => Some(source),
            Self::Refused { source, .. } => Some(source),
            Self::Unsuitable { .. } => None,
        }
    }
}

/// Errors that the driver, its validation or wgpu raised outside of any error scope.
#[derive(Clone, Debug, Default)]
pub struct GpuErrors(Arc<AtomicU64>);

impl GpuErrors {
    /// How many so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes one.
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A GPU ready to be used.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// Creates buffers, pipelines and encoders.
    pub device: wgpu::Device,
    /// Takes finished commands.
    pub queue: wgpu::Queue,
    /// What the GPU is.
    pub adapter: wgpu::Adapter,
    /// What went wrong.
    pub errors: GpuErrors,
}

impl Gpu {
    /// Opens a GPU without a window: the one that `WGPU_ADAPTER_NAME` names, else the fastest,
    /// else a software driver. `WGPU_BACKEND` restricts the choice.
    ///
    /// # Errors
    /// [`DeviceError`] without a usable adapter.
    pub fn headless(errors: &GpuErrors) -> Result<Self, DeviceError> {
        let instance =
            wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        Self::open(&instance, None, errors)
    }

    /// Opens a GPU that can draw into `surface`, or any with `None`.
    ///
    /// # Errors
    /// [`DeviceError`] without a usable adapter.
    pub fn open(
        instance: &wgpu::Instance,
        surface: Option<&wgpu::Surface<'_>>,
        errors: &GpuErrors,
    ) -> Result<Self, DeviceError> {
        let adapter = pollster::block_on(choose_adapter(instance, surface))?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("geoheap-demo"),
            required_limits: wgpu::Limits::default(),
            // Without counts on the GPU as many records are drawn as there may be. First instances
            // from there are not asked for: all of the terrain shares one instance.
            required_features: adapter.features() & wgpu::Features::MULTI_DRAW_INDIRECT_COUNT,
            memory_hints: wgpu::MemoryHints::Manual {
                suballocated_device_memory_block_size: DRIVER_BLOCK_BYTES..DRIVER_BLOCK_BYTES,
            },
            ..wgpu::DeviceDescriptor::default()
        };
        let (device, queue) =
            pollster::block_on(adapter.request_device(&descriptor)).map_err(|source| {
                DeviceError::Refused {
                    adapter: adapter.get_info().name,
                    source,
                }
            })?;
        let counted = errors.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            counted.note();
            tracing::error!(%error, "GPU error");
        }));
        Ok(Self {
            device,
            queue,
            adapter,
            errors: errors.clone(),
        })
    }

    /// The adapter's name with its driver, for the report.
    pub fn name(&self) -> String {
        let info = self.adapter.get_info();
        let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
        let driver = driver.trim();
        if driver.is_empty() {
            info.name
        } else {
            format!("{} ({driver})", info.name)
        }
    }
}

async fn choose_adapter(
    instance: &wgpu::Instance,
    surface: Option<&wgpu::Surface<'_>>,
) -> Result<wgpu::Adapter, DeviceError> {
    if let Ok(named) = wgpu::util::initialize_adapter_from_env(instance, surface).await {
        return Ok(named);
    }
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        compatible_surface: surface,
        ..wgpu::RequestAdapterOptions::default()
    };
    instance
        .request_adapter(&options)
        .await
        .map_err(DeviceError::NoAdapter)
}
